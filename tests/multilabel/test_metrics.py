"""Metrics of several labels are those of scikit-learn, with intervals over artists."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    label_ranking_average_precision_score,
    precision_recall_fscore_support,
)

from audiogenre import evaluation
from audiogenre.multilabel import metrics
from multilabel.data import LABELS

Marks = npt.NDArray[np.bool_]


def answered(
    seed: int, n: int = 40
) -> tuple[Marks, npt.NDArray[np.float64], Marks, npt.NDArray[np.int64]]:
    """Labels, probabilities (with ties), answers and groups of some tracks."""
    rng = np.random.default_rng(seed)
    targets = rng.random((n, 3)) < 0.4
    targets[np.arange(n), rng.integers(0, 3, n)] = True
    probabilities = (0.4 * targets + 0.6 * rng.random((n, 3))).round(1)
    return targets, probabilities, probabilities >= [0.5, 0.4, 0.6], rng.integers(0, 12, n)


@settings(max_examples=30, deadline=None)
@given(seed=some.integers(0, 10_000), n=some.integers(1, 60))
def test_metrics_are_those_of_scikit_learn(seed: int, n: int) -> None:
    targets, probabilities, answers, _ = answered(seed, n)
    found = metrics.metrics(metrics.tallies(targets, probabilities, answers).sum(axis=0))
    there = (targets | answers).any(axis=0)  # a label that nobody names has no F1
    with np.errstate(all="ignore"):
        expected = {
            metrics.RANKING: label_ranking_average_precision_score(targets, probabilities),
            "micro_f1": f1_score(targets, answers, average="micro", zero_division=0),
            "macro_f1": f1_score(
                targets[:, there], answers[:, there], average="macro", zero_division=0
            )
            if there.sum() > 1
            else found["macro_f1"],
            "exact_match": accuracy_score(targets, answers),
        }
    assert {name: float(found[name]) for name in metrics.METRICS} == pytest.approx(expected)


def test_scores_of_a_label_are_those_of_scikit_learn() -> None:
    targets, _, answers, _ = answered(0)
    found = metrics.per_label(targets, answers, LABELS)
    expected = precision_recall_fscore_support(targets, answers)
    for column, label in enumerate(LABELS):
        own = [found[label][key] for key in ("precision", "recall", "f1", "n")]
        assert own == pytest.approx([each[column] for each in expected])
        assert found[label]["answered"] == answers[:, column].sum()


def test_ranking_precision_by_hand() -> None:
    targets = np.array([[True, False, False], [True, False, True], [False, False, True]])
    scores = np.array([[0.9, 0.5, 0.1], [0.1, 0.5, 0.9], [0.2, 0.2, 0.2]])
    # First; first and third of three; tied with two others.
    expected = [1, (1 + 2 / 3) / 2, 1 / 3]
    assert metrics.ranking_precision(targets, scores).tolist() == pytest.approx(expected)


def test_intervals_resample_artists_as_those_of_accuracies_do() -> None:
    targets, probabilities, answers, groups = answered(1, 200)
    found = metrics.intervals(metrics.tallies(targets, probabilities, answers), groups)
    exact = (targets == answers).all(axis=1).astype(np.float64)
    assert found["exact_match"] == pytest.approx(evaluation.interval(exact, groups))
    ranking = metrics.ranking_precision(targets, probabilities)
    assert found[metrics.RANKING] == pytest.approx(evaluation.interval(ranking, groups))
    for name, value in metrics.summary(targets, probabilities, answers, groups, LABELS).items():
        if name in metrics.METRICS:
            low, high = found[name]
            assert 0 <= low < value < high <= 1


def test_a_perfect_score_does_not_have_an_interval_of_nothing() -> None:
    targets, _, _, groups = answered(2)
    perfect = metrics.intervals(metrics.tallies(targets, targets.astype(float), targets), groups)
    bound = evaluation.interval(np.ones(len(groups)), groups)
    assert bound[0] < 1
    assert set(perfect.values()) == {bound}


def test_differences_are_paired() -> None:
    targets, probabilities, answers, groups = answered(3, 100)
    worse = np.random.default_rng(0).permuted(probabilities, axis=1)
    first = metrics.tallies(targets, probabilities, answers)
    second = metrics.tallies(targets, worse, worse >= 0.5)
    same, other = (
        metrics.differences(first, first, groups),
        metrics.differences(first, second, groups),
    )
    assert {each["difference"] for each in same.values()} == {0}
    assert {each["interval"] for each in same.values()} == {(0, 0)}
    right = [(targets == each).all(axis=1).astype(np.float64) for each in (answers, worse >= 0.5)]
    expected = evaluation.paired_difference(*right, groups)
    assert other["exact_match"]["difference"] == pytest.approx(expected.difference)
    assert other["exact_match"]["interval"] == pytest.approx(expected.interval)


@pytest.mark.parametrize(
    ("targets", "answers", "said"),
    [
        (np.zeros((0, 3), dtype=bool), np.zeros((0, 3), dtype=bool), "no labels to evaluate"),
        (np.ones((2, 3), dtype=bool), np.ones((3, 3), dtype=bool), "shape"),
        (np.zeros((2, 3), dtype=bool), np.ones((2, 3), dtype=bool), "a track has no label"),
    ],
)
def test_metrics_refuse_what_does_not_fit(targets: Marks, answers: Marks, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        metrics.tallies(targets, answers.astype(float), answers)
