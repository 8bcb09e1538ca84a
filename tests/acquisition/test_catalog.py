"""The catalogue: whole transactions, whose labels stand, and files it cannot use."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from acquisition.conftest import HERE, Folder, Main
from audiogenre.catalog import Catalog, Failure
from audiogenre.errors import StoreError
from audiogenre.store import FeatureStore
from audiogenre.typing import Label, Track


def track_with(*names: str) -> Track:
    return Track("x:1", "x", labels=tuple(Label("genre", name, "test") for name in names))


def test_writes_of_a_transaction_happen_all_or_not_at_all(tmp_path: Path) -> None:
    with Catalog(tmp_path / "catalog.db") as catalog:
        with pytest.raises(KeyboardInterrupt), catalog.transaction():
            catalog.add(track_with("rock"), HERE)
            raise KeyboardInterrupt
        assert catalog.known() == {}
        with catalog.transaction():
            catalog.add(track_with("rock"), HERE)
        assert catalog.known() == {"x:1": track_with("rock")}


def test_a_track_that_fails_stays_in_the_catalogue_with_its_labels(folder: Folder) -> None:
    path = folder.music / "rock/bad.wav"
    path.parent.mkdir()
    path.write_bytes(b"<html>not found</html>")
    assert folder.download()[1]["new"] == 1
    assert folder.download()[1]["new"] == 0
    (item,) = folder.ledger()
    with folder.catalog() as catalog:
        assert catalog.known()[item].labels == (Label("genre", "rock", "folder"),)


def test_a_source_replaces_its_own_labels_and_leaves_those_of_a_person(tmp_path: Path) -> None:
    person = Track("x:1", "x", labels=(Label("genre", "jazz", "user"),))
    with Catalog(tmp_path / "catalog.db") as catalog, catalog.transaction():
        for track in (person, track_with("rock", "surf"), track_with("pop", "rock")):
            catalog.add(track, None)
        assert [row[1] for row in catalog.labelled("genre")] == ["jazz", "pop", "rock"]


def test_a_table_replaces_its_own_labels_and_leaves_those_of_other_tables(tmp_path: Path) -> None:
    def listed(name: str, table: str) -> Track:
        return Track("table:1", "table", labels=(Label("genre", name, f"table:{table}"),))

    with Catalog(tmp_path / "catalog.db") as catalog, catalog.transaction():
        for track in (listed("rock", "a"), listed("surf", "b"), listed("pop", "a")):
            catalog.add(track, None)
        assert {row[1] for row in catalog.labelled("genre")} == {"pop", "surf"}


def test_a_success_strikes_the_failure_of_its_stage_only(tmp_path: Path) -> None:
    with Catalog(tmp_path / "catalog.db") as catalog, catalog.transaction():
        for stage in ("download", "extract"):
            catalog.fail(Failure("x:1", stage, "truncated", "half"))
        catalog.add(track_with("rock"), HERE)
        assert catalog.failures("download") == {}
        assert catalog.failures("extract").keys() == {"x:1"}


def test_a_catalogue_that_is_none_is_refused(
    tmp_path: Path, run_main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "catalog.db").write_bytes(b"not a database, but long enough to look at" * 99)
    with pytest.raises(StoreError, match="cannot be used"):
        Catalog(tmp_path / "catalog.db")
    assert run_main("extract", "--data", tmp_path) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_catalogue_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    with Catalog(tmp_path / "catalog.db") as catalog:
        catalog._db.execute(f"PRAGMA user_version = {len(Catalog.STEPS) + 1}")
    with pytest.raises(StoreError, match="newer version"):
        Catalog(tmp_path / "catalog.db")


def test_a_damaged_part_is_named_and_filled_in_after_its_deletion(
    folder: Folder, sample_data: Path
) -> None:
    shutil.copytree(sample_data, folder.data)
    store = FeatureStore(folder.data / "features")
    name = store.find("baseline")
    whole = store.read(name)
    part = next((store.root / name).glob("part-*.parquet"))
    part.write_bytes(part.read_bytes()[:-100])
    with pytest.raises(StoreError, match="delete it"):
        store.read(name)
    code, _ = folder.run("extract")
    assert code == 2
    assert part.name in folder.err
    part.unlink()
    assert folder.run("extract")[0] == 0
    pd.testing.assert_frame_equal(store.read(name), whole, check_exact=True)


def test_a_label_knows_of_a_preview_whichever_came_first_until_it_goes(tmp_path: Path) -> None:
    with Catalog(tmp_path / "catalog.db") as catalog, catalog.transaction():
        catalog.add(track_with("rock"), HERE)
        catalog.add(replace(track_with("rock"), id="x:2"), None)
        assert catalog.counts()["labels"] == [("genre", "rock", 2, 1)]
        catalog.add(replace(track_with("rock"), id="x:2"), HERE)
        catalog.add(track_with("rock", "surf"), None)
        catalog.discard("x:1")
        assert catalog.counts()["labels"] == [("genre", "rock", 2, 2), ("genre", "surf", 1, 1)]
        catalog.retire("x:2")
        assert catalog.counts()["labels"] == [("genre", "rock", 1, 1), ("genre", "surf", 1, 1)]


def test_a_song_is_found_as_it_is_recorded_now(tmp_path: Path) -> None:
    song = Track("x:1", "x", artist="Foxes", title="Tide", isrc="ZZ1", duration=200.0)

    def alike(**other: Any) -> Track:
        return replace(song, id="y:1", isrc=None, **other)

    with Catalog(tmp_path / "catalog.db") as catalog, catalog.transaction():
        catalog.add(song, None)
        assert catalog.same_song(alike()) is None, "there is no audio of it"
        catalog.add(song, HERE)
        assert catalog.same_song(song) is None, "it is itself"
        assert catalog.same_song(alike(title="Tide (Remastered)")) == "x:1"
        assert catalog.same_song(alike(duration=230.0)) is None
        assert catalog.same_song(replace(song, id="y:1", duration=230.0)) == "x:1"
        catalog.add(replace(song, title="Ebb"), None)
        assert catalog.same_song(alike()) is None
        assert catalog.same_song(alike(title="Ebb")) == "x:1"


def test_lookups_are_by_id_however_many_and_of_all_without(tmp_path: Path) -> None:
    with Catalog(tmp_path / "catalog.db") as catalog, catalog.transaction():
        for number in range(3):
            catalog.add(replace(track_with("rock"), id=f"x:{number}"), HERE)
            catalog.fail(Failure(f"x:{number}", "extract", "silent", ""))
        wanted = {"x:0", "x:2"}
        many = [*wanted, "x:9", "it's", *(f"y:{number}" for number in range(40_000))]
        for find in (catalog.known, catalog.previews):
            assert find(many).keys() == wanted
            assert find(()) == {}
            assert len(find()) == 3
        assert catalog.failures("extract", many).keys() == wanted
        assert catalog.failures("download", many) == {}


def test_hosts_rest_until_their_time_has_come(tmp_path: Path) -> None:
    now = time.time()
    with Catalog(tmp_path / "catalog.db") as catalog:
        with catalog.transaction():
            catalog.block({"a.example": now + 60, "b.example": now - 1})
        assert catalog.blocked() == {"a.example": now + 60}
        with catalog.transaction():
            catalog.block({"a.example": now - 1, "b.example": now + 90})
        assert catalog.blocked() == {"b.example": now + 90}


def test_consent_is_to_a_source_and_to_its_words(tmp_path: Path) -> None:
    with Catalog(tmp_path / "catalog.db") as catalog:
        assert not catalog.has_consent("deezer", "do not")
        for _ in range(2):
            with catalog.transaction():
                catalog.consent("deezer", "do not")
        assert catalog.has_consent("deezer", "do not")
        assert not catalog.has_consent("deezer", "do not ever")
        assert not catalog.has_consent("itunes", "do not")


def test_the_time_of_the_next_try_is_kept_and_attempts_are_counted(tmp_path: Path) -> None:
    with Catalog(tmp_path / "catalog.db") as catalog:
        for next_try in (None, 5.5, 7.5):
            with catalog.transaction():
                catalog.fail(Failure("x:1", "download", "timeout", "late", next_try=next_try))
        (found,) = catalog.failures().values()
        assert (found.attempts, found.next_try) == (3, 7.5)
        with catalog.transaction():
            catalog.fail(Failure("x:1", "download", "not found", "gone"))
        assert catalog.failures()["x:1"].next_try is None
