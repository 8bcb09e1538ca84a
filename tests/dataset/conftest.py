"""Tracks of three labels, and a data folder made of them by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from audiogenre.catalog import Catalog, Preview
from audiogenre.dataset import Dataset, load_dataset
from audiogenre.store import FeatureStore, write_part
from audiogenre.typing import Label, LabelKind, Track

LABELS = ("classical", "pop", "rock")
N_ARTISTS, N_EACH = 6, 3  # a label


def track(number: int, label: str = "rock", *more: str, kind: LabelKind = "genre") -> Track:
    """A track of an artist of its own."""
    return Track(
        id=f"test:{number:03d}",
        source="test",
        labels=tuple(Label(kind, each, "test") for each in (label, *more)),
        artist=f"artist {number}",
        title=f"song {number}",
    )


def library() -> list[Track]:
    """Three labels of six artists with three tracks each."""
    return [
        replace(
            track(i * 100 + artist * 10 + number, label),
            artist=f"{label} artist {artist}",
            title=f"song {number}",
        )
        for i, label in enumerate(LABELS)
        for artist in range(N_ARTISTS)
        for number in range(N_EACH)
    ]


class Folder:
    """A data folder made by hand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = FeatureStore(path / "features")

    def add(self, tracks: Sequence[Track], hashes: dict[str, str] | None = None) -> Folder:
        with Catalog(self.path / "catalog.db") as catalog, catalog.transaction():
            for each in tracks:
                digest = (hashes or {}).get(each.id)
                preview = Preview(f"{each.id}.mp3", digest, 1, 30.0, 1) if digest else None
                catalog.add(each, preview)
        return self

    def write(
        self,
        name: str,
        ids: Sequence[str],
        columns: Sequence[str] = ("rms_mean", "tempo_bpm"),
        *,
        hashes: dict[str, str] | None = None,
        values: npt.NDArray[Any] | None = None,
    ) -> Folder:
        if values is None:
            rng = np.random.default_rng(len(columns))
            values = rng.normal(size=(len(ids), len(columns)))
        write_part(
            self.store.directory(name),
            list(ids),
            [(hashes or {}).get(each, "") for each in ids],
            list(columns),
            values.astype(np.float32),
            {"name": name, "parameters": {}},
        )
        return self

    def load(self, **options: Any) -> Dataset:
        with Catalog(self.path / "catalog.db") as catalog:
            options = {"features": "extracted", "set_name": "own"} | options
            return load_dataset(catalog, self.store, **options)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def ids(tracks: Sequence[Track]) -> list[str]:
    return [each.id for each in tracks]


def filled(folder: Folder, tracks: Sequence[Track] | None = None) -> Folder:
    tracks = library() if tracks is None else tracks
    return folder.add(tracks).write("own", ids(tracks))
