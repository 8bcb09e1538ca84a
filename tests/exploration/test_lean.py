"""The leanest set: what is useful stays, and nothing that is reported had a say in it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from blobs import blobs

from audiogenre.classifiers import CLASSIFIERS
from audiogenre.dataset import Dataset
from audiogenre.exploration import lean
from audiogenre.exploration.outside import predict_outside
from audiogenre.splits import grouped_folds

CORNERS = {"a": [0.0, 0.0], "b": [4.0, 0.0], "c": [0.0, 4.0], "d": [4.0, 4.0]}
USEFUL = {"own/useful0", "own/useful1"}


def rows(dataset: Dataset) -> lean.Rows:
    model = CLASSIFIERS["svc"].build(dataset.blocks, 0)
    X = dataset.X.to_numpy()
    return lean.Rows(model, X, dataset.y, dataset.groups, dataset.blocks, 0)


def test_a_subset_is_the_pipeline_fitted_on_it() -> None:
    dataset = blobs(CORNERS, spread=2, noise=2)
    dataset = replace(dataset, blocks=("own/a", "own/a", "own/b", "own/c"))
    folds = grouped_folds(dataset.y, dataset.groups, seed=0)
    X = dataset.X.to_numpy()[:, [0, 1, 3]]
    kept = ("own/a", "own/a", "own/c")
    for (train, test), (y, answers) in zip(
        folds, lean.Parts(rows(dataset), folds).predict(["own/c", "own/a"]), strict=True
    ):
        whole = CLASSIFIERS["svc"].build(kept, 0).fit(X[train], dataset.y[train])
        np.testing.assert_array_equal(answers, whole.predict(X[test]))
        np.testing.assert_array_equal(y, dataset.y[test])


@pytest.mark.parametrize("way", lean.WAYS)
def test_noise_goes_first(way: str) -> None:
    every = rows(blobs(CORNERS, noise=4))
    if way == "removal":
        path = lean.by_removal(every.parts(), every.families)
    else:
        path = lean.by_importance(every.parts(), every.families, seed=0)
    assert [len(each) for each in path] == [6, 5, 4, 3, 2, 1]
    assert set(path[4]) == USEFUL
    for wider, narrower in pairwise(path):
        assert set(narrower) < set(wider)


def test_the_leanest_set_has_what_is_useful_and_little_else() -> None:
    dataset = blobs(CORNERS, noise=4)
    outside = predict_outside(dataset, CLASSIFIERS["svc"])
    calls: list[int] = []
    found = lean.find_lean(dataset, outside, progress=lambda: calls.append(1))
    assert len(calls) == len(outside.folds) + 1
    assert set(found.families) >= USEFUL
    assert len(found.families) <= 3
    assert found.n_columns == len(found.families)
    assert all(found.kept[each] == 1 for each in USEFUL)
    assert 2 <= found.mean_kept <= 3
    assert found.accuracy > 0.9
    for way in lean.WAYS:
        curve = found.curves[way]
        assert [each.n_families for each in curve] == [6, 5, 4, 3, 2, 1]
        assert curve[0].accuracy == np.mean(outside.predicted == dataset.y)
        assert curve[4].accuracy > 0.9 > 0.7 > curve[5].accuracy
        assert all(each.interval[0] <= each.accuracy <= each.interval[1] for each in curve)
    assert found.difference.difference == pytest.approx(
        found.accuracy - found.curves["removal"][0].accuracy
    )


def test_choosing_among_noise_does_not_flatter() -> None:
    """Labels that nothing tells: the best of many sets must still score like chance."""
    dataset = blobs({"a": [0.0], "b": [0.0]}, noise=24)
    outside = predict_outside(dataset, CLASSIFIERS["svc"])
    found = lean.find_lean(dataset, outside)
    assert 0.3 < found.accuracy < 0.68
    for curve in found.curves.values():
        assert max(each.accuracy for each in curve) < 0.72


def test_a_single_family_is_its_own_leanest_set() -> None:
    dataset = blobs({"a": [0.0], "b": [5.0]})
    found = lean.find_lean(dataset, predict_outside(dataset, CLASSIFIERS["svc"]))
    assert found.families == ("own/useful0",)
    assert found.difference.difference == 0
