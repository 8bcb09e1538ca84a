"""``fit`` as a person or a script meets it."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audiogenre.bundles import load_bundle
from audiogenre.catalog import Catalog
from commands.conftest import GENRES, Main, Read


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
    card = (tmp_path / "extracted-baseline-majority-random" / "README.md").read_text()
    assert "**This split is random.**" in card
    assert "folds of the training part that keep groups whole" in card
    assert "artist-disjoint" not in card


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
    step, places = lines[-1].split(" --data ")
    assert step == "next: audiogenre predict extracted-baseline-majority FILE ..."
    assert places.endswith(f" --models {tmp_path}"), "the model is asked where it was written"


def test_fit_gives_the_same_model_twice(main: Main, result: Read, tmp_path: Path) -> None:
    answers = []
    for name in ("a", "b"):
        assert main("fit", "--set", "baseline", "--name", name, "--models", tmp_path, "--json") == 0
        answers.append(result() | {"name": ""})
    assert answers[0] == answers[1]


def test_fit_without_any_data_says_what_to_run(
    run_main: Main, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run_main("fit", "--data", tmp_path / "data", "--models", tmp_path / "models") == 2
    assert "audiogenre download" in capsys.readouterr().err
