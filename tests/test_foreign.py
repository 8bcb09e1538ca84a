"""How well labels left out of training are told: perfectly if they are far, by chance if not."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import roc_auc_score

from audiogenre.foreign import leave_one_label_out
from audiogenre.novelty import NoveltyDetector
from audiogenre.splits import grouped_folds

D = 4
BLOCKS = tuple(f"own/{i}" for i in range(D))
F64 = npt.NDArray[np.float64]
Rows = tuple[F64, npt.NDArray[np.str_], npt.NDArray[np.int64]]


def blobs(apart: float, n: int = 300, seed: int = 0) -> Rows:
    """Three clouds, so far apart, of artists with three tracks each."""
    rng = np.random.default_rng(seed)
    codes = np.arange(n) // 3 % 3
    X = apart * np.eye(D)[codes] + rng.normal(size=(n, D))
    return X, np.array(["a", "b", "c"])[codes], np.arange(n) // 3


def measure(rows: Rows, **options: Any) -> dict[str, Any]:
    X, y, groups = rows
    folds = grouped_folds(y, groups, seed=0)
    return leave_one_label_out(NoveltyDetector(BLOCKS), X, y, groups, folds, **options)


def test_labels_that_are_far_are_told() -> None:
    found = measure(blobs(apart=30))
    assert found["auroc"] > 0.99
    assert found["false_accept"] < 0.02
    assert found["interval"][0] > 0.98


@pytest.mark.parametrize("seed", range(3))
def test_labels_of_the_same_distribution_are_not(seed: int) -> None:
    found = measure(blobs(apart=0, seed=seed))
    assert found["auroc"] == pytest.approx(0.5, abs=0.05)
    assert found["false_accept"] == pytest.approx(0.95, abs=0.05)
    assert found["interval"][0] < 0.5 < found["interval"][1]


def test_it_says_of_how_many_rows_and_artists() -> None:
    found = measure(blobs(apart=3))
    assert (found["n"], found["n_groups"], found["known_accept"]) == (300, 100, 0.95)
    assert {label: each["n"] for label, each in found["per_label"].items()} == {
        "a": 102,
        "b": 99,
        "c": 99,
    }
    assert found["auroc"] == pytest.approx(
        np.mean([each["auroc"] for each in found["per_label"].values()])
    )


def test_each_label_is_ranked_by_detectors_that_never_saw_it() -> None:
    X, y, groups = blobs(apart=3)
    distances = np.empty(len(y))
    for train, held in grouped_folds(y, groups, seed=0):
        rows = train[y[train] != "b"]
        distances[held] = NoveltyDetector(BLOCKS).fit(X[rows], y[rows]).distance(X[held])
    found = measure((X, y, groups))["per_label"]["b"]
    assert found["auroc"] == pytest.approx(roc_auc_score(y == "b", distances))
    limit = np.quantile(distances[y != "b"], 0.95)
    assert found["false_accept"] == pytest.approx(np.mean(distances[y == "b"] <= limit))


def test_the_interval_is_wider_where_artists_have_many_tracks() -> None:
    X, y, groups = blobs(apart=2)
    rng = np.random.default_rng(0)
    shared = X + 2 * rng.normal(size=(100, D))[groups]
    many = measure((shared, y, groups))["interval"]
    folds = grouped_folds(y, groups, seed=0)
    alone = leave_one_label_out(NoveltyDetector(BLOCKS), shared, y, np.arange(len(y)), folds)
    assert many[1] - many[0] > 1.2 * (alone["interval"][1] - alone["interval"][0])


def test_of_a_large_set_one_fold_is_measured() -> None:
    X, y, groups = blobs(apart=3, n=2100)
    folds = grouped_folds(y, groups, seed=0)
    assert measure((X, y, groups))["n"] == len(folds[0][1])


def test_one_label_or_no_fold_is_refused() -> None:
    X, y, groups = blobs(apart=3)
    detector = NoveltyDetector(BLOCKS)
    with pytest.raises(ValueError, match="1 labels and 5 folds"):
        folds = grouped_folds(y, groups, seed=0)
        leave_one_label_out(detector, X, np.full(len(y), "a"), groups, folds)
    with pytest.raises(ValueError, match="3 labels and 0 folds"):
        leave_one_label_out(detector, X, y, groups, [])
    with pytest.raises(ValueError, match="NaN"):
        measure((np.where(X > 3, np.nan, X), y, groups))
