"""Metrics against numbers worked out by hand, and intervals against simulation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy.stats import binom

from audiogenre import evaluation as ev

LABELS = ["jazz", "pop", "rock"]
# jazz 4 right of 4; pop 2 of 4, once taken for jazz and once for rock; rock 1 of 2.
Y = np.array(["jazz"] * 4 + ["pop"] * 4 + ["rock"] * 2)
PREDICTED = np.array(["jazz"] * 4 + ["pop", "pop", "jazz", "rock"] + ["rock", "pop"])
F64 = npt.NDArray[np.float64]


def test_accuracy_is_the_share_of_right_answers() -> None:
    assert ev.accuracy(Y, PREDICTED) == pytest.approx(0.7)


def test_confusion_has_true_labels_down_and_answers_across() -> None:
    assert ev.confusion(Y, PREDICTED, LABELS).tolist() == [[4, 0, 0], [1, 2, 1], [0, 1, 1]]


def test_scores_of_each_label() -> None:
    found = ev.per_label(Y, PREDICTED, LABELS)
    assert list(found) == LABELS
    expected = {
        "jazz": (4 / 5, 1.0, 8 / 9, 4, 0.0, 0.0),
        "pop": (2 / 3, 1 / 2, 4 / 7, 4, 0.5, 2 / 3),
        "rock": (1 / 2, 1 / 2, 1 / 2, 2, 0.5, 1 / 3),
    }
    keys = ("precision", "recall", "f1", "n", "error_rate", "share_of_errors")
    for label, values in expected.items():
        assert found[label] == pytest.approx(dict(zip(keys, values, strict=True)))


def test_macro_f1_is_the_mean_over_labels() -> None:
    assert ev.macro_f1(Y, PREDICTED, LABELS) == pytest.approx((8 / 9 + 4 / 7 + 1 / 2) / 3)


def test_a_label_that_is_never_answered_scores_zero_and_not_an_error() -> None:
    found = ev.per_label(Y, np.full(10, "jazz"), LABELS)
    assert found["rock"]["precision"] == found["rock"]["f1"] == 0
    assert found["rock"]["error_rate"] == 1


def test_a_label_without_tracks_has_no_errors() -> None:
    found = ev.per_label(Y, PREDICTED, [*LABELS, "polka"])
    assert found["polka"]["n"] == found["polka"]["error_rate"] == 0


def test_without_errors_no_label_has_a_share_of_them() -> None:
    found = ev.per_label(Y, Y, LABELS)
    assert {each["share_of_errors"] for each in found.values()} == {0.0}


@given(some.lists(some.tuples(some.sampled_from(LABELS), some.sampled_from(LABELS)), min_size=1))
@settings(max_examples=30, deadline=None)
def test_shares_of_errors_add_up_and_error_rates_average_to_the_error(
    pairs: list[tuple[str, str]],
) -> None:
    y, predicted = (np.array(side) for side in zip(*pairs, strict=True))
    found = ev.per_label(y, predicted, LABELS)
    wrong = 1 - ev.accuracy(y, predicted)
    total = sum(each["share_of_errors"] for each in found.values())
    assert total == pytest.approx(1 if wrong else 0)
    assert sum(e["error_rate"] * e["n"] for e in found.values()) / len(y) == pytest.approx(wrong)


@pytest.mark.parametrize("metric", [ev.accuracy, ev.validate])
def test_labels_without_answers_are_refused(metric: object) -> None:
    with pytest.raises(ValueError, match="10 labels but 9 predictions: was a file left out"):
        metric(Y, PREDICTED[:9])  # type: ignore[operator]
    with pytest.raises(ValueError, match="no labels"):
        metric(Y[:0], PREDICTED[:0])  # type: ignore[operator]


# ---------------------------------------------------------------- calibration


def test_calibration_error_by_hand() -> None:
    probability = np.array([0.55, 0.55, 0.95, 0.95, 0.95, 0.95])
    right = np.array([1.0, 0.0, 1.0, 1.0, 1.0, 0.0])
    bins, error = ev.reliability(probability, right)
    assert bins == [
        pytest.approx({"probability": 0.55, "accuracy": 0.5, "n": 2}),
        pytest.approx({"probability": 0.95, "accuracy": 0.75, "n": 4}),
    ]
    assert error == pytest.approx((2 * 0.05 + 4 * 0.20) / 6)


def test_certainty_falls_into_the_last_bin() -> None:
    bins, error = ev.reliability(np.array([1.0, 0.95, 0.0]), np.array([1.0, 1.0, 0.0]))
    assert [each["n"] for each in bins] == [1, 2]
    assert error == pytest.approx(0.05 / 3)


def test_probabilities_that_tell_the_truth_have_a_small_error() -> None:
    rng = np.random.default_rng(0)
    probability = rng.uniform(0.3, 1, 20_000)
    right = (rng.random(20_000) < probability).astype(float)
    assert ev.reliability(probability, right)[1] < 0.015
    assert ev.reliability(probability**3, right)[1] > 0.1


# ---------------------------------------------------------------- intervals


def test_an_interval_contains_the_mean_and_the_same_seed_gives_the_same() -> None:
    values, groups = simulated(np.random.default_rng(0), 30, 4)
    low, high = ev.interval(values, groups)
    assert 0 <= low < values.mean() < high <= 1
    assert ev.interval(values, groups) == (low, high)
    assert high - low > 0.05


def test_an_interval_of_independent_rows_is_about_the_binomial_one() -> None:
    values = np.repeat([1.0, 0.0], [140, 60])
    low, high = ev.interval(values, np.arange(200))
    expected = binom(200, 0.7).interval(0.95)
    assert low == pytest.approx(expected[0] / 200, abs=0.012)
    assert high == pytest.approx(expected[1] / 200, abs=0.012)


def simulated(rng: np.random.Generator, n_groups: int, size: int) -> tuple[F64, F64]:
    """Answers whose chance of being right depends on the artist: 0.7 on average."""
    skill = rng.beta(2.1, 0.9, n_groups)
    groups = np.repeat(np.arange(n_groups), size)
    return (rng.random(len(groups)) < skill[groups]).astype(float), groups


def test_the_interval_covers_the_truth_in_about_95_of_100_cases(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ev, "N_RESAMPLES", 400)
    rng = np.random.default_rng(0)
    covered = []
    naive = []
    for _ in range(400):
        values, groups = simulated(rng, 60, 5)
        low, high = ev.interval(values, groups)
        covered.append(low <= 0.7 <= high)
        low, high = ev.interval(values, np.arange(len(values)))
        naive.append(low <= 0.7 <= high)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.035)
    assert np.mean(naive) < 0.88  # as if the tracks of an artist were independent


def test_an_interval_over_groups_is_wider_where_tracks_of_a_group_are_alike() -> None:
    values = np.tile(np.repeat([1.0, 0.0], [7, 3]), 10).reshape(10, 10).T.ravel()
    groups = np.repeat(np.arange(10), 10)
    assert len(np.unique(values.reshape(10, 10).mean(axis=1))) == 2  # all right or all wrong
    clustered = np.diff(ev.interval(values, groups))[0]
    naive = np.diff(ev.interval(values, np.arange(100)))[0]
    assert clustered > 2.5 * naive


@pytest.mark.parametrize(("n_groups", "size"), [(1, 5), (20, 1), (20, 5)])
def test_where_all_or_nothing_is_right_the_bound_is_the_exact_one_over_groups(
    n_groups: int, size: int
) -> None:
    groups = np.repeat(np.arange(n_groups), size)
    low, high = ev.interval(np.ones(len(groups)), groups)
    assert high == 1
    assert binom.sf(n_groups - 1, n_groups, low) == pytest.approx(0.025)  # P(all right | low)
    assert ev.interval(np.zeros(len(groups)), groups) == pytest.approx((0, 1 - low))


def test_an_interval_does_not_depend_on_what_groups_are_called() -> None:
    values, groups = simulated(np.random.default_rng(1), 20, 4)
    assert ev.interval(values, groups) == ev.interval(values, groups * 7 + 3)


# ---------------------------------------------------------------- comparing


def right(both: int, first: int, second: int, neither: int) -> tuple[F64, F64]:
    """Answers of two models: right in both, in the first alone, in the second alone, in neither."""
    counts = [both, first, second, neither]
    return np.repeat([1.0, 1.0, 0.0, 0.0], counts), np.repeat([1.0, 0.0, 1.0, 0.0], counts)


@pytest.mark.parametrize("counts", [(50, 15, 5, 30), (80, 2, 9, 9), (10, 6, 6, 10)])
def test_the_p_value_is_mcnemars_exact_one(counts: tuple[int, int, int, int]) -> None:
    first, second = right(*counts)
    found = ev.paired_difference(first, second, np.arange(len(first)))
    _, b, c, _ = counts
    exact = min(1.0, 2 * binom.cdf(min(b, c), b + c, 0.5))
    assert found.p_value == pytest.approx(exact)
    assert (found.only_first, found.only_second) == (b, c)
    assert found.difference == pytest.approx((b - c) / sum(counts))
    assert found.interval[0] <= found.difference <= found.interval[1]


def test_models_that_agree_do_not_differ_in_either_direction() -> None:
    first, second = right(70, 0, 0, 30)
    found = ev.paired_difference(first, second, np.arange(100))
    assert (found.difference, found.p_value) == (0.0, 1.0)
    assert found.interval[0] == -found.interval[1]


def test_a_model_that_is_always_right_beats_one_that_never_is_and_the_other_way_round() -> None:
    first, second = right(0, 20, 0, 0)
    there = ev.paired_difference(first, second, np.arange(20))
    back = ev.paired_difference(second, first, np.arange(20))
    assert (there.difference, back.difference) == (1, -1)
    assert back.interval == pytest.approx((-there.interval[1], -there.interval[0]))


def test_changing_sides_changes_the_sign_and_not_the_p_value() -> None:
    first, second = right(50, 15, 5, 30)
    groups = np.arange(100)
    there, back = (
        ev.paired_difference(first, second, groups),
        ev.paired_difference(second, first, groups),
    )
    assert there.difference == -back.difference
    assert there.p_value == back.p_value
    assert there.interval == pytest.approx((-back.interval[1], -back.interval[0]))


def test_a_paired_interval_is_narrower_than_two_separate_ones() -> None:
    first, second = right(70, 8, 2, 20)
    groups = np.arange(100)
    paired = np.diff(ev.paired_difference(first, second, groups).interval)[0]
    separate = np.hypot(*(np.diff(ev.interval(each, groups))[0] for each in (first, second)))
    assert paired < 0.7 * separate


def test_the_summary_has_every_number_with_its_n_and_groups() -> None:
    groups = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
    found = ev.summary(Y, PREDICTED, groups, LABELS)
    assert found["accuracy"] == pytest.approx(0.7)
    assert (found["n"], found["n_groups"]) == (10, 5)
    assert found["interval"] == ev.interval((Y == PREDICTED).astype(float), groups)
    assert found["confusion"] == [[4, 0, 0], [1, 2, 1], [0, 1, 1]]
    assert set(found["per_label"]) == set(LABELS)
