"""What a model's folder holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from audiogenre.bundle import Bundle
from audiogenre.bundles import SCHEMA_VERSION
from audiogenre.catalog import Catalog
from audiogenre.metadata import sets_of

GENRES = ["iron stomp", "lantern waltz", "neon relay", "velvet drift"]
SHARES = [f"p_{each}" for each in GENRES]


@pytest.mark.parametrize(
    "name", ["extracted-full", "extracted-baseline", "extracted-full-majority"]
)
def test_a_model_is_five_things(sample_models: Path, name: str) -> None:
    folder = sample_models / name
    assert {each.name for each in folder.iterdir()} == {
        "model.skops",
        "metadata.json",
        "README.md",
        "figures",
        "predictions.parquet",
    }
    figures = {each.name for each in (folder / "figures").glob("*.png")}
    assert figures >= {"confusion-matrix.png", "errors-by-label.png", "reliability.png"}
    # A model that always gives the same answer has no importances to draw.
    assert ("importance-of-families.png" in figures) == (not name.endswith("majority"))
    assert not list(sample_models.glob(".*"))  # nothing is left beside them


def test_the_metadata_has_the_score_with_protocol_n_and_interval(full: Bundle) -> None:
    scores = full.metadata["scores"]
    low, high = scores["interval"]
    assert 0 <= low <= scores["accuracy"] <= high <= 1
    assert scores["protocol"] == "artist split"
    assert scores["n"] == full.metadata["n_test"] > 0
    assert scores["n_groups"] > 1
    assert full.metadata["schema_version"] == SCHEMA_VERSION
    assert full.metadata["split"] == {"kind": "artist", "seed": 0}


def test_the_metadata_says_how_the_features_were_computed(full: Bundle) -> None:
    (described,) = full.metadata["sets"]
    (chosen,) = sets_of(full.metadata)
    assert described["name"] == "full"
    assert described["fingerprint"] == chosen.fingerprint
    assert described["parameters"] == dict(chosen.parameters)
    assert full.columns == list(chosen.names)


def test_every_prediction_of_the_test_part_is_there(
    sample_models: Path, sample_data: Path, full: Bundle
) -> None:
    table = pd.read_parquet(sample_models / "extracted-full" / "predictions.parquet")
    assert len(table) == full.metadata["n_test"]
    assert table["track_id"].is_unique
    assert (table["label"] == table["predicted"]).mean() == full.metadata["scores"]["accuracy"]
    with Catalog(sample_data / "catalog.db") as catalog:
        labels = {row[0]: row[1] for row in catalog.labelled("genre")}
    assert {labels[each] for each in table["track_id"]} == set(GENRES)
    assert [labels[each] for each in table["track_id"]] == table["label"].tolist()
    probabilities = table[SHARES]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-9)


def test_two_models_of_one_sample_are_tested_on_the_same_tracks(sample_models: Path) -> None:
    first, second = (
        set(pd.read_parquet(sample_models / name / "predictions.parquet")["track_id"])
        for name in ("extracted-full", "extracted-baseline")
    )
    assert first == second


def test_the_card_says_score_protocol_tolerance_and_data(sample_models: Path, full: Bundle) -> None:
    card = (sample_models / "extracted-full" / "README.md").read_text()
    scores = full.metadata["scores"]
    assert f"{100 * scores['accuracy']:.1f} %" in card
    assert "95 % interval" in card
    assert f"n = {scores['n']} tracks; artist split" in card
    assert "olerance" in card
    assert "Always answering the most frequent label" in card
    assert full.metadata["data_hash"] in card
    assert "A bar to the left of 0" in card
    for figure in (sample_models / "extracted-full" / "figures").iterdir():
        assert f"(figures/{figure.name})" in card
