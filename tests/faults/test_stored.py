"""Databases as every released schema has left them: opened, brought up to date, nothing lost."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import run_main

from audiogenre.catalog import Catalog
from audiogenre.errors import StoreError
from audiogenre.liked.memory import Memory, Unheard
from audiogenre.store import FeatureStore
from audiogenre.typing import Label, Track

STORED = Path(__file__).parent / "stored"
CATALOGUES = range(1, len(Catalog.STEPS) + 1)
MEMORIES = range(1, len(Memory.STEPS) + 1)


def restore(name: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as db:
        db.executescript((STORED / name).read_text())


def test_every_schema_there_was_is_stored() -> None:
    names = {each.name for each in STORED.iterdir()}
    assert names >= {f"catalog-{number}.sql" for number in CATALOGUES}
    assert names >= {f"playlists-{number}.sql" for number in MEMORIES}


@pytest.mark.parametrize("version", CATALOGUES)
def test_a_catalogue_of_any_schema_keeps_all_it_holds(
    version: int, tmp_path: Path, run_main: Callable[..., int]
) -> None:
    restore(f"catalog-{version}.sql", tmp_path / "catalog.db")
    assert run_main("status", "--data", tmp_path, "-q") == 0
    labels = (Label("genre", "surf", "folder"), Label("genre", "jazz", "user"))
    since_2 = {"duration": 181.5, "split": "test"} if version > 1 else {}
    with Catalog(tmp_path / "catalog.db") as catalog:
        assert catalog.known()["folder:1"] == Track(
            "folder:1",
            "folder",
            labels[: 2 if version > 2 else 1],
            title="Tide",
            artist="Foxes",
            isrc="ZZAAA1200001",
            licence="CC0-1.0",
            **since_2,
        )
        failure, preview = catalog.failures()["folder:2"], catalog.previews()["folder:1"]
        assert (failure.reason, failure.attempts) == ("silent", 2)
        assert failure.next_try == (5.5 if version > 1 else None)
        assert (preview.path, preview.sha256, preview.seconds) == ("/a.mp3", "ab", 30.0)
        assert list(catalog.blocked()) == (["api.example"] if version > 1 else [])
        assert catalog.has_consent("deezer", "do not") is (version > 1)
        assert catalog.sides() == ({"folder:1": True} if version > 1 else {})
        corrections = [("folder:1", "genre", "jazz", "brushes", 2.0)] if version > 2 else []
        assert catalog.corrections() == corrections
        counted = [("genre", each.name, 1, 1) for each in labels[: 2 if version > 2 else 1]]
        assert catalog.counts()["labels"] == sorted(counted)
        for song, found in (
            (Track("x:1", "x", isrc="zz-aaa-12-00001"), "folder:1"),
            (Track("x:1", "x", artist="foxes", title="TIDE"), "folder:1"),
            (Track("x:1", "x", artist="The X", title="Tide"), None),
        ):
            assert catalog.same_song(song) == found
        with catalog.transaction():
            catalog.add(replace(catalog.known()["folder:1"], duration=200.0), None)
            catalog.block({"other.example": time.time() + 60})
            catalog.settle({"folder:2": False})
            catalog.correct("folder:1", Label("genre", "polka", "user"), "accordion")
        assert catalog.known()["folder:1"].duration == 200.0
        assert "other.example" in catalog.blocked()
        assert [each[2:4] for each in catalog.corrections()] == [("polka", "accordion")]


@pytest.mark.parametrize("version", CATALOGUES)
def test_a_catalogue_of_any_schema_has_the_tables_of_a_new_one(
    version: int, tmp_path: Path
) -> None:
    restore(f"catalog-{version}.sql", tmp_path / "earlier.db")
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


@pytest.mark.parametrize("version", MEMORIES)
def test_a_memory_of_any_schema_keeps_all_it_holds(version: int, tmp_path: Path) -> None:
    restore(f"playlists-{version}.sql", tmp_path / "memory.db")
    with Memory(tmp_path / "memory.db") as kept:
        assert kept.playlists() == {"jazz": "p1"}
        assert kept.states("jazz") == {"s1": "in", "s2": "out"}
        assert kept.moves() == {"s3": "jazz"}
        assert kept.unheard()["s4"] == Unheard("no audio", 2, 4e9)
        assert np.array_equal(kept.heard("full abc")["s1"], [1.0, 2.0])


def test_a_part_whose_ids_are_no_text_is_told_to_be_damaged(tmp_path: Path) -> None:
    # What a flipped byte can leave: the file is sound to its reader, and its words are not.
    offsets, letters = np.array([0, 2], dtype="<i4"), b"\xff\xfe"
    buffers = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(letters)]
    ids = pa.Array.from_buffers(pa.string(), 1, buffers)
    table = pa.table([ids, pa.array(["ab"]), pa.array([1.0])], names=["track_id", "sha256", "x"])
    store = FeatureStore(tmp_path)
    (tmp_path / "full-abc").mkdir()
    pq.write_table(
        table.replace_schema_metadata({"audiogenre": '{"name": "full"}'}),
        tmp_path / "full-abc" / "part-0.parquet",
    )
    for read in (lambda: store.known(tmp_path / "full-abc"), lambda: store.read("full-abc")):
        with pytest.raises(StoreError, match="damaged"):
            read()


def test_a_catalogue_with_nothing_where_a_text_was_is_told_to_be_damaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # What a flipped byte can leave, made here by writing while the schema says that it may be.
    path = tmp_path / "catalog.db"
    with Catalog(path):
        pass
    with closing(sqlite3.connect(path)) as db:
        ((schema,),) = db.execute("SELECT sql FROM sqlite_schema WHERE name = 'failures'")
        with db:
            db.execute(
                "INSERT INTO failures (item, stage, reason, detail, attempts, last_try, version) "
                "VALUES ('a', 'extract', 'silent', '', 1, 0, '')"
            )
            db.execute("PRAGMA writable_schema = ON")
            may_be = schema.replace("detail TEXT NOT NULL", "detail TEXT")
            db.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 'failures'", (may_be,))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE failures SET detail = NULL")
        db.execute("PRAGMA writable_schema = ON")
        db.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 'failures'", (schema,))
    assert run_main("status", "--data", tmp_path) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert "catalog.db is damaged: NULL value in failures.detail; put back a copy" in said
