"""Nobody is on both sides: laws of the split, and what is told when there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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
    growing_split,
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


# ---------------------------------------------------------------- the split that grows


@dataclass
class Night:
    """What is there on one night, how it was split, and what was settled before."""

    ids: list[str]
    y: Y
    groups: Groups
    settled: npt.NDArray[np.int64]
    test: npt.NDArray[np.bool_]
    kept: npt.NDArray[np.bool_]


def nights(seed: int, *, shared: bool, count: int = 8) -> Iterator[Night]:
    """Let a library grow: new artists, new labels, new tracks of known artists, and duets.

    Parameters
    ----------
    shared : bool
        Whether an artist may play several labels and duets cross them.
    """
    rng = np.random.default_rng(seed)
    rows: list[tuple[str, str, list[str]]] = []
    side: dict[str, bool] = {}
    for night in range(count):
        for label in ("classical", "jazz", "pop", "rock")[: 2 + night // 2]:
            for _ in range(int(rng.integers(0 if night else 12, 14))):
                artist = f"{'' if shared else label} {rng.integers(8 + 3 * night)}"
                names = [artist] if rng.random() < 0.9 else [artist, f"{artist[:-1]}0"]
                rows.append((f"track {rng.integers(10**9)}", label, names))
        groups = connect([names for _, _, names in rows])
        ids = [each for each, _, _ in rows]
        y = np.array([label for _, label, _ in rows])
        settled = np.array([int(side[each]) if each in side else -1 for each in ids])
        wide = [each for each in np.unique(y) if len(set(groups[y == each])) >= MIN_GROUPS]
        mask = np.isin(y, wide) | (settled >= 0)  # a label of too few artists has to wait
        ids = [each for each, there in zip(ids, mask, strict=True) if there]
        y, groups, settled = y[mask], groups[mask], settled[mask]
        test, kept = growing_split(y, groups, settled, ids, seed=0)
        yield Night(ids, y, groups, settled, test, kept)
        side |= {each: bool(test[i]) for i, each in enumerate(ids) if kept[i]}


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_whoever_is_settled_never_changes_side(seed: int, shared: bool) -> None:
    for night in nights(seed, shared=shared):
        old = night.settled >= 0
        assert night.kept[old].all()
        np.testing.assert_array_equal(night.test[old], night.settled[old] == 1)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_no_new_track_is_kept_across_from_its_artist(seed: int, shared: bool) -> None:
    ties = 0
    for night in nights(seed, shared=shared):
        sides = {
            group: {*night.test[night.kept & (night.groups == group)]} for group in {*night.groups}
        }
        for i in np.flatnonzero(night.settled < 0):
            settled = {*night.settled[night.groups == night.groups[i]]} - {-1}
            assert night.kept[i] == (len(settled) < 2)
            assert not night.kept[i] or len(sides[night.groups[i]]) == 1
            ties += not night.kept[i]
    assert ties or not shared  # otherwise this shows nothing


@pytest.mark.parametrize("seed", range(12))
def test_every_label_of_three_artists_is_on_both_sides_every_night(seed: int) -> None:
    for night in nights(seed, shared=False):
        for label in np.unique(night.y):
            assert {*night.test[night.kept & (night.y == label)]} == {True, False}


@pytest.mark.parametrize("seed", range(12))
def test_the_growing_split_follows_the_ids_and_not_the_order_of_the_rows(seed: int) -> None:
    for night in nights(seed, shared=True):
        if (night.settled < 0).all():
            continue
        order = np.random.default_rng(seed).permutation(len(night.y))
        test, kept = growing_split(
            night.y[order],
            1000 - night.groups[order],
            night.settled[order],
            [night.ids[i] for i in order],
            seed=0,
        )
        np.testing.assert_array_equal(test, night.test[order])
        np.testing.assert_array_equal(kept, night.kept[order])


@pytest.mark.parametrize("seed", range(4))
def test_what_is_set_aside_of_many_artists_does_not_hang_on_the_order(seed: int) -> None:
    groups = np.arange(400) // 4
    y = np.where(groups % 2, "rock", "pop")
    settled = np.r_[[0] * 4, [1] * 4, [-1] * 392]
    ids = [f"track {i}" for i in range(400)]
    order = np.random.default_rng(seed).permutation(400)
    first, _ = growing_split(y, groups, settled, ids, seed=0)
    again, _ = growing_split(
        y[order], groups[order], settled[order], [ids[i] for i in order], seed=0
    )
    np.testing.assert_array_equal(again, first[order])


def test_where_nothing_is_settled_the_growing_split_is_the_outer_one() -> None:
    groups = np.repeat(np.arange(30), 3)
    y = np.where(groups % 3, "rock", "pop")
    ids = [str(i) for i in range(90)]
    test, kept = growing_split(y, groups, np.full(90, -1), ids, seed=4)
    np.testing.assert_array_equal(test, outer_split(y, groups, seed=4))
    assert kept.all()


def test_what_is_new_is_set_aside_up_to_a_fifth_of_a_label() -> None:
    n = 400
    y = np.repeat(["pop", "rock"], n // 2)
    groups = np.arange(n) // 2
    settled = np.full(n, -1)
    settled[[0, 1, 200, 201]] = [0, 0, 1, 1]  # one artist each, on one side each
    test, kept = growing_split(y, groups, settled, [str(i) for i in range(n)], seed=0)
    assert kept.all()
    assert test[y == "pop"].mean() == test[y == "rock"].mean() == 0.2
    assert set(groups[test]) & set(groups[~test]) == set()


def test_a_label_whose_artists_are_all_settled_across_moves_nobody() -> None:
    y = np.array(["rock"] * 3 + ["polka"] * 3)
    groups = np.array([0, 1, 2, 0, 1, 2])
    settled = np.array([0, 0, 0, -1, -1, -1])
    test, kept = growing_split(y, groups, settled, list("abcdef"), seed=0)
    assert kept.all()
    assert not test.any()


def test_a_new_label_gets_its_smallest_artist_tested_on() -> None:
    y = np.array(["rock"] * 2 + ["polka"] * 6)
    groups = np.array([0, 1, 2, 2, 2, 3, 4, 4])
    settled = np.array([0, 1, -1, -1, -1, -1, -1, -1])
    test, _ = growing_split(y, groups, settled, list("abcdefgh"), seed=0)
    assert np.flatnonzero(test).tolist() == [1, 5]


def test_a_label_keeps_something_to_learn_from_when_another_needs_its_artist() -> None:
    # The smallest artist of polka is the only one of waltz.
    y = np.array(["rock"] * 2 + ["polka"] * 7 + ["waltz"])
    groups = np.array([0, 1, 2, 3, 3, 3, 4, 4, 4, 2])
    settled = np.array([0, 1, -1, -1, -1, -1, -1, -1, -1, -1])
    test, _ = growing_split(y, groups, settled, list("abcdefghij"), seed=0)
    assert not test[groups == 2].any()
    assert test[y == "polka"].sum() == 3
