"""Stored features matched to the tracks they are of: one row a song, without holes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from audiogenre import phone
from audiogenre.errors import UsageError
from audiogenre.store import FeatureStore


def set_names(text: str, store: FeatureStore) -> list[str]:
    """Return the sets that a name stands for: itself, or those it joins by ``+``."""
    return [text] if text in store.sets() else list(dict.fromkeys(text.split("+")))


def match(
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


def match_copies(store: FeatureStore, folders: Sequence[str], tracks: pd.DataFrame) -> pd.DataFrame:
    """Return one row a song of the copies that were made of sets, as they are made now."""
    tables = [
        match(
            store.read(_copies_of(store, each), tracks.index),
            tracks,
            store.metadata(each)["name"],
            [],
        )
        for each in folders
    ]
    return pd.concat(tables, axis=1, join="inner")


def beside(copies: pd.DataFrame, X: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
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
    if "fingerprint" not in written:
        raise UsageError(f"the set {folder} was not computed from audio: leave out --augment")
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


def complete(X: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
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


def with_features(tracks: pd.DataFrame, X: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
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


def described(store: FeatureStore, folder: str, name: str) -> dict[str, Any]:
    """Return name, fingerprint and parameters of a stored set."""
    fingerprint = folder.removeprefix(name).removeprefix("-")
    return {**store.metadata(folder), "name": name, "fingerprint": fingerprint}
