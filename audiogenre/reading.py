"""Reading the parts of a feature set, while others may be writing and merging them.

Parts are merged by writing the whole first and deleting its pieces then
(`audiogenre.compaction`). So a reader that finds a listed part gone looks again from the start; and
as one listing may miss the whole and a piece at once, if both changed while it was made, two in a
row have to agree.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from audiogenre.errors import StoreError
from audiogenre.storage import listing, read

if TYPE_CHECKING:
    import pandas as pd

    from audiogenre.storage import Place

KEYS = ("track_id", "sha256")
METADATA = b"audiogenre"

Metadata = dict[str, Any]
Numbers = npt.NDArray[np.int64]
T = TypeVar("T")


class Read(NamedTuple):
    """What was read of a part: its metadata, which features it has, and an Arrow table."""

    metadata: Metadata
    names: list[str]
    table: Any


def parts_of(directory: Place) -> list[Place]:
    """Return the parts that lie in a folder, by name, none of them missing from the list."""
    before: list[Place] | None = None
    while (found := listing(directory, "part-*.parquet")) != before:
        before = found
    return found


def steadily(directory: Place, work: Callable[[list[Place]], T]) -> T:
    """Do something with the parts of a folder, again from the start if one goes meanwhile.

    Raises
    ------
    StoreError
        If a part is damaged.
    """
    parts = parts_of(directory)
    while True:
        try:
            return work(parts)
        except FileNotFoundError as error:
            listed, parts = parts, parts_of(directory)
            if parts == listed:
                raise StoreError(f"a part in {directory} cannot be read: {error}") from error


def read_part(part: Place, columns: Sequence[str] | None = None) -> Read:
    """Read a part: all of its columns, or those asked for.

    Raises
    ------
    FileNotFoundError
        If it is gone.
    StoreError
        If it is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with _opened(part) as file, pq.ParquetFile(file) as whole:
            schema = whole.schema_arrow
            metadata = json.loads(schema.metadata[METADATA])
            # Keys and origin are text, all else are features.
            names = [each.name for each in schema if not pa.types.is_string(each.type)]
            table = whole.read(columns=None if columns is None else [*columns])
            table.validate(full=True)  # a text may be no text
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{part} is damaged and cannot be read; delete it and run 'audiogenre extract' "
            "(or 'download', for a table) again to fill the gap"
        ) from error
    return Read(metadata, names, table)


def _opened(part: Place) -> AbstractContextManager[IO[bytes]]:
    # Requests cost more time than the bytes they spare: a part is read in one from a URL.
    return part.open("rb") if isinstance(part, Path) else io.BytesIO(read(part))


def read_metadata(parts: Sequence[Place]) -> list[Metadata]:
    """Return the metadata of each part."""
    return [read_part(each, ()).metadata for each in parts]


def read_keys(parts: Sequence[Place]) -> list[Read]:
    """Read the keys of each part."""
    return [read_part(each, KEYS) for each in parts]


def key_table(rows: Sequence[tuple[str, str]] = ()) -> Any:
    """Return pairs of track id and audio hash as an Arrow table."""
    import pyarrow as pa

    columns = zip(*rows, strict=True) if rows else ((), ())
    return pa.table([pa.array(each, pa.string()) for each in columns], names=[*KEYS])


def gather(parts: Sequence[Place], tracks: Collection[str] | None) -> pd.DataFrame:
    """Read rows into one table, each key once; a part is in memory only while it is its turn.

    Parameters
    ----------
    parts : sequence of Path or UPath
    tracks : collection of str, optional
        Leave out the rows of all others.

    Returns
    -------
    features : DataFrame, shape (n, d), float32
        As `audiogenre.store.FeatureStore.read` returns it.
    """
    import pandas as pd

    with_keys = zip(parts, read_keys(parts), strict=True)
    found = sorted(with_keys, key=lambda each: version(each[1].metadata), reverse=True)
    names = [*dict.fromkeys(name for _, each in found for name in each.names)]
    place = {name: number for number, name in enumerate(names)}
    keys, number, row = first_rows([each.table for _, each in found], tracks)
    values = np.full((len(names), keys.num_rows), np.nan, dtype=np.float32)
    by_part = np.argsort(number, kind="stable")
    for mine in np.split(by_part, np.flatnonzero(np.diff(number[by_part])) + 1):
        if len(mine):
            part = read_part(found[number[mine[0]]][0])
            for name in part.names:
                values[place[name], mine] = part.table[name].to_numpy()[row[mine]]
    index = pd.MultiIndex.from_arrays([keys[key].to_pandas() for key in KEYS], names=KEYS)
    return pd.DataFrame(values.T, index=index, columns=names, copy=False)


def first_rows(
    tables: Sequence[Any], tracks: Collection[str] | None = None
) -> tuple[Any, Numbers, Numbers]:
    """Return the keys of several tables, sorted and each once, with table and row of its first.

    Parameters
    ----------
    tables : sequence of Arrow tables
        With the columns `KEYS`.
    tracks : collection of str, optional
        Leave out the keys of all others.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = None if tracks is None else pa.array([*tracks], pa.string())
    pieces = []
    for number, table in enumerate(tables):
        place = (np.full(table.num_rows, number), np.arange(table.num_rows))
        columns = [*table.columns, *map(pa.array, place)]
        piece = pa.table(columns, names=[*KEYS, "part", "row"])
        pieces.append(piece if wanted is None else piece.filter(pc.is_in(piece[0], wanted)))
    order = [(name, "ascending") for name in (*KEYS, "part", "row")]
    keys = pa.concat_tables(pieces).sort_by(order).combine_chunks()
    again = [pc.equal(keys[key][1:], keys[key][:-1]).to_numpy() for key in KEYS]
    first = np.concatenate([[True], ~np.logical_and(*again)])[: keys.num_rows]
    keys = keys.filter(pa.array(first))
    return keys.select(KEYS), keys["part"].to_numpy(), keys["row"].to_numpy()


def version(metadata: Metadata) -> tuple[float, float]:
    """Which of two parts counts: that of the later version, then that of longer clips."""
    parameters = metadata.get("parameters", {})
    return float(parameters.get("version", 0)), float(parameters.get("max_seconds", 0))
