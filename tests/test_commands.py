"""Fit, compare, predict and status as a person or a script meets them."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile as sf
from conftest import environment

from audiogenre.__main__ import COMMANDS
from audiogenre.__main__ import main as program
from audiogenre.bundle import load_bundle
from audiogenre.catalog import Catalog
from audiogenre.typing import Label, Track

GENRES = ["iron stomp", "lantern waltz", "neon relay", "velvet drift"]
Main = Callable[..., int]


@pytest.fixture
def main(run_main: Main, sample_data: Path, sample_models: Path) -> Main:
    """Run a command on the sample's data and models."""

    def run(command: str, *arguments: object) -> int:
        where = ("--data", sample_data, "--models", sample_models)
        chosen = [each for each in ("--data", "--models") if each in arguments]
        own = [x for flag, x in zip(where[::2], where[1::2], strict=True) if flag not in chosen]
        flags = [flag for flag in where[::2] if flag not in chosen]
        common = [x for pair in zip(flags, own, strict=True) for x in pair]
        return run_main(command, *arguments, *common)

    return run


Read = Callable[[], dict[str, Any]]


@pytest.fixture
def result(capsys: pytest.CaptureFixture[str]) -> Read:
    """Return the one JSON object that a command has printed."""

    def read() -> dict[str, Any]:
        out = capsys.readouterr().out
        assert out.count("\n") == 1  # nothing else on stdout
        found = json.loads(out, parse_constant=pytest.fail)  # neither NaN nor Infinity
        assert isinstance(found, dict)
        return found

    return read


