"""One model a label, each against all other tracks, with a threshold of its own."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.multiclass import OneVsRestClassifier

from audiogenre.dataset import Dataset
from audiogenre.errors import UsageError
from audiogenre.judging import fit_something
from audiogenre.multilabel import metrics
from audiogenre.multilabel.answers import joined
from audiogenre.multilabel.rows import Targets, label_folds
from audiogenre.novelty import NoveltyDetector
from audiogenre.pool import workers
from audiogenre.splits import Folds, repeated_folds
from audiogenre.training import Fitted, losses
from audiogenre.tuning import TOLERANCE, Choice, choose
from audiogenre.typing import Classifier

Values = npt.NDArray[np.float64]

FAMILIES = ("svc", "linear", "boosting", "forest", "majority")
_STEP = "estimator__"  # what a parameter of a label's model is called with outside


@dataclass(frozen=True)
class FittedLabels(Fitted):
    """A model of several labels a track, and all that is known about it.

    Attributes
    ----------
    predictions : DataFrame
        As in `audiogenre.training.Fitted`, with ``is_LABEL`` for each label a track has, and labels
        and answers joined.
    scores : dict
        `audiogenre.multilabel.metrics.summary` of the test part, and answers without looking.
    thresholds : dict
        From which probability a label is answered.
    """

    thresholds: dict[str, float] = field(default_factory=dict)


def check_family(name: str) -> None:
    """Refuse a family that cannot be fitted once for each label.

    Raises
    ------
    UsageError
    """
    if name not in FAMILIES:
        *most, last = FAMILIES
        raise UsageError(
            f"--multilabel fits one model for each label, which --model {name} is not made for: "
            f"take {', '.join(most)} or {last}"
        )


def fit(
    dataset: Dataset,
    family: Classifier,
    *,
    tolerance: float = TOLERANCE,
    strict: bool = False,
    jobs: int = 1,
) -> FittedLabels:
    """Choose on the training part, calibrate, set thresholds, then measure once on the test part.

    Parameters
    ----------
    dataset : Dataset
        With `targets`.
    family : Classifier
        One of `FAMILIES`.
    tolerance : float, 0 to 1
        Of the gap in label-ranking average precision, by which candidates are judged: it needs no
        thresholds.
    strict : bool
        Take the tolerance literally.
    jobs : int
    """
    assert dataset.targets is not None
    X, Y, train = dataset.X.to_numpy(), dataset.targets.to_numpy(), ~dataset.test
    groups, labels, seed = dataset.groups[train], dataset.labels, dataset.seed
    folds = label_folds(Y[train], groups, labels, seed=seed)
    estimator, choice = search(
        family,
        X[train],
        Y[train],
        label_folds(Y[train], groups, labels, seed=seed, cut=repeated_folds),
        dataset.blocks,
        tolerance=tolerance,
        strict=strict,
        seed=seed,
        jobs=jobs,
    )
    classifier, out_of_fold = calibrated(
        estimator, X[train], Y[train], folds, sigmoid=family.calibrate
    )
    thresholds = [
        best_threshold(own, values) for own, values in zip(Y[train].T, out_of_fold.T, strict=True)
    ]
    novelty = _novelty(dataset, folds)
    predictions = _predictions(dataset, classifier, novelty, np.array(thresholds))

    def score(values: Values) -> float:
        return ranking_score(classifier, values, Y[dataset.test])

    return FittedLabels(
        classifier=classifier,
        novelty=novelty,
        choice=choice,
        predictions=predictions,
        scores=_scores(predictions, dataset, np.array(thresholds)),
        importance=losses(score, X[dataset.test], dataset.blocks, seed=seed),
        n_train=int(train.sum()),
        learning={},
        foreign={},  # a track without one of its labels is still known by the others
        copies={},
        thresholds=dict(zip(labels, thresholds, strict=True)),
    )


def search(
    family: Classifier,
    X: Values,
    Y: Targets,
    folds: Folds,
    blocks: tuple[str, ...],
    *,
    tolerance: float = TOLERANCE,
    strict: bool = False,
    seed: int = 0,
    jobs: int = 1,
) -> tuple[Any, Choice]:
    """Search the candidates of a family, the same for all labels, and fit the chosen one.

    Returns
    -------
    estimator : fitted OneVsRestClassifier
    choice : Choice
        Scores are label-ranking average precisions.
    """
    made: list[Choice] = []

    def pick(results: dict[str, Any]) -> int:
        plain = [
            {key.removeprefix(_STEP): value for key, value in each.items()}
            for each in results["params"]
        ]
        made.append(
            choose(
                {**results, "params": plain},
                tolerance=tolerance,
                strict=strict,
                complexity=family.complexity,
            )
        )
        return made[-1].chosen

    grid = [
        {f"{_STEP}{key}": values for key, values in part.items()}
        for part in family.grid(len(X), X.shape[1])
    ]
    found = GridSearchCV(
        OneVsRestClassifier(family.build(blocks, seed)),
        grid or [{}],
        scoring=ranking_score,
        cv=folds,
        refit=pick,
        return_train_score=True,
        n_jobs=jobs,
        error_score="raise",
    )
    with workers(jobs, first=fit_something):
        found.fit(X, Y.astype(np.int64))
    return found.best_estimator_, made[-1]


def ranking_score(estimator: Any, X: Values, Y: npt.NDArray[Any]) -> float:
    """Return the label-ranking average precision of an estimator, in the form of a scorer."""
    scores = getattr(estimator, _method(estimator))(X)
    return float(metrics.ranking_precision(Y.astype(bool), scores).mean())


def _method(estimator: Any) -> str:
    """Return how an estimator tells sure from unsure, calibrated or not."""
    return "decision_function" if hasattr(estimator, "decision_function") else "predict_proba"


def calibrated(
    estimator: Any, X: Values, Y: Targets, folds: Folds, *, sigmoid: bool
) -> tuple[Any, Values]:
    """Calibrate the model of each label on folds of the rows it learns from.

    Parameters
    ----------
    estimator : OneVsRestClassifier
        Fitted on these rows.
    sigmoid : bool
        Whether there is anything to calibrate.

    Returns
    -------
    classifier : fitted OneVsRestClassifier
    out_of_fold : ndarray, shape (n, n_labels)
        Probabilities of each row from models that had not seen it.
    """
    model, method = estimator.estimator, _method(estimator.estimator)
    with warnings.catch_warnings():
        # The folds differ a little in size; scikit-learn remarks on it for every one.
        warnings.filterwarnings("ignore", category=UserWarning, module="sklearn")
        raw = [cross_val_predict(clone(model), X, own, cv=folds, method=method) for own in Y.T]
        scores = [each[:, 1] if each.ndim == 2 else each for each in raw]
        if not sigmoid:
            return estimator, np.column_stack(scores)
        one = CalibratedClassifierCV(clone(model), method="sigmoid", cv=folds, ensemble=False)
        classifier = OneVsRestClassifier(one).fit(X, Y.astype(np.int64))
    sigmoids = [
        each.calibrated_classifiers_[0].calibrators[0].predict for each in classifier.estimators_
    ]
    probabilities = [each(values) for each, values in zip(sigmoids, scores, strict=True)]
    return classifier, np.column_stack(probabilities)


def best_threshold(own: npt.NDArray[np.bool_], probability: Values) -> float:
    """Return the threshold that gives a label its best F1.

    Parameters
    ----------
    own : ndarray, shape (n,)
        Which rows have the label.
    probability : ndarray, shape (n,)
        From models that had not seen the row.

    Returns
    -------
    threshold : float
        Midway between the last probability to be answered and the next below it, or 0.

    Examples
    --------
    >>> best_threshold(np.array([True, True, False]), np.array([0.9, 0.75, 0.25]))
    0.5
    """
    from sklearn.metrics import precision_recall_curve

    precision, recall, steps = precision_recall_curve(own, probability)
    sums = (precision + recall)[:-1]
    f1 = np.divide(2 * (precision * recall)[:-1], sums, out=np.zeros_like(sums), where=sums > 0)
    best = int(f1.argmax())
    return float((steps[best] + (steps[best - 1] if best else 0)) / 2)


def _novelty(dataset: Dataset, folds: Folds) -> NoveltyDetector:
    """Fit "unknown" on a row for each track and label: a label lies amid all of its tracks."""
    assert dataset.targets is not None
    X, Y = dataset.X.to_numpy()[~dataset.test], dataset.targets.to_numpy()[~dataset.test]
    tracks, columns = np.nonzero(Y)
    rows = [
        (np.flatnonzero(np.isin(tracks, train)), np.flatnonzero(np.isin(tracks, held)))
        for train, held in folds
    ]
    y = np.asarray(dataset.labels)[columns]
    return NoveltyDetector(dataset.blocks).calibrate(X[tracks], y, rows)


def _predictions(
    dataset: Dataset, classifier: Any, novelty: NoveltyDetector, thresholds: Values
) -> pd.DataFrame:
    assert dataset.targets is not None
    labels, Y = dataset.labels, dataset.targets.to_numpy()[dataset.test]
    X = dataset.X.to_numpy()[dataset.test]
    probabilities = classifier.predict_proba(X)
    distances = novelty.distance(X)
    table = pd.DataFrame(
        {
            "track_id": dataset.X.index[dataset.test],
            "group": dataset.groups[dataset.test],
            "label": joined(Y, labels),
            "predicted": joined(probabilities >= thresholds, labels),
            "probability": probabilities.max(axis=1),
            "distance": distances,
            "known": novelty.is_known(distances),
        }
    )
    for column, label in enumerate(labels):
        table[f"p_{label}"] = probabilities[:, column]
        table[f"is_{label}"] = Y[:, column]
    return table


def _scores(predictions: pd.DataFrame, dataset: Dataset, thresholds: Values) -> dict[str, Any]:
    assert dataset.targets is not None
    labels, Y = dataset.labels, dataset.targets.to_numpy()
    probabilities = predictions[[f"p_{label}" for label in labels]].to_numpy()
    return {
        "protocol": dataset.protocol,
        **metrics.summary(
            Y[dataset.test],
            probabilities,
            probabilities >= thresholds,
            predictions["group"].to_numpy(),
            labels,
        ),
        "unknown_share": float(1 - predictions["known"].mean()),
        "by_frequency": metrics.by_frequency(Y[~dataset.test], Y[dataset.test]),
    }
