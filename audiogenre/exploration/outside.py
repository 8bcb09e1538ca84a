"""Predictions of every row by models that have never seen it, nor its artist."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV

from audiogenre.candidates import search
from audiogenre.dataset import Dataset
from audiogenre.errors import UsageError
from audiogenre.splits import N_FOLDS, Folds, Groups, grouped_folds
from audiogenre.typing import Classifier

Labels = npt.NDArray[np.str_]
Values = npt.NDArray[np.float64]
Progress = Callable[[], object]


@dataclass(frozen=True)
class OutOfFold:
    """Every row's prediction by the model of the fold that it was kept out of.

    Attributes
    ----------
    labels : list of str
        In the order of the columns of `probabilities`.
    probabilities : ndarray, shape (n, n_labels)
        Calibrated.
    predicted : ndarray, shape (n,)
        The models' answers.
    folds : list of (train, test)
    models : list of unfitted pipelines
        With the parameters chosen on each fold's training rows.
    """

    labels: list[str]
    probabilities: Values
    predicted: Labels
    folds: Folds
    models: list[Any]

    @property
    def usual_model(self) -> Any:
        """The unfitted pipeline with the parameters that most folds have chosen."""
        chosen = Counter(repr(sorted(_parameters(each).items())) for each in self.models)
        most = chosen.most_common(1)[0][0]
        return next(x for x in self.models if repr(sorted(_parameters(x).items())) == most)


def _parameters(model: Any) -> dict[str, Any]:
    return {key: value for key, value in model.get_params().items() if key.startswith("model__")}


def inner_folds(y: Labels, groups: Groups, *, seed: int, n_splits: int = N_FOLDS) -> Folds:
    """Return folds to choose and calibrate by, which keep artists whole wherever that is possible.

    Among training rows a label may have one artist left; its tracks are divided. What is reported
    never comes from these folds.

    Raises
    ------
    UsageError
        If a label has one track.
    """
    alone = [each for each in np.unique(y) if len(np.unique(groups[y == each])) < 2]
    single = np.isin(y, alone)
    apart = np.where(single, groups.max() + 1 + np.arange(len(y)), groups)
    try:
        return grouped_folds(y, apart, seed=seed, n_splits=n_splits)
    except UsageError as error:
        few = min(alone, key=lambda each: int((y == each).sum()))
        raise UsageError(
            f"too few tracks of {str(few)!r} to learn from part of them: add some, or leave it "
            "out with --only"
        ) from error


def calibrated(model: Any, X: Values, y: Labels, groups: Groups, *, seed: int) -> Any:
    """Fit a copy of a pipeline, with probabilities calibrated as `audiogenre.training.fit` does."""
    folds = inner_folds(y, groups, seed=seed)
    found = CalibratedClassifierCV(clone(model), method="sigmoid", cv=folds, ensemble=False)
    with warnings.catch_warnings():
        # The folds differ a little in size; scikit-learn remarks on it for every one.
        warnings.filterwarnings("ignore", category=UserWarning, module="sklearn")
        return found.fit(X, y)


def probabilities(fitted: Any, X: Values, labels: list[str]) -> Values:
    """Return the probability of each of `labels`; 0 of one that the model has not learned."""
    found = np.zeros((len(X), len(labels)))
    found[:, np.searchsorted(labels, fitted.classes_)] = fitted.predict_proba(X)
    return found


def predict_outside(
    dataset: Dataset, family: Classifier, *, jobs: int = 1, progress: Progress = lambda: None
) -> OutOfFold:
    """Predict every row by a model whose parameters were chosen without its artist.

    Parameters
    ----------
    dataset : Dataset
    family : Classifier
    jobs : int
    progress : callable
        Called after each fold.
    """
    X, y, groups, seed = dataset.X.to_numpy(), dataset.y, dataset.groups, dataset.seed
    folds = grouped_folds(y, groups, seed=seed)
    found = np.zeros((len(y), len(dataset.labels)))
    predicted = np.empty_like(y)
    models = []
    for train, test in folds:
        inner = inner_folds(y[train], groups[train], seed=seed)
        model, _ = search(family, X[train], y[train], inner, dataset.blocks, seed=seed, jobs=jobs)
        fitted = calibrated(model, X[train], y[train], groups[train], seed=seed)
        found[test] = probabilities(fitted, X[test], dataset.labels)
        predicted[test] = model.predict(X[test])
        models.append(clone(model))
        progress()
    return OutOfFold(dataset.labels, found, predicted, folds, models)
