"""The split that grows with a library: who is settled stays, and nobody is on both sides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from audiogenre.splits import MIN_GROUPS, connect, growing_split, outer_split

Y = npt.NDArray[np.str_]
Groups = npt.NDArray[np.int64]


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
