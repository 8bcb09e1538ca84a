"""Columns that give the label away.

The largest scores in this field come from an index of a table sorted by genre. Such columns are
refused by name; whatever orders the labels under another name is reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from audiogenre.errors import UsageError

_WORDS = (
    "id ids tid uid uuid uri url href isrc index idx row rows rownum rownumber rowid num "
    "position order number rank path file filename folder link hash sha256 popularity "
    "popular playcount plays listens views likes streams comments hotttnesss currency "
    "favorites followers explicit split fold label labels genre genres subgenre subgenres "
    "mood moods class target artist artists album title name date year"
)
_REFUSED = re.compile(
    r"unnamed\b.*|level \d+|length|duration( s| sec| seconds)?|"
    rf".*\b({_WORDS.replace(' ', '|')})\b.*"
)
_ORDERS_LABELS = 0.9


def is_refused(column: str) -> bool:
    """Tell whether a column's name says that it identifies, orders or labels tracks.

    Examples
    --------
    >>> [is_refused(name) for name in ("track_id", "Unnamed: 0", "popularity", "mfcc_01_mean")]
    [True, True, True, False]
    """
    spelt = (column, re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", column))  # trackId, too
    words = [re.sub(r"[^a-z0-9:]+", " ", each.lower()).strip() for each in spelt]
    # What pandas calls a second column of a name, index.1, is the same column.
    words += [re.sub(r"(?: \d+)+$", "", each) for each in words]
    return not words[0] or any(_REFUSED.fullmatch(each) for each in words)


def check_names(columns: Iterable[str]) -> None:
    """Refuse columns that `is_refused` by name.

    Raises
    ------
    UsageError
    """
    refused = [each for each in columns if is_refused(each)]
    if refused:
        raise UsageError(
            f"the column {refused[0]!r} identifies or labels tracks and cannot be a feature"
        )


def label_order(column: npt.NDArray[np.floating], y: npt.NDArray[Any]) -> float:
    """Return how well sorting by a column puts equal labels side by side.

    Parameters
    ----------
    column : ndarray, shape (n,)
    y : ndarray, shape (n,)
        Labels, or numbers in their place.

    Returns
    -------
    order : float
        Share of neighbours with equal labels, or for a column of few values how well they tell
        the labels; scaled so that 0 is chance and 1 a perfect index. Real features stay well
        below 0.9.
    """
    n = len(y)
    _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    order = np.argsort(column, kind="stable")
    places = np.cumsum(np.diff(column[order], prepend=column[order[:1]]) != 0)  # of values, sorted
    n_values = int(places[-1]) + 1 if n else 0
    if n < 3 or len(counts) < 2 or n_values < 2:
        return 0.0
    if n_values < 0.5 * n:
        # A code: how often the commonest label of a value is right, against always the commonest.
        table = np.zeros((n_values, len(counts)))
        np.add.at(table, (places, codes[order]), 1)
        chance = counts.max() / n
        return float((table.max(axis=1).sum() / n - chance) / (1 - chance))
    by_chance = float((counts * (counts - 1)).sum()) / (n * (n - 1))
    best = (n - len(counts)) / (n - 1)
    ordered = codes[order]
    equal = float((ordered[1:] == ordered[:-1]).mean())
    return (equal - by_chance) / max(best - by_chance, 1e-9)


def suspicious_columns(
    values: npt.NDArray[np.floating], names: Iterable[str], y: npt.NDArray[np.str_]
) -> list[str]:
    """Return the names of columns that alone order the labels."""
    numbers = np.unique(y, return_inverse=True)[1].astype(np.int16)  # sorted faster than texts
    return [
        name
        for name, column in zip(names, values.T, strict=True)
        if label_order(column, numbers) > _ORDERS_LABELS
    ]
