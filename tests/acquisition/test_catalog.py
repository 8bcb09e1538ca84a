"""The catalogue: whole transactions, whose labels stand, and files it cannot use."""

from __future__ import annotations

import shutil
import sqlite3
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


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_catalogue_of_an_earlier_schema_is_brought_up_to_date_and_keeps_what_it_holds(
    tmp_path: Path, version: int
) -> None:
    earlier = sqlite3.connect(tmp_path / "catalog.db")
    earlier.executescript(FIRST_SCHEMA if version == 1 else SECOND_SCHEMA)
    earlier.executescript("ALTER TABLE labels ADD COLUMN note TEXT;" if version == 3 else "")
    earlier.executescript(f"PRAGMA user_version = {version};{ROWS}")
    earlier.close()
    with Catalog(tmp_path / "catalog.db") as catalog:
        known, failure = catalog.known()["folder:1"], catalog.failures()["folder:2"]
        assert (known.title, known.licence, known.duration) == ("Tide", "CC0-1.0", None)
        assert [each.name for each in known.labels] == ["surf"]
        assert catalog.previews()["folder:1"].seconds == 30.0
        assert (failure.reason, failure.attempts, failure.next_try) == ("silent", 2, None)
        assert catalog.counts()["labels"] == [("genre", "pop", 1, 0), ("genre", "surf", 1, 1)]
        assert catalog.same_song(Track("x:1", "x", isrc="zz-aaa-12-00001")) == "folder:1"
        assert catalog.same_song(Track("x:1", "x", artist="The X", title="Tide")) is None
        assert catalog.same_song(Track("x:1", "x", artist="foxes", title="TIDE")) == "folder:1"
        with catalog.transaction():
            catalog.add(replace(known, duration=181.5, split="test"), None)
            catalog.correct("folder:3", Label("genre", "surf", "user"), "heard")
            catalog.block({"api.example": time.time() + 60})
            catalog.settle({"folder:1": True})
    with Catalog(tmp_path / "catalog.db") as catalog:
        assert catalog.labelled("genre")[0][-2:] == (181.5, "test")
        assert [each[3] for each in catalog.corrections()] == ["heard"]
        assert list(catalog.blocked()) == ["api.example"]
        assert catalog.sides() == {"folder:1": True}


def test_an_earlier_catalogue_has_the_same_tables_as_a_new_one(tmp_path: Path) -> None:
    earlier = sqlite3.connect(tmp_path / "earlier.db")
    earlier.executescript(f"{SECOND_SCHEMA} PRAGMA user_version = 2;")
    earlier.close()
    found = []
    for name in ("earlier.db", "new.db"):
        with Catalog(tmp_path / name) as catalog:
            tables = catalog._all("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")
            found.append({t: catalog._all(f"PRAGMA table_info({t})") for (t,) in tables})
            found[-1] |= {
                "rest": catalog._all(
                    "SELECT name, sql FROM sqlite_master "
                    "WHERE type IN ('index', 'trigger') ORDER BY 1"
                )
            }
    assert found[0] == found[1]


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


FIRST_SCHEMA = """
CREATE TABLE tracks (
    id TEXT PRIMARY KEY, source TEXT NOT NULL, title TEXT, artist TEXT, album TEXT, isrc TEXT,
    licence TEXT, added_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE labels (
    track_id TEXT NOT NULL REFERENCES tracks(id), kind TEXT NOT NULL, name TEXT NOT NULL,
    provenance TEXT NOT NULL, position INTEGER NOT NULL, added_at REAL NOT NULL,
    PRIMARY KEY (track_id, kind, name, provenance)
) WITHOUT ROWID;
CREATE TABLE previews (
    track_id TEXT PRIMARY KEY REFERENCES tracks(id), path TEXT NOT NULL, sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL, seconds REAL NOT NULL, mtime_ns INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE failures (
    item TEXT NOT NULL, stage TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
    attempts INTEGER NOT NULL, last_try REAL NOT NULL, version TEXT NOT NULL,
    PRIMARY KEY (item, stage)
) WITHOUT ROWID;
CREATE INDEX labels_by_name ON labels (kind, name);
"""
SECOND_SCHEMA = """
CREATE TABLE tracks (
    id TEXT PRIMARY KEY, source TEXT NOT NULL, title TEXT, artist TEXT, album TEXT, isrc TEXT,
    licence TEXT, added_at REAL NOT NULL, duration REAL, split TEXT
) WITHOUT ROWID;
CREATE TABLE labels (
    track_id TEXT NOT NULL REFERENCES tracks(id), kind TEXT NOT NULL, name TEXT NOT NULL,
    provenance TEXT NOT NULL, position INTEGER NOT NULL, added_at REAL NOT NULL,
    PRIMARY KEY (track_id, kind, name, provenance)
) WITHOUT ROWID;
CREATE TABLE previews (
    track_id TEXT PRIMARY KEY REFERENCES tracks(id), path TEXT NOT NULL, sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL, seconds REAL NOT NULL, mtime_ns INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE failures (
    item TEXT NOT NULL, stage TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
    attempts INTEGER NOT NULL, last_try REAL NOT NULL, version TEXT NOT NULL, next_try REAL,
    PRIMARY KEY (item, stage)
) WITHOUT ROWID;
CREATE INDEX labels_by_name ON labels (kind, name);
CREATE TABLE hosts (host TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE consents (source TEXT, terms TEXT, given_at REAL NOT NULL, PRIMARY KEY (source, terms))
    WITHOUT ROWID;
CREATE TABLE sides (track_id TEXT PRIMARY KEY REFERENCES tracks(id), test INTEGER NOT NULL)
    WITHOUT ROWID;
"""
ROWS = """
INSERT INTO tracks (id, source, title, artist, isrc, licence, added_at)
    VALUES ('folder:1', 'folder', 'Tide', 'Foxes', 'ZZAAA1200001', 'CC0-1.0', 1.0);
INSERT INTO tracks (id, source, added_at) VALUES ('folder:3', 'folder', 1.0);
INSERT INTO labels (track_id, kind, name, provenance, position, added_at)
    VALUES ('folder:1', 'genre', 'surf', 'folder', 0, 1.0),
           ('folder:3', 'genre', 'pop', 'folder', 0, 1.0);
INSERT INTO previews VALUES ('folder:1', '/a.mp3', 'ab', 9, 30.0, 1);
INSERT INTO failures (item, stage, reason, detail, attempts, last_try, version)
    VALUES ('folder:2', 'download', 'silent', 'no sound', 2, 1.0, '');
"""
