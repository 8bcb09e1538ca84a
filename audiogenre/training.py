"""From a dataset to a fitted, calibrated, measured model."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GridSearchCV

from audiogenre import evaluation
from audiogenre.classifiers.augmented import AugmentedPipeline, has_copy, score_copies
from audiogenre.dataset import Dataset
from audiogenre.foreign import leave_one_label_out
from audiogenre.images import Images, band_blocks
from audiogenre.novelty import NoveltyDetector
from audiogenre.pool import workers
from audiogenre.splits import N_FOLDS, Folds, Groups, grouped_folds, repeated_folds
from audiogenre.tuning import TOLERANCE, Candidate, Choice, choose
from audiogenre.typing import Classifier

Values = npt.NDArray[np.float64]
ACCURACY = "accuracy"  # a pipeline's own score cannot be routed through every model


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
        scoring = {"score": ACCURACY, "copies": score_copies}
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
    y, groups, seed = dataset.y, dataset.groups, dataset.seed
    folds = grouped_folds(y[train], groups[train], seed=seed)
    estimator, choice = search(
        family,
        inputs[train],
        y[train],
        search_folds(family, y[train], groups[train], seed=seed),
        blocks,
        groups=groups[train],
        tolerance=tolerance,
        strict=strict,
        seed=seed,
        jobs=jobs,
    )
    classifier = estimator
    if family.calibrate:
        classifier = CalibratedClassifierCV(estimator, method="sigmoid", cv=folds, ensemble=False)
        with warnings.catch_warnings():
            # The folds differ a little in size; scikit-learn remarks on it for every one.
            warnings.filterwarnings("ignore", category=UserWarning, module="sklearn")
            fit_grouped(classifier, inputs[train], y[train], groups[train])
    novelty = NoveltyDetector(dataset.blocks).calibrate(X[train], y[train], folds)
    predictions = _predictions(dataset, classifier, novelty, X, rows)
    return Fitted(
        classifier=classifier,
        novelty=novelty,
        choice=choice,
        predictions=predictions,
        scores=_scores(predictions, dataset),
        importance=importance(classifier, rows[dataset.test], y[dataset.test], blocks, seed=seed),
        n_train=int(train.sum()),
        learning=_learning(classifier),
        foreign=leave_one_label_out(novelty, X[train], y[train], groups[train], folds, seed=seed),
        copies=_copies(dataset, predictions, classifier, novelty),
    )


def search_folds(
    family: Classifier, y: npt.NDArray[np.str_], groups: Groups, *, seed: int
) -> Folds:
    """Return the folds that a family's candidates are judged by."""
    cut = grouped_folds if family.costly else repeated_folds
    return cut(y, groups, seed=seed)


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
    blocks : tuple of d str
    repeats : int
        Shuffles that are averaged.

    Returns
    -------
    importance : dict of block to float
        Largest first (Breiman 2001, over blocks: columns of a family stand in for each other).
    """

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
