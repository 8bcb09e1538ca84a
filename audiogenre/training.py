"""From a dataset to a fitted, calibrated, measured model."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV

from audiogenre import evaluation
from audiogenre.candidates import search, search_folds
from audiogenre.classifiers.augmented import has_copy
from audiogenre.dataset import Dataset
from audiogenre.foreign import leave_one_label_out
from audiogenre.images import Images, band_blocks
from audiogenre.judging import fit_grouped
from audiogenre.novelty import NoveltyDetector
from audiogenre.splits import grouped_folds
from audiogenre.tuning import TOLERANCE, Choice
from audiogenre.typing import Classifier

Values = npt.NDArray[np.float64]
_ENOUGH = 3000  # test rows for the importance of columns


@dataclass(frozen=True)
class Fitted:
    """A model and all that is known about it.

    Attributes
    ----------
    predictions : DataFrame
        One row a test track: label, answer, probabilities, distance, known.
    scores : dict
        `evaluation.summary` of the test part, with reliability and the share called unknown.
    importance : dict
        Points of test accuracy lost when a family of columns is shuffled.
    learning : dict
        Losses and accuracies of each epoch and the ``best_epoch`` of a network; empty of others.
    foreign : dict
        How well "unknown" tells labels left out of training (`audiogenre.foreign`); empty of a
        model of several labels a track.
    copies : dict
        How many training rows had a copy, and `scores` of the test rows' copies with the difference
        to the rows themselves; empty if it did not learn from copies.
    """

    classifier: Any
    novelty: NoveltyDetector
    choice: Choice
    predictions: pd.DataFrame
    scores: dict[str, Any]
    importance: dict[str, float]
    n_train: int
    learning: dict[str, Any]
    foreign: dict[str, Any]
    copies: dict[str, Any]


def fit(
    dataset: Dataset,
    family: Classifier,
    *,
    tolerance: float = TOLERANCE,
    strict: bool = False,
    jobs: int = 1,
    images: Images | None = None,
) -> Fitted:
    """Choose on the training part, calibrate, then measure once on the test part.

    Parameters
    ----------
    dataset : Dataset
    family : Classifier
    tolerance : float, 0 to 1
    strict : bool
        Take the tolerance literally.
    jobs : int
    images : ndarray, shape (n, n_bands * n_frames), optional
        What a family that learns from images reads; "unknown" is told from the columns all the
        same.
    """
    X, train = dataset.with_copies(), ~dataset.test
    inputs: Any = X if images is None else images
    rows: Any = dataset.X.to_numpy() if images is None else images
    blocks = dataset.blocks if images is None else band_blocks()
    y, groups, seed = dataset.y[train], dataset.groups[train], dataset.seed
    columns = X[train]
    learned = columns if images is None else inputs[train]
    folds = grouped_folds(y, groups, seed=seed)
    estimator, choice = search(
        family,
        learned,
        y,
        search_folds(family, y, groups, seed=seed),
        blocks,
        groups=groups,
        tolerance=tolerance,
        strict=strict,
        seed=seed,
        jobs=jobs,
        refit=not family.calibrate,
    )
    classifier = estimator
    if family.calibrate:
        classifier = CalibratedClassifierCV(estimator, method="sigmoid", cv=folds, ensemble=False)
        with warnings.catch_warnings():
            # The folds differ a little in size; scikit-learn remarks on it for every one.
            warnings.filterwarnings("ignore", category=UserWarning, module="sklearn")
            fit_grouped(classifier, learned, y, groups)
    novelty = NoveltyDetector(dataset.blocks).calibrate(columns, y, folds)
    predictions = _predictions(dataset, classifier, novelty, X, rows)
    return Fitted(
        classifier=classifier,
        novelty=novelty,
        choice=choice,
        predictions=predictions,
        scores=_scores(predictions, dataset),
        importance=importance(
            classifier, rows[dataset.test], dataset.y[dataset.test], blocks, seed=seed
        ),
        n_train=int(train.sum()),
        learning=_learning(classifier),
        foreign=leave_one_label_out(novelty, columns, y, groups, folds, seed=seed),
        copies=_copies(dataset, predictions, classifier, novelty),
    )


def _learning(classifier: Any) -> dict[str, Any]:
    """Return the course of a network's training, if there is a network in it."""
    if isinstance(classifier, CalibratedClassifierCV):
        classifier = classifier.calibrated_classifiers_[0].estimator
    return dict(getattr(classifier[-1], "history_", {}))


