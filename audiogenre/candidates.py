"""Searching a family's candidates, and judging them on rows they have not learned from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

from audiogenre.classifiers.augmented import AugmentedPipeline
from audiogenre.dataset import Dataset
from audiogenre.judging import fit_grouped, judge
from audiogenre.splits import N_FOLDS, Folds, Groups, grouped_folds, repeated_folds
from audiogenre.tuning import TOLERANCE, Candidate, Choice, choose
from audiogenre.typing import Classifier

Values = npt.NDArray[np.float64]


def search(
    family: Classifier,
    X: Values,
    y: npt.NDArray[np.str_],
    folds: Folds,
    blocks: tuple[str, ...],
    *,
    groups: Groups | None = None,
    tolerance: float = TOLERANCE,
    strict: bool = False,
    seed: int = 0,
    jobs: int = 1,
    refit: bool = True,
) -> tuple[Any, Choice]:
    """Search the candidates of a family over given folds, and fit the chosen one on all rows.

    Parameters
    ----------
    X : ndarray, shape (n, d) or (n, 2d)
        Rows, with their copies beside them if it is to learn from those, too
        (`audiogenre.classifiers.augmented`).
    groups : ndarray, shape (n,), optional
        For a family that divides the rows it is given once more: by artist again.
    refit : bool
        Whether to fit the chosen one; not if calibration is going to.

    Returns
    -------
    estimator : pipeline
    choice : Choice
    """
    pipeline = family.build(blocks, seed)
    if X.shape[1] == 2 * len(blocks):
        pipeline = AugmentedPipeline(pipeline.steps)
    grid = family.grid(len(y), len(blocks)) or [{}]
    results = judge(pipeline, grid, X, y, folds, groups=groups, jobs=jobs)
    choice = choose(results, tolerance=tolerance, strict=strict, complexity=family.complexity)
    estimator = clone(pipeline).set_params(**choice.taken.parameters)
    return (fit_grouped(estimator, X, y, groups) if refit else estimator), choice


def search_folds(
    family: Classifier, y: npt.NDArray[np.str_], groups: Groups, *, seed: int
) -> Folds:
    """Return the folds that a family's candidates are judged by."""
    cut = grouped_folds if family.costly else repeated_folds
    return cut(y, groups, seed=seed)


def nested_predictions(
    dataset: Dataset,
    family: Classifier,
    *,
    seeds: Sequence[int],
    tolerances: Sequence[float] = (TOLERANCE,),
    n_splits: int = N_FOLDS,
    jobs: int = 1,
) -> dict[float, npt.NDArray[np.str_]]:
    """Predict every row from models that chose their parameters without it.

    Parameters
    ----------
    seeds : sequence of int
        One repetition of the outer folds each.
    tolerances : sequence of float
        Rules to apply to the same searches; ``inf`` takes the best score.
    n_splits : int >= 2
        Outer folds.

    Returns
    -------
    predicted : dict of tolerance to ndarray, shape (len(seeds), n), str
    """
    X, y, groups = dataset.X.to_numpy(), dataset.y, dataset.groups
    predicted = {each: np.empty((len(seeds), len(y)), dtype=y.dtype) for each in tolerances}
    for row, seed in enumerate(seeds):
        for train, test in grouped_folds(y, groups, seed=seed, n_splits=n_splits):
            folds = search_folds(family, y[train], groups[train], seed=seed)
            pipeline = family.build(dataset.blocks, seed)
            grid = family.grid(len(train), X.shape[1]) or [{}]
            results = judge(
                pipeline, grid, X[train], y[train], folds, groups=groups[train], jobs=jobs
            )
            fitted: dict[str, npt.NDArray[np.str_]] = {}
            for tolerance in tolerances:
                taken: Candidate = choose(
                    results, tolerance=tolerance, complexity=family.complexity
                ).taken
                key = repr(taken.parameters)
                if key not in fitted:
                    model = clone(pipeline).set_params(**taken.parameters)
                    fit_grouped(model, X[train], y[train], groups[train])
                    fitted[key] = model.predict(X[test])
                predicted[tolerance][row, test] = fitted[key]
    return predicted
