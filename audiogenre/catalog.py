"""The catalogue: every track ever seen, its labels, its preview and its failures, in SQLite.

It is the record of truth. Nothing leaves it silently: a track that fails stays, with the reason.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audiogenre.errors import StoreError
from audiogenre.typing import Label, LabelKind, Track

SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE tracks (
    id TEXT PRIMARY KEY, source TEXT NOT NULL, title TEXT, artist TEXT, album TEXT, isrc TEXT,
    licence TEXT, added_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE labels (
    track_id TEXT NOT NULL REFERENCES tracks(id), kind TEXT NOT NULL, name TEXT NOT NULL,
    provenance TEXT NOT NULL, position INTEGER NOT NULL, added_at REAL NOT NULL,
    PRIMARY KEY (track_id, kind, name, provenance)
) WITHOUT ROWID;
CREATE TABLE previews (
    track_id TEXT PRIMARY KEY REFERENCES tracks(id), path TEXT NOT NULL, sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL, seconds REAL NOT NULL, mtime_ns INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE failures (
    item TEXT NOT NULL, stage TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
    attempts INTEGER NOT NULL, last_try REAL NOT NULL, version TEXT NOT NULL,
    PRIMARY KEY (item, stage)
) WITHOUT ROWID;
CREATE INDEX labels_by_name ON labels (kind, name);
"""

# What a source may say better later.
CORRECTED = ("title", "artist", "album", "isrc", "licence")


@dataclass(frozen=True)
class Preview:
    """Where a track's audio lies and how to tell whether it is still the same.

    The path is relative to the data folder for a fetched preview, absolute for one read in place,
    and empty once the audio was discarded on purpose.
    """

    path: str
    sha256: str
    bytes: int
    seconds: float
    mtime_ns: int


@dataclass(frozen=True)
class Failure:
    """What went wrong with an item at a stage, and for which version of its bytes."""

    item: str
    stage: str
    reason: str
    detail: str
    attempts: int = 1
    version: str = ""


