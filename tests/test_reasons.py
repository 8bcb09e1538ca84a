"""Why a model answers what it does: the sentences say what its numbers say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from audiogenre import load_bundle
from audiogenre.answers import record
from audiogenre.bundle import Bundle
from audiogenre.errors import UsageError
from audiogenre.reasons import KINDS, average, why
from audiogenre.reference import Reference, held_out, load_reference, place


@pytest.fixture(scope="module")
def bundle(sample_models: Path) -> Bundle:
    return load_bundle(sample_models / "extracted-full")


@pytest.fixture(scope="module")
def reference(bundle: Bundle, sample_data: Path) -> Reference:
    return load_reference(bundle, sample_data)


def answered(bundle: Bundle, row: pd.DataFrame) -> dict[str, Any]:
    return record("a clip", bundle.predict_features(row), "", bundle)


@pytest.fixture
def row(reference: Reference) -> pd.DataFrame:
    """Return the features of a track it has learned from."""
    return reference.X.iloc[[0]].reset_index(drop=True)


def test_the_reference_is_what_was_learned_from(bundle: Bundle, reference: Reference) -> None:
    tested = set(held_out(bundle)["track_id"])
    assert len(reference.y) == bundle.metadata["n_train"]
    assert not tested & set(reference.X.index)


def test_the_nearest_track_to_one_of_them_is_itself(
    bundle: Bundle, reference: Reference, row: pd.DataFrame
) -> None:
    (first, label), *others = reference.nearest(place(bundle, row), n=4)
    assert (first, label) == (reference.X.index[0], reference.y[0])
    assert len(others) == 3 and first not in dict(others)


def test_what_decides_is_what_changes_the_answer_most(
    bundle: Bundle, reference: Reference, row: pd.DataFrame
) -> None:
    answer = answered(bundle, row)
    sentences = why(bundle, row, answer, reference)
    label, mean = answer["nearest"], average(bundle)
    left = {}
    for kind, families in KINDS.items():
        changed = row.copy()
        blocks = bundle.metadata["blocks"]
        columns = [i for i, each in enumerate(blocks) if each.partition("/")[2] in families]
        changed.iloc[0, columns] = mean[columns]
        left[kind] = float(bundle.predict_features(changed)[f"p_{label}"].iloc[0])
    decisive = min(left, key=lambda each: left[each])
    assert sentences[0].startswith(f"What speaks most for {label} is its {decisive}: ")
    assert f"{100 * left[decisive]:.0f}\N{NO-BREAK SPACE}%" in sentences[0]


def test_a_clip_far_from_all_is_told_by_its_distance(
    bundle: Bundle, reference: Reference, row: pd.DataFrame
) -> None:
    strange = row * 5
    answer = answered(bundle, strange)
    assert not answer["known"]
    first, second, *_ = why(bundle, strange, answer, reference)
    distance = bundle.novelty.distance(strange.to_numpy())[0]
    assert re.match(rf"It lies {distance:.1f} from the nearest of what was learned", first)
    assert second.startswith("What sets it apart most is its ")


def test_likeness_goes_by_the_tracks_of_the_label(
    bundle: Bundle, reference: Reference, row: pd.DataFrame
) -> None:
    bright = row.assign(shape_centroid_mean=reference.X["shape_centroid_mean"].max() + 1)
    sentences = why(bundle, bright, answered(bundle, row), reference)
    assert "brighter" in sentences[-1] and "than most" in sentences[-1]
    assert all("than most" not in x for x in why(bundle, bright, answered(bundle, row), None))


def test_tags_are_named(bundle: Bundle, reference: Reference, row: pd.DataFrame) -> None:
    answer = answered(bundle, row) | {"tags": {"guitar": 0.5, "slow": 0.3}}
    sentences = why(bundle, row, answer, reference)
    assert sentences[1] == "A network trained on other music hears guitar and slow in it."
    assert len(sentences) == 3


def test_features_of_another_kind_are_refused(sample_data: Path, bundle: Bundle) -> None:
    metadata = bundle.metadata | {"columns": bundle.columns[:-1]}
    other = Bundle(bundle.path, metadata, bundle.classifier, bundle.novelty)
    with pytest.raises(UsageError, match="are not those that"):
        load_reference(other, sample_data)
    with pytest.raises(UsageError, match="no catalogue"):
        load_reference(bundle, sample_data / "nowhere")