@pytest.fixture(scope="module")
def music(mp3_bytes: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder: two good clips, one of them below, a bad one, and what is no audio."""
    folder = tmp_path_factory.mktemp("music")
    (folder / "b.mp3").write_bytes(mp3_bytes)
    (folder / "below").mkdir()
    (folder / "below" / "a.MP3").write_bytes(mp3_bytes)
    (folder / "broken.mp3").write_bytes(b"<html>404</html>")
    (folder / "notes.txt").write_text("not music")
    return folder


# ---------------------------------------------------------------- fit


@pytest.fixture(scope="module")
def fitted(
    run_main: Main, sample_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[dict[str, Any], Path]]:
    """The JSON of one fit, and the models folder it wrote to."""
    models = tmp_path_factory.mktemp("fitted")
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        where = ("--data", sample_data, "--models", models, "--jobs", 2)
        own = ("--set", "baseline", "--name", "small", "--tolerance", 0.1, "--seed", 1)
        assert run_main("fit", "--features", "extracted", *own, *where, "--json") == 0
    assert out.getvalue().count("\n") == 1
    yield json.loads(out.getvalue()), models


def test_fit_prints_the_keys_that_were_promised(fitted: tuple[dict[str, Any], Path]) -> None:
    found, _ = fitted
    assert set(found) >= {
        "name",
        "features",
        "set",
        "model",
        "labels",
        "n_train",
        "n_test",
        "split",
        "C",
        "train_accuracy",
        "validation_accuracy",
        "gap",
        "tolerance",
        "tolerance_met",
        "test_accuracy",
        "test_interval",
        "macro_f1",
        "per_label",
    }


def test_fit_prints_numbers_that_agree(fitted: tuple[dict[str, Any], Path]) -> None:
    found, _ = fitted
    assert (found["name"], found["features"], found["set"]) == ("small", "extracted", "baseline")
    assert (found["model"], found["split"]) == ("svc", "artist")
    assert found["labels"] == GENRES
    assert found["n_train"] + found["n_test"] == 60
    assert found["C"] in (0.1, 1, 3, 10, 30)
    assert found["gap"] == pytest.approx(found["train_accuracy"] - found["validation_accuracy"])
    assert found["tolerance"] == 0.1
    assert found["tolerance_met"] is (round(found["gap"], 10) <= 0.1)
    low, high = found["test_interval"]
    assert 0 <= low <= found["test_accuracy"] <= high <= 1
    rows = found["per_label"]
    assert list(rows) == GENRES
    assert sum(each["n"] for each in rows.values()) == found["n_test"]
    assert found["macro_f1"] == pytest.approx(np.mean([each["f1"] for each in rows.values()]))
    right = sum(each["recall"] * each["n"] for each in rows.values())
    assert right / found["n_test"] == pytest.approx(found["test_accuracy"])


def test_fit_writes_what_it_prints(fitted: tuple[dict[str, Any], Path]) -> None:
    found, models = fitted
    metadata = load_bundle(models / "small").metadata
    assert metadata["scores"]["accuracy"] == found["test_accuracy"]
    assert metadata["scores"]["interval"] == found["test_interval"]
    assert metadata["split"] == {"kind": "artist", "seed": 1}
    assert metadata["tolerance"]["gap"] == found["gap"]


def test_fit_on_some_labels_by_name(main: Main, result: Read, tmp_path: Path) -> None:
    own = ("--only", "Neon Relay, velvet drift", "--model", "majority", "--per-label", 10)
    assert main("fit", "--set", "baseline", *own, "--models", tmp_path, "--json") == 0
    found = result()
    assert found["name"] == "extracted-baseline-majority"
    assert found["labels"] == ["neon relay", "velvet drift"]
    assert found["n_train"] + found["n_test"] == 20
    assert found["C"] is None
    assert (tmp_path / "extracted-baseline-majority" / "model.skops").is_file()


def test_fit_with_a_random_split_says_so_in_name_and_result(
    main: Main, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    own = ("--set", "baseline", "--model", "majority", "--split", "random")
    assert main("fit", *own, "--models", tmp_path) == 0
    out = capsys.readouterr().out
    assert "random split (flattering: artists on both sides)" in out
    folder = tmp_path / "extracted-baseline-majority-random"
    assert "**This split is random.**" in (folder / "README.md").read_text()


def test_fit_counts_subgenres_as_their_top_genre(
    main: Main, result: Read, sample_data: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(sample_data, data)
    (data / "genres.toml").write_text('["iron stomp"]\nparent = "neon relay"\n["neon relay"]\n')
    own = ("--set", "baseline", "--model", "majority", "--data", data, "--models", tmp_path)
    assert main("fit", "--parents", *own, "--json") == 0
    found = result()
    assert found["name"] == "extracted-baseline-parents-majority"
    assert found["labels"] == ["lantern waltz", "neon relay", "velvet drift"]
    card = (tmp_path / found["name"] / "README.md").read_text()
    assert "iron stomp counted as neon relay: 15 tracks" in card


def test_fit_on_a_frozen_split_says_so_and_settles_nothing(
    main: Main, result: Read, sample_data: Path, tmp_path: Path
) -> None:
    some = ("--only", "iron stomp,neon relay", "--set", "baseline", "--models", tmp_path)
    assert main("fit", "--split", "frozen", *some, "--json") == 0
    found = result()
    assert (found["name"], found["split"]) == ("extracted-baseline-frozen", "frozen")
    assert found["protocol"] == "frozen artist split"
    assert "frozen artist split" in (tmp_path / found["name"] / "README.md").read_text()
    with Catalog(sample_data / "catalog.db") as catalog:
        assert catalog.sides() == {}


def test_fit_says_score_with_protocol_and_what_to_run_next(
    main: Main, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main("fit", "--set", "baseline", "--model", "majority", "--models", tmp_path) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [x for x in lines if "95 % interval" in x and "artist split" in x and "n = " in x]
    assert [x for x in lines if x.startswith("tolerance")]
    assert lines[-1] == "next: audiogenre predict extracted-baseline-majority FILE ..."


def test_fit_gives_the_same_model_twice(main: Main, result: Read, tmp_path: Path) -> None:
    answers = []
    for name in ("a", "b"):
        assert main("fit", "--set", "baseline", "--name", name, "--models", tmp_path, "--json") == 0
        answers.append(result() | {"name": ""})
    assert answers[0] == answers[1]


# ---------------------------------------------------------------- compare


def test_compare_prints_the_keys_that_were_promised(main: Main, result: Read) -> None:
    assert main("compare", "extracted-full", "extracted-baseline", "--json") == 0
    found = result()
    assert set(found) >= {"n", "models", "difference", "difference_interval", "p_value"}
    for each in found["models"]:
        assert set(each) >= {"name", "accuracy", "interval"}
    first, second = found["models"]
    assert (first["name"], second["name"]) == ("extracted-full", "extracted-baseline")
    assert found["difference"] == pytest.approx(first["accuracy"] - second["accuracy"])
    low, high = found["difference_interval"]
    assert low <= found["difference"] <= high
    assert 0 <= found["p_value"] <= 1


def test_compare_scores_models_as_their_cards_do(
    main: Main, result: Read, sample_models: Path
) -> None:
    names = ["extracted-full", "extracted-baseline", "extracted-full-majority"]
    assert main("compare", *names, "--json") == 0
    found = result()
    for each in found["models"]:
        scores = load_bundle(sample_models / each["name"]).metadata["scores"]
        assert each["accuracy"] == scores["accuracy"]
        assert each["interval"] == scores["interval"]
        assert found["n"] == scores["n"]
    assert len(found["comparisons"][0]["pairs"]) == 2


def test_compare_shows_a_table_with_protocol_and_wrong_answers_by_label(
    main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("compare", "extracted-full", "extracted-full-majority") == 0
    out = capsys.readouterr().out
    assert "artist split" in out
    assert "95 % interval" in out
    assert "McNemar p = " in out
    assert all(genre in out for genre in GENRES)


def test_compare_refuses_a_model_whose_labels_have_changed(
    main: Main, capsys: pytest.CaptureFixture[str], sample_models: Path, tmp_path: Path
) -> None:
    for name in ("extracted-full", "extracted-baseline"):
        shutil.copytree(sample_models / name, tmp_path / name)
    file = tmp_path / "extracted-baseline" / "predictions.parquet"
    table = pd.read_parquet(file)
    table["label"] = table["label"].to_numpy()[::-1]
    table.to_parquet(file)
    assert main("compare", "extracted-full", "extracted-baseline", "--models", tmp_path) == 2
    assert "labels have changed since 'extracted-baseline' was fitted" in capsys.readouterr().err


# ---------------------------------------------------------------- predict


def test_predict_answers_every_file_and_exits_1_where_one_is_bad(
    main: Main, result: Read, music: Path
) -> None:
    files = [music / "b.mp3", music / "broken.mp3", music / "below" / "a.MP3"]
    assert main("predict", "extracted-full", *files, "--json") == 1
    first, bad, second = result()["predictions"]
    assert [each["path"] for each in (first, bad, second)] == [str(each) for each in files]
    for each in (first, bad, second):
        assert set(each) >= {"path", "label", "known", "probability", "probabilities", "error"}
    assert first["error"] is second["error"] is None
    assert first["label"] in {*GENRES, "unknown"}
    assert isinstance(first["known"], bool)
    assert list(first["probabilities"]) == GENRES
    assert sum(first["probabilities"].values()) == pytest.approx(1)
    assert first["probability"] == max(first["probabilities"].values())
    assert "web page" in bad["error"]
    assert bad["label"] is bad["known"] is bad["probability"] is None
    assert {**first, "path": ""} == {**second, "path": ""}


def test_predict_exits_0_where_all_are_good(main: Main, result: Read, music: Path) -> None:
    assert main("predict", "extracted-baseline", music / "b.mp3", "--json") == 0
    assert len(result()["predictions"]) == 1


def test_predict_takes_a_folder_a_pattern_and_files_each_once(
    main: Main, result: Read, music: Path
) -> None:
    everything = [str(music / each) for each in ("b.mp3", "below/a.MP3", "broken.mp3")]
    assert main("predict", "extracted-baseline", music, "--json") == 1
    assert [each["path"] for each in result()["predictions"]] == everything
    assert main("predict", "extracted-baseline", music / "b*.mp3", music, "--json") == 1
    assert sorted(each["path"] for each in result()["predictions"]) == everything
    assert main("predict", "extracted-baseline", music / "**" / "a.*", "--json") == 0
    assert [each["path"] for each in result()["predictions"]] == everything[1:2]


def test_predict_takes_a_file_whose_name_looks_like_a_pattern(
    main: Main, result: Read, mp3_bytes: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "song [live].mp3"
    path.write_bytes(mp3_bytes)
    assert main("predict", "extracted-baseline", path, "--json") == 0
    assert result()["predictions"][0]["path"] == str(path)


def test_predict_timeline_has_a_row_for_every_five_seconds(
    main: Main, result: Read, music: Path, tmp_path: Path
) -> None:
    short = tmp_path / "short.wav"
    sf.write(short, 0.1 * np.random.default_rng(0).standard_normal(22_050 * 12), 22_050)
    own = ("--timeline", "--json")
    assert main("predict", "extracted-full", music / "b.mp3", short, *own) == 0
    whole, cut = result()["predictions"]
    assert [each["start"] for each in whole["timeline"]] == [0, 5, 10, 15, 20, 25]
    assert [each["start"] for each in cut["timeline"]] == [0, 5]  # two seconds are too short
    for each in whole["timeline"]:
        assert sum(each["probabilities"].values()) == pytest.approx(1)
        assert each["label"] in {*GENRES, "unknown"}


def test_predict_csv_parses(main: Main, capsys: pytest.CaptureFixture[str], music: Path) -> None:
    assert main("predict", "extracted-full", music, "--csv", "--timeline") == 1
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 2 * 7 + 1
    assert {row["path"] for row in rows} == {
        str(music / each) for each in ("b.mp3", "below/a.MP3", "broken.mp3")
    }
    whole = [row for row in rows if not row["start"] and not row["error"]]
    assert len(whole) == 2
    for row in rows:
        if not row["error"]:
            assert sum(float(row[genre]) for genre in GENRES) == pytest.approx(1)
    (bad,) = [row for row in rows if row["error"]]
    assert bad["label"] == bad["probability"] == bad[GENRES[0]] == ""


def test_predict_shows_so_many_labels_as_asked_for(
    main: Main, capsys: pytest.CaptureFixture[str], music: Path
) -> None:
    for top in (1, 2, 4):
        assert main("predict", "extracted-full", music / "b.mp3", "--top", top) == 0
        assert capsys.readouterr().out.count(" %") == top


def test_predict_lets_no_file_name_drive_the_terminal(
    main: Main, capsys: pytest.CaptureFixture[str], mp3_bytes: bytes, tmp_path: Path
) -> None:
    (tmp_path / "a\x1b[2Jb.mp3").write_bytes(mp3_bytes)
    assert main("predict", "extracted-baseline", tmp_path) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_predict_takes_a_model_by_its_folder(
    main: Main, result: Read, music: Path, sample_models: Path, tmp_path: Path
) -> None:
    model = sample_models / "extracted-baseline"
    assert main("predict", model, music / "b.mp3", "--models", tmp_path, "--json") == 0
    assert result()["model"] == "extracted-baseline"


def test_predict_passes_over_a_pipe_that_nobody_writes_to(
    main: Main, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "a.mp3")
    for path in (tmp_path, tmp_path / "a.mp3"):
        assert main("predict", "extracted-baseline", path) == 2
        assert main("predict", "--undo-tags", path) == 2
        assert capsys.readouterr().err.count("there is no audio at") == 2


def test_predict_takes_a_file_whose_name_begins_like_a_home(
    main: Main, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(music / "b.mp3", tmp_path / "~song.mp3")
    monkeypatch.chdir(tmp_path)
    # There are never more processes than files.
    assert main("predict", "extracted-baseline", "~song.mp3", "--jobs", 100_000) == 0


def test_predict_prints_a_name_that_its_output_cannot(
    run_command: Callable[..., subprocess.CompletedProcess[str]],
    sample_models: Path,
    music: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copy(music / "b.mp3", tmp_path / os.fsdecode(b"caf\xe9 \xc3\xbc.mp3"))
    monkeypatch.setenv("PYTHONIOENCODING", "ascii:strict")
    own = ("extracted-baseline", tmp_path, "--models", sample_models)
    lists = ("--m3u", tmp_path / "lists")
    done = run_command("predict", *own, "--csv", *lists)
    (row,) = csv.DictReader(io.StringIO(done.stdout))
    assert row["path"] == rf"{tmp_path}/caf\udce9 \xfc.mp3"
    assert row["error"] == ""
    assert "left out of the playlists" in done.stderr
    assert done.returncode == 1


# ---------------------------------------------------------------- status


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
    Catalog(tmp_path / "catalog.db")
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


# ---------------------------------------------------------------- wrong usage

WRONG: dict[str, tuple[object, ...]] = {
    "fit: unknown features": ("fit", "--features", "musicnn"),
    "fit: unknown model": ("fit", "--model", "oracle"),
    "fit: unknown set": ("fit", "--set", "nothing"),
    "fit: unknown label": ("fit", "--only", "polka,rock"),
    "fit: one label": ("fit", "--only", "neon relay"),
    "fit: no moods": ("fit", "--label", "mood"),
    "fit: no spotify": ("fit", "--features", "spotify"),
    "fit: tolerance": ("fit", "--tolerance", "5"),
    "fit: tolerance no number": ("fit", "--tolerance", "much"),
    "fit: tolerance nan": ("fit", "--tolerance", "nan"),
    "fit: per label": ("fit", "--per-label", "0"),
    "fit: jobs": ("fit", "--jobs", "-1"),
    "fit: seed": ("fit", "--model", "majority", "--seed", "-1"),
    "fit: name with a slash": ("fit", "--name", "../elsewhere"),
    "fit: empty name": ("fit", "--name", " "),
    "fit: hidden name": ("fit", "--name", ".hidden"),
    "fit: stray": ("fit", "extracted"),
    "compare: one": ("compare", "extracted-full"),
    "compare: twice the same": ("compare", "extracted-full", "extracted-full"),
    "compare: missing": ("compare", "extracted-full", "nothing"),
    "compare: none": ("compare",),
    "predict: no path": ("predict", "extracted-full"),
    "predict: no audio": ("predict", "extracted-full", "/nowhere/*.mp3"),
    "predict: missing file": ("predict", "extracted-full", "/nowhere/a.mp3"),
    "predict: no model": ("predict", "nothing", __file__),
    "predict: csv and json": ("predict", "extracted-full", __file__, "--csv", "--json"),
    "predict: top": ("predict", "extracted-full", __file__, "--top", "0"),
    "status: stray": ("status", "everything"),
    "status: abbreviated": ("status", "--js"),
    "download: source": ("download", "--source", "napster", "--dry-run"),
    "extract: set": ("extract", "--set", "nothing"),
    "extract: one of two sets": ("extract", "--set", "full+nothing"),
    "predict: nothing named": ("predict", "extracted-full", ""),
    "predict: nobody's folder": ("predict", "extracted-full", "~nobody-of-that-name/a.mp3"),
    "predict: long name": ("predict", "extracted-full", "a" * 5_000),
    "predict: long model": ("predict", "a" * 5_000, __file__),
    "predict: dry run of nothing": ("predict", "extracted-full", __file__, "--dry-run"),
    "predict: lists in a file": ("predict", "extracted-full", __file__, "--m3u", __file__),
    "predict: undo nothing": ("predict", "--undo-tags"),
    "predict: undo with a model": ("predict", "--undo-tags", "extracted-full", __file__),
    "predict: undo and write": ("predict", "--undo-tags", "--write-tags", __file__),
    "predict: tags": ("predict", "extracted-full", __file__, "--tags", "0"),
    "predict: no tags": ("predict", "extracted-full", __file__, "--tags", "3"),
}


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG)
def test_wrong_usage_is_exit_2_with_one_sentence(
    main: Main,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: tuple[object, ...],
) -> None:
    command, *rest = arguments
    if command == "fit":
        rest += ["--models", tmp_path / "models"]
    assert main(str(command), *rest) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.strip().splitlines()
    # argparse shows the usage first; the sentence is the last line.
    assert lines[-1].startswith(f"audiogenre {command}: ")
    assert len(lines) == 1 or lines[0].startswith("usage: ")
    assert "Traceback" not in captured.err
    assert not (tmp_path / "models").exists()


def test_fit_without_any_data_says_what_to_run(
    run_main: Main, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run_main("fit", "--data", tmp_path / "data", "--models", tmp_path / "models") == 2
    assert "audiogenre download" in capsys.readouterr().err


def test_an_unknown_command_is_named_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert program(["train"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("audiogenre: there is no command 'train'; the commands are ")
    assert all(name in captured.err for name in COMMANDS)


def test_the_program_passes_on_to_its_commands(
    capsys: pytest.CaptureFixture[str], sample_data: Path
) -> None:
    assert program(["status", "--data", str(sample_data), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sources"][0]["tracks"] == 60


def test_the_program_without_a_command_shows_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert program([]) == 2
    out = capsys.readouterr().out
    assert all(f"  {name}" in out for name in COMMANDS)
    assert program(["--version"]) == 0
    assert capsys.readouterr().out.startswith("audiogenre ")


# ---------------------------------------------------------------- help

_HELP = """
import sys
from audiogenre.__main__ import main
try:
    code = main(sys.argv[1:])
except SystemExit as error:
    code = error.code
heavy = {"numpy", "pandas", "sklearn", "librosa", "scipy", "matplotlib", "pyarrow", "skops"}
print("imported:", sorted(heavy & set(sys.modules)), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_imports_nothing_heavy(command: str, tmp_path: Path) -> None:
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(
        [sys.executable, "-c", _HELP, *filter(None, [command]), "--help"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(root)},
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert done.stderr.splitlines()[-1] == "imported: []"
    assert done.stdout.startswith(f"usage: audiogenre {command}".rstrip())
    assert "example" in done.stdout


def test_commands_run_as_modules_and_print_json_alone(
    run_command: Callable[..., subprocess.CompletedProcess[str]], sample_data: Path
) -> None:
    done = run_command("status", "--data", sample_data, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["sources"][0]["source"] == "sample"
    assert done.stderr == ""


@pytest.mark.parametrize("form", [(), ("--json",)], ids=str)
def test_a_full_disk_behind_stdout_is_one_sentence(
    run_command: Callable[..., subprocess.CompletedProcess[str]],
    sample_data: Path,
    form: tuple[str, ...],
) -> None:
    with Path("/dev/full").open("w") as full:
        done = run_command("status", "--data", sample_data, *form, stdout=full)
    assert done.returncode == 2
    assert done.stderr == "audiogenre status: No space left on device\n"


def test_predict_works_with_a_closed_stdout(sample_models: Path, music: Path) -> None:
    command = f"{sys.executable} -m audiogenre.predict extracted-baseline {music}/b.mp3 --csv"
    done = subprocess.run(
        ["sh", "-c", f"exec {command} --models {sample_models} >&-"],
        env=environment(),
        stderr=subprocess.PIPE,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_quiet_says_nothing(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    assert main("compare", "extracted-full", "extracted-baseline", "--quiet") == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")
