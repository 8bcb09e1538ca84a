"""A map of every track that has features, kept beside the data until the tracks change."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from audiogenre.catalog import Catalog
from audiogenre.classifiers.scaling import BlockScaler
from audiogenre.errors import StoreError, UsageError
from audiogenre.exploration.clusters import draw_map, principal_components
from audiogenre.extraction import default_fingerprints
from audiogenre.features import families
from audiogenre.store import FeatureStore

MOST_NEIGHBOURS = 20_000  # tracks; beyond that t-SNE takes the better part of an hour
FEWEST = 5
FOLDER = "maps"
KINDS = {"tsne": "t-SNE", "pca": "two principal components"}
Say = Callable[[str], None]


@dataclass(frozen=True)
class Key:
    """What a map is of: a set of features, and which bytes of which tracks it is there for.

    Features follow from the bytes and the set, so nothing else can change a map.
    """

    folder: str
    tracks: int
    digest: str

    @property
    def kind(self) -> str:
        """How so many tracks are laid out."""
        return "tsne" if self.tracks <= MOST_NEIGHBOURS else "pca"

    @property
    def name(self) -> str:
        """The name of the map's file."""
        return f"{self.kind}-{self.digest}.parquet"


def find_key(data: Path) -> Key:
    """Return what a map of a data folder would be of.

    Raises
    ------
    UsageError
        If there are no tracks with features, or hardly any.
    """
    store = FeatureStore.of(data)
    name = store.default_set()
    folder = store.find(name, default_fingerprints().get(name))
    known = _present(data, store.known(store.root / folder))
    if len(known) < FEWEST:
        raise UsageError(
            f"a map needs {FEWEST} tracks with features, and there are {len(known)}: run "
            "'audiogenre extract'"
        )
    digest = hashlib.sha256(folder.encode())
    for each in sorted(known):
        digest.update("\n".join(each).encode())
    return Key(folder, len(known), digest.hexdigest()[:16])


def _present(data: Path, known: dict[str, set[str]]) -> list[tuple[str, str]]:
    """Return the track and the bytes of each row that is of a track's present audio, or of none."""
    with Catalog(data / "catalog.db") as catalog:
        tracks, previews = catalog.known(), catalog.previews()
    found = []
    for track_id, hashes in known.items():
        present = previews[track_id].sha256 if track_id in previews else ""
        if track_id in tracks and present in hashes:
            found.append((track_id, present))
    return found


def read(data: Path, key: Key | None) -> tuple[str, pd.DataFrame] | None:
    """Return a map that is there: how it was made, and the places of tracks in a unit square.

    Parameters
    ----------
    key : Key or None
        None takes the latest one, whatever it is of.
    """
    files = [data / FOLDER / key.name] if key else _latest(data)
    for file in files:
        try:
            return file.stem.partition("-")[0], pd.read_parquet(file)
        except (OSError, ValueError):
            continue  # not there, or cut off by a power cut
    return None


def _latest(data: Path) -> list[Path]:
    files = [each for each in (data / FOLDER).glob("*.parquet") if not each.name.startswith(".")]
    return sorted(files, key=lambda each: each.stat().st_mtime, reverse=True)


def make(data: Path, say: Say) -> None:
    """Lay every track out, and keep the map beside the data in place of earlier ones.

    Parameters
    ----------
    say : callable
        Told in words what is being done.

    Raises
    ------
    UsageError
        If there is too little to lay out.
    StoreError
        If it cannot be written.
    """
    say("reading the features")
    key = find_key(data)
    places = _laid_out(data, key, say)
    folder = data / FOLDER
    beside = folder / f".{key.name}.{os.getpid()}.tmp"
    try:
        folder.mkdir(exist_ok=True)
        places.to_parquet(beside)
        beside.replace(folder / key.name)
        for each in _latest(data)[1:]:
            each.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"cannot write to {folder}: {error.strerror or error}") from error


def _laid_out(data: Path, key: Key, say: Say) -> pd.DataFrame:
    store = FeatureStore.of(data)
    table = store.read(key.folder)
    rows = table.index.isin(_present(data, store.known(store.root / key.folder)))
    X = table[rows].droplevel(1)
    X = X.loc[:, X.isna().mean() <= 0.5].dropna().astype(np.float64)
    if len(X) < FEWEST:
        raise UsageError(f"only {len(X)} tracks have a value in every column: too few for a map")
    name = key.folder.rpartition("-")[0] or key.folder
    blocks = tuple(f"{name}/{family}" for family in families(name, X.columns))
    Z = BlockScaler(blocks).fit(X.to_numpy()).transform(X.to_numpy())
    say(f"laying out {len(X)} tracks so that similar ones lie together")
    if key.kind == "pca":
        places, _ = principal_components(Z, seed=0, most=2)
    else:
        places = draw_map(Z, "tsne", seed=0)
    return pd.DataFrame(_in_unit_square(places), index=X.index, columns=["x", "y"])


def _in_unit_square(places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return places between 0 and 1, both directions to the same scale."""
    low, high = places.min(axis=0), places.max(axis=0)
    span = max(float((high - low).max()), 1e-12)
    return np.asarray((places - (low + high) / 2) / span + 0.5)
