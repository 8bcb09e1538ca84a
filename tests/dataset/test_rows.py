"""Rows of a dataset: copies of a song, missing values and what is left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audiogenre.errors import UsageError
from audiogenre.typing import Label, Track
from dataset.conftest import LABELS, Folder, filled, ids, library, track


def test_a_dataset_has_the_stored_values_by_track(folder: Folder) -> None:
    values = np.random.default_rng(0).permutation(np.arange(108.0)).reshape(54, 2)
    tracks = library()
    folder.add(tracks).write("own", ids(tracks), values=values)
    dataset = folder.load()
    assert dataset.X.shape == (54, 2)
    assert list(dataset.X.columns) == ["rms_mean", "tempo_bpm"]
    assert dataset.labels == list(LABELS)
    assert dataset.X.loc["test:000"].tolist() == values[0].tolist()
    assert dataset.X.loc["test:252"].tolist() == values[-1].tolist()
    assert dict(zip(dataset.X.index, dataset.y, strict=True))["test:100"] == "pop"
    assert dataset.blocks == ("own/rms", "own/tempo")
    assert dataset.notes == []
    assert dataset.protocol == "artist split"


def test_the_order_of_catalogue_and_store_makes_no_difference(tmp_path: Path) -> None:
    tracks = library()
    values = np.random.default_rng(0).normal(size=(54, 2))
    order = np.random.default_rng(1).permutation(54)
    first = Folder(tmp_path / "a").add(tracks).write("own", ids(tracks), values=values).load()
    mixed = [tracks[i] for i in order]
    second = Folder(tmp_path / "b").add(mixed).write("own", ids(mixed), values=values[order]).load()
    assert first.data_hash == second.data_hash
    np.testing.assert_array_equal(first.test, second.test)


def test_the_data_hash_changes_with_a_value_a_label_and_a_row(tmp_path: Path) -> None:
    def hash_of(name: str, tracks: list[Track], change: float = 0.0) -> str:
        values = np.ones((len(tracks), 2))
        values[0, 0] += change
        made = Folder(tmp_path / name).add(tracks).write("own", ids(tracks), values=values)
        return made.load().data_hash

    relabelled = [replace(library()[0], labels=(Label("genre", "pop", "test"),)), *library()[1:]]
    hashes = [
        hash_of("a", library()),
        hash_of("b", library(), 0.5),
        hash_of("c", relabelled),
        hash_of("d", library()[1:]),
    ]
    assert len(set(hashes)) == 4
    assert hash_of("e", library()) == hashes[0]


# ---------------------------------------------------------------- duplicates


def test_the_same_isrc_is_one_song(folder: Folder) -> None:
    copies = [
        replace(track(900 + i, "rock"), isrc=isrc) for i, isrc in enumerate(["US-A1", "usa1"])
    ]
    dataset = filled(folder, [*library(), *copies]).load()
    assert [each for each in ids(copies) if each in dataset.X.index] == ["test:900"]
    assert "1 duplicates of songs were left out" in dataset.notes


def test_the_same_audio_is_one_song(folder: Folder) -> None:
    copies = [track(900), track(901)]
    hashes = dict.fromkeys(ids(copies), "ab" * 32)
    tracks = [*library(), *copies]
    dataset = folder.add(tracks, hashes).write("own", ids(tracks), hashes=hashes).load()
    assert "test:900" in dataset.X.index
    assert "test:901" not in dataset.X.index
    assert "1 duplicates of songs were left out" in dataset.notes


def test_the_same_artist_and_title_are_one_song(folder: Folder) -> None:
    copies = [
        replace(track(900), artist="The Band feat. Her", title="One  Song"),
        replace(track(901), artist="THE BAND", title="one song"),
        replace(track(902), artist="Another Band", title="one song"),
    ]
    dataset = filled(folder, [*library(), *copies]).load()
    assert [each for each in ids(copies) if each in dataset.X.index] == ["test:900", "test:902"]


def test_a_name_with_another_length_is_another_song(folder: Folder) -> None:
    named = replace(track(900), artist="The Band", title="One Song", duration=200.0)
    copies = [
        named,
        replace(named, id="test:901", title="One Song (Remastered 2009)", duration=201.5),
        replace(named, id="test:902", duration=260.0),
        replace(named, id="test:903", duration=None),
    ]
    dataset = filled(folder, [*library(), *copies]).load()
    assert [each for each in ids(copies) if each in dataset.X.index] == ["test:900", "test:902"]


def test_an_artist_is_the_same_with_and_without_accents(folder: Folder) -> None:
    copies = [replace(track(900 + i), artist=each) for i, each in enumerate(("Björk", "BJORK"))]
    dataset = filled(folder, [*library(), *copies]).load()
    assert len(set(dataset.groups[dataset.X.index.isin(ids(copies))])) == 1


def test_tracks_of_nobody_with_one_title_are_not_one_song(folder: Folder) -> None:
    strangers = [replace(track(900 + i), artist="Unknown Artist", title="Intro") for i in range(4)]
    dataset = filled(folder, [*library(), *strangers]).load()
    assert set(ids(strangers)) <= set(dataset.X.index)


# ---------------------------------------------------------------- missing values


def test_tracks_without_features_are_left_out_and_do_not_move_the_split(folder: Folder) -> None:
    tracks = library()
    folder.add(tracks).write("own", ids(tracks)).write("other", ids(tracks)[::2])
    whole, half = folder.load(), folder.load(set_name="other")
    side = dict(zip(whole.X.index, whole.test, strict=True))
    assert len(half.X) == 27
    assert [side[each] for each in half.X.index] == half.test.tolist()


def test_a_track_that_lacks_a_value_is_left_out_and_counted(folder: Folder) -> None:
    values = np.ones((54, 2))
    values[[3, 7, 20], 1] = np.nan
    tracks = library()
    dataset = folder.add(tracks).write("own", ids(tracks), values=values).load()
    assert len(dataset.X) == 51
    assert "3 tracks lack a value and were left out" in dataset.notes


def test_a_column_that_most_tracks_lack_is_left_out_and_named(folder: Folder) -> None:
    values = np.ones((54, 2))
    values[:40, 1] = np.nan
    tracks = library()
    dataset = folder.add(tracks).write("own", ids(tracks), values=values).load()
    assert list(dataset.X.columns) == ["rms_mean"]
    assert dataset.blocks == ("own/rms",)
    assert len(dataset.X) == 54
    assert "columns most tracks lack were left out: tempo_bpm" in dataset.notes


def test_features_of_audio_that_has_changed_since_do_not_count(folder: Folder) -> None:
    tracks = library()
    now = dict.fromkeys(ids(tracks), "") | {each: f"now {each}" for each in ids(tracks)}
    stale = now | {"test:000": "before"}
    dataset = folder.add(tracks, now).write("own", ids(tracks), hashes=stale).load()
    assert len(dataset.X) == 53
    assert "test:000" not in dataset.X.index


def test_a_track_with_rows_of_its_audio_and_of_a_table_counts_once(folder: Folder) -> None:
    tracks = library()
    now = {each: f"now {each}" for each in ids(tracks)}
    folder.add(tracks, now).write("own", ids(tracks), values=np.zeros((54, 2)))
    dataset = folder.write("own", ids(tracks), hashes=now, values=np.ones((54, 2))).load()
    assert dataset.X.index.is_unique
    assert len(dataset.X) == 54
    assert (dataset.X == 1).to_numpy().all()  # what was computed from the audio


def test_no_features_at_all_says_what_to_run(folder: Folder) -> None:
    folder.add(library())
    with pytest.raises(UsageError, match="audiogenre extract"):
        folder.load()
    folder.write("own", ["test:somebody-else"])
    with pytest.raises(UsageError, match=r"no labelled track has these features.*extract"):
        folder.load()


def test_a_label_without_features_on_one_side_is_named(folder: Folder) -> None:
    tracks = library()
    pop_only_trains = folder.add(tracks).write("all", ids(tracks)).load(set_name="all")
    pop_test = set(pop_only_trains.X.index[(pop_only_trains.y == "pop") & pop_only_trains.test])
    folder.write("own", [each for each in ids(tracks) if each not in pop_test])
    with pytest.raises(UsageError, match=r"no test track of 'pop'.*--only"):
        folder.load()
