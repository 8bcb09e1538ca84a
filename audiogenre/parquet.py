"""Parquet files from strangers: read if they unpack to no more than a file of their size may hold.

A few bytes can say "this value, a billion times". Real tables have some values in each byte at
most, so what is far beyond that is refused before memory is taken for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_MOST = 64  # values, and bytes of text, for each byte of a file
_ALWAYS = 1_000_000  # as many may be in the smallest file


def read_foreign(file: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a Parquet file, or some of its columns.

    Parameters
    ----------
    file : Path
    columns : sequence of str, optional

    Raises
    ------
    ValueError
        If it is damaged, or says that it holds far more than a file of its size can.
    OSError
        If the system does not give it.
    """
    from pyarrow.parquet import ParquetFile

    most = _MOST * file.stat().st_size + _ALWAYS
    with ParquetFile(file) as whole:
        values, texts = _stated(whole.metadata)
    if values > most:
        raise ValueError(f"it says that it holds {values:,} values, too many for its size")
    # Each different text once, as the file has it, and not yet as often as it says.
    with ParquetFile(file, read_dictionary=texts) as whole:
        unpacked = whole.read(columns=texts)
    unpacked.validate(full=True)  # else a number of a text may be none
    size = sum(_text_size(each) for column in unpacked.columns for each in column.chunks)
    if size > most:
        raise ValueError(f"its texts unpack to {size:,} bytes, too many for its size")
    with ParquetFile(file) as whole:
        content = whole.read(columns=None if columns is None else [*columns])
    content.validate(full=True)  # else text that is not UTF-8 fails only when used
    table: pd.DataFrame = content.to_pandas()
    return table


def _stated(metadata: Any) -> tuple[int, list[str]]:
    """Return how many values, or bytes of fixed size, a file is said to hold; and its texts.

    What is said of single columns is not asked for: pyarrow ends the process if it is damaged.
    """
    columns = [metadata.schema.column(place) for place in range(metadata.num_columns)]
    rows = sum(max(0, metadata.row_group(i).num_rows) for i in range(metadata.num_row_groups))
    texts = sorted({each.path for each in columns if each.physical_type == "BYTE_ARRAY"})
    return rows * sum(max(1, each.length or 1) for each in columns), texts


def _text_size(array: Any) -> int:
    """Return the bytes of an array's texts if each is written out wherever it stands."""
    import pyarrow as pa
    from pyarrow import compute

    if pa.types.is_dictionary(array.type):
        lengths = compute.binary_length(array.dictionary).take(array.indices)
        return int(compute.sum(lengths).as_py() or 0)
    if pa.types.is_nested(array.type):
        parts = array.flatten()
        return sum(_text_size(each) for each in (parts if isinstance(parts, list) else [parts]))
    return int(array.nbytes)
