"""Parquet files from strangers that say they hold far more than they can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audiogenre.parquet import read_foreign

N = 200_000
TEXTS = pa.map_(pa.string(), pa.string())


def write(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    pq.write_table(pa.table(columns), path, compression="zstd", **options)
    return path


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"x": pa.nulls(50 * N, pa.float64())}, "10,000,000 values"),
        ({"x": ["y" * 1000] * N}, "texts unpack"),
        ({"x": [["a", "b" * 1000]] * N}, "texts unpack"),
        ({"x": [{"a": "b" * 1000}] * N}, "texts unpack"),
        ({"x": pa.array([[("a", "b" * 1000)]] * N, TEXTS)}, "texts unpack"),
        ({"x": [f"{'y' * 1_000_000}{i}" for i in range(300)]}, "texts unpack"),
        ({"x": pa.array([b"y" * 1000] * N, pa.binary(1000))}, "200,000,000 values"),
    ],
    ids=["nothing", "text", "lists", "records", "maps", "long texts", "bytes of one length"],
)
def test_a_small_file_that_unpacks_to_a_large_table_is_refused(
    columns: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "x.parquet", columns)
    assert path.stat().st_size < 150_000
    with pytest.raises(ValueError, match=reason):
        read_foreign(path)


def test_lists_of_numbers_are_left_out_and_other_columns_are_there(tmp_path: Path) -> None:
    columns = {"id": ["a"], "many": [[0.0] * 1000], "own": [0.5], "genres": [["rock", "folk"]]}
    table = read_foreign(write(tmp_path / "x.parquet", columns))
    assert [*table] == ["id", "own", "genres"]
    assert [*table["genres"][0]] == ["rock", "folk"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("rows", "3,104,719,542,111 values"), ("histogram", None)],  # in pyarrow's own words
)
def test_what_a_fuzzer_found_is_refused(name: str, reason: str | None) -> None:
    path = Path(__file__).parent / "sources" / "table" / "found" / f"{name}.parquet"
    with pytest.raises((ValueError, OSError), match=reason):
        read_foreign(path)


def test_what_is_much_alike_and_not_absurd_is_read(tmp_path: Path) -> None:
    rows = np.arange(N)
    path = write(tmp_path / "x.parquet", {"id": rows, "genre": ["rock"] * N, "mode": rows > N // 2})
    table = read_foreign(path)
    assert table["genre"].eq("rock").all() and np.array_equal(table["id"], rows)
    assert [*read_foreign(path, ["mode"])] == ["mode"]
