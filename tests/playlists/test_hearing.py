"""Songs that the data folder does not know are heard at Deezer, once."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import run_main
from services import CLIENT_ID

from audiogenre.bundles import load_bundle
from audiogenre.catalog import Catalog, Preview
from audiogenre.errors import AudiogenreError
from audiogenre.liked.hearing import Ears, answers
from audiogenre.liked.library import Library
from audiogenre.liked.memory import Memory, memory_path
from audiogenre.liked.records import Answer
from audiogenre.liked.records import Song as Liked
from audiogenre.sources.deezer import Deezer
from audiogenre.typing import Track
from playlists.conftest import MODEL, Person


@pytest.fixture
def listener(person: Person, monkeypatch: pytest.MonkeyPatch) -> Person:
    """Return somebody who likes a few songs that the data folder does not know."""
    monkeypatch.setattr(Deezer, "RATE", (1000, 1.0))
    url = person.service.urls["deezer"]  # under another name, as hosts are told apart by it
    monkeypatch.setenv("AUDIOGENRE_DEEZER_URL", url.replace("127.0.0.1", "localhost"))
    by_key = {each["spotify"]: each for each in person.service.catalogue()}
    strange = [by_key[each] for each in person.songs if each not in person.truth]
    person.songs = [each["spotify"] for each in strange[:14]]
    person.like(person.songs)
    return person


HEAR = (*MODEL, "--genres", "all", "--accept-terms")


def hear(person: Person, action: str = "plan", *more: object) -> tuple[int, Any]:
    person._capsys.readouterr()
    common = ("--data", person.data, "--models", person.models, "--json", *HEAR)
    code = run_main("playlists", action, *common, *more)
    person.out, person.err = person._capsys.readouterr()
    return code, json.loads(person.out) if person.out else None


def previews(data: Path) -> list[Path]:
    return list(data.rglob("*.mp3"))


def test_songs_are_heard_at_deezer_once_and_their_audio_is_not_kept(listener: Person) -> None:
    truth = {each["spotify"]: each for each in listener.service.catalogue()}
    (listener.data / ".listening").mkdir()
    (listener.data / ".listening" / "killed.mp3").write_bytes(b"left by a run that was killed")
    code, plan = hear(listener)
    assert code == 0
    for each in plan["placements"]:
        song = truth[each["song"]["id"]]
        if song["deezer"] is None:
            assert each["why"] == "no audio: not found"
        elif not song["has_preview"]:
            assert each["why"] == "no audio: no preview"
        else:
            assert each["genre"] is not None, each
    assert sum(each["genre"] is not None for each in plan["placements"]) > 5
    assert previews(listener.data) == []
    listener.service.clear_log()
    _, again = hear(listener)
    assert again["placements"] == plan["placements"]
    assert set(listener.service.log()["requests"]["api"]) == {"spotify"}


def test_audio_is_kept_in_the_catalogue_if_one_says_so(listener: Person) -> None:
    code, plan = hear(listener, "plan", "--keep-audio")
    assert code == 0
    heard = [each for each in plan["placements"] if each["genre"] is not None]
    assert len(previews(listener.data)) == len(heard) > 5
    with Catalog(listener.data / "catalog.db") as catalog:
        kept = {each.isrc for each in catalog.known().values() if each.source == "deezer"}
    assert {each["song"]["isrc"] for each in heard} == kept
    memory_path(listener.data, CLIENT_ID).unlink()
    listener.service.clear_log()
    _, again = hear(listener)  # from the files
    assert [each["genre"] for each in again["placements"]] == [
        each["genre"] for each in plan["placements"]
    ]
    assert listener.service.log()["requests"]["media"] == {}


def ask(person: Person, *songs: Liked, deezer: Deezer | None = None) -> dict[str, Any]:
    """Ask the model about songs."""
    return ask_and_tell(person, *songs, deezer=deezer)[0]


def ask_and_tell(
    person: Person, *songs: Liked, deezer: Deezer | None = None
) -> tuple[dict[str, Any], AudiogenreError | None]:
    """Ask the model about songs; return what stood in the way, too."""
    bundle = load_bundle(person.models / MODEL[1])
    with (
        Catalog(person.data / "catalog.db") as catalog,
        Memory(memory_path(person.data, CLIENT_ID)) as memory,
    ):
        return answers(songs, Ears(bundle, catalog, person.data, deezer), memory)


def test_two_liked_songs_of_one_recording_are_heard_once(listener: Person) -> None:
    entries = listener.service.catalogue()
    isrc = next(
        each["isrc"]
        for each in entries
        if each["spotify"] in listener.songs and each["deezer"] and each["has_preview"]
    )
    listener.service.clear_log()
    found = ask(listener, Liked("a", "u", isrc=isrc), Liked("b", "u", isrc=isrc), deezer=Deezer())
    assert found["a"] == found["b"] and isinstance(found["a"], Answer)
    assert listener.service.log()["requests"]["api"]["deezer"] == {"track": 1}


def test_a_file_that_takes_a_package_to_read_stops_no_other_song(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    (person.data / "a.m4a").write_bytes(b"\0\0\0\x18ftypM4A " + bytes(2000))
    with Catalog(person.data / "catalog.db") as catalog, catalog.transaction():
        catalog.add(Track("folder:m", "folder", isrc="M4A"), Preview("a.m4a", "h", 1, 30.0, 0))
    found = ask(person, Liked("a", "u", isrc="M4A"))
    assert found["a"].why.startswith("no audio: ")
    assert "pip install 'audiogenre[m4a]'" in found["a"].why


@pytest.mark.parametrize(("damage", "kept"), [(False, {}), (True, {"a": "unreadable"})])
def test_what_the_disk_does_not_give_is_asked_for_again_and_damage_is_remembered(
    person: Person, damage: bool, kept: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = person.data / "a.wav"
    path.write_bytes(b"RIFF" + bytes(2000))
    if not damage:  # it goes away between the look at the catalogue and the reading
        listened = Library.audio
        monkeypatch.setattr(
            Library, "audio", lambda self, song: (listened(self, song), path.unlink())[0]
        )
    with Catalog(person.data / "catalog.db") as catalog, catalog.transaction():
        catalog.add(Track("folder:m", "folder", isrc="WAV"), Preview("a.wav", "h", 1, 30.0, 0))
    found, trouble = ask_and_tell(person, Liked("a", "u", isrc="WAV"))
    assert found["a"].why == f"no audio: {'unreadable' if damage else 'missing'}"
    assert str(trouble) == ("None" if damage else "missing: there is no such file")
    with Memory(memory_path(person.data, CLIENT_ID)) as memory:
        assert {song: each.reason for song, each in memory.unheard().items()} == kept


def test_a_busy_deezer_is_left_alone_and_songs_stay_where_they_are(listener: Person) -> None:
    assert hear(listener, "apply", "--yes")[0] == 0
    before = listener.written()
    with Memory(memory_path(listener.data, CLIENT_ID)) as memory:
        memory._db.execute("DELETE FROM heard")
    listener.service.set(faults={"long_wait": {"share": 1, "on": ["deezer"]}})
    code, told = hear(listener, "apply", "--yes", "--max-wait", "1")
    assert code == 1
    assert (told["added"], told["removed"]) == (0, 0)
    assert "left alone until" in listener.err
    assert "not heard yet: Deezer wants to be left alone" in told["left_out"]
    assert listener.written() == before


def test_without_its_terms_nothing_is_taken_from_deezer(listener: Person) -> None:
    code = run_main(
        "playlists",
        "plan",
        "--data",
        listener.data,
        "--models",
        listener.models,
        *MODEL,
        "--genres",
        "all",
        "--quiet",
    )
    assert code == 2
    assert "--accept-terms" in listener._capsys.readouterr().err
    assert "deezer" not in listener.service.log()["requests"]["api"]
