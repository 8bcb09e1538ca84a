"""Sides of a dataset: how it was split, in words, by the source, and for good."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audiogenre.catalog import Catalog
from audiogenre.dataset import Dataset
from audiogenre.typing import Track
from dataset.conftest import LABELS, Folder, filled, ids, library, track

# ---------------------------------------------------------------- how it was split, in words


def test_a_random_split_says_that_it_flatters(folder: Folder) -> None:
    dataset = filled(folder).load(split="random")
    assert "flattering" in dataset.protocol
    assert len(set(dataset.groups)) == len(dataset.X)


def test_unknown_artists_are_told_in_the_protocol_and_a_note(folder: Folder) -> None:
    tracks = [replace(each, artist=None) if i % 2 else each for i, each in enumerate(library())]
    dataset = filled(folder, tracks).load()
    assert dataset.artists_known == pytest.approx(0.5)
    assert dataset.protocol == "artist split (artist known for 50% of the tracks)"
    assert "the artist of 50% of the tracks is unknown: split by track there" in dataset.notes


def test_no_artist_at_all_is_a_track_split(folder: Folder) -> None:
    dataset = filled(folder, [replace(each, artist=None) for each in library()]).load()
    assert dataset.protocol == "track split (no artist is known)"


# ---------------------------------------------------------------- the split of the source


def with_sides() -> list[Track]:
    """Two artists of each label on the test side, as the source says."""
    return [
        replace(each, split="test" if str(each.artist)[-1] in "05" else "train")
        for each in library()
    ]


def sides(dataset: Dataset) -> dict[str, bool]:
    return dict(zip(map(str, dataset.X.index), dataset.test.tolist(), strict=True))


def test_a_split_of_the_source_is_taken(folder: Folder) -> None:
    tracks = with_sides()
    dataset = filled(folder, tracks).load(seed=3)
    assert sides(dataset) == {each.id: each.split == "test" for each in tracks}
    assert dataset.protocol == "artist split of the source"
    assert dataset.notes == []
    assert folder.load(split="random").protocol.startswith("random split")


def test_a_split_of_the_source_for_some_tracks_only_is_not_taken(tmp_path: Path) -> None:
    tracks = with_sides()
    tracks[0] = replace(tracks[0], split=None)
    dataset = filled(Folder(tmp_path / "some"), tracks).load()
    assert dataset.notes == [
        "2% of the tracks have no side in a split of their source: another one was made"
    ]
    assert dataset.protocol == "artist split"
    assert sides(dataset) == sides(filled(Folder(tmp_path / "none")).load())


def test_a_song_has_the_side_that_any_of_its_tracks_has(folder: Folder) -> None:
    tracks = with_sides()
    copies = [replace(each, id=f"also:{each.id}", split=None) for each in tracks]
    dataset = filled(folder, [*tracks, *copies]).load()
    assert sides(dataset) == {f"also:{each.id}": each.split == "test" for each in tracks}


@pytest.mark.parametrize("order", [("train", "test"), ("test", "train")])
def test_a_song_on_both_sides_of_the_source_counts_as_training(
    folder: Folder, order: tuple[str, str]
) -> None:
    song = replace(track(900, "rock"), artist="another", split=order[0])
    copy = replace(song, id="test:901", split=order[1])
    dataset = filled(folder, [*with_sides(), song, copy]).load()
    assert not sides(dataset)["test:900"]


def test_artists_across_the_split_of_the_source_count_as_training(folder: Folder) -> None:
    duet = replace(track(900, "rock"), artist="rock artist 0; rock artist 1", split="train")
    dataset = filled(folder, [*with_sides(), duet]).load()
    rock = {each.id for each in library() if each.artist == "rock artist 5"}
    assert {each for each, test in sides(dataset).items() if test and each > "test:200"} == rock
    assert dataset.notes == [
        "3 tracks of artists on both sides of the source's split count as training"
    ]
    assert set(dataset.groups[dataset.test]) & set(dataset.groups[~dataset.test]) == set()


def test_a_label_on_one_side_of_the_source_only_is_left_out(folder: Folder) -> None:
    tracks = [
        replace(each, split="train") if "pop" in str(each.artist) else each for each in with_sides()
    ]
    dataset = filled(folder, tracks).load()
    assert dataset.labels == ["classical", "rock"]
    assert dataset.notes == ["all artists on one side of the split, left out: pop"]


# ---------------------------------------------------------------- the frozen split


def settle(folder: Folder, dataset: Dataset) -> None:
    """Keep the sides of a dataset, as the nightly refresh does."""
    with Catalog(folder.path / "catalog.db") as catalog, catalog.transaction():
        catalog.settle(sides(dataset))


def test_a_frozen_split_without_settled_tracks_is_the_artist_split(folder: Folder) -> None:
    dataset = filled(folder).load(split="frozen")
    assert sides(dataset) == sides(folder.load())
    assert dataset.protocol == "frozen artist split"
    assert dataset.notes == ["no track has a settled side yet: split anew"]


def test_a_frozen_split_is_the_settled_one_whatever_the_seed(folder: Folder) -> None:
    first = filled(folder).load(split="frozen")
    settle(folder, first)
    assert sides(folder.load(seed=1)) != sides(first)
    again = folder.load(split="frozen", seed=1)
    assert sides(again) == sides(first)
    assert again.notes == []


@pytest.mark.parametrize("seed", range(3))
def test_a_library_that_grows_keeps_every_side_it_has_settled(folder: Folder, seed: int) -> None:
    rng = np.random.default_rng(seed)
    settled: dict[str, bool] = {}
    left_out = 0
    filled(folder)
    for night in range(6):
        new = []
        for i in range(20):
            label = rng.choice([*LABELS, "polka"])
            artists = [f"{label} artist {each}" for each in rng.integers(4 + 4 * night, size=2)]
            credit = artists[0] if rng.random() < 0.6 else " & ".join(artists)
            name = f"test:{night + 3}{i:02d}"
            new.append(replace(track(0, label), id=name, artist=credit, title=f"song {name}"))
        folder.add(new).write("own", ids(new))
        dataset = folder.load(split="frozen")
        found = sides(dataset)
        assert {each: found[each] for each in settled} == settled
        for label in dataset.labels:
            assert {*dataset.test[dataset.y == label]} == {True, False}
        fresh = ~dataset.X.index.isin(list(settled))
        for group in {*dataset.groups[fresh]}:
            assert len({*dataset.test[dataset.groups == group]}) == 1
        left_out += sum("on both sides were left out" in note for note in dataset.notes)
        settle(folder, dataset)
        settled |= found
    assert "polka" in dataset.labels
    assert left_out  # otherwise this shows less than it says


def test_a_song_goes_by_the_settled_side_of_any_of_its_tracks(folder: Folder) -> None:
    first = filled(folder).load(split="frozen")
    settle(folder, first)
    copies = [replace(each, id=f"also:{each.id}") for each in library()]
    folder.add(copies).write("own", ids(copies))
    again = folder.load(split="frozen", seed=1)
    assert sides(again) == {f"also:{each}": test for each, test in sides(first).items()}


def test_settled_tracks_that_have_no_features_now_still_pull_their_artist(folder: Folder) -> None:
    first = filled(folder).load(split="frozen")
    settle(folder, first)
    more = [
        replace(each, id=f"more:{each.id}", title=f"another {each.title}") for each in library()
    ]
    folder.add(more).write("others", ids(more))
    again = folder.load(split="frozen", set_name="others", seed=1)
    assert sides(again) == {f"more:{each}": test for each, test in sides(first).items()}


@pytest.mark.parametrize("there", [slice(3), slice(3, None)])
def test_tracks_without_features_have_no_part_in_the_frozen_split(
    folder: Folder, there: slice
) -> None:
    settle(folder, filled(folder).load(split="frozen"))
    polka = [replace(track(900 + i, "polka"), artist=f"polka artist {i}") for i in range(6)]
    folder.add(polka).write("own", ids(polka[there]))
    dataset = folder.load(split="frozen")
    assert int(dataset.test[dataset.y == "polka"].sum()) == 1  # and not one that cannot be tested
