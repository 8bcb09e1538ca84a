"""Features joined to labels and groups: what a model learns from, without what gives it away."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from audiogenre import leaks, phone, sides, songs, splits
from audiogenre.catalog import Catalog
from audiogenre.errors import UsageError
from audiogenre.features import families
from audiogenre.features.sets import plain_names
from audiogenre.genres import FILE, GenreTree
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
    tracks, labels = _labelled(catalog, label, only, parents, notes)
    if not multilabel:
        notes += _left_out(tracks, labels)
    wanted = ["spotify"] if features == "spotify" else set_names(set_name, store)
    wanted += ["spotify"] if features == "both" else []
    folders = [store.find(name, (fingerprints or {}).get(name)) for name in wanted]
    wanted = [str(store.metadata(folder)["name"]) for folder in folders]
    if len(set(wanted)) < len(wanted):
        raise UsageError(f"{' and '.join(folders)} are the same set: name one of them")
    tables = [
        _match(store.read(each), tracks, name, notes)
        for each, name in zip(folders, wanted, strict=True)
    ]
    copies = _copies(store, folders, tracks) if augment else None
    X = _complete(pd.concat(tables, axis=1, join="inner"), notes)
    group = np.arange(len(tracks), dtype=np.int64)
    if split != "random":  # over all tracks: two copies of a song tie their artists together
        group = _tied(tracks)
    settled = catalog.sides() if split == "frozen" else {}
    tracks = sides.one_row_a_song(tracks.assign(group=group), settled)
    if multilabel:  # one row for each of them, up to the end
        tracks = several.one_row_a_label(tracks, labels)
    tracks = _with_features(tracks, X, notes)
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
        copies = _beside(copies, X, notes)
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
        _describe(store, folder, name) for folder, name in zip(folders, wanted, strict=True)
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


def set_names(text: str, store: FeatureStore) -> list[str]:
    """Return the sets that a name stands for: itself, or those it joins by ``+``."""
    return [text] if text in store.sets() else list(dict.fromkeys(text.split("+")))


def _labelled(
    catalog: Catalog, kind: LabelKind, only: Sequence[str], parents: bool, notes: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return one row a track, with its first label among those wanted, and one row a label."""
    columns = ["track_id", "said", "artist", "album", "title", "isrc", "sha256"]
    columns += ["duration", "split"]
    rows = pd.DataFrame(catalog.labelled(kind), columns=columns)
    corrections = {each[0]: each[2] for each in catalog.corrections() if each[1] == kind}
    if corrections:
        rows = _corrected(rows, corrections, notes)
    wanted = {each.strip().casefold() for each in only}
    rows["label"] = rows["said"]
    if kind == "genre":  # here and not in the catalogue, so that editing the tree takes effect
        tree = GenreTree.load(catalog.path.with_name(FILE))
        names = {each: tree.label(each, parents=parents) for each in rows["said"].unique()}
        rows["label"] = rows["said"].map(names)
        wanted = {tree.label(each) for each in wanted}
    there = sorted(set(rows["label"]))
    missing = sorted(wanted - set(there))
    if missing:
        raise UsageError(f"no track has the {kind} {missing[0]!r}; there are: {', '.join(there)}")
    if wanted:
        rows = rows[rows["label"].isin(wanted)]
    if rows["label"].nunique() < 2:
        raise UsageError(
            f"a classifier needs tracks of two {kind}s or more, and there are "
            f"{rows['label'].nunique()}; 'audiogenre download' adds tracks, 'audiogenre status' "
            "shows what is there"
        )
    tracks = rows.drop_duplicates("track_id").set_index("track_id")
    for name, renamed in tracks[tracks["said"] != tracks["label"]].groupby("label"):
        said = ", ".join(sorted(set(renamed["said"])))
        notes.append(f"{said} counted as {name}: {len(renamed)} tracks")
    song = splits.connect(songs.song_keys(tracks.itertuples()))
    # A song goes by the first track that is it, whichever source its features come from.
    _, first, number = np.unique(song, return_index=True, return_inverse=True)
    tracks = tracks.assign(song=tracks.index[first[number]])
    labels = rows[["track_id", "label"]].drop_duplicates()
    return tracks, labels.assign(song=labels["track_id"].map(tracks["song"]))


def _left_out(tracks: pd.DataFrame, labels: pd.DataFrame) -> list[str]:
    """Say which labels do not count where only the first of a song does."""
    notes = []
    further = len(labels) - len(tracks)
    if further:
        notes.append(
            f"{further} further labels of tracks with several were left out: the first counts"
        )
    own = tracks["label"].reindex(labels["song"]).to_numpy()
    first = labels["track_id"].map(tracks["label"]) == labels["label"]
    differing = labels["song"][first & (labels["label"] != own)].nunique()
    if differing:
        notes.append(
            f"{differing} songs have another first label in another copy: the first copy counts"
        )
    return notes


def _corrected(rows: pd.DataFrame, corrections: dict[str, str], notes: list[str]) -> pd.DataFrame:
    """Give every track of a song that a person has corrected that label, and no other.

    Corrections are by track id, the latest first: of two for a song it counts.
    """
    tracks = rows.drop_duplicates("track_id").set_index("track_id")
    song = pd.Series(splits.connect(songs.song_keys(tracks.itertuples())), index=tracks.index)
    said = {song[track_id]: label for track_id, label in reversed(corrections.items())}
    notes.append(f"{len(said)} songs go by a correction (relabel)")
    return rows.assign(said=rows["track_id"].map(song).map(said).fillna(rows["said"]))


