"""The catalogue: every track ever seen, its labels, its preview and its failures, in SQLite.

It is the record of truth. Nothing leaves it silently: a track that fails stays, with the reason.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audiogenre.database import among
from audiogenre.ledger import Failure, Ledger
from audiogenre.schema import STEPS
from audiogenre.songs import plain_isrc, same_length, song_name
from audiogenre.typing import Label, LabelKind, Track

__all__ = ["CORRECTED", "USER", "Catalog", "Failure", "Preview"]

_MANY = 2000  # rows read at once; far more cost more each
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


class Catalog(Ledger):
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

    STEPS = STEPS
    PRAGMAS = ("journal_mode = WAL", "synchronous = NORMAL")
    FUNCTIONS = {"song_name": song_name, "plain_isrc": plain_isrc}  # noqa: RUF012
    CALLED = "the catalogue"

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
        self._db.execute(
            "UPDATE tracks SET song = song_name(artist, title), recording = plain_isrc(isrc) "
            "WHERE id = ?",
            (track.id,),
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

    def discard(self, track_id: str) -> None:
        """Record that a preview's audio was deleted on purpose: its features stay valid."""
        self._db.execute("UPDATE previews SET path = '' WHERE track_id = ?", (track_id,))

    def previews(self, ids: Iterable[str] | None = None) -> dict[str, Preview]:
        """Return the previews of these tracks, or of all, by track id."""
        condition, arguments = among("track_id", ids)
        columns = "track_id, path, sha256, bytes, seconds, mtime_ns"
        rows = self._all(f"SELECT {columns} FROM previews WHERE {condition}", arguments)
        return {row[0]: Preview(*row[1:]) for row in rows}

    def previews_below(self, folder: Path) -> dict[str, str]:
        """Return the paths of the previews that are read in place below a folder, by track id."""
        start = str(folder / "x").removesuffix("x")  # with its separator
        query = "SELECT track_id, path FROM previews WHERE substr(path, 1, length(?1)) = ?1"
        return dict(self._all(query, (start,)))

    def count_previews(self) -> int:
        """Return how many tracks have a preview, kept or discarded."""
        return int(self._all("SELECT count(*) FROM previews")[0][0])

    def audio(self) -> Iterator[list[tuple[str, str]]]:
        """Yield track id and SHA-256 of every preview whose audio is kept, many at a time."""
        with self._errors():
            rows = self._db.execute("SELECT track_id, sha256 FROM previews WHERE path != ''")
            while many := rows.fetchmany(_MANY):
                yield many

    def retire(self, track_id: str) -> None:
        """Take the labels and the preview from a track whose file is gone; the track stays."""
        self._db.execute("DELETE FROM labels WHERE track_id = ?", (track_id,))
        self._db.execute("DELETE FROM previews WHERE track_id = ?", (track_id,))

    def known(self, ids: Iterable[str] | None = None) -> dict[str, Track]:
        """Return these tracks, or all, as they are recorded, by id; without paths and features."""
        ids = None if ids is None else list(ids)
        labels: dict[str, list[Label]] = {}
        condition, arguments = among("track_id", ids)
        for track_id, *label in self._all(
            f"SELECT track_id, kind, name, provenance FROM labels WHERE {condition} "
            "ORDER BY track_id, position",
            arguments,
        ):
            labels.setdefault(track_id, []).append(Label(*label))
        condition, arguments = among("id", ids)
        query = f"SELECT id, source, {', '.join(CORRECTED)} FROM tracks WHERE {condition}"
        rows = self._all(query, arguments)
        return {
            row[0]: Track(row[0], row[1], tuple(labels.get(row[0], ())), *row[2:]) for row in rows
        }

    def same_song(self, track: Track) -> str | None:
        """Return another track that has a preview and is the same song, by `audiogenre.songs`."""
        rows = self._all(
            "SELECT id, duration, ifnull(recording = plain_isrc(?1), 0) FROM tracks CROSS JOIN "
            "previews ON id = track_id WHERE id != ?4 AND (recording = plain_isrc(?1) "
            "OR song = song_name(?2, ?3)) ORDER BY id",
            (track.isrc, track.artist, track.title, track.id),
        )
        for known, duration, recording in rows:
            if recording or same_length(track.duration, duration):
                return str(known)
        return None

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
            "INSERT INTO labels (track_id, kind, name, provenance, position, added_at, note) "
            "SELECT ?, ?, ?, ?, count(*), ?, ? FROM labels WHERE track_id = ?",
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
                "SELECT kind, name, count(DISTINCT track_id), count(DISTINCT CASE WHEN previewed "
                "THEN track_id END) FROM labels GROUP BY kind, name ORDER BY kind, name"
            ),
            "failures": self._all(
                "SELECT stage, reason, count(*), min(detail) FROM failures "
                "GROUP BY stage, reason ORDER BY stage, count(*) DESC"
            ),
        }
