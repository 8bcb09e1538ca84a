"""The tracks that a model has learned from, to find again what a clip sounds like."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from audiogenre.bundle import Bundle
from audiogenre.catalog import Catalog
from audiogenre.classifiers.context import CONTEXT
from audiogenre.dataset import load_dataset
from audiogenre.errors import UsageError
from audiogenre.parquet import read_foreign
from audiogenre.store import FeatureStore

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Reference:
    """Training tracks with their features, labels and places.

    Attributes
    ----------
    X : DataFrame, shape (n, d)
        Indexed by track id; the model's columns but those that say who made a track.
    y : ndarray, shape (n,)
    places : ndarray, shape (n, k)
        Where each track lies in the space in which "unknown" is told.
    """

    X: pd.DataFrame
    y: npt.NDArray[np.str_]
    places: Values

    def nearest(self, place: Values, n: int = 4) -> list[tuple[str, str]]:
        """Return id and label of the tracks nearest to a place, the nearest first."""
        distances = np.linalg.norm(self.places - place, axis=1)
        rows = np.argsort(distances, kind="stable")[:n]
        return [(str(self.X.index[row]), str(self.y[row])) for row in rows]

    def of_label(self, label: str, fewest: int = 5) -> pd.DataFrame:
        """Return the tracks of a label; nothing where they are too few to speak of most."""
        rows: pd.DataFrame = self.X[self.y == label]
        return rows if len(rows) >= fewest else rows.iloc[:0]


def load_reference(bundle: Bundle, data: Path) -> Reference:
    """Read the tracks of a data folder that a model may have learned from.

    Those that it was tested on are left out.

    Raises
    ------
    UsageError
        If the data folder has no such features.
    """
    database = data / "catalog.db"
    if not database.is_file():
        raise UsageError(f"there is no catalogue in {data}; run 'audiogenre download' first")
    metadata = bundle.metadata
    with Catalog(database) as catalog:
        dataset = load_dataset(
            catalog,
            FeatureStore.of(data),
            features=metadata["features"],
            set_name="+".join(each["name"] for each in metadata["sets"]),
            fingerprints={each["name"]: each["fingerprint"] for each in metadata["sets"]},
            label=metadata["label_kind"],
            only=metadata["labels"],
            parents=metadata["parents"],
            split=metadata["split"]["kind"],
            seed=metadata["split"]["seed"],
            multilabel=bundle.is_multilabel,
        )
    heard = [each for each in bundle.columns if not each.startswith(f"{CONTEXT}:")]
    if list(dataset.X.columns) != heard:
        raise UsageError(f"the features in {data} are not those that {bundle.name!r} reads")
    tested = set(held_out(bundle)["track_id"])
    train = ~dataset.X.index.isin(tested)
    X = dataset.X[train]
    return Reference(X, dataset.y[train], place(bundle, X.to_numpy()))


def held_out(bundle: Bundle) -> pd.DataFrame:
    """Return the predictions of the tracks that a model was tested on."""
    try:
        return read_foreign(bundle.path / "predictions.parquet")
    except (OSError, ValueError):
        return pd.DataFrame({"track_id": [], "label": []})


def place(bundle: Bundle, X: Any) -> Values:
    """Return where rows lie in the space in which a model tells "unknown", shape (n, k)."""
    novelty = bundle.novelty
    scaled = novelty.scaler_.transform(np.asarray(X, dtype=np.float64)[:, novelty.columns_])
    return np.asarray(novelty.components_.transform(scaled))
