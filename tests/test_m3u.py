"""Playlists of files: what they are called, what stands in them, and what they never replace."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mutagen
import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as some

from audiogenre import m3u
from audiogenre.errors import StoreError, UsageError

Main = Callable[..., int]


def write_clip(path: Path, seconds: float = 6) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, 0.3 * np.sin(np.arange(round(seconds * 8_000)) / 20), 8_000)
    return path


def listed(path: Path) -> list[str]:
    """Return the files that a playlist names, as a player reads it."""
    lines = path.read_text(encoding="utf-8").split("\n")
    assert lines[0] == "#EXTM3U"
    assert lines[-1] == ""
    return [each for each in lines[:-1] if not each.startswith("#")]


def write(
    folder: Path, lists: dict[str, list[Path]], model: str = "mine", **more: Any
) -> set[Path]:
    names = m3u.file_names(["unknown", "rock", "jazz"])
    m3u.prepare(folder, names.values(), **more)
    return m3u.write(folder, model, lists, names, **more)


# ---------------------------------------------------------------- names


@given(some.lists(some.text(max_size=80)))
def test_every_label_has_a_file_of_its_own_that_any_card_takes(labels: list[str]) -> None:
    names = m3u.file_names(labels)
    assert set(names) == set(labels)
    assert len({each.casefold() for each in names.values()}) == len(names)
    for each in names.values():
        assert each.endswith(".m3u8")
        assert not set(each) & set('/\\:*?"<>|\0\n')
        assert not each.startswith((".", " "))
        assert len(each.encode("utf-8", "surrogatepass")) < 255


def test_labels_that_differ_in_capitals_or_signs_have_lists_apart() -> None:
    assert m3u.file_names(["a/b", "A:B", "r&b", "..", "", "Größe"]) == {
        "a/b": "a-b.m3u8",
        "A:B": "A-B 2.m3u8",
        "r&b": "r&b.m3u8",
        "..": "-.m3u8",
        "": "- 2.m3u8",
        "Größe": "Größe.m3u8",
    }


# ---------------------------------------------------------------- contents


def test_a_list_has_lengths_names_and_relative_paths(tmp_path: Path) -> None:
    one = write_clip(tmp_path / "music" / "Größe.mp3", seconds=7.4)
    two = write_clip(tmp_path / "music" / "below" / "b.flac")
    tags = mutagen.File(two)
    tags["artist"], tags["title"] = ["The Reverbs", "Ann"], ["Wave\non two lines"]
    tags.save()
    assert write(tmp_path / "lists", {"rock": [one, two]}) == set()
    assert (tmp_path / "lists" / "rock.m3u8").read_text(encoding="utf-8") == (
        "#EXTM3U\n"
        "#AUDIOGENRE:mine\n"
        "#PLAYLIST:rock\n"
        "#EXTINF:7,Größe\n"
        "../music/Größe.mp3\n"
        "#EXTINF:6,The Reverbs, Ann - Wave on two lines\n"
        "../music/below/b.flac\n"
    )
    assert list((tmp_path / "lists").iterdir()) == [tmp_path / "lists" / "rock.m3u8"]


def test_a_song_that_the_system_does_not_give_is_a_sentence(tmp_path: Path) -> None:
    song = tmp_path / "a.wav"
    song.symlink_to(song)
    with pytest.raises(StoreError, match=r"a\.wav cannot be read: "):
        write(tmp_path / "lists", {"rock": [song]})
    assert not (tmp_path / "lists").exists() or not [*(tmp_path / "lists").iterdir()]


def test_every_path_leads_to_its_song(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = tmp_path / "real" / "deep"
    names = ["#1.mp3", " a.mp3", "..b.mp3", "http:c.mp3", "d e.mp3", "ü.mp3"]
    songs = [write_clip(real / each) for each in names]
    (tmp_path / "link").symlink_to(real)
    monkeypatch.chdir(tmp_path)
    # In the folder itself, through a link to it, beside it, below it, and as relative paths.
    for folder in (real, tmp_path / "link", tmp_path / "lists", real / "lists"):
        for given_as in (songs, [Path("link") / each.name for each in songs]):
            write(folder, {"rock": given_as})
            found = listed(folder / "rock.m3u8")
            assert not any(each.startswith(("/", "#", " ")) for each in found)
            places = [(folder.resolve() / each).resolve() for each in found]
            assert places == [each.resolve() for each in songs]


def test_songs_that_share_no_folder_with_their_list_have_whole_paths() -> None:
    assert m3u.location(Path("/music/a.mp3"), Path("/home/me/lists")) == "/music/a.mp3"
    assert m3u.location(Path("/music/a.mp3"), Path("/")) == "/music/a.mp3"


def test_a_name_that_no_list_can_hold_is_left_out(tmp_path: Path) -> None:
    good = write_clip(tmp_path / "a.mp3")
    bad = [
        write_clip(tmp_path / "line\nbreak.mp3"),
        write_clip(tmp_path / "return\r.mp3"),
        tmp_path / os.fsdecode(b"caf\xe9.mp3"),
    ]
    shutil.copy(good, bad[-1])
    for dry_run in (True, False):
        found = write(tmp_path / "lists", {"rock": [*bad, good]}, dry_run=dry_run)
        assert found == set(bad)
        assert (tmp_path / "lists").exists() is not dry_run
    assert listed(tmp_path / "lists" / "rock.m3u8") == ["../a.mp3"]


# ---------------------------------------------------------------- what is there already


def test_a_later_run_replaces_its_lists_and_no_others(tmp_path: Path) -> None:
    song = write_clip(tmp_path / "a.mp3")
    mine = tmp_path / "own.m3u8"
    mine.write_text("#EXTM3U\na.mp3\n")
    write(tmp_path, {"rock": [song], "jazz": [song]})
    write(tmp_path, {"unknown": [song]}, model="other")
    assert sorted(each.name for each in tmp_path.glob("*.m3u8")) == [
        "jazz.m3u8",
        "own.m3u8",
        "rock.m3u8",
        "unknown.m3u8",
    ]
    write(tmp_path, {"jazz": [song]})
    assert sorted(each.name for each in tmp_path.glob("*.m3u8")) == [
        "jazz.m3u8",
        "own.m3u8",
        "unknown.m3u8",
    ]
    assert mine.read_text() == "#EXTM3U\na.mp3\n"


@pytest.mark.parametrize(
    "content", [b"#EXTM3U\na.mp3\n", b"", b"\xff\xfe\0", b"#AUDIOGENRE:mine\n"]
)
def test_a_list_of_somebody_elses_is_never_replaced(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "rock.m3u8").write_bytes(content)
    with pytest.raises(
        UsageError, match=r"rock\.m3u8 is there already and no list of audiogenre's"
    ):
        write(tmp_path, {"jazz": [write_clip(tmp_path / "a.mp3")]})
    assert (tmp_path / "rock.m3u8").read_bytes() == content
    assert not (tmp_path / "jazz.m3u8").exists()


def test_a_list_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    song = write_clip(tmp_path / "a.mp3")
    write(tmp_path, {"rock": [song]})
    whole = (tmp_path / "rock.m3u8").read_bytes()
    names = {"rock": "rock.m3u8", "jazz": "taken"}
    (tmp_path / "taken").mkdir()  # nothing can be moved there
    with pytest.raises(StoreError, match="cannot write to"):
        m3u.write(tmp_path, "mine", {"jazz": [song], "rock": []}, names)
    assert (tmp_path / "rock.m3u8").read_bytes() == whole
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.mp3", "rock.m3u8", "taken"]


# ---------------------------------------------------------------- the command


def test_predict_writes_a_list_for_each_answer(
    run_main: Main,
    sample_data: Path,
    sample_models: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    songs = tmp_path / "songs"
    songs.mkdir()
    for number, each in enumerate(sorted((sample_data / "raw").rglob("*.mp3"))[::10]):
        shutil.copy(each, songs / f"{number}.mp3")
    rng = np.random.default_rng(0)
    sf.write(songs / "noise.wav", 0.1 * rng.standard_normal(10 * 22_050), 22_050)
    (songs / "web.mp3").write_bytes(b"<html>404</html>")
    lists = songs / "lists"
    own = ("extracted-full", songs, "--models", sample_models, "--jobs", 1, "--m3u", lists)
    assert run_main("predict", *own, "--dry-run", "--json") == 1
    dry = json.loads(capsys.readouterr().out)
    assert not lists.exists()
    assert run_main("predict", *own, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert found == dry
    answers: dict[str, list[str]] = {}
    for each in found["predictions"]:
        if not each["error"]:
            answers.setdefault(each["label"], []).append(each["path"])
    assert "noise.wav" in "".join(answers["unknown"])
    assert len(answers) > 2
    assert {each["label"]: each["files"] for each in found["playlists"]} == answers
    for each in found["playlists"]:
        path = Path(each["path"])
        assert path == lists / f"{each['label']}.m3u8"
        assert [str(songs / Path(x).name) for x in listed(path)] == each["files"]
        assert all(x.startswith("../") for x in listed(path))
    assert {each.name for each in lists.iterdir()} == {f"{each}.m3u8" for each in answers}

    (lists / "unknown.m3u8").write_text("#EXTM3U\n")
    assert run_main("predict", *own) == 2
    out, err = capsys.readouterr()
    assert out == ""  # told before the work, not after it
    assert "unknown.m3u8 is there already" in err
    assert run_main("predict", *own[:-1], songs / "web.mp3") == 2
    assert "web.mp3 is not a folder" in capsys.readouterr().err
