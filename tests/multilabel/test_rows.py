"""Rows, folds and sides of songs with several labels: none is lost, none counts twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audiogenre.catalog import Catalog
from audiogenre.dataset import Dataset, load_dataset
from audiogenre.errors import UsageError
from audiogenre.multilabel.rows import label_folds
from audiogenre.splits import grouped_folds, repeated_folds
from audiogenre.store import FeatureStore, write_part
from audiogenre.typing import Label, Track
from multilabel.data import LABELS, small


@pytest.mark.parametrize("cut", [grouped_folds, repeated_folds])
def test_folds_hold_every_track_once_with_its_artist(cut: Any) -> None:
    dataset = small()
    assert dataset.targets is not None
    Y = dataset.targets.to_numpy()
    folds = label_folds(Y, dataset.groups, LABELS, seed=3, cut=cut)
    held = np.concatenate([test for _, test in folds])
    assert np.bincount(held).tolist() == [len(folds) // 5] * len(Y)
    for train, test in folds:
        assert not set(dataset.groups[train]) & set(dataset.groups[test])
        assert sorted([*train, *test]) == list(range(len(Y)))
        np.testing.assert_allclose(Y[test].mean(axis=0), Y.mean(axis=0), atol=0.15)


def test_a_label_that_every_track_has_is_refused() -> None:
    Y = np.ones((30, 2), dtype=bool)
    Y[::2, 1] = False
    with pytest.raises(UsageError, match=r"every track .* label 'calm'.*--only"):
        label_folds(Y, np.arange(30), ["calm", "dance"], seed=0)


def track(number: int, *labels: str, **more: Any) -> Track:
    """A track of an artist of its own."""
    return Track(
        id=f"test:{number:03d}",
        source="test",
        labels=tuple(Label("genre", each, "test") for each in labels),
        **{"artist": f"artist {number}", "title": f"song {number}"} | more,
    )


def library() -> list[Track]:
    """Tracks of sixteen artists, three of whom are under two labels."""
    several = {7: ("calm", "folk"), 8: ("dance", "calm"), 9: ("folk", "dance")}
    return [
        track(
            3 * artist + each,
            *several.get(artist, (LABELS[artist % 3],)),
            artist=f"artist {artist}",
        )
        for artist in range(16)
        for each in range(3)
    ]


def load(folder: Path, tracks: list[Track], **options: Any) -> Dataset:
    """Put tracks with random features into a data folder and load them."""
    store = FeatureStore(folder / "features")
    with Catalog(folder / "catalog.db") as catalog:
        with catalog.transaction():
            for each in tracks:
                catalog.add(each, None)
        ids = [each.id for each in tracks]
        values = np.random.default_rng(0).normal(size=(len(ids), 2)).astype(np.float32)
        columns = ["rms_mean", "tempo_bpm"]
        described = {"name": "own", "parameters": {}}
        write_part(store.directory("own"), ids, [""] * len(ids), columns, values, described)
        options = {"features": "extracted", "set_name": "own", "multilabel": True} | options
        return load_dataset(catalog, store, **options)


def said(dataset: Dataset, number: int) -> set[str]:
    assert dataset.targets is not None
    row = dataset.targets.loc[f"test:{number:03d}"]
    return set(row.index[row])


@pytest.mark.parametrize("split", ["artist", "random", "frozen"])
def test_a_track_of_several_labels_is_there_once_with_all(tmp_path: Path, split: str) -> None:
    tracks = library()
    dataset = load(tmp_path, tracks, split=split)
    assert list(dataset.X.index) == [each.id for each in tracks]
    assert dataset.targets is not None
    assert dataset.targets.index.equals(dataset.X.index)
    for number, each in enumerate(tracks):
        assert said(dataset, number) == {label.name for label in each.labels}
        assert dataset.y[number] == each.labels[0].name
    assert dataset.labels == LABELS
    for side in (dataset.test, ~dataset.test):
        assert dataset.targets[side].any().all()
    if split != "random":
        assert not set(dataset.groups[dataset.test]) & set(dataset.groups[~dataset.test])
    assert "all labels count: 9 of 48 tracks have several" in dataset.notes


def test_without_it_the_first_label_counts_and_a_note_says_so(tmp_path: Path) -> None:
    copy = track(90, "folk", artist="artist 0", title="song 0")  # elsewhere it is calm
    dataset = load(tmp_path, [*library(), copy], multilabel=False)
    assert len(dataset.X) == 48
    assert dataset.targets is None
    assert dataset.notes[:2] == [
        "9 further labels of tracks with several were left out: the first counts",
        "1 songs have another first label in another copy: the first copy counts",
    ]


def test_a_song_has_the_labels_of_all_its_copies(tmp_path: Path) -> None:
    copy = track(90, "folk", "calm", artist="artist 0", title="song 0")
    dataset = load(tmp_path, [*library(), copy])
    assert said(dataset, 0) == {"calm", "folk"}
    assert "test:090" not in dataset.X.index
    assert len(dataset.X) == 48


def test_a_correction_stands_for_all_labels_of_a_song(tmp_path: Path) -> None:
    tracks = library()
    load(tmp_path, tracks)
    with Catalog(tmp_path / "catalog.db") as catalog:
        with catalog.transaction():
            catalog.correct("test:021", Label("genre", "dance", "user"))
        store = FeatureStore(tmp_path / "features")
        dataset = load_dataset(
            catalog, store, features="extracted", set_name="own", multilabel=True
        )
    assert said(dataset, 21) == {"dance"}
    assert said(dataset, 22) == {"calm", "folk"}


def test_genres_of_one_name_and_one_parent_are_one_label(tmp_path: Path) -> None:
    names = {"calm": "hiphop", "dance": "techno", "folk": "house"}
    tracks = [
        replace(each, labels=tuple(replace(x, name=names[x.name]) for x in each.labels))
        for each in library()
    ]
    dataset = load(tmp_path / "a", tracks)
    assert dataset.labels == ["hip-hop", "house", "techno"]
    dataset = load(tmp_path / "b", tracks, parents=True)
    assert dataset.labels == ["electronic", "hip-hop"]
    assert said(dataset, 27) == {"electronic"}  # of house and techno
    assert said(dataset, 21) == {"electronic", "hip-hop"}


def test_only_and_a_rare_label_take_labels_away_and_leave_the_track(tmp_path: Path) -> None:
    tracks = library()
    rare = Label("genre", "polka", "test")
    tracks[0] = replace(tracks[0], labels=(rare, *tracks[0].labels))
    dataset = load(tmp_path, tracks)
    assert "fewer than 3 artists, left out: polka" in dataset.notes
    assert said(dataset, 0) == {"calm"}
    dataset = load(tmp_path, tracks, only=["calm", "dance"])
    assert said(dataset, 21) == {"calm"}
    assert "test:002" in dataset.X.index
    assert "test:006" not in dataset.X.index  # folk alone


def test_drawn_tracks_bring_their_other_labels_along(tmp_path: Path) -> None:
    dataset = load(tmp_path, library(), per_label=5)
    assert len(dataset.X) < 48
    assert dataset.targets is not None
    assert (dataset.targets.sum() >= 5).all()
    for name in dataset.X.index:
        number = int(name[-3:])
        assert said(dataset, number) == {each.name for each in library()[number].labels}


def test_the_hash_of_the_data_changes_with_a_further_label(tmp_path: Path) -> None:
    tracks = library()
    first = load(tmp_path / "a", tracks)
    tracks[0] = replace(tracks[0], labels=(*tracks[0].labels, Label("genre", "folk", "test")))
    second = load(tmp_path / "b", tracks)
    assert first.y.tolist() == second.y.tolist()
    assert first.data_hash != second.data_hash
