"""Choosing parameters under an overfitting tolerance.

The gap is training accuracy minus validation accuracy over the same artist-grouped folds. Taken
literally (the best score with a gap within the tolerance, else the smallest gap) the rule prefers
models that have learned nothing. So only candidates count whose validation score is at most one
point below the best, and among those the tolerance decides: it may cost a point, not the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

TOLERANCE = 0.05
# One standard error of the best score, the usual margin, is three points where folds are of
# different artists, and cost as much on artists outside the search.
AFFORDABLE = 0.01
Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Candidate:
    """One candidate of the search with its scores, shares of 1.

    `copies` is the score on the validation rows' copies, over the folds that have any, which
    decides nothing; None if there are none.
    """

    parameters: dict[str, Any]
    train: float
    validation: float
    copies: float | None = None

    @property
    def gap(self) -> float:
        """Training minus validation accuracy."""
        return self.train - self.validation


@dataclass(frozen=True)
class Choice:
    """The candidate taken, and what else there was.

    Attributes
    ----------
    chosen, best, strict : int
        Row numbers of `candidates`: what is taken, the best validation score whatever its gap, and
        the literal rule's answer.
    met : bool
        Whether the chosen candidate's gap is within the tolerance.
    affordable : int
        How many candidates were within a point of the best score.
    complexity : str
        The parameter that goes from simple to complex, as `audiogenre.typing.Classifier` says.
    """

    candidates: list[Candidate]
    chosen: int
    best: int
    strict: int
    met: bool
    tolerance: float
    affordable: int
    complexity: str = ""

    @property
    def taken(self) -> Candidate:
        """The chosen candidate."""
        return self.candidates[self.chosen]

    @property
    def cost(self) -> float:
        """What meeting the tolerance literally costs in validation accuracy, against the choice."""
        return self.taken.validation - self.candidates[self.strict].validation

    @property
    def possible(self) -> bool:
        """Whether any candidate meets the tolerance; if none, `strict` has the smallest gap."""
        return round(self.candidates[self.strict].gap, 10) <= self.tolerance

    @property
    def path(self) -> list[tuple[float, Candidate]]:
        """The candidates that differ from the chosen one in complexity only, simplest first."""
        name = self.complexity.removeprefix("-")
        if name not in self.taken.parameters:
            return []
        others = {**self.taken.parameters, name: None}
        alike = [
            (float(each.parameters[name]), each)
            for each in self.candidates
            if {**each.parameters, name: None} == others
        ]
        return sorted(alike, key=lambda pair: pair[0], reverse=self.complexity.startswith("-"))

    def sentence(self) -> str:
        """Say whether the tolerance is met, and what it would cost if not."""
        gap = 100 * self.taken.gap
        if self.met:
            return f"tolerance met: gap {gap:.1f} points, at most {100 * self.tolerance:g} wanted"
        if self.chosen == self.strict:
            return f"tolerance not met: gap {gap:.1f} points, and no candidate has a smaller one"
        what = "meeting it"
        if not self.possible:
            smallest = 100 * self.candidates[self.strict].gap
            what = f"no candidate meets it, and the smallest gap ({smallest:.1f} points)"
        return (
            f"tolerance not met: gap {gap:.1f} points; {what} costs {100 * self.cost:.1f} points "
            "(--strict-tolerance takes it)"
        )


def choose(
    results: Mapping[str, Any],
    *,
    tolerance: float = TOLERANCE,
    strict: bool = False,
    complexity: str = "",
) -> Choice:
    """Apply the tolerance rule to the results of a search.

    Parameters
    ----------
    results : mapping
        ``GridSearchCV.cv_results_`` with training scores.
    tolerance : float, 0 to 1
    strict : bool
        Take the literal rule's answer.
    complexity : str
        The parameter that goes from simple to complex, with a minus in front as it falls.

    Returns
    -------
    choice : Choice
        Ties go to the simpler candidate, then to the earlier one.
    """
    train = np.asarray(results["mean_train_score"], dtype=np.float64)
    validation = np.asarray(results["mean_test_score"], dtype=np.float64)
    copies = _on_copies(results)
    candidates = [
        Candidate(dict(parameters), float(t), float(v), c)
        for parameters, t, v, c in zip(results["params"], train, validation, copies, strict=True)
    ]
    sign, name = (-1 if complexity.startswith("-") else 1), complexity.removeprefix("-")
    rank = np.array([sign * float(each.parameters.get(name, 0)) for each in candidates])
    # Fold scores are counts over a fold's size: differences below this are rounding.
    score, gap = validation.round(10), (train - validation).round(10)

    def first(mask: npt.NDArray[np.bool_], key: Values) -> int:
        rows = np.flatnonzero(mask)
        return int(rows[np.lexsort((rows, rank[rows], key[rows]))[0]])

    everything = np.ones(len(score), dtype=bool)
    best = first(everything, -score)
    affordable = (score[best] - score).round(10) <= AFFORDABLE
    within = gap <= tolerance
    literal = first(within, -score) if within.any() else first(everything, gap)
    if strict:
        chosen = literal
    elif (affordable & within).any():
        chosen = first(affordable & within, -score)
    else:
        chosen = first(affordable, gap)
    return Choice(
        candidates=candidates,
        chosen=chosen,
        best=best,
        strict=literal,
        met=bool(within[chosen]),
        tolerance=tolerance,
        affordable=int(affordable.sum()),
        complexity=complexity,
    )


def _on_copies(results: Mapping[str, Any]) -> list[float | None]:
    """Return each candidate's mean score on copies over the folds that have copies."""
    if "mean_test_copies" not in results:
        return [None] * len(results["params"])
    return [
        float(score / share) if share else None
        for score, share in zip(
            results["mean_test_copies"], results["mean_test_any_copies"], strict=True
        )
    ]
