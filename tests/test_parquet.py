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


def write(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    pq.write_table(pa.table(columns), path, compression="zstd", **options)
    return path


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"x": pa.nulls(50 * N, pa.float64())}, "10,000,000 values"),
        ({"x": ["y" * 1000] * N}, "unpack to 200,000,000 bytes"),
        ({"x": [["a", "b" * 100]] * N}, "unpack to 20,200,000 bytes"),
        ({"x": [{"a": "b" * 100}] * N}, "unpack to 20,000,000 bytes"),
        ({"x": pa.array([b"y" * 1000] * N, pa.binary(1000))}, "200,000,000 values"),
    ],
    ids=["nothing", "text", "texts in lists", "texts in records", "bytes of one length"],
)
def test_a_small_file_that_unpacks_to_a_large_table_is_refused(
    columns: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "x.parquet", columns)
    assert path.stat().st_size < 100_000
    with pytest.raises(ValueError, match=reason):
        read_foreign(path)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("rows", "3,104,719,542,111 values"), ("histogram", "histogram size mismatch")],
)
def test_what_a_fuzzer_found_is_refused(name: str, reason: str) -> None:
    path = Path(__file__).parent / "sources" / "table" / "found" / f"{name}.parquet"
    with pytest.raises((ValueError, OSError), match=reason):
        read_foreign(path)


def test_what_is_much_alike_and_not_absurd_is_read(tmp_path: Path) -> None:
    rows = np.arange(N)
    path = write(tmp_path / "x.parquet", {"id": rows, "genre": ["rock"] * N, "mode": rows > N // 2})
    table = read_foreign(path)
    assert table["genre"].eq("rock").all() and np.array_equal(table["id"], rows)
    assert [*read_foreign(path, ["mode"])] == ["mode"]
