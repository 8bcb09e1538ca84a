"""Which label each track counts under, and which tracks are the same song or artist."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from audiogenre import songs, splits
from audiogenre.catalog import Catalog
from audiogenre.errors import UsageError
from audiogenre.genres import FILE, GenreTree
from audiogenre.typing import LabelKind


def labelled(
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
            f"{rows['label'].nunique()}; 'audiogenre download --help' tells how to add some, "
            "'audiogenre status' shows what is there"
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


def left_out(tracks: pd.DataFrame, labels: pd.DataFrame) -> list[str]:
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


def tied(tracks: pd.DataFrame) -> splits.Groups:
    """Group tracks that must stay together: of the same artists, or of the same song."""
    rows = zip(tracks["song"], tracks["artist"], strict=True)
    return splits.connect(
        [
            [f"song {song}", *(f"artist {songs.plain(x)}" for x in splits.artist_names(artist))]
            for song, artist in rows
        ]
    )
