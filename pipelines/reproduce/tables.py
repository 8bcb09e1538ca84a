"""The tables of the earlier systems, as datasets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from audiogenre.dataset import Dataset
from audiogenre.splits import Groups, artist_names, connect

SPOTIFY = [
    "danceability",
    "energy",
    "key",
    "loudness",
    "mode",
    "speechiness",
    "acousticness",
    "instrumentalness",
    "liveness",
    "valence",
    "tempo",
]
MOODS = ["length", *(each for each in SPOTIFY if each not in ("key", "mode"))]
CLASSES = {
    "3genre": "classical rock edm",
    "5genre": "jazz classical rock hip-hop edm",
    "7genre": "jazz classical indie country rock hip-hop edm",
    "4mood": "study road-trip workout party",
}


def spotifynn(path: Path, task: str) -> Dataset:
    """Return a table of system 1; tracks listed under two classes are left out, as they were."""
    table = pd.read_csv(path).drop_duplicates("tid", keep=False)
    names = np.array(CLASSES[task].split())
    return dataset(table[SPOTIFY], names[table["label"].to_numpy()], np.arange(len(table)))


def moods(path: Path) -> Dataset:
    """Return the table of system 2 with its ten features, grouped by artist."""
    table = pd.read_csv(path)
    return dataset(table[MOODS], table["mood"].to_numpy(str), by_artist(table["artist"]))


def tracks(path: Path, *, guests: bool = True) -> Dataset:
    """Return a cut of Kaggle's tracks table without popularity; a track under two genres is out.

    Parameters
    ----------
    guests : bool
        Group tracks that share any artist, directly or through others; else only those of the
        first-named artist, whose guests may then be on both sides of a split.
    """
    table = pd.read_csv(path).drop_duplicates(["track_id", "track_genre"])
    table = table.drop_duplicates("track_id", keep=False).dropna(subset=["artists"])
    columns = [*SPOTIFY, "duration_ms", "time_signature"]
    credits = table["artists"] if guests else table["artists"].str.split(";").str[0]
    return dataset(table[columns], table["track_genre"].to_numpy(str), by_artist(credits))


def gtzan(path: Path) -> tuple[Dataset, npt.NDArray[np.str_]]:
    """Return the 57 librosa features of GTZAN, and the fault-filtered part of each row."""
    table = pd.read_csv(path)
    table = table[table["split"] != "excluded"]
    columns = table.drop(columns=["filename", "length", "label", "split"])
    made = dataset(columns, table["label"].to_numpy(str), np.arange(len(table)))
    return made, table["split"].to_numpy(str)


def by_artist(credits: pd.Series) -> Groups:
    """Group tracks that share an artist; without one, a track is alone."""
    return connect([artist_names(each) for each in credits.fillna("").astype(str)])


def dataset(X: pd.DataFrame, y: npt.NDArray[np.str_], groups: npt.NDArray[np.int64]) -> Dataset:
    """Return columns, labels and groups as a dataset with nothing set aside.

    Rows keep the table's order, which a published split depends on; every fold is shuffled.
    """
    return Dataset(
        X=X.reset_index(drop=True).astype(np.float64),
        y=y,
        groups=np.asarray(groups, dtype=np.int64),
        test=np.zeros(len(y), dtype=bool),
        blocks=tuple(f"table/{family(column)}" for column in X.columns),
        sets=[],
        split="artist",
        seed=0,
        artists_known=1.0,
    )


def family(column: str) -> str:
    """Return a column's family: what it is a statistic of."""
    return column.removesuffix("_mean").removesuffix("_var")
