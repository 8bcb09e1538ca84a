"""Nobody is on both sides: laws of the split, and what is told when there is none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from audiogenre.errors import UsageError
from audiogenre.splits import (
    MIN_GROUPS,
    artist_names,
    connect,
    grouped_folds,
    outer_split,
    repeated_folds,
)

Y = npt.NDArray[np.str_]
Groups = npt.NDArray[np.int64]


@some.composite
def music(draw: some.DrawFn) -> tuple[Y, Groups]:
    """Draw labels with three artists or more each, of unlike sizes, in any order."""
    names = ["classical", "electronic", "pop", "rock"][: draw(some.integers(2, 4))]
    y, groups = [], []
    for name in names:
        for size in draw(some.lists(some.integers(1, 6), min_size=5, max_size=12)):
            groups += [len(set(groups))] * size
            y += [name] * size
    order = np.random.default_rng(draw(some.integers(0, 99))).permutation(len(y))
    return np.array(y)[order], np.array(groups)[order]


def together(groups: Groups) -> npt.NDArray[np.bool_]:
    """Which rows are in one group, whatever it is called."""
    return np.asarray(groups[:, None] == groups[None, :])


# ---------------------------------------------------------------- artists


@pytest.mark.parametrize(
    ("credit", "names"),
    [
        ("Nina Simone", ["nina simone"]),
        ("Dan + Shay;Justin Bieber", ["dan + shay", "justin bieber"]),
        ("  Justin   BIEBER ", ["justin bieber"]),
        ("A feat. B", ["a", "b"]),
        ("A Feat B", ["a", "b"]),
        ("A ft. B;C featuring D", ["a", "b", "c", "d"]),
        ("STRASSE", ["strasse"]),
        ("Straße", ["strasse"]),
        ("Simon & Garfunkel", ["simon", "garfunkel"]),
        ("Earth, Wind & Fire", ["earth", "wind", "fire"]),
        ("Featherweight", ["featherweight"]),
        ("AC/DC", ["ac", "dc"]),
        ("Björk", ["björk"]),
    ],
)
def test_a_credit_names_its_artists(credit: str, names: list[str]) -> None:
    assert artist_names(credit) == names


@pytest.mark.parametrize(
    "credit", ["", "  ", "Various Artists", "VARIOUS", "VA", "Unknown Artist", "[unknown]", ";;"]
)
def test_nobody_is_no_artist(credit: str) -> None:
    assert artist_names(credit) == []


def test_tracks_of_nobody_are_not_tied_to_each_other() -> None:
    groups = connect([artist_names("Various Artists"), artist_names(""), artist_names("Various")])
    assert len(set(groups)) == 3


# ---------------------------------------------------------------- groups


def test_rows_are_tied_through_other_rows() -> None:
    groups = connect([["a"], ["a", "b"], ["b"], ["c"], [], ["c"]])
    assert groups[0] == groups[1] == groups[2]
    assert groups[3] == groups[5]
    assert len(set(groups)) == 3


def test_no_rows_are_no_groups() -> None:
    assert len(connect([])) == 0
    assert len(set(connect([[], [], []]))) == 3


keys = some.lists(some.lists(some.sampled_from("abcdefgh"), max_size=3), min_size=1, max_size=12)


@given(keys)
def test_rows_with_a_key_in_common_share_a_group_and_no_group_is_larger_than_needed(
    rows: list[list[str]],
) -> None:
    groups = connect(rows)
    for i, first in enumerate(rows):
        for j, second in enumerate(rows):
            if set(first) & set(second):
                assert groups[i] == groups[j]
    # By hand: merge sets of rows until no two share a key.
    islands = [({i}, set(own)) for i, own in enumerate(rows)]
    merged = True
    while merged:
        merged = False
        for a in islands:
            for b in islands:
                if a is not b and a[1] & b[1]:
                    islands.remove(b)
                    a[0].update(b[0])
                    a[1].update(b[1])
                    merged = True
                    break
            if merged:
                break
    assert len(set(groups)) == len(islands)


@given(keys, some.integers(0, 99))
def test_the_order_of_rows_does_not_matter_to_who_is_together(
    rows: list[list[str]], seed: int
) -> None:
    order = np.random.default_rng(seed).permutation(len(rows))
    shuffled = connect([rows[i] for i in order])
    np.testing.assert_array_equal(together(shuffled), together(connect(rows)[order]))


# ---------------------------------------------------------------- the outer split


@given(music(), some.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_a_split_keeps_groups_whole_and_labels_on_both_sides(
    drawn: tuple[Y, Groups], seed: int
) -> None:
    y, groups = drawn
    test = outer_split(y, groups, seed=seed)
    assert set(groups[test]) & set(groups[~test]) == set()
    assert set(y[test]) == set(y[~test]) == set(y)
    assert 0 < test.mean() < 0.5
    np.testing.assert_array_equal(outer_split(y, groups, seed=seed), test)


@pytest.mark.parametrize("seed", range(4))
def test_about_a_fifth_of_every_label_is_set_aside(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 8, size=80)
    groups = np.repeat(np.arange(80), sizes)
    y = np.repeat(np.array(["classical", "electronic", "pop", "rock"] * 20), sizes)
    test = outer_split(y, groups, seed=seed)
    for label in np.unique(y):
        assert test[y == label].mean() == pytest.approx(0.2, abs=0.06)


def test_another_seed_is_another_split() -> None:
    groups = np.repeat(np.arange(40), 3)
    y = np.where(groups % 2, "rock", "pop")
    splits = {outer_split(y, groups, seed=seed).tobytes() for seed in range(5)}
    assert len(splits) == 5


def test_a_split_does_not_depend_on_what_groups_are_called() -> None:
    groups = np.repeat(np.arange(30), 3)
    y = np.where(groups % 3, "rock", "pop")
    renamed = groups * 7 + 1000
    np.testing.assert_array_equal(outer_split(y, groups, seed=1), outer_split(y, renamed, seed=1))


@pytest.mark.parametrize("n_artists", [1, MIN_GROUPS - 1])
def test_a_label_of_too_few_artists_is_named_with_a_remedy(n_artists: int) -> None:
    y = np.array(["pop"] * 12 + ["polka"] * 6)
    groups = np.concatenate([np.arange(12), 100 + np.arange(6) % n_artists])
    with pytest.raises(UsageError) as error:
        outer_split(y, groups, seed=0)
    message = str(error.value)
    assert "'polka'" in message
    assert f"{n_artists} artist(s)" in message
    assert "--only" in message
    assert "--split random" in message
    assert "np.str_" not in message


def test_labels_that_share_all_their_artists_still_split() -> None:
    y = np.array(["a"] * 3 + ["b"] * 3)
    groups = np.array([0, 1, 2, 0, 1, 2])
    test = outer_split(y, groups, seed=0)
    assert set(groups[test]) & set(groups[~test]) == set()
    assert set(y[test]) == set(y[~test]) == {"a", "b"}


@pytest.mark.parametrize("n_artists", [3, 4])
def test_fewer_artists_than_folds_still_split(n_artists: int) -> None:
    y = np.repeat(["a", "b"], 12)
    groups = np.tile(np.arange(n_artists), 24 // n_artists)
    test = outer_split(y, groups, seed=0)
    assert set(groups[test]) & set(groups[~test]) == set()
    assert set(y[test]) == set(y[~test]) == {"a", "b"}


def test_where_no_split_exists_that_is_told_with_a_remedy() -> None:
    # Seven artists and seven labels of three each, as points and lines of the Fano plane: however
    # the artists are parted, all three of some label are on one side.
    lines = ["012", "034", "056", "135", "146", "236", "245"]
    y = np.array([f"label {line}" for line in lines for _ in line])
    groups = np.array([int(point) for line in lines for point in line])
    with pytest.raises(UsageError, match=r"without dividing an artist.*--only.*--split random"):
        outer_split(y, groups, seed=0)


# ---------------------------------------------------------------- folds


@given(music(), some.integers(0, 3))
@settings(max_examples=15, deadline=None)
def test_folds_cover_every_row_once_and_keep_groups_whole(
    drawn: tuple[Y, Groups], seed: int
) -> None:
    y, groups = drawn
    folds = grouped_folds(y, groups, seed=seed)
    held = np.concatenate([test for _, test in folds])
    np.testing.assert_array_equal(np.sort(held), np.arange(len(y)))
    for train, test in folds:
        assert set(groups[train]) & set(groups[test]) == set()
        assert len(train) + len(test) == len(y)


@pytest.mark.parametrize("seed", range(8))
def test_folds_are_those_of_scikit_learn(seed: int) -> None:
    from sklearn.model_selection import StratifiedGroupKFold

    rng = np.random.default_rng(seed)
    y = np.array(["a", "b", "c", "d"])[rng.integers(4, size=400)]
    groups = rng.integers((60, 390)[seed % 2], size=400)  # of several rows, and of one or two
    ours = grouped_folds(y, groups, seed=seed)
    reference = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    for mine, theirs in zip(ours, reference.split(y, y, groups), strict=True):
        np.testing.assert_array_equal(mine[1], theirs[1])


def test_there_are_five_folds_or_as_many_as_a_label_has_artists() -> None:
    y = np.repeat(["pop", "rock"], 12)
    assert len(grouped_folds(y, np.arange(24), seed=0)) == 5
    three = np.concatenate([np.arange(12) % 3, np.arange(12, 24)])
    assert len(grouped_folds(y, three, seed=0)) == 3


def test_folds_refuse_a_label_of_one_artist() -> None:
    y = np.repeat(["pop", "rock"], 6)
    groups = np.concatenate([np.zeros(6), np.arange(1, 7)]).astype(np.int64)
    with pytest.raises(UsageError, match="one artist only"):
        grouped_folds(y, groups, seed=0)


def test_a_small_dataset_is_judged_by_three_cuts_and_a_large_one_by_one() -> None:
    y = np.tile(["pop", "rock"], 20)
    small = repeated_folds(y, np.arange(40), seed=0)
    assert len(small) == 15
    assert len({test.tobytes() for _, test in small}) == 15  # three cuts, not one three times
    y = np.tile(["pop", "rock"], 1000)
    assert len(repeated_folds(y, np.arange(2000), seed=0)) == 5


def test_repeats_of_neighbouring_seeds_have_no_cut_in_common() -> None:
    y = np.tile(["pop", "rock"], 20)
    first, second = (
        {test.tobytes() for _, test in repeated_folds(y, np.arange(40), seed=seed)}
        for seed in (0, 1)
    )
    assert not first & second
