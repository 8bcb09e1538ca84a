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
_ALWAYS = 1_000_000, 100_000_000  # values, and bytes of text, that may be in the smallest file
_ROWS = 8192  # whose texts are looked at at a time


def read_foreign(file: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a Parquet file, or some of its columns.

    Parameters
    ----------
    file : Path
    columns : sequence of str, optional

    Columns with lists of numbers are left out: nobody reads them, and what is in a list is not
    counted anywhere.

    Raises
    ------
    ValueError
        If it is damaged, or says that it holds far more than a file of its size can.
    OSError
        If the system does not give it.
    """
    from pyarrow import ArrowException

    try:
        return _read(file, columns)
    except ArrowException as error:
        raise ValueError(str(error)) from error


def _read(file: Path, columns: Sequence[str] | None) -> pd.DataFrame:
    from pyarrow.parquet import ParquetFile

    most_values, most_text = (each + _MOST * file.stat().st_size for each in _ALWAYS)
    with ParquetFile(file) as whole:
        values, texts, lists = _stated(whole.metadata)
        names = [each.name for each in whole.schema_arrow]
    if values > most_values:
        raise ValueError(f"it says that it holds {values:,} values, too many for its size")
    # Each different text once, as the file has it, and not yet as often as it says.
    with ParquetFile(file, read_dictionary=texts) as whole:
        size = 0
        for rows in whole.iter_batches(_ROWS, columns=texts, use_threads=False):
            rows.validate(full=True)  # else a number of a text may be none
            size += sum(map(_text_size, rows.columns))
            if size > most_text:
                raise ValueError(f"its texts unpack to {size:,} bytes and more, too many for it")
    wanted = [each for each in columns or names if each not in lists]
    with ParquetFile(file) as whole:
        content = whole.read(columns=wanted)
    content.validate(full=True)  # else text that is not UTF-8 fails only when used
    table: pd.DataFrame = content.to_pandas()
    return table


def _stated(metadata: Any) -> tuple[int, list[str], set[str]]:
    """Return how many values, or bytes of fixed size, a file is said to hold.

    What is said of single columns is not asked for: pyarrow ends the process if it is damaged.

    Returns
    -------
    values : int
    texts : list of str
        Paths of the columns of text.
    lists : set of str
        Columns with lists of numbers.
    """
    columns = [metadata.schema.column(place) for place in range(metadata.num_columns)]
    rows = sum(max(0, metadata.row_group(i).num_rows) for i in range(metadata.num_row_groups))
    texts = sorted({each.path for each in columns if each.physical_type == "BYTE_ARRAY"})
    numbers = [each for each in columns if each.physical_type != "BYTE_ARRAY"]
    lists = {each.path.split(".")[0] for each in numbers if each.max_repetition_level}
    return rows * sum(max(1, each.length or 1) for each in columns), texts, lists


def _text_size(array: Any) -> int:
    """Return the bytes of an array's texts if each is written out wherever it stands."""
    import pyarrow as pa
    from pyarrow import compute

    if pa.types.is_dictionary(array.type):
        lengths = compute.binary_length(array.dictionary).take(array.indices)
        return int(compute.sum(lengths).as_py() or 0)
    if pa.types.is_map(array.type):
        return _text_size(array.keys) + _text_size(array.items)
    if pa.types.is_nested(array.type):
        parts = array.flatten()
        return sum(_text_size(each) for each in (parts if isinstance(parts, list) else [parts]))
    return int(array.nbytes)
