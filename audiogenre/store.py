"""The feature store: Parquet parts, written whole or not at all.

``features/SET-FINGERPRINT/part-*.parquet`` holds one row a track: its id, the hash of the audio it
was computed from, and the columns as float32. A part's name follows from its ids, so doing the
same work twice leaves one file.

``features/spotify/`` holds attributes of two origins, told by a column: *measured* by somebody
else (hash ``""``), and *estimated* from the audio of that hash. A track may have a row of each.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from audiogenre.errors import StoreError, UsageError
from audiogenre.phone import copied_name

KEYS = ("track_id", "sha256")
ATTRIBUTES, ORIGIN = "spotify", "origin"

Written = tuple[dict[str, Any], Any]  # metadata and table of a part


def write_part(
    directory: Path,
    ids: Sequence[str],
    hashes: Sequence[str],
    columns: Sequence[str],
    values: npt.NDArray[np.float32],
    metadata: dict[str, Any],
) -> Path:
    """Write one part: beside the target first, then moved into place.

    Parameters
    ----------
    directory : Path
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
    import pyarrow.parquet as pq

    named = hashlib.sha256("\n".join(f"{i} {h}" for i, h in zip(ids, hashes, strict=True)).encode())
    path = directory / f"part-{named.hexdigest()[:16]}.parquet"
    arrays = [pa.array(ids, pa.string()), pa.array(hashes, pa.string())]
    arrays += [pa.array(column) for column in np.ascontiguousarray(values.T, dtype=np.float32)]
    names = [*KEYS, *columns]
    origin = ""
    if metadata["name"] == ATTRIBUTES:
        origin = metadata.get(ORIGIN, "measured")
        arrays.append(pa.array([origin] * len(ids), pa.string()))
        names.append(ORIGIN)
    table = pa.table(arrays, names=names)
    table = table.replace_schema_metadata({"audiogenre": json.dumps(metadata)})
    partial = path.with_suffix(f".{origin}{os.getpid()}.tmp")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            pq.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StoreError(
            f"cannot write {path}: {error.strerror or error}; what was written before is whole"
        ) from error
    return path


class FeatureStore:
    """The feature tables of one data folder.

    Parameters
    ----------
    root : Path
        ``data/features``.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def directory(self, name: str, fingerprint: str | None = None) -> Path:
        """Return the folder of a set; sets that came from a table have no fingerprint."""
        return self.root / (f"{name}-{fingerprint}" if fingerprint else name)

    def sets(self) -> list[str]:
        """Return the names of the folders that hold at least one part."""
        found = {part.parent.name for part in self.root.glob("*/part-*.parquet")}
        return sorted(found)

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

    def known(self, directory: Path, fingerprint: str | None = None) -> dict[str, set[str]]:
        """Return the audio hashes that each track id has a row for.

        Parameters
        ----------
        fingerprint : str, optional
            Leave out parts that were written with another one.
        """
        known: dict[str, set[str]] = {}
        for metadata, table in self._parts(directory, columns=list(KEYS)):
            if fingerprint and metadata.get("fingerprint", fingerprint) != fingerprint:
                continue
            for track_id, digest in zip(*(table[key].to_pylist() for key in KEYS), strict=True):
                known.setdefault(track_id, set()).add(digest)
        return known

    def read(self, folder: str) -> pd.DataFrame:
        """Read a set.

        Parameters
        ----------
        folder : str
            As `find` returns it.

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
        parts = sorted(self._parts(self.root / folder), key=_version, reverse=True)
        frames = [table.to_pandas().set_index(list(KEYS)) for _, table in parts]
        features: pd.DataFrame = pd.concat([each.select_dtypes("number") for each in frames])
        return features.loc[~features.index.duplicated()].sort_index()

    def metadata(self, folder: str) -> dict[str, Any]:
        """Return the name and parameters that were written with a set, and every origin."""
        parts = sorted(self._parts(self.root / folder, columns=[]), key=_version)
        written = {key: each for metadata, _ in parts for key, each in metadata.items()}
        origins = {metadata[ORIGIN] for metadata, _ in parts if ORIGIN in metadata}
        return written | ({ORIGIN: " and ".join(sorted(origins))} if origins else {})

    def clear_partials(self, directories: Iterable[Path]) -> None:
        """Delete what killed writers left beside their targets. Call it with the lock held.

        That is the lock of whoever computes: `download` may be writing measured attributes.
        """
        for directory in directories:
            pattern = "*.estimated*.tmp" if directory.name == ATTRIBUTES else "*.tmp"
            for partial in directory.glob(pattern):
                partial.unlink(missing_ok=True)

    def _parts(self, directory: Path, columns: Iterable[str] | None = None) -> Iterator[Written]:
        """Read the metadata and the table of each part, by name."""
        import pyarrow.parquet as pq

        for part in sorted(directory.glob("part-*.parquet")):
            with self._whole(part):
                table = pq.read_table(part, columns=columns)
                table.validate(full=True)  # a text may be no text
                metadata = json.loads((table.schema.metadata or {})[b"audiogenre"])
            yield metadata, table

    @contextmanager
    def _whole(self, part: Path) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, KeyError) as error:
            raise StoreError(
                f"{part} is damaged and cannot be read; delete it and run 'audiogenre extract' "
                "(or 'download', for a table) again to fill the gap"
            ) from error


def _version(part: Written) -> tuple[float, float]:
    """Which of two parts counts: that of the later version, then that of longer clips."""
    parameters = part[0].get("parameters", {})
    return float(parameters.get("version", 0)), float(parameters.get("max_seconds", 0))
