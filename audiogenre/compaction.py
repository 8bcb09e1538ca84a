"""Merging the parts of a feature set: many small files into few large ones.

An extract writes a part for every few clips, so that it can be stopped anywhere. A million rows in
parts of 200 are 5,000 files, each of which takes a millisecond to open; a nightly run adds some
more. Merged they are twenty.

The whole is written first, under its own name, and its pieces are deleted then. Whoever is killed
in between leaves rows twice, which every reader counts once and the next merge removes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from audiogenre.reading import Metadata, Numbers, first_rows, parts_of, read_keys, read_part
from audiogenre.storage import remove
from audiogenre.store import write_table

if TYPE_CHECKING:
    from audiogenre.storage import Place

MANY = 64
LARGE_ROWS, LARGE_BYTES = 50_000, 64 * 2**20


def compact(directory: Place, metadata: Metadata) -> int:
    """Merge the small parts of a set if there are many; return how many files it has fewer.

    A part is small below `LARGE_ROWS` rows and `LARGE_BYTES`; a merged one is at most twice as
    large, and left alone from then on. It pays from `MANY` small parts on: fewer cost a reader less
    than it costs to copy them every night.

    Only parts with this very metadata are merged, so that versions and origins stay apart. Rows of
    audio that has been replaced are kept, as the file may come back.

    Parameters
    ----------
    directory : Path or UPath
        Of the set. Call it with the lock held of those who write parts with this metadata.
    metadata : dict
        As `audiogenre.store.write_part` is given it.

    Raises
    ------
    StoreError
        If a part is damaged, or the merged one cannot be written; no row is lost.
    """
    metadata = json.loads(json.dumps(metadata))  # as a part gives it back
    parts = parts_of(directory)
    sizes = {each: each.stat().st_size for each in parts}
    if sum(size < LARGE_BYTES for size in sizes.values()) < MANY:
        return 0
    found = zip(parts, read_keys(parts), strict=True)
    keys = {path: part.table for path, part in found if part.metadata == metadata}
    small = [p for p in keys if sizes[p] < LARGE_BYTES and keys[p].num_rows < LARGE_ROWS]
    if len(small) < MANY:
        return 0
    large = [path for path in keys if path not in set(small)]
    kept = _kept_rows([keys[path] for path in [*large, *small]])[len(large) :]
    written = []
    batch: dict[Place, Numbers] = {}
    for path, rows in zip(small, kept, strict=True):
        batch[path] = rows
        n_rows = sum(map(len, batch.values()))
        if n_rows >= LARGE_ROWS or sum(sizes[each] for each in batch) >= LARGE_BYTES:
            written += _merge(directory, batch, metadata)
            batch = {}
    written += _merge(directory, batch, metadata)
    return len(small) - len(written)


def _kept_rows(tables: Sequence[Any]) -> list[Numbers]:
    """Return for each table of keys the rows that no table before it has."""
    _, number, row = first_rows(tables)
    order = np.lexsort((row, number))
    ends = np.searchsorted(number[order], np.arange(1, len(tables)))
    return np.split(row[order], ends)


def _merge(directory: Place, batch: dict[Place, Numbers], metadata: Metadata) -> list[Place]:
    """Write rows of some parts as one and delete the parts; return what there is instead."""
    import pyarrow as pa

    written = []
    if any(len(rows) for rows in batch.values()):
        pieces = [read_part(path).table.take(rows) for path, rows in batch.items()]
        # Tables of one name may bring other columns from one time to the next.
        whole = pa.concat_tables(pieces, promote_options="default").combine_chunks()
        written.append(write_table(directory, whole, metadata, name=f"merged {metadata}"))
    for path in batch:
        if path not in written:
            remove(path)
    return written
