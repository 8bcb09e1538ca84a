"""Several labels a song as rows: one for each song and label, split like any other rows.

What keeps every label on both sides of a split, and equal shares of it in every fold, then is what
does so for songs of one label: a song's rows share its group, and are never divided.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from audiogenre.errors import UsageError
from audiogenre.splits import Folds, Groups, grouped_folds

Targets = npt.NDArray[np.bool_]


def one_row_a_label(songs: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Return the row of each song once for each of its labels, whichever of its tracks has it.

    Parameters
    ----------
    songs : DataFrame
        One row a song, indexed by track_id.
    labels : DataFrame
        With the columns song and label, one row for each label of a track.
    """
    own = labels[["song", "label"]].drop_duplicates().rename(columns={"song": "track_id"})
    return songs.drop(columns="label").join(own.set_index("track_id"), how="inner")


def targets(rows: pd.DataFrame) -> pd.DataFrame:
    """Return which song has which label, from one row a song and label.

    Returns
    -------
    targets : DataFrame, shape (n, n_labels), bool
        Songs in the order of their first rows, labels sorted.
    """
    return pd.get_dummies(rows["label"]).groupby(level=0, sort=False).any()


def counted(targets: pd.DataFrame) -> str:
    """Say how many songs have several labels."""
    several = int((targets.sum(axis=1) > 1).sum())
    return f"all labels count: {several} of {len(targets)} tracks have several"


def label_folds(
    targets: Targets,
    groups: Groups,
    labels: Sequence[str],
    *,
    seed: int,
    cut: Callable[..., Folds] = grouped_folds,
) -> Folds:
    """Cut songs into folds that keep groups whole and every label balanced.

    Parameters
    ----------
    targets : ndarray, shape (n, n_labels)
        Every song has a label.
    groups : ndarray, shape (n,)
    cut : callable
        `audiogenre.splits.grouped_folds` or `repeated_folds`.

    Raises
    ------
    UsageError
        If a label has one artist only, or all songs to learn from in a fold have it or none has.
    """
    songs, columns = np.nonzero(targets)
    folds = [
        (np.unique(songs[train]), np.unique(songs[test]))
        for train, test in cut(np.asarray(labels)[columns], groups[songs], seed=seed)
    ]
    for train, _ in folds:
        shares = targets[train].mean(axis=0)
        for label, share in zip(labels, shares, strict=True):
            if share in (0, 1):
                raise UsageError(
                    f"{'no' if share == 0 else 'every'} track of a fold to learn from has the "
                    f"label {label!r}, so there is nothing to tell it from: add music, or leave "
                    "it out with --only"
                )
    return folds
