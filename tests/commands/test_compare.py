"""``compare`` as a person or a script meets it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from audiogenre.bundles import load_bundle
from commands.conftest import GENRES, Main, Read


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


def test_quiet_says_nothing(main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    assert main("compare", "extracted-full", "extracted-baseline", "--quiet") == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")
