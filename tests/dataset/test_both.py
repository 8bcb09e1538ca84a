"""Two kinds of features: one join, one split, one row for a song."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from audiogenre.catalog import Catalog
from audiogenre.dataset import load_dataset
from audiogenre.store import FeatureStore, write_part
from audiogenre.typing import Label, Track
from dataset.conftest import Folder, ids, library


def both(folder: Folder) -> Folder:
    tracks = library()
    spotify = ["energy", "valence", "tempo_bpm"]
    return folder.add(tracks).write("own", ids(tracks)).write("spotify", ids(tracks)[4:], spotify)


def test_both_is_a_join_with_two_sets(folder: Folder) -> None:
    dataset = both(folder).load(features="both")
    assert len(dataset.X) == 50
    assert list(dataset.X.columns) == [
        "rms_mean",
        "own_tempo_bpm",
        "energy",
        "valence",
        "spotify_tempo_bpm",
    ]
    assert [each["name"] for each in dataset.sets] == ["own", "spotify"]
    assert {each.partition("/")[0] for each in dataset.blocks} == {"own", "spotify"}


def test_both_has_the_values_of_each(folder: Folder) -> None:
    joined = both(folder).load(features="both").X
    own, spotify = folder.load().X, folder.load(features="spotify").X
    np.testing.assert_array_equal(joined["rms_mean"], own.loc[joined.index, "rms_mean"])
    np.testing.assert_array_equal(joined["energy"], spotify.loc[joined.index, "energy"])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_split_is_the_same_for_two_kinds_of_features(folder: Folder, seed: int) -> None:
    both(folder)
    kinds = [folder.load(features=kind, seed=seed) for kind in ("extracted", "spotify", "both")]
    sides = [dict(zip(each.X.index, each.test, strict=True)) for each in kinds]
    for track_id in sides[2]:
        assert sides[0][track_id] == sides[1][track_id] == sides[2][track_id]


def test_the_same_song_in_a_folder_and_in_a_table_is_one_row_with_the_features_of_both(
    tmp_path: Path,
) -> None:
    def song(source: str, label: str, artist: int, number: int) -> Track:
        return Track(
            f"{source}:{label}-{artist}-{number}",
            source,
            labels=(Label("genre", label, source),),
            title=f"Song {number}",
            artist=f"{label} artist {artist}",
        )

    names = [(label, a, n) for label in ("pop", "rock") for a in range(5) for n in range(3)]
    rng = np.random.default_rng(0)
    store = FeatureStore(tmp_path / "features")
    with Catalog(tmp_path / "catalog.db") as catalog:
        with catalog.transaction():
            for source in ("folder", "table"):
                for each in names:
                    catalog.add(song(source, *each), None)
            for artist in range(3):  # a genre that only the table has, and no set of ours
                catalog.add(song("table", "jazz", artist, 0), None)
        for source, name in (("folder", "mine"), ("table", "spotify")):
            ids = [song(source, *each).id for each in names]
            values = rng.standard_normal((len(ids), 2)).astype(np.float32)
            columns = [f"{name}_a", f"{name}_b"]
            write_part(store.root / name, ids, [""] * len(ids), columns, values, {"name": name})
        loaded = {
            features: load_dataset(catalog, store, features=features, set_name="mine")
            for features in ("extracted", "spotify", "both")
        }
    assert {name: dataset.X.shape for name, dataset in loaded.items()} == {
        "extracted": (30, 2),
        "spotify": (30, 2),
        "both": (30, 4),
    }
    tested = {tuple(dataset.X.index[dataset.test]) for dataset in loaded.values()}
    assert len(tested) == 1, "models on different features are tested on the same songs"
    assert "no track has these features, left out: jazz" in loaded["spotify"].notes
