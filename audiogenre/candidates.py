"""Searching a family's candidates, and judging them on rows they have not learned from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from audiogenre.classifiers.augmented import AugmentedPipeline, any_copies, score_copies
from audiogenre.dataset import Dataset
from audiogenre.pool import workers
from audiogenre.splits import N_FOLDS, Folds, Groups, grouped_folds, repeated_folds
from audiogenre.tuning import TOLERANCE, Candidate, Choice, choose
from audiogenre.typing import Classifier

Values = npt.NDArray[np.float64]
ACCURACY = "accuracy"  # a pipeline's own score cannot be routed through every model


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
) -> tuple[Any, Choice]:
    """Search the candidates of a family over given folds, and fit the chosen one on all rows.

    Parameters
    ----------
    X : ndarray, shape (n, d) or (n, 2d)
        Rows, with their copies beside them if it is to learn from those, too
        (`audiogenre.classifiers.augmented`).
    groups : ndarray, shape (n,), optional
        For a family that divides the rows it is given once more: by artist again.

    Returns
    -------
    estimator : fitted pipeline
    choice : Choice
    """
    pipeline = family.build(blocks, seed)
    scoring: Any = ACCURACY
    if X.shape[1] == 2 * len(blocks):
        pipeline = AugmentedPipeline(pipeline.steps)
        scoring = {"score": ACCURACY, "copies": score_copies, "any_copies": any_copies}
    grid = family.grid(len(y), len(blocks)) or [{}]
    made: list[Choice] = []

    def pick(results: dict[str, Any]) -> int:
        made.append(
            choose(results, tolerance=tolerance, strict=strict, complexity=family.complexity)
        )
        return made[-1].chosen

    found = judged(
        pipeline, grid, X, y, folds, groups=groups, scoring=scoring, refit=pick, jobs=jobs
    )
    return found.best_estimator_, made[-1]


def search_folds(
    family: Classifier, y: npt.NDArray[np.str_], groups: Groups, *, seed: int
) -> Folds:
    """Return the folds that a family's candidates are judged by."""
    cut = grouped_folds if family.costly else repeated_folds
    return cut(y, groups, seed=seed)


def judged(
    pipeline: Any,
    grid: list[dict[str, list[Any]]],
    X: Values,
    y: npt.NDArray[Any],
    folds: Folds,
    *,
    groups: Groups | None = None,
    scoring: Any = ACCURACY,
    refit: Any = False,
    jobs: int = 1,
) -> GridSearchCV:
    """Judge candidates over given folds, on the rows they learn from and on those kept out.

    Returns
    -------
    found : fitted GridSearchCV
    """
    found = GridSearchCV(
        pipeline,
        grid,
        scoring=scoring,
        cv=folds,
        refit=refit,
        return_train_score=True,
        n_jobs=jobs,
        error_score="raise",
    )
    with workers(jobs, first=_fit_something):
        fit_grouped(found, X, y, groups)
    return found


def fit_grouped(estimator: Any, X: Values, y: npt.NDArray[Any], groups: Groups | None) -> Any:
    """Fit an estimator, and pass groups on to whatever inside it asks for them.

    Scikit-learn's metadata routing cuts them to the rows of each fold on the way, through searches,
    pipelines, votes and calibration.
    """
    if groups is None:
        return estimator.fit(X, y)
    from sklearn import config_context
    from sklearn.utils.metadata_routing import get_routing_for_object

    with config_context(enable_metadata_routing=True):
        asked = get_routing_for_object(estimator).consumes("fit", {"groups"})
        return estimator.fit(X, y, **({"groups": groups} if asked else {}))


def _fit_something() -> None:
    """Import and run what a worker of the search needs, once, on numbers."""
    from sklearn.svm import SVC

    SVC().fit(np.eye(4), [0, 0, 1, 1])


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
            found = judged(
                pipeline, grid, X[train], y[train], folds, groups=groups[train], jobs=jobs
            )
            fitted: dict[str, npt.NDArray[np.str_]] = {}
            for tolerance in tolerances:
                taken: Candidate = choose(
                    found.cv_results_, tolerance=tolerance, complexity=family.complexity
                ).taken
                key = repr(taken.parameters)
                if key not in fitted:
                    model = clone(pipeline).set_params(**taken.parameters)
                    fit_grouped(model, X[train], y[train], groups[train])
                    fitted[key] = model.predict(X[test])
                predicted[tolerance][row, test] = fitted[key]
    return predicted
