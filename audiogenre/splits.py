"""Honest splits: nobody is on both sides.

A random split flatters a genre classifier by nine points and more, because it learns to recognise
artists and recordings. Groups (artists, and duplicates of a song) therefore stay together.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from audiogenre.errors import UsageError

Groups = npt.NDArray[np.int64]
Counts = npt.NDArray[np.float64]
Folds = list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]

N_FOLDS = 5
MIN_GROUPS = 3
_TRIES = 5
_REPEATS = 3
_LARGE = 2000  # rows
_NOBODY = {"", "various artists", "various", "va", "unknown artist", "unknown", "[unknown]", "n/a"}
_TOGETHER = re.compile(
    r"\s*[;,/&\[\]()]\s*|\s+(?:x|vs\.?|with)\s+|\s*\b(?:feat\b\.?|ft\b\.?|featuring\b)\s*"
)


def artist_names(artist: str) -> list[str]:
    """Return the artists that a credit names, in a form fit for comparing; none if unknown.

    A name that only looks like several (Earth, Wind & Fire) is cut up as well: tracks that stay
    together without need cost less than an artist on both sides of a split.

    Examples
    --------
    >>> artist_names("Dan + Shay;Justin  Bieber (feat. X)"), artist_names("Various Artists")
    (['dan + shay', 'justin bieber', 'x'], [])
    """
    parts = _TOGETHER.split(artist.casefold())
    names = (" ".join(each.split()).strip("'\"") for each in parts)
    return [name for name in dict.fromkeys(names) if name not in _NOBODY]


def connect(keys: Sequence[Iterable[str]]) -> Groups:
    """Group rows that share a key, directly or through other rows.

    Parameters
    ----------
    keys : sequence of n iterables of str
        What must stay together: artists, recordings. A row without keys is a group of its own.

    Returns
    -------
    groups : ndarray, shape (n,), int
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    numbers: dict[str, int] = {}
    pairs = [
        (row, numbers.setdefault(key, len(numbers))) for row, own in enumerate(keys) for key in own
    ]
    n = len(keys)
    size = n + len(numbers)
    rows, columns = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(pairs)), (rows, columns + n)), shape=(size, size))
    _, labels = connected_components(graph, directed=False)
    return np.asarray(labels[:n], dtype=np.int64)


def grouped_folds(
    y: npt.NDArray[np.str_], groups: Groups, *, seed: int, n_splits: int = N_FOLDS
) -> Folds:
    """Cut rows into folds that keep groups whole and labels balanced.

    Parameters
    ----------
    y : ndarray, shape (n,)
    groups : ndarray, shape (n,)
    seed : int
    n_splits : int >= 2
        Less if a label has fewer groups.

    Returns
    -------
    folds : list of (train, test)
        Row numbers; ``sklearn.model_selection.StratifiedGroupKFold``.

    Raises
    ------
    UsageError
        If a label has only one group.
    """
    fewest = min(len(np.unique(groups[y == label])) for label in np.unique(y))
    if fewest < 2:
        raise UsageError("a label has tracks of one artist only: it cannot be learned and tested")
    return _cut(y, groups, min(n_splits, fewest), seed)