def _copies(
    dataset: Dataset, predictions: pd.DataFrame, classifier: Any, novelty: NoveltyDetector
) -> dict[str, Any]:
    """Judge the model on the test rows' copies, beside what it answered on the rows."""
    if dataset.copies is None:
        return {}
    there = has_copy(dataset.copies.to_numpy())
    tested = there[dataset.test]
    found: dict[str, Any] = {"n_train": int(there[~dataset.test].sum())}
    if not tested.any():
        return found
    filled = dataset.copies.fillna(dataset.X).to_numpy()  # and left out again of the answers
    answers = _predictions(dataset, classifier, novelty, filled, filled)[tested]
    copied, clean = (
        (np.asarray(each["predicted"]) == np.asarray(each["label"])).astype(np.float64)
        for each in (answers, predictions[tested])
    )
    groups = answers["group"].to_numpy()
    difference = evaluation.paired_difference(copied, clean, groups)
    return found | {"scores": _scores(answers, dataset), "difference": vars(difference)}


def _predictions(
    dataset: Dataset, classifier: Any, novelty: NoveltyDetector, X: Values, inputs: Any
) -> pd.DataFrame:
    """Answer the test rows, from columns that tell what is unknown and what a model reads."""
    probabilities = classifier.predict_proba(inputs[dataset.test])
    distances = novelty.distance(X[dataset.test])
    table = pd.DataFrame(
        {
            "track_id": dataset.X.index[dataset.test],
            "group": dataset.groups[dataset.test],
            "label": dataset.y[dataset.test],
            "predicted": classifier.classes_[probabilities.argmax(axis=1)],
            "probability": probabilities.max(axis=1),
            "distance": distances,
            "known": novelty.is_known(distances),
        }
    )
    for label, column in zip(classifier.classes_, probabilities.T, strict=True):
        table[f"p_{label}"] = column
    return table


def _scores(predictions: pd.DataFrame, dataset: Dataset) -> dict[str, Any]:
    y = predictions["label"].to_numpy(dtype=str)
    predicted = predictions["predicted"].to_numpy(dtype=str)
    scores = evaluation.summary(y, predicted, predictions["group"].to_numpy(), dataset.labels)
    bins, error = evaluation.reliability(
        predictions["probability"].to_numpy(), (y == predicted).astype(np.float64)
    )
    known = predictions["known"].to_numpy()
    return {
        "protocol": dataset.protocol,
        **scores,
        "reliability": bins,
        "calibration_error": error,
        "unknown_share": float(1 - known.mean()),
        "majority_accuracy": float(np.mean(y == _most_frequent(dataset.y[~dataset.test]))),
    }


def _most_frequent(y: npt.NDArray[np.str_]) -> str:
    labels, counts = np.unique(y, return_counts=True)
    return str(labels[counts.argmax()])


def importance(
    classifier: Any,
    X: Any,
    y: npt.NDArray[np.str_],
    blocks: tuple[str, ...],
    *,
    seed: int = 0,
    repeats: int = 10,
) -> dict[str, float]:
    """Return how much test accuracy is lost when a family of columns is shuffled together.

    Parameters
    ----------
    classifier : fitted estimator
    X : ndarray, shape (n, d)
    y : ndarray, shape (n,)
        Of more than 3,000 rows so many are drawn: each is asked about ten times a block.
    blocks : tuple of d str
    repeats : int
        Shuffles that are averaged.

    Returns
    -------
    importance : dict of block to float
        Largest first (Breiman 2001, over blocks: columns of a family stand in for each other).
    """
    if len(X) > _ENOUGH:
        rows = np.sort(np.random.default_rng(seed).permutation(len(X))[:_ENOUGH])
        X, y = X[rows], y[rows]

    def score(values: Any) -> float:
        return evaluation.accuracy(y, classifier.predict(values))

    return losses(score, X, blocks, seed=seed, repeats=repeats)


def losses(
    score: Callable[[Any], float],
    X: Any,
    blocks: tuple[str, ...],
    *,
    seed: int = 0,
    repeats: int = 10,
) -> dict[str, float]:
    """Return how much of a score of rows is lost when a block of columns is shuffled together."""
    rng = np.random.default_rng(seed)
    before = score(X)
    lost: dict[str, float] = {}
    for block in dict.fromkeys(blocks):
        columns = np.flatnonzero([each == block for each in blocks])
        after = []
        for _ in range(repeats):
            shuffled = X.copy()
            shuffled[:, columns] = X[rng.permutation(len(X))][:, columns]
            after.append(score(shuffled))
        lost[block] = before - float(np.mean(after))
    return dict(sorted(lost.items(), key=lambda item: -item[1]))
