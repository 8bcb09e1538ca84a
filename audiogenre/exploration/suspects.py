"""Tracks whose label is doubtful: the model, not having seen their artist, says something else.

A suspect is a track whose out-of-fold answer contradicts its label; suspects are ranked by the
probability of the label they have, the least likely first. With a tenth of the labels of real clips
made wrong on purpose, two thirds of as many suspects as wrong labels were among them; ranked by the
margin to the answer fewer were, adjusted for each label's mean confidence fewer, and about one in
four of what confident learning sets apart (Northcutt et al. 2021; cleanlab 2.9), as it sets three
times too many tracks apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import clone

from audiogenre import evaluation
from audiogenre.dataset import Dataset
from audiogenre.exploration.outside import (
    Labels,
    OutOfFold,
    Progress,
    Values,
    calibrated,
    inner_folds,
    probabilities,
)
from audiogenre.splits import Groups

SHARES = (0.02, 0.05, 0.1, 0.15, 0.2)
_REPEATS = 3
_LARGE = 2000  # rows from which one cut into folds is enough


@dataclass(frozen=True)
class LeftOut:
    """What becomes of the score when the most doubtful tracks are not learned from.

    Attributes
    ----------
    share : float
        Of the training tracks, at most; only contradicted ones are left out.
    n : float
        Tracks left out of a fold's training part, on average.
    difference : evaluation.Difference
        Less learning from all, on the same rows, none of them left out.
    """

    share: float
    n: float
    accuracy: float
    interval: tuple[float, float]
    difference: evaluation.Difference


def repeated_probabilities(
    model: Any,
    X: Values,
    y: Labels,
    groups: Groups,
    labels: list[str],
    *,
    seed: int,
) -> Values:
    """Return each row's probabilities by models that have not seen its artist.

    A mean over several cuts into folds where rows are few: one cut is partly luck.

    Returns
    -------
    probabilities : ndarray, shape (n, n_labels)
    """
    repeats = _REPEATS if len(y) < _LARGE else 1
    found = np.zeros((len(y), len(labels)))
    for repeat in range(repeats):
        for train, test in inner_folds(y, groups, seed=seed + repeat):
            fitted = calibrated(model, X[train], y[train], groups[train], seed=seed)
            found[test] += probabilities(fitted, X[test], labels) / repeats
    return found


def ranked(probabilities: Values, y: Labels, labels: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the row numbers of suspects, the most doubtful first.

    Parameters
    ----------
    probabilities : ndarray, shape (n, n_labels)
        Out of fold.
    y : ndarray, shape (n,)
    labels : sequence of str, sorted
    """
    codes = np.searchsorted(labels, y)
    own = probabilities[np.arange(len(y)), codes]
    contradicted = np.flatnonzero(probabilities.argmax(axis=1) != codes)
    return contradicted[np.argsort(own[contradicted], kind="stable")]


def _sparing(rows: npt.NDArray[np.int64], y: Labels) -> npt.NDArray[np.int64]:
    """Return the first of the rows, of each label half of its tracks at most."""
    rank = pd.Series(y[rows]).groupby(y[rows]).cumcount().to_numpy()
    half = pd.Series(y).value_counts().reindex(y[rows]).to_numpy() / 2
    return rows[rank < half.astype(int)]


def find_suspects(dataset: Dataset, outside: OutOfFold) -> pd.DataFrame:
    """Rank the tracks whose label is doubtful.

    Returns
    -------
    suspects : DataFrame
        ``track_id``, ``label``, ``suggestion``, ``probability`` of the suggestion and
        ``label_probability``; the most doubtful first.
    """
    X, y = dataset.X.to_numpy(), dataset.y
    found = repeated_probabilities(
        outside.usual_model,
        X,
        y,
        dataset.groups,
        outside.labels,
        seed=dataset.seed,
    )
    rows = ranked(found, y, outside.labels)
    labels = np.asarray(outside.labels)
    return pd.DataFrame(
        {
            "track_id": dataset.X.index[rows],
            "label": y[rows],
            "suggestion": labels[found[rows].argmax(axis=1)],
            "probability": found[rows].max(axis=1),
            "label_probability": found[rows, np.searchsorted(labels, y[rows])],
        }
    )


def leave_out(
    dataset: Dataset, outside: OutOfFold, *, progress: Progress = lambda: None
) -> list[LeftOut]:
    """Measure what leaving the most doubtful tracks out of training does to the score.

    Doubts are found among each fold's training rows by themselves, so that the rows the fold is
    measured on have no say in what is left out; they all count, whatever their label.

    Returns
    -------
    left_out : list of LeftOut
        Nothing left out first.
    """
    X, y, groups, seed = dataset.X.to_numpy(), dataset.y, dataset.groups, dataset.seed
    shares = (0.0, *SHARES)
    answers = np.empty((len(shares), len(y)), dtype=y.dtype)
    counts = np.zeros(len(shares))
    for (train, test), model in zip(outside.folds, outside.models, strict=True):
        labels = sorted(set(y[train].tolist()))
        found = repeated_probabilities(model, X[train], y[train], groups[train], labels, seed=seed)
        doubtful = _sparing(ranked(found, y[train], labels), y[train])
        for row, share in enumerate(shares):
            out = doubtful[: round(share * len(train))]
            kept = np.delete(train, out)
            answers[row, test] = clone(model).fit(X[kept], y[kept]).predict(X[test])
            counts[row] += len(out) / len(outside.folds)
        progress()
    right = (answers == y).astype(np.float64)
    return [
        LeftOut(
            share=share,
            n=float(n),
            accuracy=float(each.mean()),
            interval=evaluation.interval(each, groups),
            difference=evaluation.paired_difference(each, right[0], groups),
        )
        for share, n, each in zip(shares, counts, right, strict=True)
    ]
