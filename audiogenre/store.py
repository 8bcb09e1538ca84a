"""The feature store: Parquet parts, written whole or not at all.

``features/SET-FINGERPRINT/part-*.parquet`` holds one row a track: its id, the hash of the audio it
was computed from, and the columns as float32. A part's name follows from its ids, so doing the
same work twice leaves one file. The folder may also be a URL (see `storage`).

``features/spotify/`` holds attributes of two origins, told by a column: *measured* by somebody
else (hash ``""``), and *estimated* from the audio of that hash. A track may have a row of each.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from audiogenre.errors import StoreError, UsageError
from audiogenre.phone import copied_name
from audiogenre.reading import (
    KEYS,
    METADATA,
    gather,
    key_table,
    read_keys,
    read_metadata,
    read_part,
    steadily,
    version,
)
from audiogenre.storage import Storage, is_local, listing, write

if TYPE_CHECKING:
    import pandas as pd

    from audiogenre.storage import Place

ATTRIBUTES, ORIGIN = "spotify", "origin"


def write_part(
    directory: Place,
    ids: Sequence[str],
    hashes: Sequence[str],
    columns: Sequence[str],
    values: npt.NDArray[np.float32],
    metadata: dict[str, Any],
) -> Place:
    """Write one part: beside the target first, then moved into place; to a URL in one request.

    Parameters
    ----------
    directory : Path or UPath
        Of the feature set.
    ids, hashes : sequence of str, length n
        Track ids, and SHA-256 of the audio (``""`` where there is none).
    columns : sequence of str, length d
    values : ndarray, shape (n, d), float32
    metadata : dict
        Name and parameters of the set; written into the file's schema. That of attributes may
        say their `origin`, ``"measured"`` or ``"estimated"``; they are measured if it does not.

    Raises
    ------
    StoreError
        If the part cannot be written, for example because the disk is full.
    """
    import pyarrow as pa

    arrays = [pa.array(ids, pa.string()), pa.array(hashes, pa.string())]
    arrays += [pa.array(column) for column in np.ascontiguousarray(values.T, dtype=np.float32)]
    names = [*KEYS, *columns]
    if metadata["name"] == ATTRIBUTES:
        origin = metadata.get(ORIGIN, "measured")
        arrays.append(pa.array([origin] * len(ids), pa.string()))
        names.append(ORIGIN)
    return write_table(directory, pa.table(arrays, names=names), metadata)


def write_table(directory: Place, table: Any, metadata: dict[str, Any], *, name: str = "") -> Place:
    """Write an Arrow table as a part, as `write_part` does.

    Parameters
    ----------
    name : str
        What tells its name from that of another part with these rows.
    """
    rows = zip(*(table[key].to_pylist() for key in KEYS), strict=True)
    lines = [f"{track_id} {digest}" for track_id, digest in rows] + ([name] if name else [])
    named = hashlib.sha256("\n".join(lines).encode())
    path = directory / f"part-{named.hexdigest()[:16]}.parquet"
    table = table.replace_schema_metadata({METADATA: json.dumps(metadata)})
    origin = metadata.get(ORIGIN, "measured") if metadata["name"] == ATTRIBUTES else ""
    if not isinstance(path, Path):
        content = io.BytesIO()
        _pack(table, content)
        write(path, content.getvalue())
        return path
    # Not the process id, which two machines that share a folder may both have.
    partial = path.with_suffix(f".{origin}{secrets.token_hex(8)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            _pack(table, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StoreError(
            f"cannot write {path}: {error.strerror or error}; what was written before is whole"
        ) from error
    return path


def _pack(table: Any, file: Any) -> None:
    """Write a table as Parquet; measurements hardly repeat, and packing them costs most."""
    import pyarrow.parquet as pq

    texts = [each for each in (*KEYS, ORIGIN) if each in table.column_names]
    pq.write_table(
        table,
        file,
        compression=dict.fromkeys(texts, "zstd"),
        use_dictionary=texts,
        write_statistics=False,
    )


class FeatureStore:
    """The feature tables of one data folder.

    Parameters
    ----------
    root : Path or UPath
        ``data/features``, or where the data folder's ``storage.toml`` says.
    """

    def __init__(self, root: Place) -> None:
        self.root = root

    @classmethod
    def of(cls, data: Path) -> FeatureStore:
        """Return the store of a data folder, wherever it lies."""
        return cls(Storage(data).features)

    def directory(self, name: str, fingerprint: str | None = None) -> Place:
        """Return the folder of a set; sets that came from a table have no fingerprint."""
        return self.root / (f"{name}-{fingerprint}" if fingerprint else name)

    def sets(self) -> list[str]:
        """Return the names of the folders that hold at least one part."""
        return sorted({part.parent.name for part in listing(self.root, "*/part-*.parquet")})

    def default_set(self) -> str:
        """Return the name of the only set there but for attributes and copies, else ``full``."""
        folders = {each.rpartition("-")[0] or each for each in self.sets()}
        names = sorted({copied_name(each) for each in folders} - {ATTRIBUTES})
        return names[0] if len(names) == 1 else "full"

    def find(self, name: str, preferred: str | None = None) -> str:
        """Return the folder name of a set called `name`, with its fingerprint.

        Parameters
        ----------
        preferred : str, optional
            The fingerprint to take where a set lies there under several.

        Raises
        ------
        UsageError
            If there is none, or several and none is preferred.
        """
        if name in self.sets():
            return name
        found = [each for each in self.sets() if each.rpartition("-")[0] == name]
        if preferred and f"{name}-{preferred}" in found:
            return f"{name}-{preferred}"
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(f"several sets are called {name!r} ({', '.join(found)}): name one")
        there = ", ".join(self.sets()) or "none"
        raise UsageError(
            f"no features of a set called {name!r} in {self.root} (there: {there}); compute them "
            "with 'audiogenre extract', or read them from a table with 'audiogenre download "
            "--source table'"
        )

    def known(self, directory: Place, fingerprint: str | None = None) -> dict[str, set[str]]:
        """Return the audio hashes that each track id has a row for; `keys` tells it in less room.

        Parameters
        ----------
        fingerprint : str, optional
            Leave out parts that were written with another one.
        """
        known: dict[str, set[str]] = {}
        keys = self.keys(directory, fingerprint)
        for track_id, digest in zip(*(keys[key].to_pylist() for key in KEYS), strict=True):
            known.setdefault(track_id, set()).add(digest)
        return known

    def keys(self, directory: Place, fingerprint: str | None = None) -> Any:
        """Return track id and audio hash of every row as an Arrow table; rows may repeat.

        Parameters
        ----------
        fingerprint : str, optional
            As for `known`.
        """
        import pyarrow as pa

        tables = [
            part.table
            for part in steadily(directory, read_keys)
            if not fingerprint or part.metadata.get("fingerprint", fingerprint) == fingerprint
        ]
        return pa.concat_tables([key_table(), *tables]).combine_chunks()

    def count(self, folder: str) -> int:
        """Return how many tracks a set has rows of."""
        import pyarrow as pa
        import pyarrow.compute as pc

        def ids(parts: Sequence[Place]) -> list[Any]:
            return [each for part in parts for each in read_part(part, KEYS[:1]).table[0].chunks]

        found = pa.chunked_array(steadily(self.root / folder, ids), pa.string())
        return int(pc.count_distinct(found).as_py())

    def lacking(self, directory: Place, fingerprint: str | None, keys: Any) -> set[str]:
        """Return the track ids among these keys that no row has, with that very audio.

        Parameters
        ----------
        directory, fingerprint
            As for `keys`.
        keys : Arrow table
            Each track id once.
        """
        import pyarrow.compute as pc

        there = self.keys(directory, fingerprint)
        row = pc.index_in(there["track_id"], keys["track_id"].combine_chunks())
        current = pc.equal(keys["sha256"].take(row), there["sha256"])
        lacks = np.ones(keys.num_rows, dtype=bool)
        lacks[row.filter(current).to_numpy()] = False
        return set(keys["track_id"].filter(lacks).to_pylist())

    def without_audio(self, directory: Place) -> set[str]:
        """Return the tracks that have a row of no audio of ours: it came with the track."""
        import pyarrow.compute as pc

        keys = self.keys(directory)
        return set(keys.filter(pc.equal(keys["sha256"], ""))["track_id"].to_pylist())

    def read(self, folder: str, tracks: Collection[str] | None = None) -> pd.DataFrame:
        """Read a set.

        Parameters
        ----------
        folder : str
            As `find` returns it.
        tracks : collection of str, optional
            Leave out the rows of all others.

        Returns
        -------
        features : DataFrame, shape (n, d), float32
            Indexed by ``(track_id, sha256)``, sorted, without duplicates: the row of the latest
            version counts. A column that only some parts have is NaN elsewhere.

        Raises
        ------
        StoreError
            If a part is damaged.
        """
        return steadily(self.root / folder, lambda parts: gather(parts, tracks))

    def metadata(self, folder: str) -> dict[str, Any]:
        """Return the name and parameters that were written with a set, and every origin."""
        parts = sorted(steadily(self.root / folder, read_metadata), key=version)
        written = {key: each for metadata in parts for key, each in metadata.items()}
        origins = {metadata[ORIGIN] for metadata in parts if ORIGIN in metadata}
        return written | ({ORIGIN: " and ".join(sorted(origins))} if origins else {})

    def clear_partials(self, directories: Iterable[Place]) -> None:
        """Delete what killed writers left beside their targets. Call it with the lock held.

        That is the lock of whoever computes: `download` may be writing measured attributes.
        """
        for directory in filter(is_local, directories):  # at a URL there are none
            pattern = "*.estimated*.tmp" if directory.name == ATTRIBUTES else "*.tmp"
            for partial in directory.glob(pattern):
                partial.unlink(missing_ok=True)