class Catalog:
    """The catalogue of one data folder.

    Parameters
    ----------
    path : Path
        The SQLite file; made with its folder on first use.

    Raises
    ------
    StoreError
        If the file is not a catalogue, was written by a newer version, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=60, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._migrate()

    def __enter__(self) -> Catalog:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def _migrate(self) -> None:
        with self.transaction():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version > SCHEMA_VERSION:
                raise StoreError(
                    f"{self.path} was written by a newer version of audiogenre (schema {version}, "
                    f"this one knows {SCHEMA_VERSION}); update audiogenre"
                )
            if version == 0:
                for statement in _SCHEMA.split(";")[:-1]:
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"the catalogue {self.path} cannot be used: {error}") from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Group writes: all of them happen, or none."""
        with self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def add(self, track: Track, preview: Preview | None) -> None:
        """Record a track, its labels and its preview, or what its source has corrected since.

        A source's labels replace those it gave before; a table's only its own, as a track may
        stand in several. A person's (provenance ``user``) stay.
        """
        now = time.time()
        values = (track.id, track.source, track.title, track.artist, track.album, track.isrc)
        self._db.execute(
            "INSERT INTO tracks VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
            + ", ".join(f"{each} = coalesce(excluded.{each}, {each})" for each in CORRECTED),
            (*values, track.licence, now),
        )
        if track.labels:
            self._db.execute(
                "DELETE FROM labels WHERE track_id = ? AND provenance != 'user' "
                "AND (? != 'table' OR provenance = ?)",
                (track.id, track.source, track.labels[0].provenance),
            )
        (known,) = self._db.execute(
            "SELECT count(*) FROM labels WHERE track_id = ?", (track.id,)
        ).fetchone()
        self._db.executemany(
            "INSERT INTO labels VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [
                (track.id, label.kind, label.name, label.provenance, known + position, now)
                for position, label in enumerate(track.labels)
            ],
        )
        if preview is not None:
            self._db.execute(
                "INSERT OR REPLACE INTO previews VALUES (?, ?, ?, ?, ?, ?)",
                (
                    track.id,
                    preview.path,
                    preview.sha256,
                    preview.bytes,
                    preview.seconds,
                    preview.mtime_ns,
                ),
            )
            self.forgive(track.id, "download")

    def fail(self, failure: Failure, *, now: float | None = None) -> None:
        """Enter a failure in the ledger, or count one more attempt."""
        # A file name may hold bytes that are no text.
        detail = failure.detail.encode("utf-8", "replace").decode()
        self._db.execute(
            "INSERT INTO failures VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
            "reason = excluded.reason, detail = excluded.detail, attempts = attempts + 1, "
            "last_try = excluded.last_try, version = excluded.version",
            (
                failure.item,
                failure.stage,
                failure.reason,
                detail,
                failure.attempts,
                time.time() if now is None else now,
                failure.version,
            ),
        )

    def forgive(self, item: str, stage: str) -> None:
        """Strike a failure from the ledger: the item has succeeded since."""
        self._db.execute("DELETE FROM failures WHERE item = ? AND stage = ?", (item, stage))

    def discard(self, track_id: str) -> None:
        """Record that a preview's audio was deleted on purpose: its features stay valid."""
        self._db.execute("UPDATE previews SET path = '' WHERE track_id = ?", (track_id,))

    def failures(self, stage: str | None = None) -> dict[str, Failure]:
        """Return the ledger, by item (and the later stage, if an item failed at several)."""
        where, arguments = ("WHERE stage = ?", (stage,)) if stage else ("", ())
        rows = self._all(
            "SELECT item, stage, reason, detail, attempts, version FROM failures "
            f"{where} ORDER BY item, stage",
            arguments,
        )
        return {row[0]: Failure(*row) for row in rows}

    def previews(self) -> dict[str, Preview]:
        """Return every preview by track id."""
        rows = self._all("SELECT track_id, path, sha256, bytes, seconds, mtime_ns FROM previews")
        return {row[0]: Preview(*row[1:]) for row in rows}

    def retire(self, track_id: str) -> None:
        """Take the labels and the preview from a track whose file is gone; the track stays."""
        self._db.execute("DELETE FROM labels WHERE track_id = ?", (track_id,))
        self._db.execute("DELETE FROM previews WHERE track_id = ?", (track_id,))

    def known(self) -> dict[str, Track]:
        """Return every track as it is recorded, by id; without paths and features."""
        labels: dict[str, list[Label]] = {}
        for track_id, *label in self._all(
            "SELECT track_id, kind, name, provenance FROM labels ORDER BY track_id, position"
        ):
            labels.setdefault(track_id, []).append(Label(*label))
        rows = self._all("SELECT id, source, title, artist, album, isrc, licence FROM tracks")
        return {
            row[0]: Track(row[0], row[1], tuple(labels.get(row[0], ())), *row[2:]) for row in rows
        }

    def labelled(self, kind: LabelKind) -> list[tuple[str, str, str, str, str, str, str]]:
        """Return one row for each label of a kind, the first label of each track first.

        Returns
        -------
        rows : list of (track id, label, artist, album, title, isrc, audio sha256)
            In the order of the ids; what is not known is ``""``.
        """
        return self._all(
            "SELECT t.id, l.name, ifnull(t.artist, ''), ifnull(t.album, ''), ifnull(t.title, ''), "
            "ifnull(t.isrc, ''), ifnull(p.sha256, '') FROM labels l JOIN tracks t "
            "ON t.id = l.track_id LEFT JOIN previews p ON p.track_id = t.id WHERE l.kind = ? "
            "ORDER BY t.id, l.position, l.provenance, l.name",
            (kind,),
        )

    def counts(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return what `status` shows: tracks by source, tracks by label, failures by reason."""
        return {
            "sources": self._all(
                "SELECT source, count(*), count(sha256) FROM tracks LEFT JOIN previews "
                "ON id = track_id GROUP BY source ORDER BY source"
            ),
            "labels": self._all(
                "SELECT kind, name, count(DISTINCT labels.track_id), count(DISTINCT "
                "previews.track_id) FROM labels LEFT JOIN previews USING (track_id) "
                "GROUP BY kind, name ORDER BY kind, name"
            ),
            "failures": self._all(
                "SELECT stage, reason, count(*), min(detail) FROM failures "
                "GROUP BY stage, reason ORDER BY stage, count(*) DESC"
            ),
            "items": self._all(
                "SELECT stage, reason, item, detail, attempts FROM failures "
                "ORDER BY stage, reason, item"
            ),
        }

    def _all(self, query: str, arguments: Iterable[str] = ()) -> list[Any]:
        with self._errors():
            return self._db.execute(query, tuple(arguments)).fetchall()
