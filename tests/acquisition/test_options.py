"""Options and configuration of ``download``: wrong ones are answered in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from acquisition.conftest import Folder, Main, write_clip
from audiogenre.sources import make_source
from audiogenre.sources.synth_styles import GENRES


@pytest.mark.parametrize(
    "arguments",
    [
        ("--source", "nowhere"),
        ("--source", "folder"),
        ("--source", "folder", "--path", "/does/not/exist"),
        ("--source", "folder", "--path", ".", "--genre", "rock"),
        ("--source", "folder", "--path", ".", "--labels", "manifest"),
        ("--source", "sample", "--path", "."),
        ("--source", "sample", "--genre", "polka"),
        ("--source", "sample", "--per-genre", "1", "--seed", "-1"),
        ("--source", "deezer"),
        ("--source", "deezer", "--playlist", "rock"),
        ("--source", "deezer", "--genre", "rock", "--api-url", "api.example"),
        ("--source", "jamendo", "--genre", "rock", "--playlist", "1"),
        ("--source", "spotify", "--playlist", "37i9dQZF1DX4sWSpwq3LiO"),
        ("--source", "reccobeats", "--genre", "rock"),
        ("--path", "."),
        ("--config", "nowhere.toml"),
    ],
)
def test_wrong_options_are_answered_in_one_sentence(
    arguments: tuple[str, ...],
    tmp_path: Path,
    run_main: Main,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_main("download", *arguments, "--data", tmp_path / "data") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("audiogenre download: ")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("option", ["--limit", "--per-genre", "--jobs"])
@pytest.mark.parametrize("value", ["0", "-3", "many", "nan"])
def test_counts_are_positive_numbers(
    option: str, value: str, run_main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main("download", "--source", "sample", option, value) == 2
    assert f"argument {option}: " in capsys.readouterr().err.splitlines()[-1]


def test_the_configuration_names_several_sources(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_clip(folder.music / "calm/a.wav")
    monkeypatch.chdir(tmp_path)
    text = f"""
        [[source]]
        name = "folder"
        path = {json.dumps(str(folder.music))}
        label = "mood"

        [[source]]
        name = "sample"
        genre = ["{GENRES[0]}"]
        per-genre = 1
    """
    Path("audiogenre.toml").write_text(text, encoding="utf-8")
    code, result = folder.run("download")
    assert (code, result["source"], result["fetched"]) == (0, "folder,sample", 2)
    Path("other.toml").write_text(text, encoding="utf-8")
    code, result = folder.run("download", "--config", "other.toml")
    assert (code, result["seen"], result["fetched"]) == (0, 2, 0)
    assert folder.run("download", "--config", "other.toml", "--per-genre", 3)[0] == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[[source]",
        'source = "folder"',
        "[[source]]\npath = '/'",
        '[[source]]\nname = "nowhere"',
        '[[source]]\nname = "sample"\nnotes = "x"',
        '[[source]]\nname = "sample"\nper_genre = "many"',
        '[[source]]\nname = "sample"\nper_genre = -1',
        '[[source]]\nname = "sample"\nper_genre = 1\nseed = "x"',
        '[[source]]\nname = "folder"\npath = 3',
        '[[source]]\nname = "folder"\npath = "."\nlabel = "colour"',
        '[[source]]\nname = "folder"\npath = "."\nlabels = ["tags"]',
        '[[source]]\nname = "table"\npath = "nowhere.csv"',
    ],
)
def test_a_wrong_configuration_is_answered_in_one_sentence(
    text: str,
    tmp_path: Path,
    run_main: Main,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("audiogenre.toml").write_text(text, encoding="utf-8")
    assert run_main("download", "--data", tmp_path / "data") == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_source_says_which_options_it_has() -> None:
    with pytest.raises(Exception, match=r"no option --colour \(it has --label, --labels, --path\)"):
        make_source("folder", {"colour": "red"})
