"""``status`` as a person or a script meets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from audiogenre.catalog import Catalog
from audiogenre.typing import Label, Track
from commands.conftest import GENRES, Main, Read


def test_status_counts_what_is_there(main: Main, result: Read) -> None:
    assert main("status", "--json") == 0
    found = result()
    assert found["sources"] == [{"source": "sample", "tracks": 60, "previews": 60}]
    assert found["labels"] == [
        {"kind": "genre", "label": genre, "tracks": 15, "previews": 15} for genre in GENRES
    ]
    assert {each["set"].partition("-")[0]: each["tracks"] for each in found["sets"]} == {
        "baseline": 60,
        "full": 60,
    }
    assert found["failures"] == []


def test_status_reads_like_a_report(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    assert main("status") == 0
    out = capsys.readouterr().out
    assert "sample: 60, 60 with a preview" in out
    assert "genre neon relay: 15, 15 with a preview" in out


def test_status_tells_by_what_name_a_genre_counts_and_which_are_unknown(
    run_main: Main, result: Read, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with Catalog(tmp_path / "catalog.db") as catalog, catalog.transaction():
        for kind, name in (("genre", "rap"), ("genre", "Ömer's"), ("mood", "unheard of")):
            catalog.add(Track(f"a:{name}", "a", (Label(kind, name, "a"),)), None)
    assert run_main("status", "--data", tmp_path) == 0
    out = capsys.readouterr().out
    assert "genre rap (counts as hip-hop): 1, 0 with a preview" in out
    assert "genre Ömer's: 1, 0 with a preview" in out
    assert "genres that the tree does not know" in out
    assert run_main("status", "--data", tmp_path, "--json") == 0
    assert result()["unmapped"] == ["Ömer's"]
    (tmp_path / "genres.toml").write_text('[rap]\n["Ömer\'s"]\nparent = "rock"\n')
    assert run_main("status", "--data", tmp_path) == 0
    out = capsys.readouterr().out
    assert "counts as hip-hop" not in out
    assert "does not know" not in out


def test_a_wrong_genres_file_is_exit_2_with_its_place(
    run_main: Main, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with Catalog(tmp_path / "catalog.db"):
        pass
    (tmp_path / "genres.toml").write_text('[rap]\nparent = "nothing"\n')
    assert run_main("status", "--data", tmp_path) == 2
    error = capsys.readouterr().err
    assert str(tmp_path / "genres.toml") in error
    assert "the parent of 'rap' is 'nothing', which is not a genre" in error


def test_status_tells_failures_with_their_reason(
    run_main: Main, result: Read, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "music" / "rock"
    folder.mkdir(parents=True)
    (folder / "page.mp3").write_bytes(b"<html>")
    data = ("--data", tmp_path / "data")
    source = ("--source", "folder", "--path", tmp_path / "music", "--labels", "folder")
    assert run_main("download", *source, *data, "--quiet") == 1
    capsys.readouterr()
    assert run_main("status", *data, "--json") == 0
    (failure,) = result()["failures"]
    assert (failure["stage"], failure["reason"], failure["count"]) == ("download", "not audio", 1)


def test_status_of_nothing_makes_nothing(run_main: Main, result: Read, tmp_path: Path) -> None:
    assert run_main("status", "--data", tmp_path / "nothing", "--json") == 0
    assert result() == {
        "sources": [],
        "labels": [],
        "sets": [],
        "failures": [],
        "items": [],
        "unmapped": [],
    }
    assert not (tmp_path / "nothing").exists()
