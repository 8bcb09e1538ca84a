"""Metrics as pure functions on arrays, each with the interval that makes it honest.

Conventions: `y` are true labels, `predicted` are answers, both shape (n,). `groups` says which rows
belong to one artist; intervals resample those, because tracks of an artist are not independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.str_]
Values = npt.NDArray[np.float64]
Groups = npt.NDArray[np.int64]

N_RESAMPLES = 2000
LEVEL = 0.95


def validate(y: Labels, predicted: Labels) -> None:
    """Check that answers belong to labels.

    Raises
    ------
    ValueError
        If there are none, or the lengths differ.
    """
    if len(y) == 0:
        raise ValueError("there are no labels to evaluate against")
    if len(y) != len(predicted):
        raise ValueError(f"{len(y)} labels but {len(predicted)} predictions: was a file left out?")


def accuracy(y: Labels, predicted: Labels) -> float:
    """Return the share of right answers."""
    validate(y, predicted)
    return float(np.mean(y == predicted))


def confusion(y: Labels, predicted: Labels, labels: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return counts, true labels down and answers across (sklearn.metrics.confusion_matrix)."""
    from sklearn.metrics import confusion_matrix

    validate(y, predicted)
    return np.asarray(confusion_matrix(y, predicted, labels=list(labels)))


def per_label(y: Labels, predicted: Labels, labels: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return precision, recall, F1 and n of each label, and its error rate and share of errors.

    The share of all errors is what the earlier work called "percentage wrong"; it grows with a
    label's number of tracks, the error rate does not.
    """
    from sklearn.metrics import precision_recall_fscore_support

    validate(y, predicted)
    scores = precision_recall_fscore_support(y, predicted, labels=list(labels), zero_division=0)
    wrong = y != predicted
    return {
        label: {
            "precision": float(precision),
            "recall": float(recall),
            "f1": float(f1),
            "n": int(n),
            "error_rate": float(1 - recall) if n else 0.0,
            "share_of_errors": float(wrong[y == label].sum() / max(wrong.sum(), 1)),
        }
        for label, precision, recall, f1, n in zip(labels, *scores, strict=True)
    }


def macro_f1(y: Labels, predicted: Labels, labels: Sequence[str]) -> float:
    """Return the mean F1 over labels."""
    return float(np.mean([each["f1"] for each in per_label(y, predicted, labels).values()]))


def interval(values: Values, groups: Groups, *, seed: int = 0) -> tuple[float, float]:
    """Return a 95 % bootstrap interval of a mean, resampling groups.

    Parameters
    ----------
    values : ndarray, shape (n,)
        For an accuracy, 1 where the answer is right; for a difference of two models, the
        difference of the two.
    groups : ndarray, shape (n,)
    seed : int

    Returns
    -------
    low, high : float
        Percentile interval (Efron 1979) over `N_RESAMPLES` resamples. Where every answer is right,
        or every one wrong, resampling has nothing to vary: then the exact binomial bound
        (Clopper and Pearson 1934) with one trial a group.
    """
    if np.all(values == values[0]) and values[0] in (0, 1):
        bound = ((1 - LEVEL) / 2) ** (1 / len(np.unique(groups)))
        return (bound, 1.0) if values[0] == 1 else (0.0, 1 - bound)
    return _bootstrap(values, groups, seed=seed)


def _bootstrap(values: Values, groups: Groups, *, seed: int = 0) -> tuple[float, float]:
    _, codes = np.unique(groups, return_inverse=True)
    sums = np.bincount(codes, weights=values)
    sizes = np.bincount(codes).astype(np.float64)
    n = len(sums)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=N_RESAMPLES)
    means = (drawn @ sums) / np.maximum(drawn @ sizes, 1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


@dataclass(frozen=True)
class Difference:
    """How much better a first model is than a second on the same tracks."""

    difference: float
    interval: tuple[float, float]
    p_value: float
    only_first: int
    only_second: int


def paired_difference(first: Values, second: Values, groups: Groups) -> Difference:
    """Compare two models on the same tracks.

    Parameters
    ----------
    first, second : ndarray, shape (n,)
        1 where the model's answer is right, else 0.
    groups : ndarray, shape (n,)

    Returns
    -------
    difference : Difference
        Accuracy of the first less that of the second, its bootstrap interval over groups, and the
        p-value of McNemar's exact test.
    """
    from scipy.stats import binomtest

    only_first = int(((first == 1) & (second == 0)).sum())
    only_second = int(((first == 0) & (second == 1)).sum())
    disagreements = only_first + only_second
    p_value = binomtest(only_first, disagreements).pvalue if disagreements else 1.0
    return Difference(
        difference=float(np.mean(first - second)),
        interval=_bootstrap(first - second, groups),
        p_value=float(p_value),
        only_first=only_first,
        only_second=only_second,
    )


def reliability(
    probability: Values, right: Values, *, n_bins: int = 10
) -> tuple[list[dict[str, float]], float]:
    """Return how often answers of a given probability are right, and the mean distance to that.

    Parameters
    ----------
    probability : ndarray, shape (n,), 0 to 1
        Of the label answered.
    right : ndarray, shape (n,)

    Returns
    -------
    bins : list of dict
        ``probability`` (mean), ``accuracy`` and ``n`` of each bin that is not empty.
    error : float
        Expected calibration error (Naeini et al. 2015).
    """
    edges = np.linspace(0, 1, n_bins + 1)
    codes = np.clip(np.digitize(probability, edges) - 1, 0, n_bins - 1)
    bins = [
        {
            "probability": float(probability[codes == code].mean()),
            "accuracy": float(right[codes == code].mean()),
            "n": int((codes == code).sum()),
        }
        for code in np.unique(codes)
    ]
    error = sum(each["n"] * abs(each["probability"] - each["accuracy"]) for each in bins)
    return bins, float(error / len(right))


def summary(y: Labels, predicted: Labels, groups: Groups, labels: Sequence[str]) -> dict[str, Any]:
    """Return accuracy with interval and n, macro F1 and the scores of each label."""
    right = (y == predicted).astype(np.float64)
    return {
        "accuracy": accuracy(y, predicted),
        "interval": interval(right, groups),
        "n": len(y),
        "n_groups": len(np.unique(groups)),
        "macro_f1": macro_f1(y, predicted, labels),
        "per_label": per_label(y, predicted, labels),
        "confusion": confusion(y, predicted, labels).tolist(),
    }
