"""Judging candidates over folds, and computing once what several of them share.

Candidates of a pipeline differ mostly in its last step. What that step is given in a fold, the
scaled or mapped rows and for an SVC the kernel between them, is the same for all of those.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import TransformerMixin, clone
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import Pipeline

from audiogenre.classifiers.augmented import AugmentedPipeline, has_copy, stack
from audiogenre.classifiers.svc import MarginSVC
from audiogenre.pool import workers
from audiogenre.splits import Folds, Groups

Values = npt.NDArray[np.float64]
Labels = npt.NDArray[np.str_]
_KERNELS = 4 * 2**30  # bytes that the kernels of all processes may take, about
Fold = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


def judge(
    pipeline: Pipeline,
    grid: list[dict[str, list[Any]]],
    X: Any,
    y: Labels,
    folds: Folds,
    *,
    groups: Groups | None = None,
    jobs: int = 1,
) -> dict[str, Any]:
    """Judge candidates by accuracy, on the rows they learn from and on those kept out.

    Parameters
    ----------
    X : ndarray, shape (n, d) or (n, 2d)
        With copies beside the rows for an `AugmentedPipeline`.
    groups : ndarray, shape (n,), optional
        For a model that divides the rows it is given once more.

    Returns
    -------
    results : dict
        What ``GridSearchCV.cv_results_`` holds of the same search and `audiogenre.tuning.choose`
        reads, with the scores on copies if there are any.
    """
    from joblib import Parallel, delayed

    candidates = list(ParameterGrid(grid))
    shares = [_shared(pipeline, each) for each in candidates]
    alike = [
        [i for i, each in enumerate(shares) if each == share]
        for number, share in enumerate(shares)
        if share not in shares[:number]
    ]
    if isinstance(pipeline[-1], MarginSVC):
        largest = 8 * max(len(train) for train, _ in folds) ** 2
        jobs = max(1, min(jobs, _KERNELS // largest))
    tasks = [(members, fold) for members in alike for fold in folds]
    with workers(jobs, first=fit_something):
        found = Parallel()(
            delayed(_judge_fold)(pipeline, [candidates[i] for i in members], X, y, fold, groups)
            for members, fold in tasks
        )
    scores = np.empty((4, len(candidates), len(folds)))
    for place, ((members, _), one) in enumerate(zip(tasks, found, strict=True)):
        scores[:, members, place % len(folds)] = np.transpose(one)
    train, held, copies, any_copies = scores.mean(axis=2)
    results = {"params": candidates, "mean_train_score": train, "mean_test_score": held}
    if isinstance(pipeline, AugmentedPipeline):
        results |= {"mean_test_copies": copies, "mean_test_any_copies": any_copies}
    return results


def fit_grouped(estimator: Any, X: Any, y: npt.NDArray[Any], groups: Groups | None) -> Any:
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


def _shared(pipeline: Pipeline, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that decide what the last fit is given."""
    name, model = pipeline.steps[-1]
    own = f"{name}__"
    kernel = {f"{name}__gamma"} if isinstance(model, MarginSVC) else set()
    return {
        key: each for key, each in parameters.items() if not key.startswith(own) or key in kernel
    }


def _judge_fold(
    pipeline: Pipeline,
    candidates: list[dict[str, Any]],
    X: Any,
    y: Labels,
    fold: Fold,
    groups: Groups | None,
) -> list[tuple[float, float, float, float]]:
    """Return the scores in one fold of candidates that differ in their last step only.

    Returns
    -------
    scores : list of (train, held, copies, any_copies)
        Accuracies, the third on the copies that rows kept out carry, 0 if there are none; the last
        is 1 if there are any, a fold's weight in their mean.
    """
    train, held = fold
    shared = _shared(pipeline, candidates[0])
    *steps, (name, model) = clone(pipeline).set_params(**shared).steps
    values: Any = X[train]
    labels, divided = y[train], None if groups is None else groups[train]
    asked, answers = [values, X[held]], [labels, y[held]]
    if isinstance(pipeline, AugmentedPipeline):
        d = X.shape[1] // 2
        there = held[has_copy(X[held][:, d:])]
        asked = [each[:, :d] for each in asked]
        if len(there):
            asked, answers = [*asked, X[there][:, d:]], [*answers, y[there]]
        values, labels, *own = stack(values, d, labels, *([] if divided is None else [divided]))
        divided = own[0] if own else None
    for _, step in steps:
        before = values
        # Some transform what they learn from in another way than what they have learned from it.
        of_its_own = type(step).fit_transform is not TransformerMixin.fit_transform
        if of_its_own:
            values = step.fit_transform(before, labels)
        else:
            values = step.fit(before, labels).transform(before)
        asked = [
            values if each is before and not of_its_own else step.transform(each) for each in asked
        ]
    if isinstance(model, MarginSVC) and len(candidates) > 1:
        model, values, asked = model.on_kernel(values, asked)
    prefix, scores = f"{name}__", []
    for parameters in candidates:
        last = {
            key.removeprefix(prefix): each
            for key, each in parameters.items()
            if key.startswith(prefix)
        }
        fitted = fit_grouped(clone(model).set_params(**last), values, labels, divided)
        right = [
            float(np.mean(fitted.predict(each) == answer))
            for each, answer in zip(asked, answers, strict=True)
        ]
        scores.append((right[0], right[1], sum(right[2:]), float(len(right) > 2)))
    return scores


def fit_something() -> None:
    """Import and run what a worker of the search needs, once, on numbers."""
    from sklearn.svm import SVC

    SVC().fit(np.eye(4), [0, 0, 1, 1])
