"""Answers at two levels: the label itself, or where that is uncertain the top genre above it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from audiogenre import evaluation
from audiogenre.genres import GenreTree
from audiogenre.splits import N_FOLDS, Folds, Groups

Values = npt.NDArray[np.float64]
Labels = npt.NDArray[np.str_]
RULE = (
    "a label is uncertain if its probability is at most the limit: the smallest above which labels "
    "of out-of-fold training tracks are right as often as the parents of all of them are"
)


def parents_of(labels: Sequence[str], tree: GenreTree) -> dict[str, str]:
    """Return the top genre of each label, itself if it is one; nothing if all of them are."""
    parents = {label: tree.label(label, parents=True) for label in labels}
    return parents if any(label != parent for label, parent in parents.items()) else {}


def summed(
    probabilities: Values, labels: Sequence[str], parents: Mapping[str, str]
) -> tuple[list[str], Values]:
    """Add up the probabilities of each parent's labels.

    Parameters
    ----------
    probabilities : ndarray, shape (n, n_labels), rows add up to 1
    labels : sequence of n_labels str
    parents : mapping of label to parent

    Returns
    -------
    names : list of str, sorted
    sums : ndarray, shape (n, n_parents), rows add up to 1
    """
    names = sorted(set(parents.values()))
    belongs = np.array([[parents[label] == name for name in names] for label in labels])
    return names, probabilities @ belongs.astype(np.float64)


def certain_above(
    probabilities: Values, labels: Sequence[str], y: Labels, parents: Mapping[str, str]
) -> float:
    """Return the probability above which a label is as good as a parent's answer, by `RULE`.

    Parameters
    ----------
    probabilities : ndarray, shape (n, n_labels)
        Of rows that the model has not learned from.
    y : ndarray, shape (n,)

    Returns
    -------
    limit : float, 0 to 1
    """
    names, sums = summed(probabilities, labels, parents)
    above = np.array([parents[str(each)] for each in y])
    wanted = evaluation.accuracy(above, np.array(names)[sums.argmax(axis=1)])
    highest = probabilities.max(axis=1)
    right = np.array(labels)[probabilities.argmax(axis=1)] == y
    # The share that is right of the rows from each one on, in ascending order.
    order = np.argsort(highest, kind="stable")
    shares = np.cumsum(right[order][::-1])[::-1] / np.arange(len(y), 0, -1)
    limits, counts = np.unique(highest, return_counts=True)
    starts = np.cumsum([0, *counts[:-1]])  # the first row above the limit before
    good = np.flatnonzero(shares[starts] >= wanted)
    if not len(good):
        return float(limits[-1])
    return float(limits[good[0] - 1]) if good[0] else 0.0


def out_of_fold(
    classifier: Any, X: Any, y: Labels, groups: Groups, folds: Folds, *, seed: int
) -> Values:
    """Return each row's probabilities from a copy of a classifier that has not seen its group.

    Returns
    -------
    probabilities : ndarray, shape (n, n_labels)
        In the order of ``np.unique(y)``. What calibrates a copy is cut from its own rows.
    """
    from sklearn.base import clone
    from sklearn.model_selection import StratifiedGroupKFold

    from audiogenre.judging import fit_grouped

    labels = np.unique(y)
    found = np.zeros((len(y), len(labels)))
    for train, held in folds:
        model = clone(classifier)
        with warnings.catch_warnings():
            # A fold may lack a label that few artists have, and be a little smaller than another.
            warnings.filterwarnings("ignore", category=UserWarning, module="sklearn")
            warnings.filterwarnings("ignore", message="Number of classes in training fold")
            if "cv" in model.get_params(deep=False):  # it is calibrated, on folds of all rows
                cut = StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=seed)
                model.set_params(cv=list(cut.split(y[train], y[train], groups[train])))
            fit_grouped(model, X[train], y[train], groups[train])
        columns = np.searchsorted(labels, model.classes_)
        found[np.ix_(held, columns)] = model.predict_proba(X[held])
    return found


def measure(
    predictions: pd.DataFrame, parents: Mapping[str, str], probabilities: Values, y: Labels
) -> dict[str, Any]:
    """Return what is known of a model at the level of the parents.

    Parameters
    ----------
    predictions : DataFrame
        Of the test part (`audiogenre.training.Fitted`).
    parents : mapping of label to parent
    probabilities : ndarray, shape (n, n_labels)
        Out of fold, of the training part.
    y : ndarray, shape (n,)

    Returns
    -------
    levels : dict
        ``parents``, ``limit`` and ``rule``; ``scores``, as `evaluation.summary`, with answers
        counted as their parents; ``answered_at_leaf``, the share of test tracks whose label is
        certain, and ``accuracy_by_level`` of all test tracks answered that way.
    """
    labels = [each[2:] for each in map(str, predictions) if each.startswith("p_")]
    limit = certain_above(probabilities, labels, y, parents)
    true, said = predictions["label"], predictions["predicted"]
    groups = predictions["group"].to_numpy()
    above, answer = true.map(parents).to_numpy(dtype=str), said.map(parents).to_numpy(dtype=str)
    names, sums = summed(predictions[[f"p_{each}" for each in labels]].to_numpy(), labels, parents)
    certain = (predictions["probability"] > limit).to_numpy()
    right = np.where(certain, true == said, above == np.array(names)[sums.argmax(axis=1)])
    return {
        "parents": dict(parents),
        "limit": limit,
        "rule": RULE,
        "scores": evaluation.summary(above, answer, groups, names),
        "answered_at_leaf": float(certain.mean()),
        "accuracy_by_level": evaluation.accuracy(right, np.ones_like(right)),
    }


def answer_above(answers: pd.DataFrame, levels: Mapping[str, Any]) -> pd.DataFrame:
    """Answer with the parent where the label is uncertain.

    Parameters
    ----------
    answers : DataFrame
        As `audiogenre.bundle.Bundle.predict_features` gives them.
    levels : mapping
        What `measure` returned when the model was fitted.

    Returns
    -------
    answers : DataFrame
        ``label``, ``nearest`` and ``probability`` of the level answered; ``level`` ("leaf" or
        "parent"), and each parent's probability as ``above_PARENT``.
    """
    labels = list(levels["parents"])
    probabilities = answers[[f"p_{label}" for label in labels]].to_numpy(dtype=np.float64)
    names, sums = summed(probabilities, labels, levels["parents"])
    certain = (answers["probability"] > levels["limit"]).to_numpy()
    parent = np.array(names)[sums.argmax(axis=1)]
    nearest = np.where(certain, answers["nearest"], parent)
    return answers.assign(
        nearest=nearest,
        label=np.where(answers["known"], nearest, answers["label"]),
        probability=np.where(certain, answers["probability"], sums.max(axis=1)),
        level=np.where(certain, "leaf", "parent"),
        **{f"above_{name}": sums[:, i] for i, name in enumerate(names)},
    )
