"""Candidates judged together, held against scikit-learn's search of the same candidates."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from audiogenre.classifiers import CLASSIFIERS
from audiogenre.classifiers.context import ContextClassifier
from audiogenre.classifiers.scaling import BlockScaler
from audiogenre.judging import judge
from audiogenre.splits import Folds, grouped_folds
from audiogenre.tuning import choose
from audiogenre.typing import Classifier

BLOCKS = ("full/mfcc", "full/mfcc", "full/mfcc", "full/key", "full/key", "full/rhythm")
F64 = npt.NDArray[np.float64]
Strings = npt.NDArray[np.str_]


def problem(n: int = 240, labels: int = 3) -> tuple[F64, Strings, Folds]:
    """Overlapping labels, of artists who have their own sound."""
    rng = np.random.default_rng(5)
    groups = np.arange(n) // 4
    codes = (groups * 7 // 3) % labels
    X = rng.normal(size=(n, len(BLOCKS))) + 0.6 * rng.normal(size=(n, len(BLOCKS)))[groups]
    X[:, 0] += codes
    X[:, 3] += 1.5 * (codes == 1)
    y = np.array(["blues", "jazz", "rock", "soul"])[codes]
    return X, y, grouped_folds(y, groups, seed=0)


def by_scikit_learn(
    pipeline: Pipeline, grid: list[dict[str, list[Any]]], X: F64, y: Strings, folds: Folds
) -> dict[str, Any]:
    """Fit every candidate from the beginning."""
    search = GridSearchCV(
        pipeline, grid, scoring="accuracy", cv=folds, refit=False, return_train_score=True
    )
    return dict(search.fit(X, y).cv_results_)


@pytest.mark.parametrize("labels", [2, 3, 4])
@pytest.mark.parametrize("name", ["svc", "linear", "boosting", "majority"])
def test_scores_and_choice_are_those_of_a_search_from_the_beginning(name: str, labels: int) -> None:
    family: Classifier = CLASSIFIERS[name]
    X, y, folds = problem(labels=labels)
    pipeline, grid = family.build(BLOCKS, 0), family.grid(len(y), len(BLOCKS)) or [{}]
    if name == "boosting":
        pipeline.set_params(model__max_iter=20)
    ours = judge(pipeline, grid, X, y, folds)
    theirs = by_scikit_learn(pipeline, grid, X, y, folds)
    assert ours["params"] == theirs["params"]
    for key in ("mean_train_score", "mean_test_score"):
        np.testing.assert_allclose(ours[key], theirs[key], rtol=0, atol=1e-12)
    chosen, expected = (choose(each, complexity=family.complexity) for each in (ours, theirs))
    assert chosen.taken.parameters == expected.taken.parameters


def test_a_candidate_has_nothing_of_those_judged_with_it() -> None:
    X, y, folds = problem()
    pipeline = CLASSIFIERS["linear"].build(BLOCKS, 0)
    grid = [{"model__C": [1e-4]}, {"model__fit_intercept": [False]}, {"model__C": [1.0]}]
    ours, theirs = judge(pipeline, grid, X, y, folds), by_scikit_learn(pipeline, grid, X, y, folds)
    np.testing.assert_allclose(ours["mean_test_score"], theirs["mean_test_score"], atol=1e-12)
    assert len(set(ours["mean_test_score"])) > 1


def test_it_is_the_same_in_two_processes() -> None:
    X, y, folds = problem()
    family = CLASSIFIERS["svc"]
    pipeline, grid = family.build(BLOCKS, 0), family.grid(len(y), len(BLOCKS))
    one, two = (judge(pipeline, grid, X, y, folds, jobs=jobs) for jobs in (1, 2))
    np.testing.assert_array_equal(one["mean_test_score"], two["mean_test_score"])


def test_rows_are_scaled_once_a_fold_whatever_the_number_of_candidates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fitted: list[int] = []
    plain = BlockScaler.fit

    def counting(self: BlockScaler, X: F64, y: Any = None) -> BlockScaler:
        fitted.append(len(X))
        return plain(self, X, y)

    monkeypatch.setattr(BlockScaler, "fit", counting)
    X, y, folds = problem()
    family = CLASSIFIERS["linear"]
    judge(family.build(BLOCKS, 0), family.grid(len(y), len(BLOCKS)), X, y, folds)
    assert fitted == [len(train) for train, _ in folds]


def test_what_learns_in_another_way_than_it_answers_is_asked_about_its_own_rows() -> None:
    # The shares of a row's artist come from other rows while it learns, from all of them later.
    X, y, folds = problem()
    codes = (np.arange(len(y)) // 4 % 15).astype(float)
    X = np.column_stack([X, codes])
    family = ContextClassifier(CLASSIFIERS["linear"], 3)
    pipeline = family.build((*BLOCKS, "context/artist"), 0)
    grid = family.grid(len(y), X.shape[1])
    ours, theirs = judge(pipeline, grid, X, y, folds), by_scikit_learn(pipeline, grid, X, y, folds)
    for key in ("mean_train_score", "mean_test_score"):
        np.testing.assert_allclose(ours[key], theirs[key], rtol=0, atol=1e-12)
