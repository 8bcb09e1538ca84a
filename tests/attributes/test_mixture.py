"""Attributes measured and estimated together: what was measured counts first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from audiogenre.attributes import ATTRIBUTE_COLUMNS
from audiogenre.catalog import Catalog, Preview
from audiogenre.dataset import Dataset, load_dataset
from audiogenre.store import FeatureStore, write_part
from audiogenre.typing import Label, Track

MEASURED = (*ATTRIBUTE_COLUMNS, "duration_ms", "time_signature")
Values = npt.NDArray[np.float32]


class Mixture:
    """Three labels of six artists with three songs each, and attributes written by hand."""

    def __init__(self, catalog: Catalog, store: FeatureStore) -> None:
        self.catalog, self.store = catalog, store
        self.tracks = [
            Track(
                f"folder:{label}{artist}{number}",
                "folder",
                (Label("genre", label, "test"),),
                title=f"song {number}",
                artist=f"{label} {artist}",
            )
            for label in ("classical", "pop", "rock")
            for artist in range(6)
            for number in range(3)
        ]
        with self.catalog.transaction():
            for each in self.tracks:
                self.catalog.add(each, Preview(each.id, f"hash {each.id}", 1, 30.0, 1))

    def estimate(self, tracks: Sequence[Track], value: float) -> None:
        hashes = [f"hash {each.id}" for each in tracks]
        metadata = {"name": "spotify", "origin": "estimated", "parameters": {"version": 1}}
        self.write(tracks, hashes, ATTRIBUTE_COLUMNS, value, metadata)

    def measure(
        self, tracks: Sequence[Track], value: float, columns: Sequence[str] = MEASURED
    ) -> None:
        metadata = {"name": "spotify", "origin": "measured"}
        self.write(tracks, [""] * len(tracks), columns, value, metadata)

    def write(
        self,
        tracks: Sequence[Track],
        hashes: Sequence[str],
        columns: Sequence[str],
        value: float,
        metadata: dict[str, Any],
    ) -> None:
        values = np.full((len(tracks), len(columns)), value, dtype=np.float32)
        ids = [each.id for each in tracks]
        write_part(self.store.directory("spotify"), ids, hashes, columns, values, metadata)

    def load(self) -> Dataset:
        return load_dataset(self.catalog, self.store, features="spotify", set_name="spotify")


@pytest.fixture
def mixture(tmp_path: Path) -> Iterator[Mixture]:
    with Catalog(tmp_path / "catalog.db") as catalog:
        yield Mixture(catalog, FeatureStore(tmp_path / "features"))


def test_estimates_alone_are_a_dataset(mixture: Mixture) -> None:
    mixture.estimate(mixture.tracks, 2)
    dataset = mixture.load()
    assert list(dataset.X.columns) == list(ATTRIBUTE_COLUMNS)
    assert dataset.notes == ["attributes of 54 of 54 songs are estimated from the audio"]
    (described,) = dataset.sets
    assert described["origin"] == "estimated"


def test_a_measured_row_counts_before_an_estimated_one(mixture: Mixture) -> None:
    mixture.estimate(mixture.tracks, 2)
    mixture.measure(mixture.tracks[:20], 1)
    dataset = mixture.load()
    expected = [1.0] * 20 + [2.0] * 34
    assert dataset.X.loc[[each.id for each in mixture.tracks], "tempo"].tolist() == expected
    assert dataset.notes == [
        "attributes of 34 of 54 songs are estimated from the audio",
        "only measured or only estimated, left out: duration_ms, time_signature",
    ]
    assert dataset.X.shape == (54, 11)


def test_estimates_beside_a_measured_row_of_every_track_change_nothing(mixture: Mixture) -> None:
    mixture.measure(mixture.tracks, 1)
    before = mixture.load()
    mixture.estimate(mixture.tracks, 2)
    after = mixture.load()
    assert after.data_hash == before.data_hash
    assert after.X.shape == (54, 13)
    assert after.notes == before.notes == []


def test_a_song_measured_in_a_table_needs_no_estimate_of_its_clip(mixture: Mixture) -> None:
    mixture.estimate(mixture.tracks, 2)
    copies = [
        Track(f"table:{each.id}", "table", each.labels, title=each.title, artist=each.artist)
        for each in mixture.tracks[:20]
    ]
    with mixture.catalog.transaction():
        for each in copies:
            mixture.catalog.add(each, None)
    mixture.measure(copies, 1)
    dataset = mixture.load()
    expected = [1.0] * 20 + [2.0] * 34
    assert dataset.X.loc[[each.id for each in mixture.tracks], "tempo"].tolist() == expected
    assert "attributes of 34 of 54 songs are estimated from the audio" in dataset.notes
    assert not any("duplicates" in each for each in dataset.notes)


def test_columns_only_estimates_have_do_not_make_measured_tracks_incomplete(
    mixture: Mixture,
) -> None:
    few = [name for name in ATTRIBUTE_COLUMNS if name not in ("key", "mode", "loudness")]
    mixture.measure(mixture.tracks[:20], 1, few)
    mixture.estimate(mixture.tracks[20:], 2)
    dataset = mixture.load()
    assert list(dataset.X.columns) == few
    assert len(dataset.X) == 54
    assert any(note.endswith("left out: key, loudness, mode") for note in dataset.notes)


def test_an_estimate_of_other_audio_does_not_count(mixture: Mixture) -> None:
    mixture.estimate(mixture.tracks, 2)
    with mixture.catalog.transaction():
        changed = mixture.tracks[0]
        mixture.catalog.add(changed, Preview(changed.id, "another hash", 1, 30.0, 1))
    assert len(mixture.load().X) == 53
