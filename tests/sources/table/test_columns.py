"""Which column is what, and which ones are features; and that of real tables."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

from audiogenre.errors import UsageError
from audiogenre.sources.table import ATTRIBUTES, TableSource
from table.conftest import SPOTIFY, Write, read, rows


@pytest.mark.parametrize("name", ["track_id", "tid", "id", "filename", "Track_ID"])
def test_the_id_is_guessed_from_the_usual_names(write: Write, name: str) -> None:
    tracks, _, _ = read(write(rows().rename(columns={"track_id": name})))
    assert tracks[0].id == "table:songs/t0"


@pytest.mark.parametrize("name", ["track_genre", "genre_top", "mood", "label", "Genre"])
def test_the_label_is_guessed_from_the_usual_names(write: Write, name: str) -> None:
    tracks, _, _ = read(write(rows().rename(columns={"genre": name})))
    assert tracks[0].labels[0].name == "rock"


@pytest.mark.parametrize("name", ["artists", "artist", "artist_name"])
def test_the_artist_is_guessed_from_the_usual_names(write: Write, name: str) -> None:
    tracks, _, _ = read(write(rows().assign(**{name: "Nina Simone"})))
    assert tracks[0].artist == "Nina Simone"


def test_columns_can_be_named(write: Write) -> None:
    table = rows().assign(nummer=[f"n{i}" for i in range(6)], stil="polka", wer="Anna")
    tracks, _, _ = read(write(table), id_column="nummer", label_column="stil", artist_column="wer")
    assert (tracks[0].id, tracks[0].labels[0].name, tracks[0].artist) == (
        "table:songs/n0",
        "polka",
        "Anna",
    )


@pytest.mark.parametrize("option", ["id_column", "label_column", "artist_column"])
def test_a_column_that_is_not_there_is_named_with_those_that_are(write: Write, option: str) -> None:
    with pytest.raises(UsageError, match="no column 'nothing': its columns are track_id, dance"):
        read(write(rows()), **{option: "nothing"})


def test_without_a_label_column_the_option_is_named(write: Write) -> None:
    with pytest.raises(UsageError, match=r"looks like a label .* --label-column"):
        read(write(rows().drop(columns="genre")))


def test_title_album_and_isrc_are_kept(write: Write) -> None:
    table = rows().assign(track_name="Feeling Good", album_name="I Put a Spell", isrc="USA1")
    first = read(write(table))[0][0]
    assert (first.title, first.album, first.isrc) == ("Feeling Good", "I Put a Spell", "USA1")


def test_what_is_not_known_of_a_track_is_none(write: Write) -> None:
    table = rows().assign(artist=[None, *"bcdef"], title=[None] * 6, isrc=[np.nan, *"uvwxy"])
    first = read(write(table))[0][0]
    assert (first.artist, first.title, first.isrc) == (None, None, None)


def test_rows_without_an_id_are_not_taken_for_one_track(write: Write) -> None:
    table = rows()
    table.loc[[0, 1, 2], "track_id"] = None
    tracks, problems, _ = read(write(table))
    assert len(tracks) + len(problems) == 6
    assert not [each.id for each in tracks if each.id.endswith("nan")]


def test_a_spotify_id_stands_for_itself_in_every_table(write: Write) -> None:
    ids = [f"{i:022d}" for i in range(6)]
    tables = [write(rows().assign(track_id=ids), name) for name in ("a.parquet", "b.parquet")]
    first, second = (read(each)[0][0].id for each in tables)
    assert first == second == "table:" + "0" * 22


def test_without_ids_a_row_is_known_by_what_it_says(write: Write) -> None:
    tracks, _, _ = read(write(rows().drop(columns="track_id")))
    again, _, _ = read(write(rows().drop(columns="track_id")[::-1]))
    assert len({each.id for each in tracks}) == 6
    assert [each.id for each in again] == [each.id for each in tracks]


# ---------------------------------------------------------------- sets


def test_four_attributes_are_not_yet_spotifys(write: Write) -> None:
    four = read(write(rows().drop(columns="valence")))[0][0]
    assert set(four.features) == {"songs"}
    assert set(four.features["songs"]) == set(SPOTIFY) - {"valence"}


def test_other_numbers_are_a_set_of_their_own_beside_spotifys(write: Write) -> None:
    table = rows().assign(mfcc1=1.5, mfcc2=2.5)
    assert set(read(write(table))[0][0].features) == {"spotify", "songs"}
    named = read(write(table), set="librosa")[0][0]
    assert named.features["librosa"] == {"mfcc1": 1.5, "mfcc2": 2.5}


def test_length_is_duration_where_spotifys_columns_are(write: Write) -> None:
    first = read(write(rows().assign(length=200_000)))[0][0]
    assert first.features["spotify"]["duration_ms"] == 200_000
    assert set(first.features) == {"spotify"}


@pytest.mark.parametrize(
    ("column", "value", "seconds"),
    [("duration_ms", 200_500, 200.5), ("length", 200_500, 200.5), ("length", 201, None)],
)
def test_a_track_is_as_long_as_its_song_where_that_is_in_milliseconds(
    write: Write, column: str, value: float, seconds: float | None
) -> None:
    tracks, _, _ = read(write(rows().assign(**{column: value})))
    assert {each.duration for each in tracks} == {seconds}


def test_a_track_has_no_length_if_its_table_has_none(write: Write) -> None:
    assert {each.duration for each in read(write(rows()))[0]} == {None}


@pytest.mark.parametrize(
    "name", ["Unnamed: 0", "index", "popularity", "order", "row", "split", "genre_id", "year"]
)
def test_columns_that_give_the_label_away_are_not_taken(write: Write, name: str) -> None:
    table = rows()
    table.insert(0, name, range(6))
    assert set(read(write(table))[0][0].features) == {"spotify"}


def test_text_and_truth_values_are_not_features(write: Write) -> None:
    table = rows().assign(explicit=[True, False] * 3, comment="nice", live=[False, True] * 3)
    assert set(read(write(table))[0][0].features) == {"spotify"}


@pytest.mark.parametrize("name", ["spotify", "baseline", "full", "a/b", "../x", "a b"])
def test_a_set_cannot_take_a_name_that_is_ours_or_no_plain_name(write: Write, name: str) -> None:
    with pytest.raises(UsageError, match="taken or not a plain name"):
        TableSource(write(rows()), set=name)


@pytest.fixture
def shared() -> Path:
    folder = Path(os.environ.get("AUDIOGENRE_SHARED") or ROOT.parent / "shared") / "tables"
    if not folder.is_dir():
        pytest.skip(f"no real tables in {folder} (AUDIOGENRE_SHARED says where they are)")
    return folder


def test_spotify_tracks_of_six_genres(shared: Path) -> None:
    tracks, problems, notes = read(shared / "spotify_tracks_6genre.csv")
    assert len(tracks) + len(problems) == 5849
    assert "14 of 6000 rows are exact duplicates and were dropped" in notes
    assert "137 tracks stand under several labels and keep them all" in notes
    assert set(tracks[0].features) == {"spotify"}
    assert set(tracks[0].features["spotify"]) == set(ATTRIBUTES)
    assert len({label.name for each in tracks for label in each.labels}) == 6


def test_four_moods_of_spotifynn(shared: Path) -> None:
    tracks, problems, notes = read(
        shared / "spotifynn_4mood.csv", label="mood", label_names="study,road-trip,workout,party"
    )
    assert (len(tracks), problems) == (1347, [])
    assert "38 tracks stand under several labels and keep them all" in notes
    names = {label.name for each in tracks for label in each.labels}
    assert names == {"study", "road-trip", "workout", "party"}
    assert {label.kind for each in tracks for label in each.labels} == {"mood"}
    assert len(tracks[0].features["spotify"]) == 11


def test_gtzan_has_its_57_features_and_no_partition(shared: Path) -> None:
    tracks, problems, _ = read(shared / "gtzan_features.csv", set="gtzan")
    assert len(tracks) + len(problems) == 1000
    columns = set(tracks[0].features["gtzan"])
    assert set(tracks[0].features) == {"gtzan"}
    assert not columns & {"split", "label", "filename", "length"}
    assert len(columns) == 57


def test_fma_has_eight_of_echo_nest_and_140_of_its_own(shared: Path) -> None:
    tracks, problems, _ = read(shared / "fma_paired_echonest_librosa.csv", set="librosa")
    assert len(tracks) + len(problems) == 471
    assert {name: len(each) for name, each in tracks[0].features.items()} == {
        "spotify": 8,
        "librosa": 140,
    }
