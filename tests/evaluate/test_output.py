"""What is written where, how it reads, and what is said where there is nothing to judge by."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from conftest import SAMPLE_GENRES

from evaluate.conftest import N_EACH, Main


def test_figures_go_below_the_model_unless_told_otherwise(
    run_main: Main, music: Path, sample_models: Path, tmp_path: Path
) -> None:
    models = shutil.copytree(sample_models, tmp_path / "models")
    where = ("--models", models, "--data", tmp_path / "no-data", "--jobs", 1, "-q")
    assert run_main("evaluate", "extracted-baseline", "--path", music, *where) == 0
    folder = models / "extracted-baseline" / "evaluations" / "music"
    assert {each.name for each in folder.iterdir()} == {
        "answers.csv",
        "confusion.png",
        "evaluation.json",
    }
    written = json.loads((folder / "evaluation.json").read_text())
    assert written["n"] == N_EACH * len(SAMPLE_GENRES)
    assert not (tmp_path / "no-data").exists()


def test_it_reads_like_a_report(
    run_main: Main,
    own: Path,
    sample_models: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    genres = [each for each in SAMPLE_GENRES for _ in range(N_EACH)]
    files = [f"{each}/{i % N_EACH}.mp3" for i, each in enumerate(genres)]
    files += [f"{SAMPLE_GENRES[0]}/a\x1b[31m.mp3", "gone\x1b[2J.mp3"]
    (own / files[-2]).write_bytes(b"<html>")
    table = pd.DataFrame({"file": files, "genre": [*genres, *genres[:2]]})
    table.to_csv(own / "manifest.csv", index=False)
    where = ("--models", sample_models, "--data", tmp_path, "--figures", tmp_path / "f")
    assert run_main("evaluate", "extracted-baseline", "--path", own, *where, "--jobs", 1) == 1
    out = capsys.readouterr().out
    assert "as it is: " in out
    assert "95 % interval" in out
    assert "n = 12 tracks; outside test set, interval over clips (no artist is known))" in out
    assert "not audio" in out
    assert ".mp3 is in manifest.csv and not there" in out
    assert "\x1b" not in out
    assert all(genre in out for genre in SAMPLE_GENRES)


def test_damaged_test_predictions_are_told_before_anything_is_heard(
    run_main: Main,
    sample_data: Path,
    sample_models: Path,
    own: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    models = Path(shutil.copytree(sample_models, tmp_path / "models"))
    (models / "extracted-baseline" / "predictions.parquet").write_bytes(b"not a table")
    for each in own.glob("*/*.mp3"):
        each.write_bytes(b"<html>")  # who listens first finds nothing that can be read
    where = ("--data", sample_data, "--models", models, "--jobs", 1)
    assert run_main("evaluate", "extracted-baseline", "--path", own, *where) == 2
    captured = capsys.readouterr()
    assert "the test predictions of" in captured.err
    assert captured.err.count("\n") == 1


def test_nothing_to_judge_by_is_one_sentence(
    run_main: Main,
    own: Path,
    sample_models: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refused(path: Path, model: str = "extracted-baseline") -> str:
        where = ("--models", sample_models, "--data", tmp_path / "no-data", "--jobs", 1)
        assert run_main("evaluate", model, "--path", path, *where) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1
        return captured.err

    assert "is not a folder" in refused(tmp_path / "nowhere")
    assert "there is no model" in refused(own, "nothing")
    strange = tmp_path / "strange"
    (strange / "polka").mkdir(parents=True)
    shutil.copy(own / SAMPLE_GENRES[0] / "0.mp3", strange / "polka")
    assert "knows (iron stomp" in refused(strange)
    assert "there are polka" in refused(strange)
    broken = tmp_path / "broken" / SAMPLE_GENRES[0]
    broken.mkdir(parents=True)
    (broken / "a.mp3").write_bytes(b"<html>")
    assert "none of the 1 clips can be read" in refused(broken.parent)


def test_a_model_of_several_labels_is_refused(
    run_main: Main,
    own: Path,
    sample_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    models = ("--models", tmp_path / "models")
    given = ("--multilabel", "--model", "majority", "--set", "baseline", "--name", "several")
    assert run_main("fit", *given, "--data", sample_data, *models, "-q") == 0
    capsys.readouterr()
    assert run_main("evaluate", "several", "--path", own, *models) == 2
    captured = capsys.readouterr()
    assert "evaluate judges one label a clip" in captured.err
    assert captured.err.count("\n") == 1
