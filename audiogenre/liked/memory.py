"""What is remembered of an account between two runs, in SQLite: enough to never do a thing twice.

Before something is written to Spotify it stands here that it was begun, and afterwards that it was
done; so a run that was killed anywhere is gone on with. All of it is deleted by logging out.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from audiogenre.errors import StoreError
from audiogenre.liked.records import Song, State, User

SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE account (id TEXT NOT NULL, name TEXT NOT NULL);
CREATE TABLE playlists (genre TEXT PRIMARY KEY, id TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE songs (genre TEXT, song TEXT, state TEXT NOT NULL, PRIMARY KEY (genre, song))
    WITHOUT ROWID;
CREATE TABLE moves (song TEXT PRIMARY KEY, genre TEXT) WITHOUT ROWID;
CREATE TABLE heard (song TEXT, features TEXT, numbers BLOB NOT NULL, PRIMARY KEY (song, features))
    WITHOUT ROWID;
CREATE TABLE unheard (song TEXT PRIMARY KEY, reason TEXT NOT NULL, attempts INTEGER NOT NULL,
    next_try REAL NOT NULL) WITHOUT ROWID;
"""
_TABLES = ("account", "playlists", "songs", "moves", "heard", "unheard")

Numbers = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Unheard:
    """Why there is no audio of a song, how often that was tried, and when it may be again."""

    reason: str
    attempts: int
    next_try: float


class Memory:
    """The memory of one client id in one data folder.

    Parameters
    ----------
    path : Path
        The SQLite file; made on first use, for its owner only.

    Raises
    ------
    StoreError
        If it cannot be used, or was written by a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._db = sqlite3.connect(path, timeout=60, isolation_level=None)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    def __enter__(self) -> Memory:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def _prepare(self) -> None:
        self._db.execute("PRAGMA synchronous = FULL")  # a lost line could be a song twice
        with self._transaction():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version > SCHEMA_VERSION:
                raise StoreError(f"{self.path} was written by a newer version; update audiogenre")
            for statement in _SCHEMA.split(";")[:-1] if version == 0 else ():
                self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"what is remembered of the account cannot be used ({self.path}: {error}); "
                "'audiogenre playlists logout' deletes it"
            ) from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # on a full disk SQLite has ended it by itself
                    self._db.execute("ROLLBACK")
                raise

    def belong_to(self, user: User) -> bool:
        """Take note of whose account this is; forget what was another's, and return whether so."""
        known = self._all("SELECT id FROM account")
        other = bool(known) and known[0][0] != user.id
        with self._transaction():
            for table in _TABLES if other else ("account",):
                self._db.execute(f"DELETE FROM {table}")
            self._db.execute("INSERT INTO account VALUES (?, ?)", (user.id, user.name))
        return other

    def playlists(self) -> dict[str, str]:
        """Return the ids of our playlists by genre."""
        return dict(self._all("SELECT genre, id FROM playlists"))

    def set_playlist(self, genre: str, playlist: str) -> None:
        """Remember the playlist of a genre; of another one before it only what people refused."""
        with self._transaction():
            if self.playlists().get(genre) != playlist:
                self._db.execute("DELETE FROM songs WHERE genre = ? AND state != 'out'", (genre,))
            self._db.execute("INSERT OR REPLACE INTO playlists VALUES (?, ?)", (genre, playlist))

    def states(self, genre: str) -> dict[str, State]:
        """Return what we have done with songs in the playlist of a genre."""
        return dict(self._all("SELECT song, state FROM songs WHERE genre = ?", (genre,)))

    def mark(self, genre: str, states: Mapping[str, State | None]) -> None:
        """Remember the states of songs in the playlist of a genre; None forgets one."""
        with self._transaction():
            self._db.executemany(
                "INSERT OR REPLACE INTO songs VALUES (?, ?, ?)",
                [(genre, song, state) for song, state in states.items() if state],
            )
            self._db.executemany(
                "DELETE FROM songs WHERE genre = ? AND song = ?",
                [(genre, song) for song, state in states.items() if not state],
            )

    def moves(self) -> dict[str, str | None]:
        """Return where a person wants songs, whatever the model says."""
        return dict(self._all("SELECT song, genre FROM moves"))

    def set_moves(self, moves: Mapping[str, str | None]) -> None:
        """Remember where a person wants songs."""
        with self._transaction():
            self._db.executemany("INSERT OR REPLACE INTO moves VALUES (?, ?)", moves.items())

    def heard(self, features: str) -> dict[str, Numbers]:
        """Return the features of songs, by their ids.

        Parameters
        ----------
        features : str
            Which features: sets, fingerprints and how clips are cut.
        """
        rows = self._all("SELECT song, numbers FROM heard WHERE features = ?", (features,))
        return {song: np.frombuffer(numbers, dtype="<f4") for song, numbers in rows}

    def hear(self, song: str, features: str, numbers: Numbers) -> None:
        """Remember the features of a song."""
        row = (song, features, numbers.astype("<f4").tobytes())
        with self._transaction():
            self._db.execute("INSERT OR REPLACE INTO heard VALUES (?, ?, ?)", row)
            self._db.execute("DELETE FROM unheard WHERE song = ?", (song,))

    def unheard(self) -> dict[str, Unheard]:
        """Return why there are songs without audio."""
        rows = self._all("SELECT song, reason, attempts, next_try FROM unheard")
        return {song: Unheard(*rest) for song, *rest in rows}

    def miss(self, song: str, reason: str, next_try: float) -> None:
        """Remember that there is no audio of a song, and when to ask again."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO unheard VALUES (?, ?, 1, ?) ON CONFLICT DO UPDATE SET "
                "reason = excluded.reason, attempts = attempts + 1, next_try = excluded.next_try",
                (song, reason, next_try),
            )

    def keep_only(self, songs: Iterable[Song]) -> None:
        """Forget what is known of songs that are no longer liked.

        All but which of them we have put into a playlist: they are still to be removed from there.
        """
        liked = {each.id for each in songs}
        with self._transaction():
            for table in ("heard", "unheard", "moves"):
                gone = {song for (song,) in self._all(f"SELECT song FROM {table}")} - liked
                self._db.executemany(
                    f"DELETE FROM {table} WHERE song = ?", [(song,) for song in gone]
                )
            rows = self._all("SELECT genre, song FROM songs WHERE state IN ('own', 'out')")
            self._db.executemany(
                "DELETE FROM songs WHERE genre = ? AND song = ?",
                [(genre, song) for genre, song in rows if song not in liked],
            )

    def _all(self, query: str, arguments: Iterable[Any] = ()) -> list[Any]:
        with self._errors():
            return self._db.execute(query, tuple(arguments)).fetchall()


def memory_path(data: Path, client_id: str) -> Path:
    """Return where the memory of a client id lies in a data folder."""
    return data / f"playlists-{client_id}.db"


def is_due(missed: Unheard) -> bool:
    """Tell whether audio of a song may be asked for again."""
    return missed.next_try <= time.time()
