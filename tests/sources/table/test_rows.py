"""Rows become tracks: cleaned and counted, with all their labels, or refused in a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from audiogenre.errors import UsageError
from audiogenre.sources import make_source
from audiogenre.sources.table import ATTRIBUTES, TableSource
from audiogenre.typing import Track
from table.conftest import SPOTIFY, Write, read, rows


def test_a_row_is_a_track_with_labels_and_features(write: Write) -> None:
    table = rows()
    tracks, problems, notes = read(write(table))
    assert [each.id for each in tracks] == [f"table:songs/t{i}" for i in range(6)]
    assert problems == notes == []
    first = tracks[0]
    assert first.source == "table"
    assert [(each.kind, each.name, each.provenance) for each in first.labels] == [
        ("genre", "rock", "table:songs.csv")
    ]
    assert first.features == {"spotify": table.iloc[0][SPOTIFY].to_dict()}
    assert first.path is None


@pytest.mark.parametrize("column", ["track_id", "genre", "artists", "own"])
@pytest.mark.parametrize(
    ("value", "text"),
    [(["a", "b"], "a;b"), ({"a": 1}, "{'a': 1}"), (b"caf\xe9", "caf\ufffd"), ([""], "")],
    ids=str,
)
def test_lists_and_bytes_of_parquet_are_text(
    write: Write, column: str, value: Any, text: str
) -> None:
    table = rows().astype({"genre": object, "track_id": object}).assign(artists="X", own=1.0)
    table[column] = pd.Series([value] * len(table), dtype=object)
    tracks, _, _ = read(write(table, "songs.parquet"))
    if column == "artists":
        assert {each.artist for each in tracks} == {text or None}
    elif column == "genre":
        assert {label.name for each in tracks for label in each.labels} == ({text} - {""})
    elif column == "own":
        assert all(set(each.features) == {"spotify"} for each in tracks)


def test_parquet_with_text_that_is_not_utf8_is_refused(write: Write) -> None:
    path = write(rows().assign(artists="Sigur R"), "songs.parquet")
    content = path.read_bytes()
    assert content.count(b"Sigur R") > 0
    path.write_bytes(content.replace(b"Sigur R", b"Sigur \xf3"))
    with pytest.raises(UsageError, match=r"songs\.parquet cannot be read as a table: .*UTF8"):
        read(path)


def test_parquet_is_csv(write: Write) -> None:
    from_csv, _, _ = read(write(rows(), "songs.csv"))
    from_parquet, _, _ = read(write(rows(), "songs.parquet"))
    assert [each.features for each in from_parquet] == [each.features for each in from_csv]
    assert [each.id for each in from_parquet] == [each.id for each in from_csv]


def test_the_order_of_rows_makes_no_difference(write: Write) -> None:
    forward, _, _ = read(write(rows()))
    backward, _, _ = read(write(rows()[::-1]))
    assert forward == backward


def test_a_table_is_made_by_name_like_any_source(write: Write) -> None:
    source = make_source("table", {"path": write(rows()), "label": "mood"})
    assert {label.kind for each in source.tracks() for label in each.labels} == {"mood"}
    with pytest.raises(UsageError, match="has no option --per-genre"):
        make_source("table", {"path": write(rows()), "per_genre": 3})


def test_a_table_has_no_audio(write: Write) -> None:
    source = TableSource(write(rows()))
    with pytest.raises(UsageError, match="not audio"):
        source.fetch(next(iter(source.tracks())))  # type: ignore[arg-type]


# ---------------------------------------------------------------- cleaning


def test_exact_duplicates_are_dropped_and_counted(write: Write) -> None:
    table = rows()
    tracks, problems, notes = read(write(pd.concat([table, table[:2], table[:1]])))
    assert len(tracks) == 6
    assert problems == []
    assert notes == ["3 of 9 rows are exact duplicates and were dropped"]


def test_rows_that_differ_only_in_what_is_not_used_are_duplicates(write: Write) -> None:
    table = pd.concat([rows()] * 2, ignore_index=True).assign(popularity=range(12))
    tracks, _, notes = read(write(table))
    assert len(tracks) == 6
    assert notes == [
        "columns that cannot be features left out: popularity",
        "6 of 12 rows are exact duplicates and were dropped",
    ]


def test_a_sparse_column_is_left_out_and_not_the_rows_without_it(write: Write) -> None:
    table = rows().assign(chart_peak=[1.0, *[None] * 5])
    tracks, problems, notes = read(write(table))
    assert (len(tracks), problems) == (6, [])
    assert notes == ["columns with mostly missing values left out: chart_peak"]


def test_faulty_rows_go_to_the_ledger_with_their_reason_and_are_counted(write: Write) -> None:
    table = rows(9).astype({"valence": object})
    table.loc[0, "energy"] = np.nan
    table.loc[1, "genre"] = " "
    table.loc[2, "valence"] = "high"
    table.loc[3, "energy"] = 1.5
    table.loc[4, "tempo"] = np.inf
    table.loc[5, "loudness"] = -1000
    tracks, problems, notes = read(write(table))
    assert [each.id for each in tracks] == [f"table:songs/t{i}" for i in (6, 7, 8)]
    assert [(each.item.rpartition("/")[2], each.reason) for each in problems] == [
        ("t0", "missing values"),
        ("t1", "missing values"),
        ("t2", "values that are not numbers"),
        ("t3", "values out of range"),
        ("t4", "values out of range"),
        ("t5", "values out of range"),
    ]
    assert notes == [
        "2 of 9 rows have missing values and went to the ledger",
        "1 of 9 rows have values that are not numbers and went to the ledger",
        "3 of 9 rows have values out of range and went to the ledger",
    ]


@pytest.mark.parametrize("column", ATTRIBUTES)
def test_every_attribute_has_its_range(write: Write, column: str) -> None:
    low, high = ATTRIBUTES[column]
    middle = {each: (a + b) / 2 for each, (a, b) in ATTRIBUTES.items()}
    values = [low, high, low - 0.5, high + 0.5]
    table = pd.DataFrame([middle | {column: each} for each in values])
    table = table.assign(track_id=list("abcd"), genre="rock")
    tracks, problems, _ = read(write(table))
    assert [each.id[-1] for each in tracks] == ["a", "b"]
    assert {each.reason for each in problems} == {"values out of range"}


def test_own_columns_have_no_range_but_must_be_finite(write: Write) -> None:
    table = pd.DataFrame({"track_id": list("abc"), "genre": "rock", "mfcc1": [-1e6, np.inf, 3]})
    tracks, problems, _ = read(write(table))
    assert [each.id[-1] for each in tracks] == ["a", "c"]
    assert [each.reason for each in problems] == ["values out of range"]


# ---------------------------------------------------------------- labels


def test_a_track_under_several_labels_keeps_them_all_in_their_order(write: Write) -> None:
    table = pd.concat([rows(), rows()[:2].assign(genre=["jazz", "rock"])], ignore_index=True)
    tracks, _, notes = read(write(table))
    assert len(tracks) == 6
    assert [each.name for each in tracks[0].labels] == ["rock", "jazz"]
    assert [each.name for each in tracks[1].labels] == ["pop", "rock"]
    assert notes == ["2 tracks stand under several labels and keep them all"]


def test_rows_of_a_track_that_differ_are_counted_and_the_first_one_counts(write: Write) -> None:
    table = pd.concat([rows(), rows()[:1].assign(energy=0.55)], ignore_index=True)
    tracks, _, notes = read(write(table))
    assert tracks[0].features["spotify"]["energy"] == rows()["energy"][0]
    assert notes == ["1 tracks have rows that differ: the first one counts"]


def test_label_names_stand_for_numbers(write: Write) -> None:
    table = rows().assign(genre=[0, 1, 2, 0, 1, 2])
    tracks, _, _ = read(write(table), label_names="Study, road-trip,Workout")
    assert [each.labels[0].name for each in tracks] == ["study", "road-trip", "workout"] * 2


def test_labels_that_are_absurdly_large_numbers_are_names(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(f"genre,energy\n2.0,0.5\n{'5' * 90},0.5\n")
    labels = [
        each.labels[0].name
        for each in TableSource(path=tmp_path / "table.csv").tracks()
        if isinstance(each, Track)
    ]
    assert labels == ["2.0", "5.555555555555556e+89"]


def test_labels_that_are_whole_floats_are_numbers_too(write: Write) -> None:
    table = rows().assign(genre=[0.0, 1.0, np.nan, 0.0, 1.0, 0.0])
    tracks, problems, _ = read(write(table), label_names="a,b")
    assert [each.labels[0].name for each in tracks] == ["a", "b", "a", "b", "a"]
    assert [each.reason for each in problems] == ["missing values"]


def test_too_few_label_names_are_refused(write: Write) -> None:
    with pytest.raises(UsageError, match=r"has 2 names, but .* a label '2'"):
        read(write(rows().assign(genre=[0, 1, 2] * 2)), label_names="a,b")


def test_labels_are_compared_without_case_and_spaces(write: Write) -> None:
    tracks, _, _ = read(write(rows().assign(genre=["Rock", " rock ", "ROCK"] * 2)))
    assert {each.labels[0].name for each in tracks} == {"rock"}


def test_a_column_called_mood_is_moods_and_label_overrules_it(write: Write) -> None:
    path = write(rows().rename(columns={"genre": "mood"}))
    assert read(path)[0][0].labels[0].kind == "mood"
    assert read(path, label="genre")[0][0].labels[0].kind == "genre"


def test_a_table_needs_a_path_that_is_a_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs --path"):
        TableSource()
    with pytest.raises(UsageError, match="is not a file"):
        TableSource(tmp_path)


@pytest.mark.parametrize("name", ["songs.csv", "songs.parquet"])
@pytest.mark.parametrize("data", [b"", b"\x00\xff\xfe\x80broken", b'a,b\n"1,2\n3,"4\n5,6,7,8\n'])
def test_what_is_no_table_is_refused_in_a_sentence(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(UsageError, match=r"cannot be read as a table|has no rows|no column"):
        read(path)


def test_a_table_without_rows_or_numbers_is_refused(write: Write) -> None:
    with pytest.raises(UsageError, match="has no rows"):
        read(write(rows()[:0]))
    with pytest.raises(UsageError, match="no numeric feature columns"):
        read(write(rows()[["track_id", "genre"]]))