def _tied(tracks: pd.DataFrame) -> splits.Groups:
    """Group tracks that must stay together: of the same artists, or of the same song."""
    rows = zip(tracks["song"], tracks["artist"], strict=True)
    return splits.connect(
        [
            [f"song {song}", *(f"artist {songs.plain(x)}" for x in splits.artist_names(artist))]
            for song, artist in rows
        ]
    )


def _with_features(tracks: pd.DataFrame, X: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Leave out the labels none of whose tracks has features; of the others keep every track."""
    there = set(tracks.loc[X.index.intersection(tracks.index), "label"])
    absent = sorted(set(tracks["label"]) - there)
    if absent:
        notes.append(f"no track has these features, left out: {', '.join(absent)}")
    if len(there) < 2:
        raise UsageError(
            f"a classifier needs tracks of two labels or more, and only those of {there.pop()!r} "
            "have these features"
        )
    return tracks[tracks["label"].isin(there)]


def _match(
    features: pd.DataFrame, tracks: pd.DataFrame, name: str, notes: list[str]
) -> pd.DataFrame:
    """Return one row a song from the rows of tracks' present audio, or of no audio at all.

    What was computed from the audio counts before a row of no audio; only of attributes the latter
    does, as it was measured and the other one estimated.
    """
    ids = features.index.get_level_values(0)
    hashes = features.index.get_level_values(1)
    current = tracks["sha256"].reindex(ids).to_numpy()
    rows = features[(hashes == current) | ((hashes == "") & pd.notna(current))]
    measured = np.asarray(rows.index.get_level_values(1) == "")
    song = pd.Index(tracks["song"].reindex(rows.index.get_level_values(0)), name="track_id")
    better = measured if name == "spotify" else ~measured
    needed = better | ~song.isin(song[better])
    rows, measured = rows.set_axis(song)[needed], measured[needed]
    again = rows.index.duplicated()
    if again.any():
        notes.append(f"{int(again.sum())} duplicates of songs were left out")
    rows, measured = rows[~again], measured[~again]
    if name == "spotify" and not measured.all():
        rows = _in_both(rows, measured, notes)
    rows.columns = pd.MultiIndex.from_product([[name], rows.columns])
    return rows.sort_index()


def _copies(store: FeatureStore, folders: Sequence[str], tracks: pd.DataFrame) -> pd.DataFrame:
    """Return one row a song of the copies that were made of sets, as they are made now."""
    tables = [
        _match(store.read(_copies_of(store, each)), tracks, store.metadata(each)["name"], [])
        for each in folders
    ]
    return pd.concat(tables, axis=1, join="inner")


def _beside(copies: pd.DataFrame, X: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Return the copies of rows in their order, NaN where there is none."""
    copies = copies.reindex(index=X.index, columns=X.columns)
    lacking = int(copies.isna().any(axis=1).sum())
    said = f"{lacking} of {len(X)} tracks have no simulated copy"
    if 2 * lacking > len(X):
        raise UsageError(f"{said}: run 'audiogenre extract --augment {phone.NAME}' first")
    if lacking:
        notes.append(said)
    return copies


def _copies_of(store: FeatureStore, folder: str) -> str:
    written = store.metadata(folder)
    name, wanted = phone.copy_name(written["name"]), phone.copy_parameters(written["fingerprint"])
    named = [each for each in store.sets() if each.rpartition("-")[0] == name]
    for each in named:
        if wanted.items() <= store.metadata(each)["parameters"].items():
            return each
    raise UsageError(
        f"there are no simulated copies of the set {folder} as this version makes them: run "
        f"'audiogenre extract --augment {phone.NAME}' first"
    )


def _in_both(rows: pd.DataFrame, measured: npt.NDArray[np.bool_], notes: list[str]) -> pd.DataFrame:
    """Keep the attributes that measured and estimated rows have, so that all rows are whole."""
    notes.append(
        f"attributes of {int((~measured).sum())} of {len(rows)} songs are estimated from the audio"
    )
    kinds = [each for each in (rows[measured], rows[~measured]) if len(each)]
    lacking = [str(name) for name in rows if any(each[name].isna().all() for each in kinds)]
    if lacking:
        notes.append(f"only measured or only estimated, left out: {', '.join(lacking)}")
    return rows.drop(columns=lacking)


def _complete(X: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Leave out columns that most tracks lack, then the tracks that lack another."""
    if X.empty:
        raise UsageError("no labelled track has these features; run 'audiogenre extract' first")
    sparse = X.columns[X.isna().mean() > 0.5]
    if len(sparse):
        notes.append(
            f"columns most tracks lack were left out: {', '.join(str(each[1]) for each in sparse)}"
        )
        X = X.drop(columns=sparse)
    whole = X.notna().all(axis=1)
    if not whole.all():
        notes.append(f"{int((~whole).sum())} tracks lack a value and were left out")
    return X[whole]


def _drawn(tracks: pd.DataFrame, per_label: int, seed: int) -> pd.Index:
    """Draw so many tracks a label at most, about a fifth of them from the test side."""
    n_test = max(1, round(per_label / splits.N_FOLDS))
    # By a hash of the id, so that another set of features, a track more or less, draws the same.
    draw = [hashlib.sha256(f"{seed} {each}".encode()).digest() for each in tracks.index]
    shuffled = tracks.assign(draw=draw).sort_values("draw")
    rank = shuffled.groupby(["label", "test"]).cumcount()
    return shuffled.index[rank < np.where(shuffled["test"], n_test, per_label - n_test)]


def _describe(store: FeatureStore, folder: str, name: str) -> dict[str, Any]:
    fingerprint = folder.removeprefix(name).removeprefix("-")
    return {**store.metadata(folder), "name": name, "fingerprint": fingerprint}
