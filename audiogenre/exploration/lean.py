"""How few families of columns are enough: accuracy against their number.

Which families stay is decided on training rows only, by their own artist-disjoint folds; the curve
is drawn from the rows kept out of that decision.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

from audiogenre import evaluation
from audiogenre.classifiers.scaling import BlockScaler, block_weights
from audiogenre.dataset import Dataset
from audiogenre.exploration.clusters import drawn_rows
from audiogenre.exploration.outside import Labels, OutOfFold, Progress, Values, inner_folds
from audiogenre.splits import Folds, Groups
from audiogenre.tuning import AFFORDABLE

Way = Literal["removal", "importance"]
WAYS: tuple[Way, ...] = ("removal", "importance")

MOST_ROWS = 1000  # that are learned from, as the whole takes thousands of fits
_SHUFFLES = 3
_FOLDS = 3
Path = list[tuple[str, ...]]  # sets of families, from all to one


@dataclass(frozen=True)
class Point:
    """What so many families score on rows that had no say in choosing them.

    Attributes
    ----------
    n_columns : float
        Mean over folds, as each chooses for itself.
    """

    n_families: int
    n_columns: float
    accuracy: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Lean:
    """The leanest set, and the curves that lead to it.

    Attributes
    ----------
    curves : dict of way to list of Point
        All families first.
    families : tuple of str
        The leanest set of all rows: the fewest families, in the order of their importance, whose
        validation score is at most a point below the best number's. The most useful one first.
    accuracy, interval
        Of choosing by that rule, each fold for itself, on the rows kept out.
    difference : evaluation.Difference
        Of that choice less all families, on the same rows.
    kept : dict of family to float
        In which share of the folds the family was among the chosen.
    """

    curves: dict[Way, list[Point]]
    families: tuple[str, ...]
    n_columns: int
    accuracy: float
    interval: tuple[float, float]
    difference: evaluation.Difference
    kept: dict[str, float]
    n_learned: int

    @property
    def mean_kept(self) -> float:
        """How many families a fold has chosen, on average."""
        return sum(self.kept.values())


@dataclass(frozen=True)
class Rows:
    """Rows to choose families by, and the pipeline to choose them for.

    Attributes
    ----------
    model : unfitted pipeline
        A `BlockScaler` and an estimator.
    """

    model: Any
    X: Values
    y: Labels
    groups: Groups
    blocks: tuple[str, ...]
    seed: int

    @property
    def families(self) -> tuple[str, ...]:
        """The families of columns."""
        return tuple(dict.fromkeys(self.blocks))

    def n_columns(self, families: Sequence[str]) -> int:
        """Return how many columns some families have."""
        return sum(each in families for each in self.blocks)

    def part(self, rows: npt.NDArray[np.int64]) -> Rows:
        """Return some of the rows."""
        return replace(self, X=self.X[rows], y=self.y[rows], groups=self.groups[rows])

    def folds(self) -> Folds:
        """Return folds to choose by."""
        return inner_folds(self.y, self.groups, seed=self.seed, n_splits=_FOLDS)

    def parts(self) -> Parts:
        """Return the rows in these folds, scaled."""
        return Parts(self, self.folds())


class Parts:
    """Training and validation rows of some folds, scaled once for every subset of families.

    A column's scaling does not depend on which others there are, only its weight does: a pipeline
    fitted on the subset gives the same.
    """

    def __init__(self, rows: Rows, folds: Folds) -> None:
        self._model, self._blocks = rows.model[-1], np.array(rows.blocks)
        self._parts = []
        for train, test in folds:
            scaler = BlockScaler(rows.blocks).fit(rows.X[train])
            Z_train, Z_test = (
                scaler.transform(rows.X[part]) / scaler.weights_ for part in (train, test)
            )
            self._parts.append((Z_train, rows.y[train], Z_test, rows.y[test]))

    def predict(self, families: Sequence[str]) -> list[tuple[Labels, Labels]]:
        """Return true labels and answers of each fold, by models that have only these families."""
        columns, weights = self._subset(families)
        found = []
        for Z_train, y_train, Z_test, y_test in self._parts:
            model = clone(self._model).fit(Z_train[:, columns] * weights, y_train)
            found.append((y_test, model.predict(Z_test[:, columns] * weights)))
        return found

    def accuracy(self, families: Sequence[str]) -> float:
        """Return the mean accuracy of the folds."""
        return float(np.mean([np.mean(y == answers) for y, answers in self.predict(families)]))

    def losses(self, families: Sequence[str], *, seed: int) -> dict[str, float]:
        """Return the accuracy lost when a family is shuffled among the validation rows."""
        columns, weights = self._subset(families)
        rng = np.random.default_rng(seed)
        lost = dict.fromkeys(families, 0.0)
        for Z_train, y_train, Z_test, y_test in self._parts:
            model = clone(self._model).fit(Z_train[:, columns] * weights, y_train)
            Z = Z_test[:, columns] * weights
            before = np.mean(model.predict(Z) == y_test)
            for family in families:
                own = np.flatnonzero(self._blocks[columns] == family)
                for _ in range(_SHUFFLES):
                    shuffled = Z.copy()
                    shuffled[:, own] = Z[rng.permutation(len(Z))][:, own]
                    lost[family] += float(before - np.mean(model.predict(shuffled) == y_test))
        return {key: each / _SHUFFLES / len(self._parts) for key, each in lost.items()}

    def _subset(self, families: Sequence[str]) -> tuple[npt.NDArray[np.int64], Values]:
        columns = np.flatnonzero(np.isin(self._blocks, list(families)))
        return columns, block_weights(tuple(self._blocks[columns]))


def sizes(n_families: int) -> list[int]:
    """Return the numbers of families that are tried, all of them first.

    One less each time; where there are many, a tenth less.

    Examples
    --------
    >>> sizes(5), sizes(40)[:5]
    ([5, 4, 3, 2, 1], [40, 36, 33, 30, 27])
    """
    found = [n_families]
    while found[-1] > 1:
        found.append(found[-1] - max(1, found[-1] // 10))
    return found


def by_importance(parts: Parts, families: Sequence[str], *, seed: int) -> Path:
    """Keep the families that cost most when shuffled (grouped permutation importance)."""
    lost = parts.losses(families, seed=seed)
    ranked = sorted(families, key=lambda each: -lost[each])
    return [tuple(ranked[:size]) for size in sizes(len(families))]


def by_removal(parts: Parts, families: Sequence[str]) -> Path:
    """Take out, time and again, the families that are missed the least."""
    path = [tuple(families)]
    for size in sizes(len(families))[1:]:
        left = path[-1]
        without = {each: parts.accuracy([x for x in left if x != each]) for each in left}
        path.append(tuple(sorted(left, key=lambda each: without[each])[:size]))
    return path


def size_scores(rows: Rows) -> Values:
    """Return what each number of families scores, on rows that had no say in which they are.

    Choosing among hundreds of sets flatters all that are chosen; so the families are ranked anew
    without each fold's rows, and only then measured on them.

    Returns
    -------
    scores : ndarray, shape (n_sizes,)
    """
    scores = []
    for train, test in rows.folds():
        path = by_importance(rows.part(train).parts(), rows.families, seed=rows.seed)
        held_out = Parts(rows, [(train, test)])
        scores.append([held_out.accuracy(each) for each in path])
    return np.asarray(np.mean(scores, axis=0))


def leanest(scores: Values) -> int:
    """Return the row of the smallest size that scores at most a point below the best.

    Examples
    --------
    >>> leanest(np.array([0.700, 0.708, 0.699, 0.65]))
    2
    """
    return int(np.flatnonzero((scores.max() - scores).round(10) <= AFFORDABLE)[-1])


def find_lean(dataset: Dataset, outside: OutOfFold, *, progress: Progress = lambda: None) -> Lean:
    """Measure how few families are enough.

    Parameters
    ----------
    dataset : Dataset
    outside : OutOfFold
        Whose folds and parameters are taken over.
    progress : callable
        Called after each fold, and after all rows.
    """
    y, groups = dataset.y, dataset.groups
    every = Rows(outside.usual_model, dataset.X.to_numpy(), y, groups, dataset.blocks, dataset.seed)
    n_families = sizes(len(every.families))
    answers = {way: np.empty((len(n_families), len(y)), dtype=y.dtype) for way in WAYS}
    n_columns = {way: np.zeros(len(n_families)) for way in WAYS}
    chosen = np.empty_like(y)
    kept: Counter[str] = Counter()
    for (train, test), model in zip(outside.folds, outside.models, strict=True):
        drawn = train[drawn_rows(y[train], most=MOST_ROWS, seed=dataset.seed)]
        own = replace(every, model=model).part(drawn)
        held_out = Parts(replace(every, model=model), [(drawn, test)])
        parts = own.parts()
        paths: dict[Way, Path] = {
            "removal": by_removal(parts, own.families),
            "importance": by_importance(parts, own.families, seed=own.seed),
        }
        for way, path in paths.items():
            for row, families in enumerate(path):
                ((_, answers[way][row, test]),) = held_out.predict(families)
                n_columns[way][row] += own.n_columns(families) / len(outside.folds)
        best = leanest(size_scores(own))
        chosen[test] = answers["importance"][best, test]
        kept.update(paths["importance"][best])
        progress()
    drawn = drawn_rows(y, most=MOST_ROWS, seed=dataset.seed)
    every = every.part(drawn)
    path = by_importance(every.parts(), every.families, seed=every.seed)
    families = path[leanest(size_scores(every))]
    progress()
    right, all_right = ((x == y).astype(float) for x in (chosen, answers["importance"][0]))
    return Lean(
        curves={
            way: [
                _point(size, float(columns), (row == y).astype(float), groups)
                for size, columns, row in zip(n_families, n_columns[way], answers[way], strict=True)
            ]
            for way in WAYS
        },
        families=families,
        n_columns=every.n_columns(families),
        accuracy=float(right.mean()),
        interval=evaluation.interval(right, groups),
        difference=evaluation.paired_difference(right, all_right, groups),
        kept={each: kept[each] / len(outside.folds) for each in every.families},
        n_learned=min(MOST_ROWS, max(len(train) for train, _ in outside.folds)),
    )


def _point(size: int, n_columns: float, right: Values, groups: Groups) -> Point:
    low, high = evaluation.interval(right, groups)
    return Point(size, n_columns, float(right.mean()), (low, high))
