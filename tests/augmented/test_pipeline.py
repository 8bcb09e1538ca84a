"""What learns from copies: every model around a pipeline, and what is told of the unknown."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from audiogenre.candidates import search
from audiogenre.classifiers import CLASSIFIERS
from audiogenre.classifiers.augmented import AugmentedPipeline
from audiogenre.hierarchy import out_of_fold
from audiogenre.novelty import NoveltyDetector
from audiogenre.splits import grouped_folds, repeated_folds
from audiogenre.typing import Classifier

F64 = npt.NDArray[np.float64]
Strings = npt.NDArray[np.str_]


class Noting(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier that notes which numbers it has seen, in training and in prediction."""

    def __init__(self, seen: Any = None) -> None:
        self.seen = seen

    def __sklearn_clone__(self) -> Noting:
        return Noting(self.seen)  # every clone writes into the same lists

    def fit(self, X: F64, y: Strings) -> Noting:
        self.seen["fit"].append(X[:, 0].tolist())
        self.n_features_in_ = X.shape[1]
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: F64) -> Strings:
        self.seen["predict"].append(X[:, 0].tolist())
        return np.full(len(X), self.classes_[0])


def rows(n: int = 60) -> tuple[F64, F64, Strings, npt.NDArray[np.int64]]:
    """Rows numbered from 0, their copies from 1000, labels, and groups of three rows."""
    number = np.arange(n, dtype=float)
    X = np.stack([number, np.zeros(n)], axis=1)
    y = np.array(["a", "b"])[(number // 3 % 2).astype(int)]
    return X, X + 1000, y, (number // 3).astype(np.int64)


# ---------------------------------------------------------------- the pipeline


def test_copies_are_learned_from_where_their_row_is_and_never_judged() -> None:
    X, copies, y, groups = rows()
    copies[7] = np.nan  # one row has none
    seen: dict[str, list[list[float]]] = {"fit": [], "predict": []}

    class Family(Classifier):
        name, calibrate = "noting", False

        def build(self, blocks: tuple[str, ...], seed: int) -> Pipeline:
            return Pipeline([("model", Noting(seen))])

        def grid(self, n_rows: int, n_columns: int) -> list[dict[str, list[Any]]]:
            return []

    folds = repeated_folds(y, groups, seed=0)
    search(Family(), np.hstack([X, copies]), y, folds, ("own/a", "own/b"), jobs=1)
    assert len(seen["fit"]) == len(folds) + 1  # and once more on everything
    for learned, (train, held) in zip(seen["fit"], folds, strict=False):
        expected = {*train.tolist(), *(1000 + train[train != 7]).tolist()}
        assert sorted(learned) == sorted(expected)
        artists = {int(groups[int(each) % 1000]) for each in learned}
        assert artists.isdisjoint(groups[held].tolist())


def test_the_score_and_the_gap_are_those_of_clean_rows() -> None:
    rng = np.random.default_rng(0)
    X = np.hstack([rng.normal(size=(120, 1)), rng.normal(size=(120, 1))])
    y = np.where(X[:, 0] > 0, "high", "low")
    copies = -X  # of the opposite label: whoever counts them is right half of the time
    groups = np.arange(120) // 3
    folds = grouped_folds(y, groups, seed=0)
    plain = clone(CLASSIFIERS["svc"].build(("own/a", "own/b"), 0))
    _, choice = search(
        CLASSIFIERS["svc"], np.hstack([X, copies]), y, folds, ("own/a", "own/b"), jobs=1
    )
    augmented = AugmentedPipeline(plain.set_params(**choice.taken.parameters).steps)
    train, validation, of_copies = [], [], []
    for learned, held in folds:
        model = clone(augmented).fit(np.hstack([X, copies])[learned], y[learned])
        train.append(model.score(X[learned], y[learned]))
        validation.append(model.score(X[held], y[held]))
        of_copies.append(model.score(copies[held], y[held]))
    assert choice.taken.train == pytest.approx(np.mean(train))
    assert choice.taken.validation == pytest.approx(np.mean(validation))
    assert choice.taken.copies == pytest.approx(np.mean(of_copies))


def test_without_copies_nothing_is_scored_on_them() -> None:
    X, _, y, groups = rows()
    folds = grouped_folds(y, groups, seed=0)
    model, choice = search(CLASSIFIERS["svc"], X, y, folds, ("own/a", "own/b"), jobs=1)
    assert type(model) is Pipeline
    assert all(each.copies is None for each in choice.candidates)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_it_predicts_rows_with_and_without_their_copies_alike(method: str) -> None:
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(60, 3)), np.repeat(["a", "b"], 30)
    steps = [("scale", StandardScaler()), ("model", LogisticRegression())]
    model = AugmentedPipeline(steps).fit(np.hstack([X, X + 1]), y)
    ask = getattr(model, method)
    np.testing.assert_array_equal(ask(X), ask(np.hstack([X, X + 9])))
    reference = Pipeline(clone(model).steps).fit(np.vstack([X, X + 1]), np.tile(y, 2))
    np.testing.assert_allclose(
        np.unique(ask(X), return_inverse=True)[1],
        np.unique(getattr(reference, method)(X), return_inverse=True)[1],
    )


def test_it_has_no_method_that_its_model_lacks() -> None:
    forest = AugmentedPipeline([("model", RandomForestClassifier())])
    assert not hasattr(forest, "decision_function")
    assert hasattr(forest, "predict_proba")


def test_calibration_sees_every_clean_row_once_and_no_copy() -> None:
    X, copies, y, groups = rows()
    seen: dict[str, list[list[float]]] = {"fit": [], "predict": []}

    class Deciding(Noting):
        def __sklearn_clone__(self) -> Deciding:
            return Deciding(self.seen)

        def decision_function(self, X: F64) -> F64:
            self.seen["predict"].append(X[:, 0].tolist())
            return X[:, 0]

    model = AugmentedPipeline([("model", Deciding(seen))])
    folds = grouped_folds(y, groups, seed=0)
    CalibratedClassifierCV(model, method="sigmoid", cv=folds, ensemble=False).fit(
        np.hstack([X, copies]), y
    )
    judged = [each for part in seen["predict"] for each in part]
    assert sorted(judged) == X[:, 0].tolist()


def test_what_belongs_to_rows_belongs_to_their_copies() -> None:
    weights: list[Any] = []

    class Weighted(Noting):
        def fit(self, X: F64, y: Strings, sample_weight: Any = None) -> Weighted:
            weights.extend(sample_weight.tolist())
            self.n_features_in_ = X.shape[1]
            self.classes_ = np.unique(y)
            return self

    X = np.array([[1.0], [2.0], [3.0]])
    copies = np.array([[10.0], [np.nan], [30.0]])
    pipeline = AugmentedPipeline([("model", Weighted({}))])
    pipeline.fit(
        np.hstack([X, copies]), np.array(["a", "b", "a"]), model__sample_weight=np.array([5, 6, 7])
    )
    assert weights == [5, 6, 7, 5, 7]


def test_groups_reach_a_model_that_divides_once_more_with_those_of_the_copies() -> None:
    got: list[tuple[list[float], list[int]]] = []

    class Dividing(Noting):
        __metadata_request__fit = {"groups": True}  # noqa: RUF012

        def fit(self, X: F64, y: Strings, groups: Any = None) -> Dividing:
            got.append((X[:, 0].tolist(), groups.tolist()))
            self.n_features_in_ = X.shape[1]
            self.classes_ = np.unique(y)
            return self

        def __sklearn_clone__(self) -> Dividing:
            return Dividing(self.seen)

    class Family(Classifier):
        name, calibrate = "dividing", False

        def build(self, blocks: tuple[str, ...], seed: int) -> Pipeline:
            return Pipeline([("model", Dividing({"fit": [], "predict": []}))])

        def grid(self, n_rows: int, n_columns: int) -> list[dict[str, list[Any]]]:
            return []

    X, copies, y, groups = rows()
    copies[7] = np.nan
    folds = grouped_folds(y, groups, seed=0)
    search(Family(), np.hstack([X, copies]), y, folds, ("own/a", "own/b"), groups=groups, jobs=1)
    assert len(got) == len(folds) + 1
    for numbers, of in got:
        assert max(numbers) >= 1000
        assert of == [int(groups[int(each) % 1000]) for each in numbers]


def test_the_score_of_copies_is_that_of_the_folds_that_have_any() -> None:
    X, copies, y, groups = rows()
    X[:, 1] = copies[:, 1] = y == "b"
    blocks = ("own/a", "own/b")
    folds = grouped_folds(y, groups, seed=0)
    copies[folds[0][1]] = np.nan  # no row of one validation fold has a copy
    _, choice = search(CLASSIFIERS["linear"], np.hstack([X, copies]), y, folds, blocks, jobs=1)
    assert choice.taken.copies == 1
    copies[:] = np.nan
    _, choice = search(CLASSIFIERS["linear"], np.hstack([X, copies]), y, folds, blocks, jobs=1)
    assert choice.taken.copies is None


def test_novelty_learns_copies_and_keeps_its_share_of_clean_rows() -> None:
    rng = np.random.default_rng(0)
    X, shift = rng.normal(size=(300, 4)), np.array([6.0, 0, 0, 0])
    y = np.array(["a", "b", "c"])[np.arange(300) % 3]
    X[:, 1] += 4 * (np.arange(300) % 3)
    copies = X + shift + rng.normal(size=X.shape)
    folds = grouped_folds(y, np.arange(300), seed=0)
    blocks = tuple(f"own/{i}" for i in range(4))
    plain = NoveltyDetector(blocks).calibrate(X, y, folds)
    both = NoveltyDetector(blocks).calibrate(np.hstack([X, copies]), y, folds)
    assert plain.is_known(plain.distance(copies)).mean() < 0.2
    assert both.is_known(both.distance(copies)).mean() > 0.6
    assert both.is_known(both.distance(X)).mean() == pytest.approx(0.95, abs=0.04)
    np.testing.assert_array_equal(both.distance(X), both.distance(np.hstack([X, copies])))


def test_novelty_out_of_fold_learns_copies_of_the_others_and_judges_rows() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 4)), np.array(["a", "b"])[np.arange(120) % 2]
    copies = X + rng.normal(size=X.shape)
    folds = grouped_folds(y, np.arange(120) // 3, seed=0)
    detector = NoveltyDetector(("musicnn/tags", "musicnn/tags", "own/0", "own/1"))
    distances = detector.out_of_fold(np.hstack([X, copies]), y, folds)
    for train, held in folds:
        learned = np.vstack([X[train], copies[train]])
        alone = clone(detector).fit(learned, np.tile(y[train], 2))
        np.testing.assert_allclose(distances[held], alone.distance(X[held]))


def test_levels_are_measured_with_copies_of_the_others() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 2)), np.array(["a", "b"])[np.arange(120) % 2]
    X[:, 0] += y == "a"
    copies, groups = X + rng.normal(size=X.shape), np.arange(120) // 3
    folds = grouped_folds(y, groups, seed=0)
    steps = [("model", LogisticRegression())]
    model = AugmentedPipeline(steps)
    found = out_of_fold(model, np.hstack([X, copies]), y, groups, folds, seed=0)
    for train, held in folds:
        learned = np.vstack([X[train], copies[train]])
        alone = Pipeline(clone(model).steps).fit(learned, np.tile(y[train], 2))
        np.testing.assert_allclose(found[held], alone.predict_proba(X[held]))
    calibrated = CalibratedClassifierCV(model, method="sigmoid", cv=folds, ensemble=False)
    found = out_of_fold(calibrated, np.hstack([X, copies]), y, groups, folds, seed=0)
    np.testing.assert_allclose(found.sum(axis=1), 1)