def _cut(y: npt.NDArray[np.str_], groups: Groups, n_splits: int, seed: int) -> Folds:
    from sklearn.model_selection import StratifiedGroupKFold

    class AllAtOnce(StratifiedGroupKFold):  # type: ignore[misc]
        """The same folds, of which all are tried at once for a group: a tenth of the time."""

        def _find_best_fold(
            self, y_counts_per_fold: Counts, y_cnt: Counts, group_y_counts: Counts
        ) -> int:
            return _best_fold(y_counts_per_fold, y_cnt, group_y_counts)

    folds = AllAtOnce(n_splits, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")
        return list(folds.split(y, y, groups))


def _best_fold(per_fold: Counts, per_label: Counts, own: Counts) -> int:
    """Return the fold that a group leaves most balanced, of equal ones the smallest.

    Parameters
    ----------
    per_fold : ndarray, shape (n_splits, n_labels)
        Rows of each label so far.
    per_label : ndarray, shape (n_labels,)
        Rows of each label in all.
    own : ndarray, shape (n_labels,)
        Rows of the group.
    """
    n = len(per_fold)
    proposed = np.repeat(per_fold[np.newaxis], n, axis=0)
    proposed[np.arange(n), np.arange(n)] += own
    spread = (proposed / per_label).std(axis=1).mean(axis=1).tolist()
    sizes = per_fold.sum(axis=1).tolist()
    best = 0
    for fold in range(1, n):
        close = abs(spread[fold] - spread[best]) <= 1e-8 + 1e-5 * abs(spread[best])
        if spread[fold] < spread[best] or (close and sizes[fold] < sizes[best]):
            best = fold
    return best


def repeated_folds(y: npt.NDArray[np.str_], groups: Groups, *, seed: int) -> Folds:
    """Return the folds a search is judged by: several cuts of a small dataset, one of a large.

    With few artists one cut judges candidates by luck; three cuts halve what that costs.
    """
    repeats = _REPEATS if len(y) < _LARGE else 1
    return [
        fold
        for repeat in range(repeats)
        for fold in grouped_folds(y, groups, seed=seed * _REPEATS + repeat)
    ]


def outer_split(y: npt.NDArray[np.str_], groups: Groups, *, seed: int) -> npt.NDArray[np.bool_]:
    """Set about a fifth of the rows aside for the one test at the end.

    Of some candidate folds the one is taken whose labels come closest to a fifth each; nothing is
    fitted to decide it.

    Returns
    -------
    test : ndarray, shape (n,), bool

    Raises
    ------
    UsageError
        If a label has fewer than `MIN_GROUPS` groups.
    """
    for label in np.unique(y):
        n_groups = len(np.unique(groups[y == label]))
        if n_groups < MIN_GROUPS:
            raise UsageError(
                f"{str(label)!r} has tracks of {n_groups} artist(s), and an honest test needs "
                f"{MIN_GROUPS}: add music, leave it out with --only, or take --split random, "
                "which flatters the score"
            )
    best: tuple[float, npt.NDArray[np.int64]] | None = None
    _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    n_splits = min(N_FOLDS, int(counts.max()), len(np.unique(groups)))
    for attempt in range(_TRIES):
        for _, test in _cut(y, groups, n_splits, seed * _TRIES + attempt):
            shares = np.bincount(codes[test], minlength=len(counts)) / counts
            distance = float(np.abs(shares - 1 / N_FOLDS).max())
            if shares.min() > 0 and shares.max() < 1 and (best is None or distance < best[0]):
                best = (distance, test)
    if best is None:
        raise UsageError(
            "no split puts every label on both sides without dividing an artist: leave out the "
            "labels with few artists (--only), or take --split random, which flatters the score"
        )
    mask = np.zeros(len(y), dtype=bool)
    mask[best[1]] = True
    return mask


def growing_split(
    y: npt.NDArray[np.str_],
    groups: Groups,
    settled: npt.NDArray[np.int64],
    ids: Sequence[str],
    *,
    seed: int,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Split a dataset that has grown, without moving a row whose side is settled.

    New rows follow the settled rows of their group. A group that ties both sides (a new track by
    an artist of each) has its new rows left out. A group of new rows only is set aside if that
    leaves at most a fifth of each of its labels set aside; a label that has none yet and groups
    enough gets its smallest there.

    Parameters
    ----------
    y : ndarray, shape (n,)
    groups : ndarray, shape (n,)
    settled : ndarray, shape (n,)
        1 for a settled test row, 0 for a settled training row, -1 for a new one. If all are new,
        the split is that of `outer_split`.
    ids : sequence of n str
        They decide the order in which groups are looked at, whatever the order of the rows.
    seed : int
        Of the first split.

    Returns
    -------
    test : ndarray, shape (n,), bool
    kept : ndarray, shape (n,), bool
        False for the rows left out.
    """
    new = settled < 0
    if new.all():
        return outer_split(y, groups, seed=seed), np.ones(len(y), dtype=bool)
    names, group = np.unique(groups, return_inverse=True)
    labels, label = np.unique(y, return_inverse=True)
    trains = np.bincount(group[settled == 0], minlength=len(names)) > 0
    tests = np.bincount(group[settled == 1], minlength=len(names)) > 0
    kept = ~(new & (trains & tests)[group])
    test = kept & np.where(new, tests[group], settled == 1)
    size = np.zeros((len(names), len(labels)), dtype=np.int64)  # rows of each label in each group
    np.add.at(size, (group[kept], label[kept]), 1)
    total = size.sum(axis=0)
    aside = np.bincount(label[test], minlength=len(labels))

    order: dict[int, str] = {}
    for each, row in zip(group, ids, strict=True):
        if not trains[each] and not tests[each]:
            digest = hashlib.sha256(row.encode()).hexdigest()
            order[int(each)] = min(digest, order.get(int(each), digest))
    fresh = sorted(order, key=lambda each: order[each])
    chosen = np.zeros(len(names), dtype=bool)
    for each in fresh:
        own = size[each] > 0
        if (N_FOLDS * (aside + size[each]) <= total)[own].all():
            chosen[each] = True
            aside += size[each]
    for number in np.flatnonzero((aside == 0) & ((size > 0).sum(axis=0) >= MIN_GROUPS)):
        mine = sorted((each for each in fresh if size[each, number]), key=lambda x: size[x].sum())
        for each in mine:
            # Setting it aside must not take the last training rows of a label.
            if (aside + size[each] < total)[size[each] > 0].all():
                chosen[each] = True
                aside += size[each]
                break
    return test | chosen[group], kept
