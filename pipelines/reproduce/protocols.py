"""How a score comes about: choice inside the training part, always; then each protocol's test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import train_test_split

from audiogenre import evaluation
from audiogenre.candidates import nested_predictions, search, search_folds
from audiogenre.dataset import Dataset
from audiogenre.judging import fit_grouped
from audiogenre.splits import Folds
from audiogenre.typing import Classifier

BEST = float("inf")  # as tolerance: the best score whatever its gap


@dataclass(frozen=True)
class Score:
    """Answers to rows, and what they come to.

    Attributes
    ----------
    y, predicted : ndarray, shape (n_repeats, n)
    groups : ndarray, shape (n,)
    """

    y: npt.NDArray[np.str_]
    predicted: npt.NDArray[np.str_]
    groups: npt.NDArray[np.int64]

    @property
    def accuracy(self) -> float:
        """Percent of right answers over all repetitions."""
        return 100 * float((self.predicted == self.y).mean())

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval over groups, percent."""
        right = (self.predicted == self.y).mean(axis=0)
        low, high = evaluation.interval(right, self.groups)
        return 100 * low, 100 * high


def repeated(
    dataset: Dataset, family: Classifier, *, repeats: int, n_splits: int = 5, jobs: int = 1
) -> Score:
    """Cross-validate, with parameters chosen anew inside each training part."""
    found = nested_predictions(
        dataset,
        family,
        seeds=range(repeats),
        tolerances=[BEST],
        n_splits=n_splits,
        jobs=jobs,
    )[BEST]
    return Score(np.tile(dataset.y, (repeats, 1)), found, dataset.groups)


def ungrouped(dataset: Dataset) -> Dataset:
    """Return a dataset that knows no artists, for protocols that did not."""
    return Dataset(**{**vars(dataset), "groups": np.arange(len(dataset.y))})


def holdout(dataset: Dataset, family: Classifier, *, seed: int, jobs: int = 1) -> Score:
    """Split once, 80/20 and stratified, and choose on folds of the 80."""
    rows = np.arange(len(dataset.y))
    train, test = train_test_split(rows, test_size=0.2, stratify=dataset.y, random_state=seed)
    folds = search_folds(family, dataset.y[train], dataset.groups[train], seed=0)
    return on_test(dataset, family, train, test, folds, jobs=jobs)


def on_test(
    dataset: Dataset,
    family: Classifier,
    train: npt.NDArray[np.int64],
    test: npt.NDArray[np.int64],
    folds: Folds,
    *,
    jobs: int = 1,
) -> Score:
    """Choose over folds of the training rows, fit on all of them, answer the test rows once."""
    model, _ = _searched(dataset, family, train, folds, jobs)
    predicted = model.predict(dataset.X.to_numpy()[test])
    return Score(dataset.y[test][None], predicted[None], dataset.groups[test])


def chosen_on_valid(
    dataset: Dataset, family: Classifier, parts: npt.NDArray[np.str_], *, jobs: int = 1
) -> tuple[Score, Score]:
    """Choose parameters by the validation part, and answer the test part.

    Returns
    -------
    train_only, train_and_valid : Score
        The choice fitted on the training part, and on it and the validation part together.
    """
    learn, test = np.flatnonzero(parts != "test"), np.flatnonzero(parts == "test")
    train, valid = np.flatnonzero(parts[learn] == "train"), np.flatnonzero(parts[learn] == "valid")
    both, choice = _searched(dataset, family, learn, [(train, valid)], jobs)
    alone = family.build(dataset.blocks, 0).set_params(**choice.taken.parameters)
    X, rows = dataset.X.to_numpy(), learn[train]
    fit_grouped(alone, X[rows], dataset.y[rows], dataset.groups[rows])
    first, second = (
        Score(dataset.y[test][None], each.predict(X[test])[None], dataset.groups[test])
        for each in (alone, both)
    )
    return first, second


def _searched(
    dataset: Dataset,
    family: Classifier,
    train: npt.NDArray[np.int64],
    folds: Folds,
    jobs: int,
) -> tuple[Any, Any]:
    return search(
        family,
        dataset.X.to_numpy()[train],
        dataset.y[train],
        folds,
        dataset.blocks,
        groups=dataset.groups[train],
        tolerance=BEST,
        jobs=jobs,
    )
