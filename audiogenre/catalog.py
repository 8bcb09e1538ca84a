"""The catalogue: every track ever seen, its labels, its preview and its failures, in SQLite.

It is the record of truth. Nothing leaves it silently: a track that fails stays, with the reason.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audiogenre.errors import StoreError
from audiogenre.typing import Label, LabelKind, Track

SCHEMA_VERSION = 3
_SCHEMA = """
CREATE TABLE tracks (
    id TEXT PRIMARY KEY, source TEXT NOT NULL, title TEXT, artist TEXT, album TEXT, isrc TEXT,
    licence TEXT, added_at REAL NOT NULL, duration REAL, split TEXT
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
    attempts INTEGER NOT NULL, last_try REAL NOT NULL, version TEXT NOT NULL, next_try REAL,
    PRIMARY KEY (item, stage)
) WITHOUT ROWID;
CREATE INDEX labels_by_name ON labels (kind, name);
"""
_SCHEMA_2 = """
CREATE TABLE hosts (host TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE consents (source TEXT, terms TEXT, given_at REAL NOT NULL, PRIMARY KEY (source, terms))
    WITHOUT ROWID;
CREATE TABLE sides (track_id TEXT PRIMARY KEY REFERENCES tracks(id), test INTEGER NOT NULL)
    WITHOUT ROWID;
"""
_SCHEMA_3 = """
ALTER TABLE labels ADD COLUMN note TEXT;
"""
# What turns a catalogue of an older schema into one of this.
_MIGRATIONS = {
    0: _SCHEMA + _SCHEMA_2 + _SCHEMA_3,
    1: """
ALTER TABLE tracks ADD COLUMN duration REAL;
ALTER TABLE tracks ADD COLUMN split TEXT;
ALTER TABLE failures ADD COLUMN next_try REAL;
"""
    + _SCHEMA_2
    + _SCHEMA_3,
    2: _SCHEMA_3,
}
USER = "user"  # the provenance of a label that a person has given

# What a source may say better later.
CORRECTED = ("title", "artist", "album", "isrc", "licence", "duration", "split")


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
    """What went wrong with an item at a stage, and for which version of its bytes.

    `next_try` is the time (seconds since the epoch) from which it may be tried again by itself;
    None if only a person can ask for that.
    """

    item: str
    stage: str
    reason: str
    detail: str
    attempts: int = 1
    version: str = ""
    next_try: float | None = None


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
            if version < SCHEMA_VERSION:
                for statement in _MIGRATIONS[version].split(";")[:-1]:
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
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # on a full disk SQLite has ended it by itself
                    self._db.execute("ROLLBACK")
                raise

    def add(self, track: Track, preview: Preview | None, *, add_labels: bool = False) -> None:
        """Record a track, its labels and its preview, or what its source has corrected since.

        A source's labels replace those it gave before; a table's only its own, as a track may
        stand in several. A person's (provenance ``user``) stay. With `add_labels` all stay.
        """
        now = time.time()
        self._db.execute(
            f"INSERT INTO tracks (id, source, added_at, {', '.join(CORRECTED)}) "
            f"VALUES ({', '.join('?' * (3 + len(CORRECTED)))}) ON CONFLICT DO UPDATE SET "
            + ", ".join(f"{each} = coalesce(excluded.{each}, {each})" for each in CORRECTED),
            (track.id, track.source, now, *(getattr(track, each) for each in CORRECTED)),
        )
        if track.labels and not add_labels:
            self._db.execute(
                "DELETE FROM labels WHERE track_id = ? AND provenance != ? "
                "AND (? != 'table' OR provenance = ?)",
                (track.id, USER, track.source, track.labels[0].provenance),
            )
        (known,) = self._db.execute(
            "SELECT count(*) FROM labels WHERE track_id = ?", (track.id,)
        ).fetchone()
        self._db.executemany(
            "INSERT INTO labels (track_id, kind, name, provenance, position, added_at) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
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
            "INSERT INTO failures VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
            "reason = excluded.reason, detail = excluded.detail, attempts = attempts + 1, "
            "last_try = excluded.last_try, version = excluded.version, "
            "next_try = excluded.next_try",
            (
                failure.item,
                failure.stage,
                failure.reason,
                detail,
                failure.attempts,
                time.time() if now is None else now,
                failure.version,
                failure.next_try,
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
            "SELECT item, stage, reason, detail, attempts, version, next_try FROM failures "
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
        rows = self._all(f"SELECT id, source, {', '.join(CORRECTED)} FROM tracks")
        return {
            row[0]: Track(row[0], row[1], tuple(labels.get(row[0], ())), *row[2:]) for row in rows
        }

    def blocked(self) -> dict[str, float]:
        """Return the hosts that asked to be left alone, and until when (seconds, epoch)."""
        now = time.time()
        return dict(self._all("SELECT host, until FROM hosts WHERE until > ?", (now,)))

    def block(self, hosts: Mapping[str, float]) -> None:
        """Remember until when hosts want to be left alone."""
        self._db.executemany("INSERT OR REPLACE INTO hosts VALUES (?, ?)", hosts.items())

    def has_consent(self, source: str, terms: str) -> bool:
        """Tell whether a person has accepted a source's terms, in these words."""
        query = "SELECT 1 FROM consents WHERE source = ? AND terms = ?"
        return bool(self._all(query, (source, terms)))

    def consent(self, source: str, terms: str) -> None:
        """Remember that a person has accepted a source's terms."""
        self._db.execute(
            "INSERT OR IGNORE INTO consents VALUES (?, ?, ?)", (source, terms, time.time())
        )

    def sides(self) -> dict[str, bool]:
        """Return the tracks whose side of the frozen split is settled: True is the test side."""
        return {track: bool(test) for track, test in self._all("SELECT * FROM sides")}

    def settle(self, sides: Mapping[str, bool]) -> None:
        """Settle the side of further tracks for good; one that has a side keeps it."""
        self._db.executemany(
            "INSERT OR IGNORE INTO sides VALUES (?, ?)",
            [(track, int(test)) for track, test in sides.items()],
        )

    def labelled(self, kind: LabelKind) -> list[tuple[Any, ...]]:
        """Return one row for each label of a kind, the one that counts of each track first.

        That is a person's correction, else the first label.

        Returns
        -------
        rows : list of (track id, label, artist, album, title, isrc, audio sha256, duration, split)
            In the order of the ids; a text that is not known is ``""``, a duration None.
        """
        return self._all(
            "SELECT t.id, l.name, ifnull(t.artist, ''), ifnull(t.album, ''), ifnull(t.title, ''), "
            "ifnull(t.isrc, ''), ifnull(p.sha256, ''), t.duration, ifnull(t.split, '') "
            "FROM labels l JOIN tracks t "
            "ON t.id = l.track_id LEFT JOIN previews p ON p.track_id = t.id WHERE l.kind = ? "
            "ORDER BY t.id, l.provenance != ?, l.position, l.provenance, l.name",
            (kind, USER),
        )

    def correct(self, track_id: str, label: Label, note: str | None = None) -> None:
        """Record a person's correction of a track's label, in place of an earlier one.

        What sources say stays in the catalogue, and does not count while this is there.
        """
        self.uncorrect(track_id, label.kind)
        self._db.execute(
            "INSERT INTO labels SELECT ?, ?, ?, ?, count(*), ?, ? FROM labels WHERE track_id = ?",
            (track_id, label.kind, label.name, USER, time.time(), note, track_id),
        )

    def uncorrect(self, track_id: str, kind: LabelKind) -> None:
        """Take a person's correction back."""
        self._db.execute(
            "DELETE FROM labels WHERE track_id = ? AND kind = ? AND provenance = ?",
            (track_id, kind, USER),
        )

    def corrections(self) -> list[tuple[Any, ...]]:
        """Return (track id, kind, label, note, time) of every correction, the latest first."""
        return self._all(
            "SELECT track_id, kind, name, ifnull(note, ''), added_at FROM labels "
            "WHERE provenance = ? ORDER BY added_at DESC, track_id",
            (USER,),
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
                "SELECT stage, reason, item, detail, attempts, next_try FROM failures "
                "ORDER BY stage, reason, item"
            ),
        }

    def _all(self, query: str, arguments: Iterable[Any] = ()) -> list[Any]:
        with self._errors():
            return self._db.execute(query, tuple(arguments)).fetchall()
