"""Fitting several labels: thresholds and choices never see a test row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from sklearn.metrics import (
    f1_score,
)
from sklearn.model_selection import ParameterGrid
from sklearn.multiclass import OneVsRestClassifier

from audiogenre.classifiers import CLASSIFIERS
from audiogenre.multilabel import metrics
from audiogenre.multilabel.rows import label_folds
from audiogenre.multilabel.training import (
    FAMILIES,
    FittedLabels,
    best_threshold,
    calibrated,
    fit,
    ranking_score,
    search,
)
from multilabel.data import LABELS, small


@settings(max_examples=30, deadline=None)
@given(seed=some.integers(0, 10_000), n=some.integers(2, 50))
def test_no_other_threshold_has_a_better_f1(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    own = rng.random(n) < 0.3
    own[0] = True
    values = rng.random(n).round(2)
    reached = f1_score(own, values >= best_threshold(own, values), zero_division=0)
    others = [f1_score(own, values >= each, zero_division=0) for each in np.unique(values)]
    assert reached == pytest.approx(max(others))


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_that_is_offered_can(name: str) -> None:
    dataset = small()
    assert dataset.targets is not None
    X, Y = dataset.X.to_numpy(), dataset.targets.to_numpy()
    parts = [held for _, held in label_folds(Y, dataset.groups, LABELS, seed=0)]
    first, second = np.concatenate(parts[:3]), np.concatenate(parts[3:])
    folds = [(first, second), (second, first)]
    family = CLASSIFIERS[name]
    estimator, choice = search(family, X, Y, folds, dataset.blocks)
    assert len(choice.candidates) == max(1, len(ParameterGrid(family.grid(*X.shape) or [{}])))
    assert set(choice.taken.parameters) == set((family.grid(*X.shape) or [{}])[0])
    classifier, found = calibrated(estimator, X, Y, folds, sigmoid=family.calibrate)
    assert found.shape == Y.shape
    if name != "majority":
        assert choice.taken.validation > 0.8
        assert ranking_score(classifier, X, Y) > 0.8
        assert found[Y].mean() > found[~Y].mean() + 0.2


def test_a_fit_is_better_than_not_looking() -> None:
    found = fit(small(), CLASSIFIERS["linear"])
    blind = found.scores["by_frequency"]
    assert found.scores["micro_f1"] > blind["micro_f1"] + 0.1
    assert found.scores[metrics.RANKING] > blind[metrics.RANKING] + 0.1
    assert list(found.thresholds) == LABELS


def test_what_is_chosen_does_not_depend_on_the_test_part() -> None:
    dataset = small()
    rng = np.random.default_rng(1)
    X, Y = dataset.X.copy(), dataset.targets
    assert Y is not None
    Y = Y.copy()
    X[dataset.test] = rng.normal(size=X[dataset.test].shape)
    Y[dataset.test] = (
        ~Y[dataset.test] | np.eye(3, dtype=bool)[rng.integers(0, 3, dataset.test.sum())]
    )
    first = fit(dataset, CLASSIFIERS["linear"])
    second = fit(replace(dataset, X=X, targets=Y), CLASSIFIERS["linear"])
    assert first.scores[metrics.RANKING] != second.scores[metrics.RANKING]
    assert first.thresholds == second.thresholds
    assert first.choice == second.choice
    assert first.novelty.threshold_ == second.novelty.threshold_


def test_thresholds_go_by_rows_that_a_model_has_not_seen() -> None:
    dataset = small(noise=500.0)  # nothing to be learned, much to be remembered
    assert dataset.targets is not None
    X, Y = dataset.X.to_numpy(), dataset.targets.to_numpy()
    folds = label_folds(Y, dataset.groups, LABELS, seed=0)
    estimator = OneVsRestClassifier(CLASSIFIERS["forest"].build(dataset.blocks, 0)).fit(X, Y)
    _, found = calibrated(estimator, X, Y, folds, sigmoid=True)
    remembered = metrics.ranking_precision(Y, estimator.predict_proba(X)).mean()
    assert remembered > 0.9
    assert metrics.ranking_precision(Y, found).mean() < 0.8


def test_calibrated_probabilities_mean_what_they_say() -> None:
    found: FittedLabels = fit(small(), CLASSIFIERS["svc"])
    table = found.predictions
    for label in LABELS:
        # Over all tracks, probabilities add up to about as many as have the label.
        assert table[f"p_{label}"].sum() == pytest.approx(table[f"is_{label}"].sum(), abs=4)
        answer = table["predicted"].str.split("; ").apply(lambda each, own=label: own in each)
        expected = table[f"p_{label}"] >= found.thresholds[label]
        pd.testing.assert_series_equal(answer, expected, check_names=False)
