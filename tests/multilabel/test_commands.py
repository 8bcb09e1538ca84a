"""``fit --multilabel`` and ``compare``: what is printed, stored, shown and refused."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    label_ranking_average_precision_score,
)

from audiogenre.bundles import load_bundle
from audiogenre.multilabel import metrics
from multilabel.data import LABELS, Main


@pytest.fixture(scope="module")
def place(
    run_main: Main, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, dict[str, Any]]]:
    """A folder with a table's data and models of it, and what the fits printed."""
    folder = tmp_path_factory.mktemp("several")
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(3, 6))
    columns = ["danceability", "energy", "valence", "liveness", "speechiness", "acousticness"]
    with (folder / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["track_id", "artists", "track_genre", *columns])
        for number in range(180):
            first = number % 3
            own = {first, (first + 1) % 3} if number % 4 == 0 else {first}
            values = 0.5 + 0.15 * centres[sorted(own)].sum(axis=0) + 0.05 * rng.normal(size=6)
            for each in sorted(own):
                row = [f"t{number}", f"artist {number // 6}", LABELS[each]]
                writer.writerow([*row, *values.clip(0, 1).round(4)])
    where = ("--data", folder / "data", "--models", folder / "models")
    source = ("--source", "table", "--path", folder / "table.csv", "--accept-terms")
    assert run_main("download", *source, *where, "-q") == 0
    found = {}
    for name, *own in (
        ("several", "--multilabel", "--model", "linear"),
        ("blind", "--multilabel", "--model", "majority"),
        ("single", "--model", "linear"),
    ):
        out = io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.stdout", out)
            fixed = ("--features", "spotify", "--name", name, "--jobs", 1, "--json")
            assert run_main("fit", *own, *fixed, *where) == 0
        found[name] = json.loads(out.getvalue())
    return folder, found


Place = tuple[Path, dict[str, dict[str, Any]]]


def test_fit_prints_what_it_measured(place: Place) -> None:
    folder, results = place
    found = results["several"]
    assert found["multilabel"] is True
    assert found["score"] == metrics.RANKING
    assert found["n_train"] + found["n_test"] == 180  # of 225 rows: none is twice or missing
    assert found["gap"] == pytest.approx(found["train_score"] - found["validation_score"])
    for name in metrics.METRICS:
        low, high = found["test_intervals"][name]
        assert low <= found[f"test_{name}"] <= high
        assert found[f"test_{name}"] > found["by_frequency"][name]
    assert set(found["thresholds"]) == set(found["per_label"]) == set(LABELS)
    f1 = [each["f1"] for each in found["per_label"].values()]
    assert found["test_macro_f1"] == pytest.approx(np.mean(f1))
    blind = results["blind"]
    assert {name: blind[f"test_{name}"] for name in metrics.METRICS} == pytest.approx(
        found["by_frequency"]
    )
    stored = json.loads((folder / "models" / "several" / "metadata.json").read_text())
    assert stored["multilabel"]["thresholds"] == found["thresholds"]
    assert stored["scores"]["protocol"] == found["protocol"] == "artist split"


def test_scores_follow_from_the_stored_predictions(place: Place) -> None:
    folder, results = place
    table = pd.read_parquet(folder / "models" / "several" / "predictions.parquet")
    found = results["several"]
    targets = table[[f"is_{label}" for label in LABELS]].to_numpy()
    shares = table[[f"p_{label}" for label in LABELS]].to_numpy()
    answers = shares >= [found["thresholds"][label] for label in LABELS]
    assert targets.sum() > len(table)
    expected = label_ranking_average_precision_score(targets, shares)
    assert found[f"test_{metrics.RANKING}"] == pytest.approx(expected)
    assert found["test_micro_f1"] == pytest.approx(f1_score(targets, answers, average="micro"))
    assert found["test_exact_match"] == pytest.approx(accuracy_score(targets, answers))


def test_the_card_has_thresholds_intervals_and_figures(place: Place) -> None:
    folder, results = place
    card = (folder / "models" / "several" / "README.md").read_text()
    for label, threshold in results["several"]["thresholds"].items():
        assert f"| {label} | {threshold:.2f} |" in card
    for text in ("micro F1", "macro F1", "exact match", "artist split", "95 % interval"):
        assert text in card
    assert "Training and validation label-ranking average precision are means" in card
    assert "accuracy" not in card.lower()
    drawn = {each.name for each in (folder / "models" / "several" / "figures").iterdir()}
    assert {"scores-by-label.png", "thresholds.png", "answers-by-label.png"} <= drawn
    assert all(f"figures/{name}" in card for name in drawn)


