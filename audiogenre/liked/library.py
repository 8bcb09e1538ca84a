"""Songs that the data folder knows already: by ISRC, or by artist, title and length."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from audiogenre import context
from audiogenre.bundle import Bundle
from audiogenre.catalog import Catalog, Preview
from audiogenre.classifiers.context import CONTEXT
from audiogenre.features.sets import plain_names
from audiogenre.liked.memory import Numbers
from audiogenre.liked.records import Answer, Song
from audiogenre.reading import KEYS
from audiogenre.songs import SongIndex
from audiogenre.store import ATTRIBUTES, FeatureStore
from audiogenre.typing import Track


class Library:
    """The tracks of a data folder that a model can be asked about.

    Parameters
    ----------
    catalog : Catalog
    data : Path
        The data folder.
    bundle : Bundle
        The model: its features are looked for.
    """

    def __init__(self, catalog: Catalog, data: Path, bundle: Bundle) -> None:
        previews = catalog.previews()
        self._rows = stored_features(bundle, FeatureStore.of(data), previews)
        self._paths = {
            key: data / each.path for key, each in previews.items() if each.path
        }  # an absolute path stays what it is
        known = catalog.known().values()
        self._with_features = SongIndex(each for each in known if each.id in self._rows.index)
        self._with_audio = SongIndex(each for each in known if each.id in self._paths)

    def features(self, song: Song) -> Numbers | None:
        """Return the stored features of a song, None if there are none."""
        found = self._with_features.find(_track(song))
        return None if found is None else self._rows.loc[found].to_numpy(dtype=np.float32)

    def audio(self, song: Song) -> Path | None:
        """Return the file of a song, None if there is none."""
        found = self._with_audio.find(_track(song))
        path = None if found is None else self._paths[found]
        return path if path is not None and path.is_file() else None


def stored_features(
    bundle: Bundle, store: FeatureStore, previews: dict[str, Preview]
) -> pd.DataFrame:
    """Return the rows of a feature store that a model can read.

    Returns
    -------
    rows : DataFrame, shape (n, d), float32
        Indexed by track id, with `feature_columns`; of each track what was computed from its
        present audio, or measured.
    """
    columns = feature_columns(bundle)
    current = {key: preview.sha256 for key, preview in previews.items()}
    tables = []
    for each in bundle.metadata["sets"]:
        name, fingerprint = each["name"], each["fingerprint"]
        folder = f"{name}-{fingerprint}" if fingerprint else name
        if folder not in store.sets():
            return pd.DataFrame(columns=columns, dtype=np.float32)
        table = store.read(folder).reset_index()
        track, audio = table[KEYS[0]], table[KEYS[1]]
        table = table[(audio == "") | (audio == track.map(current))]
        # Attributes that were measured count before those estimated; of all else the audio does.
        table = table.sort_values(KEYS[1], ascending=name == ATTRIBUTES, kind="stable")
        table = table.drop_duplicates(KEYS[0]).set_index(KEYS[0]).drop(columns=KEYS[1])
        table.columns = pd.MultiIndex.from_product([[name], table.columns])
        tables.append(table)
    rows = pd.concat(tables, axis=1, join="inner")
    named: list[tuple[str, str]] = [*rows.columns.to_flat_index()]
    rows.columns = pd.Index(plain_names(named))
    return rows.reindex(columns=columns).dropna()


def feature_columns(bundle: Bundle) -> list[str]:
    """Return the columns of a model that are features, in its order."""
    return [each for each in bundle.columns if not each.startswith(f"{CONTEXT}:")]


def answer(bundle: Bundle, numbers: dict[str, Numbers]) -> dict[str, Answer]:
    """Ask a model about songs.

    Parameters
    ----------
    bundle : Bundle
    numbers : dict of str to ndarray, shape (d,)
        The features of songs by their ids, in the order of `feature_columns`. Whatever else
        is known of the songs, their artists for one, is not shown to the model.

    Returns
    -------
    answers : dict of str to Answer
    """
    if not numbers:
        return {}
    X = pd.DataFrame(np.stack(list(numbers.values())), columns=feature_columns(bundle))
    X = X.assign(**{context.column(each): context.NOBODY for each in context.FIELDS})
    rows = bundle.predict_features(X[bundle.columns]).to_dict("records")
    return {
        key: Answer(
            genres={
                label: float(row[f"p_{label}"])
                for label in (row.get("labels", (row["nearest"],)) if row["known"] else ())
            },
            nearest=str(row["nearest"]),
            probability=float(row["probability"]),
            known=bool(row["known"]),
        )
        for key, row in zip(numbers, rows, strict=True)
    }


def _track(song: Song) -> Track:
    return Track(
        id=f"liked:{song.id}",
        source="liked",
        title=song.title or None,
        artist=song.artist or None,
        isrc=song.isrc or None,
        duration=song.duration,
    )
