"""Labels of a dataset: which of a track's counts, and names of one genre."""

from __future__ import annotations

from dataclasses import replace

import pytest

from audiogenre.errors import UsageError
from audiogenre.typing import Label, Track
from dataset.conftest import LABELS, N_ARTISTS, N_EACH, Folder, filled, library, track


def test_further_labels_of_a_track_are_counted_in_a_note(folder: Folder) -> None:
    several = [track(900, "rock", "pop"), track(901, "pop", "rock", "classical")]
    dataset = filled(folder, [*library(), *several]).load()
    assert dataset.notes == [
        "3 further labels of tracks with several were left out: the first counts"
    ]
    assert dict(zip(dataset.X.index, dataset.y, strict=True))["test:900"] == "rock"
    assert dict(zip(dataset.X.index, dataset.y, strict=True))["test:901"] == "pop"


def test_only_takes_the_first_label_among_those_wanted(folder: Folder) -> None:
    several = [track(900, "polka", "pop")]
    dataset = filled(folder, [*library(), *several]).load(only=["Pop", " rock "])
    assert dataset.labels == ["pop", "rock"]
    assert dict(zip(dataset.X.index, dataset.y, strict=True))["test:900"] == "pop"
    assert len(dataset.X) == 37


def test_only_an_unknown_label_is_named_with_those_there_are(folder: Folder) -> None:
    with pytest.raises(UsageError, match="'polka'; there are: classical, pop, rock"):
        filled(folder).load(only=["rock", "polka"])


@pytest.mark.parametrize("only", [["rock"], ["rock", "rock"]])
def test_one_label_is_no_classifier(folder: Folder, only: list[str]) -> None:
    with pytest.raises(UsageError, match="two genres or more, and there are 1"):
        filled(folder).load(only=only)


def test_no_labels_of_a_kind_is_told_with_the_next_step(folder: Folder) -> None:
    with pytest.raises(UsageError, match=r"two moods or more, and there are 0.*download"):
        filled(folder).load(label="mood")


def test_moods_and_genres_are_kept_apart(folder: Folder) -> None:
    moods = [track(500 + i, ("calm", "happy")[i % 2], kind="mood") for i in range(20)]
    dataset = filled(folder, [*library(), *moods]).load(label="mood")
    assert dataset.labels == ["calm", "happy"]
    assert len(dataset.X) == 20


def test_per_label_keeps_so_many_by_the_seed(folder: Folder) -> None:
    filled(folder)
    dataset = folder.load(per_label=12)
    assert [int((dataset.y == label).sum()) for label in LABELS] == [12, 12, 12]
    assert folder.load(per_label=12).data_hash == dataset.data_hash
    assert folder.load(per_label=12, seed=1).data_hash != dataset.data_hash
    assert folder.load(per_label=1000).data_hash == folder.load().data_hash


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("count", [5, 10])
def test_per_label_keeps_every_label_on_both_sides(folder: Folder, count: int, seed: int) -> None:
    dataset = filled(folder).load(per_label=count, seed=seed)
    assert set(dataset.y[dataset.test]) == set(dataset.y[~dataset.test]) == set(LABELS)


def test_per_label_leaves_tracks_on_the_side_where_they_were(folder: Folder) -> None:
    whole = filled(folder).load()
    side = dict(zip(whole.X.index, whole.test, strict=True))
    part = folder.load(per_label=12)
    assert [side[each] for each in part.X.index] == part.test.tolist()


# ---------------------------------------------------------------- names of genres


def called(*names: str) -> list[Track]:
    """Six artists with three tracks each under every name."""
    return [
        replace(
            track(i * 100 + artist * 10 + number, name),
            artist=f"artist {i} {artist}",
            title=f"song {number}",
        )
        for i, name in enumerate(names)
        for artist in range(N_ARTISTS)
        for number in range(N_EACH)
    ]


def test_names_of_one_genre_are_one_label_and_a_note_says_so(folder: Folder) -> None:
    dataset = filled(
        folder, called("rap", "hip hop", "hip-hop", "my own sound", "indie rock")
    ).load()
    assert dataset.labels == ["hip-hop", "indie rock", "my own sound"]
    assert int((dataset.y == "hip-hop").sum()) == 54
    assert dataset.notes == ["hip hop, rap counted as hip-hop: 36 tracks"]


def test_a_track_under_two_names_of_one_genre_has_one_label(folder: Folder) -> None:
    both = [
        replace(each, labels=(Label("genre", "hip hop", "test"), Label("genre", "rap", "test")))
        for each in called("rap")
    ]
    dataset = filled(folder, [*both, *called("blues", "rock")[18:]]).load()
    assert dataset.notes == ["hip hop counted as hip-hop: 18 tracks"]


def test_only_takes_any_name_of_a_genre(folder: Folder) -> None:
    filled(folder, called("rap", "hip-hop", "rock", "polka dots"))
    dataset = folder.load(only=["Rap/Hip Hop", "Polka Dots"])
    assert dataset.labels == ["hip-hop", "polka dots"]
    assert len(dataset.X) == 54
    with pytest.raises(UsageError, match="no track has the genre 'pop'; there are: hip-hop"):
        folder.load(only=["rock", "Pop Music"])


def test_subgenres_count_as_their_top_genre_where_that_is_wanted(folder: Folder) -> None:
    filled(folder, called("deep house", "techno", "indie rock", "rock", "my own sound"))
    assert len(folder.load().labels) == 5
    dataset = folder.load(parents=True)
    assert dataset.labels == ["electronic", "my own sound", "rock"]
    assert dataset.notes == [
        "deep house, techno counted as electronic: 36 tracks",
        "indie rock counted as rock: 18 tracks",
    ]
    assert len(folder.load(parents=True, only=["electro", "rock"]).X) == 72


def test_editing_the_tree_takes_effect_at_once(folder: Folder) -> None:
    filled(folder, called("rap", "hip-hop", "rock"))
    assert folder.load().labels == ["hip-hop", "rock"]
    (folder.path / "genres.toml").write_text('[rap]\n["my sound"]\nsynonyms = ["rock"]\n')
    assert folder.load().labels == ["hip-hop", "my sound", "rap"]


def test_moods_are_not_genres(folder: Folder) -> None:
    moods = [
        replace(each, labels=(Label("mood", each.labels[0].name, "test"),))
        for each in called("electro", "electronic")
    ]
    assert filled(folder, moods).load(label="mood").labels == ["electro", "electronic"]