def test_what_is_measured_of_one_label_a_track_only_is_not_said(place: Place) -> None:
    folder, results = place
    for name, measured in (("several", False), ("single", True)):
        assert (results[name]["levels"] is not None) == measured
        assert bool(results[name]["unknown"]["left_out"]) == measured
        card = (folder / "models" / name / "README.md").read_text()
        assert ("left out of training" in card) == measured
        assert ("At the parent level" in card) == measured
        assert '"unknown"' in card


def test_context_and_parents_are_refused_in_a_sentence(
    run_main: Main, place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = place
    where = ("--models", folder / "models")
    given = ("--multilabel", "--context", "artist", "--data", folder / "data")
    assert run_main("fit", *given, *where) == 2
    assert "--context is learned for one label a track" in capsys.readouterr().err
    clip = tmp_path / "clip.wav"
    clip.touch()
    assert run_main("predict", "several", clip, "--level", "parent", *where) == 2
    assert "fitted with --multilabel" in capsys.readouterr().err


def test_a_model_of_one_label_is_as_it_was(place: Place) -> None:
    folder, results = place
    metadata = json.loads((folder / "models" / "single" / "metadata.json").read_text())
    assert "multilabel" not in metadata
    bundle = load_bundle(folder / "models" / "single")
    assert not bundle.is_multilabel
    assert bundle.labels == LABELS
    assert set(results["single"]) >= {"test_accuracy", "train_accuracy", "macro_f1", "per_label"}
    assert any("45 further labels" in note for note in metadata["notes"])


def test_compare_is_paired_on_the_same_tracks(
    run_main: Main, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, results = place
    where = ("--models", folder / "models")
    assert run_main("compare", "several", "blind", *where, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    first, second = found["models"]
    assert found["n"] == results["several"]["n_test"]
    for each in (first, second):
        for name in metrics.METRICS:
            fitted = results[each["name"]]
            assert each[name] == pytest.approx(fitted[f"test_{name}"])
            assert each["intervals"][name] == pytest.approx(fitted["test_intervals"][name])
    assert found["difference"] == pytest.approx(first[metrics.RANKING] - second[metrics.RANKING])
    low, high = found["difference_interval"]
    assert 0 < low < found["difference"] < high
    assert found["p_value"] < 0.01
    assert run_main("compare", "several", "blind", *where) == 0
    out = capsys.readouterr().out
    assert "several less blind" in out
    assert "McNemar p = " in out
    assert all(label in out for label in LABELS)


def test_compare_does_not_mix_kinds_of_models(
    run_main: Main, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = place
    where = ("--models", folder / "models")
    assert run_main("compare", "several", "single", *where) == 2
    assert "fit all with --multilabel, or none" in capsys.readouterr().err
    assert run_main("compare", "several", "blind", "single", *where) == 0
    assert "single tells labels that no other model here tells" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["ensemble", "mlp", "cnn"])
def test_families_that_cannot_are_refused_with_those_that_can(
    run_main: Main, place: Place, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    folder, _ = place
    where = ("--data", folder / "data", "--models", folder / "models")
    assert run_main("fit", "--multilabel", "--model", name, *where) == 2
    err = capsys.readouterr().err
    assert f"--model {name} is not made for" in err
    assert "svc, linear, boosting, forest or majority" in err


@pytest.fixture
def damaged(place: Place, tmp_path: Path) -> Path:
    """A copy of the models, to be damaged."""
    return Path(shutil.copytree(place[0] / "models", tmp_path / "models"))


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        ({"calm": 0.5}, "cannot be read"),
        ({"calm": 0.5, "dance": "high", "folk": 0.5}, "cannot be read"),
        ({"calm": 0.5, "dance": 50, "folk": 0.5}, "is no probability"),
        (None, "says no multilabel"),
    ],
)
def test_a_model_with_damaged_thresholds_is_refused(
    run_main: Main,
    damaged: Path,
    capsys: pytest.CaptureFixture[str],
    thresholds: Any,
    message: str,
) -> None:
    file = damaged / "several" / "metadata.json"
    metadata = json.loads(file.read_text())
    file.write_text(json.dumps(metadata | {"multilabel": {"thresholds": thresholds}}))
    assert run_main("predict", "several", damaged, "--models", damaged) == 2
    assert run_main("compare", "blind", "several", "--models", damaged) == 2
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err


def test_compare_refuses_predictions_without_a_label(
    run_main: Main, damaged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = damaged / "blind" / "predictions.parquet"
    pd.read_parquet(file).drop(columns="p_folk").to_parquet(file)
    assert run_main("compare", "several", "blind", "--models", damaged) == 2
    assert "predictions of 'blind' lack the column 'p_folk'" in capsys.readouterr().err
