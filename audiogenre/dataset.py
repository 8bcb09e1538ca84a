"""Features joined to labels and groups: what a model learns from, without what gives it away."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from audiogenre import labels, leaks, matching, sides, splits
from audiogenre.catalog import Catalog
from audiogenre.errors import UsageError
from audiogenre.features import families
from audiogenre.features.sets import plain_names
from audiogenre.multilabel import rows as several
from audiogenre.sides import SplitKind
from audiogenre.store import FeatureStore
from audiogenre.typing import LabelKind

FeatureKind = Literal["extracted", "spotify", "both"]


@dataclass(frozen=True)
class Dataset:
    """Rows to learn from and to be tested on.

    Attributes
    ----------
    X : DataFrame, shape (n, d), float64
        Indexed by track id.
    y : ndarray, shape (n,), str
        The first label of each row.
    groups : ndarray, shape (n,), int
        Rows of a group are never on both sides of a split.
    test : ndarray, shape (n,), bool
        The rows set aside for the one test at the end.
    blocks : tuple of d str
        ``set/family`` of each column.
    sets : list of dict
        Name, fingerprint and parameters of each feature set.
    notes : list of str
        What was left out or decided on the way, for the user and the card.
    by_source : bool
        Whether the split is the source's own.
    targets : DataFrame, shape (n, n_labels), bool, or None
        All labels of each row, where all count.
    copies : DataFrame, shape (n, d), float64, or None
        The same columns of a simulated copy of each clip, to learn from as well; a row is NaN where
        there is no copy.
    """

    X: pd.DataFrame
    y: npt.NDArray[np.str_]
    groups: npt.NDArray[np.int64]
    test: npt.NDArray[np.bool_]
    blocks: tuple[str, ...]
    sets: list[dict[str, Any]]
    split: SplitKind
    seed: int
    artists_known: float
    notes: list[str] = field(default_factory=list)
    by_source: bool = False
    targets: pd.DataFrame | None = None
    copies: pd.DataFrame | None = None

    @property
    def labels(self) -> list[str]:
        """The labels, sorted."""
        if self.targets is not None:
            return [str(label) for label in self.targets.columns]
        return [str(label) for label in np.unique(self.y)]

    @property
    def protocol(self) -> str:
        """How the rows were split, in words."""
        return sides.protocol(
            self.split, by_source=self.by_source, artists_known=self.artists_known
        )

    def with_copies(self) -> npt.NDArray[np.float64]:
        """Return all columns, beside them those of the copies if there are any."""
        X: npt.NDArray[np.float64] = self.X.to_numpy()
        return X if self.copies is None else np.hstack([X, self.copies.to_numpy()])

    @property
    def data_hash(self) -> str:
        """Sixteen hexadecimal digits that change when a row, a label or a value does."""
        digest = hashlib.sha256()
        for part in (self.X.index, self.y, self.X.columns):
            digest.update("\n".join(map(str, part)).encode())
        for table in (self.X, self.copies):
            if table is not None:
                digest.update(np.ascontiguousarray(table.to_numpy()).tobytes())
        if self.targets is not None:
            digest.update("\n".join(self.labels).encode())
            digest.update(np.ascontiguousarray(self.targets.to_numpy()).tobytes())
        return digest.hexdigest()[:16]


def load_dataset(
    catalog: Catalog,
    store: FeatureStore,
    *,
    features: FeatureKind,
    set_name: str,
    fingerprints: Mapping[str, str] | None = None,
    label: LabelKind = "genre",
    only: Sequence[str] = (),
    parents: bool = False,
    per_label: int | None = None,
    split: SplitKind = "artist",
    seed: int = 0,
    multilabel: bool = False,
    augment: bool = False,
) -> Dataset:
    """Join the catalogue's labels with stored features, and split the result.

    The split is made over all tracks with these labels, whether or not they have the features
    asked for, so that models on different features are tested on the same tracks. The frozen split
    only grows by tracks that have them; nothing is written here, `Catalog.settle` keeps it.

    Parameters
    ----------
    features : {"extracted", "spotify", "both"}
    set_name : str
        The set that ``extracted`` and ``both`` take, or several as ``full+musicnn``.
    fingerprints : mapping, optional
        Which of several sets of a name is preferred.
    only : sequence of str
        Labels to keep, by any of their names; all if empty.
    parents : bool
        Whether a subgenre counts as its top genre.
    per_label : int, optional
        Keep at most this many tracks of a label, chosen by the seed; where all labels count, a
        track brings its other ones along.
    split : {"artist", "random", "frozen"}
        ``artist`` is the source's own split if every track has a side in it; ``frozen`` is the one
        that the catalogue keeps (`audiogenre.splits.growing_split`).
    multilabel : bool
        Whether every label of a song counts, whichever of its tracks has it.
    augment : bool
        Whether to bring the simulated copies along.

    Raises
    ------
    UsageError
        If there are too few labels or tracks, no such features, or a column is refused.
    """
    notes: list[str] = []
    tracks, said = labels.labelled(catalog, label, only, parents, notes)
    if not multilabel:
        notes += labels.left_out(tracks, said)
    wanted = ["spotify"] if features == "spotify" else matching.set_names(set_name, store)
    wanted += ["spotify"] if features == "both" else []
    folders = [store.find(name, (fingerprints or {}).get(name)) for name in wanted]
    wanted = [str(store.metadata(folder)["name"]) for folder in folders]
    if len(set(wanted)) < len(wanted):
        raise UsageError(f"{' and '.join(folders)} are the same set: name one of them")
    tables = [
        matching.match(store.read(each, tracks.index), tracks, name, notes)
        for each, name in zip(folders, wanted, strict=True)
    ]
    copies = matching.match_copies(store, folders, tracks) if augment else None
    X = matching.complete(pd.concat(tables, axis=1, join="inner"), notes)
    group = np.arange(len(tracks), dtype=np.int64)
    if split != "random":  # over all tracks: two copies of a song tie their artists together
        group = labels.tied(tracks)
    settled = catalog.sides() if split == "frozen" else {}
    tracks = sides.one_row_a_song(tracks.assign(group=group), settled)
    if multilabel:  # one row for each of them, up to the end
        tracks = several.one_row_a_label(tracks, said)
    tracks = matching.with_features(tracks, X, notes)
    if split == "frozen":
        tracks = tracks[tracks.index.isin(X.index) | (tracks["settled"] >= 0)]
    tracks, by_source = sides.choose(tracks, split, seed=seed, notes=notes)
    known = np.array([bool(splits.artist_names(each)) for each in tracks["artist"]])
    tracks = tracks.assign(artist_known=known).loc[X.index.intersection(tracks.index)]
    if split == "frozen" or by_source:
        tracks = sides.on_both(tracks, notes)
    if per_label is not None:
        kept = _drawn(tracks, per_label, seed)
        tracks = tracks.loc[tracks.index.isin(kept)]
    sides.check(tracks["label"].to_numpy(dtype=str), tracks["test"].to_numpy(dtype=bool))
    targets = several.targets(tracks) if multilabel else None
    tracks = tracks[~tracks.index.duplicated()]
    X = X.loc[tracks.index]
    blocks = tuple(
        f"{name}/{family}" for name in wanted for family in families(name, X[name].columns)
    )
    if copies is not None:
        copies = matching.beside(copies, X, notes)
    named: list[tuple[str, str]] = [*X.columns.to_flat_index()]
    X.columns = pd.Index(plain_names(named))
    leaks.check_names(X.columns)
    y = tracks["label"].to_numpy(dtype=str)
    test = tracks["test"].to_numpy(dtype=bool)
    suspects = leaks.suspicious_columns(X.to_numpy()[~test], X.columns, y[~test])
    notes += [f"column {each!r} alone orders the labels: is it an index?" for each in suspects]
    if targets is not None:
        notes.append(several.counted(targets))
    share = float(tracks["artist_known"].mean())
    if split != "random" and share < 1:
        notes.append(
            f"the artist of {1 - share:.0%} of the tracks is unknown: split by track there"
        )
    described = [
        matching.described(store, folder, name)
        for folder, name in zip(folders, wanted, strict=True)
    ]
    return Dataset(
        X=X.astype(np.float64),
        y=y,
        groups=tracks["group"].to_numpy(dtype=np.int64),
        test=test,
        blocks=blocks,
        sets=described,
        split=split,
        seed=seed,
        artists_known=share,
        notes=[*dict.fromkeys(notes)],  # two sets may have the same thing to say
        by_source=by_source,
        targets=targets,
        copies=None if copies is None else copies.set_axis(X.columns, axis=1).astype(np.float64),
    )


def _drawn(tracks: pd.DataFrame, per_label: int, seed: int) -> pd.Index:
    """Draw so many tracks a label at most, about a fifth of them from the test side."""
    n_test = max(1, round(per_label / splits.N_FOLDS))
    # By a hash of the id, so that another set of features, a track more or less, draws the same.
    draw = [hashlib.sha256(f"{seed} {each}".encode()).digest() for each in tracks.index]
    shuffled = tracks.assign(draw=draw).sort_values("draw")
    rank = shuffled.groupby(["label", "test"]).cumcount()
    return shuffled.index[rank < np.where(shuffled["test"], n_test, per_label - n_test)]
