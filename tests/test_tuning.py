"""The tolerance rule on tables whose answer is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from audiogenre.tuning import AFFORDABLE, TOLERANCE, Candidate, choose

Row = tuple[dict[str, Any], float, float]


def results(*rows: Row) -> dict[str, Any]:
    """Make what GridSearchCV leaves: parameters, mean training and mean validation scores."""
    return {
        "params": [parameters for parameters, _, _ in rows],
        "mean_train_score": np.array([train for _, train, _ in rows]),
        "mean_test_score": np.array([validation for _, _, validation in rows]),
    }


def c(value: float) -> dict[str, Any]:
    return {"model__C": value, "model__gamma": 1.0}


# Training and validation accuracy: the best overfits; one a little worse does not; one has learned
# next to nothing and so cannot overfit.
OVERFITTED = (c(10), 0.99, 0.700)
AFFORDED = (c(1), 0.73, 0.695)
TOO_DEAR = (c(0.3), 0.69, 0.680)
IGNORANT = (c(0.1), 0.40, 0.400)


def test_the_margins_are_five_points_of_gap_and_one_of_score() -> None:
    assert TOLERANCE == 0.05
    assert AFFORDABLE == 0.01


def test_the_best_score_is_taken_where_it_meets_the_tolerance() -> None:
    choice = choose(results((c(1), 0.74, 0.70), (c(10), 0.99, 0.695)))
    assert choice.chosen == choice.best == choice.strict == 0
    assert choice.met
    assert choice.taken.gap == pytest.approx(0.04)
    assert choice.sentence() == "tolerance met: gap 4.0 points, at most 5 wanted"


def test_an_affordable_candidate_within_the_tolerance_is_preferred_to_the_best() -> None:
    choice = choose(results(OVERFITTED, AFFORDED, TOO_DEAR, IGNORANT))
    assert (choice.best, choice.chosen, choice.strict) == (0, 1, 1)
    assert choice.met
    assert choice.affordable == 2
    assert choice.taken == Candidate(c(1), 0.73, 0.695)


def test_the_best_of_several_within_the_tolerance_is_taken() -> None:
    choice = choose(results(OVERFITTED, (c(0.1), 0.691, 0.691), AFFORDED))
    assert choice.chosen == 2


def test_what_costs_more_than_a_point_is_not_taken_however_small_its_gap() -> None:
    choice = choose(results(OVERFITTED, TOO_DEAR))
    assert (choice.chosen, choice.strict) == (0, 1)
    assert not choice.met
    assert choice.affordable == 1
    assert choice.sentence() == (
        "tolerance not met: gap 29.0 points; meeting it costs 2.0 points "
        "(--strict-tolerance takes it)"
    )


def test_a_model_that_learned_nothing_is_not_taken_for_its_small_gap() -> None:
    choice = choose(results((c(10), 0.85, 0.70), IGNORANT))
    assert choice.chosen == 0
    assert not choice.met
    assert choice.cost == pytest.approx(0.30)
    assert "gap 15.0 points; meeting it costs 30.0 points" in choice.sentence()


def test_strict_takes_the_literal_answer() -> None:
    choice = choose(results((c(10), 0.85, 0.70), IGNORANT), strict=True)
    assert choice.chosen == choice.strict == 1
    assert choice.met
    assert choice.cost == 0
    assert choice.sentence() == "tolerance met: gap 0.0 points, at most 5 wanted"


def test_strict_takes_the_best_score_within_the_tolerance_and_not_the_smallest_gap() -> None:
    choice = choose(results(OVERFITTED, TOO_DEAR, IGNORANT), strict=True)
    assert choice.chosen == 1


NONE_MEETS_IT = results(OVERFITTED, (c(3), 0.85, 0.695), (c(0.1), 0.50, 0.40))


def test_the_smallest_gap_among_the_affordable_is_taken_where_none_meets_it() -> None:
    choice = choose(NONE_MEETS_IT)
    assert (choice.chosen, choice.best, choice.strict) == (1, 0, 2)
    assert not choice.met
    assert choice.sentence() == (
        "tolerance not met: gap 15.5 points; no candidate meets it, and the smallest gap "
        "(10.0 points) costs 29.5 points (--strict-tolerance takes it)"
    )


@pytest.mark.parametrize(
    ("rows", "possible"),
    [(NONE_MEETS_IT, False), (results(OVERFITTED, TOO_DEAR), True)],
)
def test_the_literal_answer_is_told_from_the_smallest_gap(
    rows: dict[str, Any], possible: bool
) -> None:
    assert choose(rows).possible is possible


def test_strict_takes_the_smallest_gap_of_all_where_none_meets_it() -> None:
    choice = choose(NONE_MEETS_IT, strict=True)
    assert choice.chosen == 2
    assert not choice.met
    assert choice.cost == 0


def test_strict_does_not_offer_itself_as_the_remedy() -> None:
    assert "--strict-tolerance" not in choose(NONE_MEETS_IT, strict=True).sentence()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_ties_go_to_the_smaller_c(order: tuple[int, ...]) -> None:
    rows = [(c(value), 0.99, 0.70) for value in (1, 10, 30)]
    choice = choose(results(*(rows[i] for i in order)), complexity="model__C")
    for row in (choice.chosen, choice.best, choice.strict):
        assert choice.candidates[row].parameters["model__C"] == 1


def test_ties_of_c_go_to_the_earlier_candidate() -> None:
    rows = [({"model__C": 1.0, "model__gamma": gamma}, 0.72, 0.70) for gamma in (0.5, 1.0)]
    assert choose(results(*rows), complexity="model__C").chosen == 0


def test_ties_go_to_the_larger_value_of_what_is_simple_when_large() -> None:
    rows = [({"model__min_samples_leaf": n}, 0.99, 0.70) for n in (1, 10, 3)]
    assert choose(results(*rows), complexity="-model__min_samples_leaf").chosen == 1


def test_without_complexity_ties_go_to_the_earlier_candidate() -> None:
    rows = [(c(value), 0.99, 0.70) for value in (30, 1)]
    assert choose(results(*rows)).chosen == 0


def test_the_path_goes_from_simple_to_complex_with_all_else_as_chosen() -> None:
    rows: list[Row] = [
        ({"model__C": C, "model__gamma": gamma}, 0.70 + gamma / 100, 0.69 + gamma / 100)
        for C in (10.0, 1.0)
        for gamma in (0.5, 1.0)
    ]
    choice = choose(results(*rows), complexity="model__C")
    assert [value for value, _ in choice.path] == [1, 10]
    assert {each.parameters["model__gamma"] for _, each in choice.path} == {1.0}
    leaves = [({"leaf": n}, 0.9, 0.7) for n in (1, 10)]
    assert [value for value, _ in choose(results(*leaves), complexity="-leaf").path] == [10, 1]
    assert choose(results(({}, 0.9, 0.5)), complexity="model__C").path == []


def test_rounding_does_not_break_a_tie() -> None:
    rows = results((c(10), 0.72, 0.70 + 1e-14), (c(1), 0.72, 0.70))
    choice = choose(rows, complexity="model__C")
    assert choice.taken.parameters["model__C"] == 1


def test_a_gap_of_exactly_the_tolerance_meets_it() -> None:
    # In binary 0.75 - 0.70 is more than 0.05.
    for hundredths in range(5, 100):
        choice = choose(results((c(1), (hundredths + 5) / 100, hundredths / 100)))
        assert choice.met, hundredths


def test_a_score_of_exactly_a_point_less_is_affordable() -> None:
    for hundredths in range(1, 101):
        best, less = hundredths / 100, (hundredths - 1) / 100
        choice = choose(results((c(10), 1.5, best), (c(1), less, less)))
        assert choice.affordable == 2, hundredths


@pytest.mark.parametrize(
    ("tolerance", "met"), [(0.0, False), (0.1, False), (0.15, True), (1, True)]
)
def test_the_tolerance_can_be_set(tolerance: float, met: bool) -> None:
    choice = choose(results((c(1), 0.85, 0.70)), tolerance=tolerance)
    assert choice.met is met
    assert choice.tolerance == tolerance


def test_an_infinite_tolerance_takes_the_best_score() -> None:
    assert choose(results(AFFORDED, OVERFITTED), tolerance=np.inf).chosen == 1


def test_negative_gaps_meet_any_tolerance() -> None:
    choice = choose(results((c(1), 0.60, 0.70)), tolerance=0.0)
    assert choice.met
    assert choice.taken.gap == pytest.approx(-0.1)


def test_a_single_candidate_without_parameters_is_taken() -> None:
    choice = choose(results(({}, 0.9, 0.5)))
    assert (choice.chosen, choice.affordable) == (0, 1)
    assert choice.candidates == [Candidate({}, 0.9, 0.5)]


def test_all_candidates_are_kept_in_their_order() -> None:
    choice = choose(results(OVERFITTED, IGNORANT, AFFORDED))
    assert choice.candidates == [Candidate(*row) for row in (OVERFITTED, IGNORANT, AFFORDED)]
