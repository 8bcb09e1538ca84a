"""iTunes: a search that finds more than the genre, previews in AAC, a 403 that means too often."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import PATIENCE, environment, listing
from scripted import Scripted, answer, audio
from services import Service

from audiogenre import decode
from audiogenre.errors import FetchError, HostBusyError
from audiogenre.sources.itunes import ItunesSource
from audiogenre.typing import Label, Track

pytest.importorskip("av", reason="iTunes gives m4a, which needs the extra 'm4a'")

SONG = Track("itunes:1", "itunes")


class Brisk(ItunesSource):
    """iTunes without its pace."""

    RATE = (1000, 1.0)


def found(*entries: Any) -> Any:
    return answer({"resultCount": len(entries), "results": list(entries)})


def entry(number: int, genre: str | None, **more: Any) -> dict[str, Any]:
    link = "http://127.0.0.1/x.m4a"
    return {"trackId": number, "primaryGenreName": genre, "previewUrl": link, **more}


def test_songs_of_a_genre_are_listed_and_those_without_a_preview_told(services: Service) -> None:
    tracks, problems = listing(ItunesSource(genre=("Rock",)))
    songs = {
        f"itunes:{each['itunes']}": each
        for each in services.catalogue()
        if each["genre"] == "Rock" and each["itunes"]
    }
    assert {each.id for each in tracks} == {k for k, v in songs.items() if v["has_preview"]}
    assert {each.item for each in problems} == songs.keys() - {each.id for each in tracks}
    assert {each.reason.partition(":")[0] for each in problems} == {"no preview"}
    for track in tracks:
        song = songs[track.id]
        assert track.labels == (Label("genre", "rock", "itunes:primaryGenreName"),)
        assert (track.title, track.artist) == (song["title"], song["artist"])
        assert track.duration == song["seconds"]
    assert services.log()["requests"]["api"]["itunes"] == {"search": 1}


def test_only_songs_of_the_genre_or_a_kind_of_it_are_taken(script: Scripted) -> None:
    script.on(
        "/search",
        found(
            entry(1, "Rock"), entry(2, "Hard Rock"), entry(3, "Jazz"), entry(4, None), {}, None, "x"
        ),
    )
    source = Brisk(genre=("rock",), api_url=script.url)
    tracks, problems = listing(source)
    assert [(each.id, each.labels[0].name) for each in tracks] == [
        ("itunes:1", "rock"),
        ("itunes:2", "hard rock"),
    ]
    assert problems == []
    assert sorted(source.notes) == [
        "1 songs found for 'rock' are of another genre",
        "2 entries without an id or a genre were left out",
    ]


def test_a_store_is_asked_for_so_many(script: Scripted) -> None:
    script.on("/search", found())
    for per_genre in (7, 999):
        listing(Brisk(genre=("rock",), per_genre=per_genre, country="DE", api_url=script.url))
    first, second = script.asked
    assert "limit=7" in first
    assert "limit=200" in second
    assert "country=DE" in first


def test_a_preview_is_aac_and_decodes(services: Service) -> None:
    source = ItunesSource(genre=("Rock",), per_genre=5)
    (track, *_), _ = listing(source)
    content = source.fetch(track)
    assert content[4:8] == b"ftyp"
    y, sr = decode(content)
    assert len(y) / sr == pytest.approx(30, abs=0.2)
    assert "lookup" not in services.log()["requests"]["api"]["itunes"], "the listing has the link"


def test_a_link_that_is_dead_is_looked_up(script: Scripted) -> None:
    source = Brisk(genre=("rock",), api_url=script.url)
    script.on("/lookup", found(entry(1, "Rock", previewUrl=f"{script.url}/new.m4a")))
    script.on("/search", found(entry(1, "Rock", previewUrl=f"{script.url}/old.m4a")))
    script.on("/old.m4a", answer("gone", 404))
    script.on("/new.m4a", audio(b"sound", "audio/x-m4a"))
    (track,), _ = listing(source)
    assert source.fetch(track) == b"sound"
    assert [each.partition("?")[0] for each in script.asked] == [
        "/search",
        "/old.m4a",
        "/lookup",
        "/new.m4a",
    ]
    for gone in (found(), found({"trackId": 1}), found(None), answer({"results": 5})):
        script.on("/lookup", gone)
        with pytest.raises(FetchError) as caught:
            source.fetch(SONG)
        assert (caught.value.reason, caught.value.final) == ("no preview", True)


def test_forbidden_means_too_often(script: Scripted) -> None:
    script.on("/search", answer("", 403, Retry_After="7200"))
    source = Brisk(genre=("rock", "jazz"), api_url=script.url)
    with pytest.raises(HostBusyError):
        listing(source)
    assert len(script.asked) == 1
    assert source.blocked.keys() == {script.host}


def test_a_search_that_fails_does_not_keep_the_next_from_being_made(script: Scripted) -> None:
    script.on("/search", answer({"errorMessage": "bad"}, 400), found(entry(1, "Jazz")))
    tracks, problems = listing(Brisk(genre=("rock", "jazz"), api_url=script.url))
    assert [each.id for each in tracks] == ["itunes:1"]
    assert [(each.item, each.passing) for each in problems] == [("itunes:search/rock", False)]


def test_without_pyav_it_is_said_before_anything_is_asked(tmp_path: Path) -> None:
    code = "import sys; sys.modules['av'] = None; from audiogenre.download import main; main()"
    code = code.replace("main()", "sys.exit(main(sys.argv[1:]))")
    arguments = ("--source", "itunes", "--genre", "rock", "--accept-terms", "--data", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment() | {"AUDIOGENRE_ITUNES_URL": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 2, done.stderr
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("audiogenre download: ")
    assert "audiogenre[m4a]" in sentence
    assert list(tmp_path.iterdir()) == []
