"""Merging parts: whoever is killed or reads meanwhile loses no row and finds none twice."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from conftest import environment

from audiogenre import compaction, reading
from audiogenre.compaction import MANY, compact
from audiogenre.errors import StoreError
from audiogenre.store import FeatureStore, write_part

SET = "own-ab"
METADATA: dict[str, Any] = {"name": "own", "parameters": {"version": 1}, "fingerprint": "ab"}
COLUMNS = ("a", "b")
EACH = 3  # rows a part


def write(
    store: FeatureStore, first: int, *, metadata: dict[str, Any] = METADATA, folder: str = SET
) -> Path:
    """Write a part of a few rows with the numbers of their tracks in them."""
    ids = [f"x:{number:04d}" for number in range(first, first + EACH)]
    values = np.arange(first, first + EACH)[:, None] + np.array([0.0, 0.5])
    columns = values.astype(np.float32)
    return write_part(store.root / folder, ids, ids, COLUMNS, columns, metadata)


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    """A set in just as many parts as it pays to merge."""
    store = FeatureStore(tmp_path / "features")
    for number in range(MANY):
        write(store, EACH * number)
    return store


def rows_in(store: FeatureStore, folder: str = SET) -> list[int]:
    """Return how many rows each part has."""
    parts = reading.parts_of(store.root / folder)
    return [pq.read_metadata(each).num_rows for each in parts]


def test_many_small_parts_become_one_with_the_same_rows(store: FeatureStore) -> None:
    before, metadata = store.read(SET), store.metadata(SET)
    assert compact(store.root / SET, METADATA) == MANY - 1
    assert rows_in(store) == [EACH * MANY]
    pd.testing.assert_frame_equal(store.read(SET), before, check_exact=True)
    assert store.metadata(SET) == metadata
    assert compact(store.root / SET, METADATA) == 0


def test_fewer_are_left_as_they_are(store: FeatureStore) -> None:
    reading.parts_of(store.root / SET)[0].unlink()
    assert compact(store.root / SET, METADATA) == 0
    assert rows_in(store) == [EACH] * (MANY - 1)


def test_what_is_large_is_not_copied_again(
    store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "LARGE_ROWS", 60)
    before = store.read(SET)
    compact(store.root / SET, METADATA)
    assert sorted(rows_in(store)) == [12, 60, 60, 60]
    large = set(reading.parts_of(store.root / SET))
    for number in range(MANY, 2 * MANY):
        write(store, EACH * number)
    compact(store.root / SET, METADATA)
    assert len(large & set(reading.parts_of(store.root / SET))) == 3
    assert sum(rows_in(store)) == EACH * 2 * MANY
    pd.testing.assert_frame_equal(store.read(SET).loc[before.index], before, check_exact=True)


def test_versions_and_origins_stay_apart(store: FeatureStore) -> None:
    measured = {"name": "spotify", "origin": "measured"}
    estimated = [
        {"name": "spotify", "origin": "estimated", "parameters": {"version": v}} for v in (1, 2)
    ]
    for number in range(MANY):
        for place, each in enumerate((measured, *estimated)):
            first = EACH * (number + place * MANY)
            write(store, first, metadata=each, folder="spotify")
    before = store.read("spotify")
    assert compact(store.root / "spotify", estimated[0]) == MANY - 1
    assert sorted(rows_in(store, "spotify")) == [EACH] * (2 * MANY) + [EACH * MANY]
    pd.testing.assert_frame_equal(store.read("spotify"), before, check_exact=True)


def test_columns_that_only_some_parts_have_stay_empty_elsewhere(store: FeatureStore) -> None:
    ids = ["y:1"]
    write_part(store.root / SET, ids, ids, ["b", "c"], np.ones((1, 2), np.float32), METADATA)
    before = store.read(SET)
    assert before["c"].notna().sum() == before["a"].isna().sum() == 1
    assert compact(store.root / SET, METADATA) == MANY
    pd.testing.assert_frame_equal(
        store.read(SET)[before.columns], before, check_exact=True, check_like=True
    )


def test_a_damaged_part_stops_it_before_anything_is_deleted(store: FeatureStore) -> None:
    part = reading.parts_of(store.root / SET)[5]
    part.write_bytes(part.read_bytes()[:-9])
    with pytest.raises(StoreError, match="is damaged"):
        compact(store.root / SET, METADATA)
    assert len(reading.parts_of(store.root / SET)) == MANY


KILLED = """
import json, os, signal, sys
from pathlib import Path
from audiogenre.compaction import compact
directory, metadata, what, count = sys.argv[1:]
real, left = getattr(Path, what), [int(count)]
def last(self, *args, **kwargs):
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    return real(self, *args, **kwargs)
setattr(Path, what, last)
compact(Path(directory), json.loads(metadata))
"""


@pytest.mark.parametrize(
    ("what", "count", "parts"),
    [("replace", 0, MANY), ("unlink", 0, MANY + 1), ("unlink", 9, MANY - 8), ("unlink", 63, 2)],
)
def test_a_killed_merge_loses_nothing_and_the_next_one_removes_what_is_twice(
    store: FeatureStore, what: str, count: int, parts: int
) -> None:
    before = store.read(SET)
    arguments = [str(store.root / SET), json.dumps(METADATA), what, str(count)]
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], env=environment())
    assert killed.returncode == -signal.SIGKILL
    assert len(rows_in(store)) == parts
    pd.testing.assert_frame_equal(store.read(SET), before, check_exact=True)
    assert store.count(SET) == len(before)
    # One that comes later, when there is enough to merge again.
    for number in range(MANY, 2 * MANY):
        write(store, EACH * number)
    store.clear_partials([store.root / SET])
    compact(store.root / SET, METADATA)
    assert rows_in(store) == [2 * EACH * MANY]
    assert list((store.root / SET).glob("*.tmp")) == []
    pd.testing.assert_frame_equal(store.read(SET).loc[before.index], before, check_exact=True)


def test_pieces_of_a_large_part_that_were_left_are_removed(
    store: FeatureStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(compaction, "LARGE_ROWS", EACH * MANY)
    shutil.copytree(store.root / SET, tmp_path / "pieces")
    compact(store.root / SET, METADATA)
    shutil.copytree(tmp_path / "pieces", store.root / SET, dirs_exist_ok=True)
    assert compact(store.root / SET, METADATA) == MANY
    assert rows_in(store) == [EACH * MANY]


def test_a_reader_whose_parts_are_merged_meanwhile_starts_again(
    store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, real, read = store.read(SET), reading.read_part, 0

    def merged_after_some(part: Path, *columns: Any) -> reading.Read:
        nonlocal read
        read += 1
        if read == MANY + 9:  # the keys are read, and some of the rows
            with monkeypatch.context() as patch:
                patch.setattr(reading, "read_part", real)
                assert compact(store.root / SET, METADATA) == MANY - 1
        return real(part, *columns)

    monkeypatch.setattr(reading, "read_part", merged_after_some)
    pd.testing.assert_frame_equal(store.read(SET), before, check_exact=True)
    assert read > MANY + 9


def test_a_listing_made_during_a_merge_is_made_again(
    store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, real = store.read(SET), Path.glob

    def merged_meanwhile(self: Path, pattern: str) -> Iterator[Path]:
        names = list(real(self, pattern))
        yield from names[: MANY // 2]
        monkeypatch.setattr(Path, "glob", real)
        compact(self, METADATA)
        yield from (each for each in names[MANY // 2 :] if each.exists())

    monkeypatch.setattr(Path, "glob", merged_meanwhile)
    pd.testing.assert_frame_equal(store.read(SET), before, check_exact=True)


def test_readers_see_whole_data_while_parts_come_and_are_merged(store: FeatureStore) -> None:
    before = store.read(SET)
    over, wrong, looks = threading.Event(), [], []

    def look() -> None:
        while not over.is_set():
            found = store.read(SET)
            looks.append(len(found))
            if found.index.has_duplicates or not before.equals(found.loc[before.index]):
                wrong.append(found)

    reader = threading.Thread(target=look)
    reader.start()
    for round_ in range(1, 4):
        for number in range(round_ * MANY, (round_ + 1) * MANY):
            write(store, EACH * number)
        assert compact(store.root / SET, METADATA) > 0
    over.set()
    reader.join()
    assert looks
    assert wrong == []
    assert store.count(SET) == 4 * EACH * MANY


def test_a_part_that_is_listed_and_not_there_is_an_error(store: FeatureStore) -> None:
    (store.root / SET / "part-0.parquet").symlink_to("nowhere")
    with pytest.raises(StoreError, match="cannot be read"):
        store.read(SET)


def test_extract_merges_what_it_has_written(
    sample_data: Path,
    tmp_path: Path,
    run_main: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = Path(shutil.copytree(sample_data, tmp_path / "data"))
    store = FeatureStore(data / "features")
    before = {name: store.read(name) for name in store.sets()}
    monkeypatch.setattr(compaction, "MANY", 2)
    assert run_main("extract", "--data", data, "--quiet") == 0
    for name, rows in before.items():
        assert rows_in(store, name) == [len(rows)]
        pd.testing.assert_frame_equal(store.read(name), rows, check_exact=True)
