"""Metrics of answers that may be several labels, each with its interval.

Conventions: `targets` are true labels and `answers` those given, both bool of shape (n, n_labels);
`probabilities` has the same shape. Every metric follows from sums over tracks (`tallies`), which is
how groups of tracks can be resampled thousands of times, and two models on the same draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from audiogenre import evaluation

Values = npt.NDArray[np.float64]
Marks = npt.NDArray[np.bool_]
Groups = npt.NDArray[np.int64]

RANKING = "label_ranking_average_precision"
METRICS = (RANKING, "micro_f1", "macro_f1", "exact_match")
_N_MEANS = 3  # of the columns of `tallies`: those before the counts by label


def validate(targets: Marks, scores: npt.NDArray[Any]) -> None:
    """Check that answers belong to labels.

    Raises
    ------
    ValueError
        If there are none, the shapes differ, or a track has no label.
    """
    if targets.size == 0:
        raise ValueError("there are no labels to evaluate against")
    if targets.shape != scores.shape:
        raise ValueError(f"labels of shape {targets.shape}, but answers of {scores.shape}")
    if not targets.any(axis=1).all():
        raise ValueError("a track has no label: leave it out")


def ranking_precision(targets: Marks, scores: Values) -> Values:
    """Return how far up each track's labels are when all labels are ranked.

    Returns
    -------
    precision : ndarray, shape (n,), 0 to 1
        Mean over a track's labels of the share of right ones among those ranked as high
        (Tsoumakas et al. 2010); 1 if its labels come first. Its mean is
        sklearn.metrics.label_ranking_average_precision_score.
    """
    validate(targets, scores)
    found = np.empty(len(targets))
    for row, (own, values) in enumerate(zip(targets, scores, strict=True)):
        as_high = values >= values[own][:, None]
        found[row] = np.mean(as_high[:, own].sum(axis=1) / as_high.sum(axis=1))
    return found


def tallies(targets: Marks, probabilities: Values, answers: Marks) -> Values:
    """Return what of each track the metrics are made of, shape (n, 3 + 3 n_labels).

    Ranking precision, whether the answer is exact, 1; then for each label whether it is answered
    rightly, answered wrongly, and missed.
    """
    validate(targets, answers)
    counted = [targets & answers, ~targets & answers, targets & ~answers]
    means = [
        ranking_precision(targets, probabilities),
        (targets == answers).all(axis=1),
        np.ones(len(targets)),
    ]
    return np.hstack([np.column_stack(means), *counted]).astype(np.float64)


def metrics(sums: Values) -> dict[str, Values]:
    """Return each of `METRICS` from sums of `tallies` over tracks, shape (..., 3 + 3 n_labels).

    A label that none of the tracks has and no answer names is left out of the mean F1.
    """
    ranking, exact, n = np.moveaxis(sums[..., :_N_MEANS], -1, 0)
    right, wrong, missed = np.split(sums[..., _N_MEANS:], 3, axis=-1)
    named = 2 * right + wrong + missed
    f1 = np.divide(2 * right, named, out=np.full(named.shape, np.nan), where=named > 0)
    micro = 2 * right.sum(axis=-1) / np.maximum(named.sum(axis=-1), 1)
    n = np.maximum(n, 1)
    values = (ranking / n, micro, np.nanmean(f1, axis=-1), exact / n)
    return dict(zip(METRICS, values, strict=True))


def per_label(targets: Marks, answers: Marks, labels: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return precision, recall and F1 of each label, its n, and how often it was answered."""
    from sklearn.metrics import precision_recall_fscore_support

    validate(targets, answers)
    scores = precision_recall_fscore_support(targets, answers, zero_division=0)
    return {
        label: {
            "precision": float(precision),
            "recall": float(recall),
            "f1": float(f1),
            "n": int(n),
            "answered": int(answered),
        }
        for label, precision, recall, f1, n, answered in zip(
            labels, *scores, answers.sum(axis=0), strict=True
        )
    }


def intervals(tallied: Values, groups: Groups) -> dict[str, tuple[float, float]]:
    """Return a 95 % bootstrap interval of each metric, resampling groups.

    Where a metric is 0 or 1 resampling has nothing to vary: there the bound of
    `audiogenre.evaluation.interval`.
    """
    value = metrics(tallied.sum(axis=0))
    drawn = _quantiles(metrics(_resampled(tallied, groups)))
    for name in METRICS:
        if value[name] in (0, 1):
            drawn[name] = evaluation.interval(np.full(len(groups), float(value[name])), groups)
    return drawn


def differences(first: Values, second: Values, groups: Groups) -> dict[str, dict[str, Any]]:
    """Return each metric of a first model less that of a second, from `tallies` of the same tracks.

    Returns
    -------
    differences : dict of metric to dict
        ``difference`` and its ``interval``, both models on the same draws of groups.
    """
    ours, theirs = metrics(first.sum(axis=0)), metrics(second.sum(axis=0))
    # The same seed draws the same groups.
    drawn, against = metrics(_resampled(first, groups)), metrics(_resampled(second, groups))
    low_high = _quantiles({name: drawn[name] - against[name] for name in METRICS})
    return {
        name: {"difference": float(ours[name] - theirs[name]), "interval": low_high[name]}
        for name in METRICS
    }


def summary(
    targets: Marks,
    probabilities: Values,
    answers: Marks,
    groups: Groups,
    labels: Sequence[str],
) -> dict[str, Any]:
    """Return every metric with its interval, the scores of each label, and labels by answers."""
    tallied = tallies(targets, probabilities, answers)
    values = metrics(tallied.sum(axis=0))
    bins, error = evaluation.reliability(probabilities.ravel(), targets.ravel().astype(np.float64))
    return {
        "n": len(targets),
        "n_groups": len(np.unique(groups)),
        **{name: float(values[name]) for name in METRICS},
        "intervals": intervals(tallied, groups),
        "per_label": per_label(targets, answers, labels),
        "answered_by_label": (targets.T.astype(np.int64) @ answers).tolist(),
        "labels_a_track": float(targets.sum(axis=1).mean()),
        "answers_a_track": float(answers.sum(axis=1).mean()),
        "unanswered_share": float(1 - answers.any(axis=1).mean()),
        "reliability": bins,
        "calibration_error": error,
    }


def by_frequency(train: Marks, targets: Marks) -> dict[str, float]:
    """Return the metrics of answers without looking.

    That is every label, for the best F1 there is without looking, ranked by how frequent it is in
    the training part.
    """
    frequencies = np.broadcast_to(train.mean(axis=0), targets.shape)
    everything = np.ones(targets.shape, dtype=bool)
    values = metrics(tallies(targets, frequencies, everything).sum(axis=0))
    return {name: float(values[name]) for name in METRICS}


def _resampled(tallied: Values, groups: Groups, *, seed: int = 0) -> Values:
    """Return sums of `tallies` over resampled groups (Efron 1979)."""
    names, codes = np.unique(groups, return_inverse=True)
    n = len(names)
    sums = np.zeros((n, tallied.shape[1]))
    np.add.at(sums, codes, tallied)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=evaluation.N_RESAMPLES)
    return np.asarray(drawn @ sums)


def _quantiles(drawn: dict[str, Values]) -> dict[str, tuple[float, float]]:
    ends = [(1 - evaluation.LEVEL) / 2, (1 + evaluation.LEVEL) / 2]
    found = {name: np.quantile(values, ends) for name, values in drawn.items()}
    return {name: (float(low), float(high)) for name, (low, high) in found.items()}
