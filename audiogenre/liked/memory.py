"""What is remembered of an account between two runs, in SQLite: enough to never do a thing twice.

Before something is written to Spotify it stands here that it was begun, and afterwards that it was
done; so a run that was killed anywhere is gone on with. All of it is deleted by logging out.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from audiogenre.database import Database
from audiogenre.liked.records import Song, State, User

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


class Memory(Database):
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

    STEPS = (_SCHEMA,)
    PRAGMAS = ("synchronous = FULL",)  # a lost line could be a song twice
    CALLED = "what is remembered of the account in"
    ADVICE = "'audiogenre playlists logout' deletes it"

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        super().__init__(path)

    def belong_to(self, user: User) -> bool:
        """Take note of whose account this is; forget what was another's, and return whether so."""
        known = self._all("SELECT id FROM account")
        other = bool(known) and known[0][0] != user.id
        with self.transaction():
            for table in _TABLES if other else ("account",):
                self._db.execute(f"DELETE FROM {table}")
            self._db.execute("INSERT INTO account VALUES (?, ?)", (user.id, user.name))
        return other

    def playlists(self) -> dict[str, str]:
        """Return the ids of our playlists by genre."""
        return dict(self._all("SELECT genre, id FROM playlists"))

    def set_playlist(self, genre: str, playlist: str) -> None:
        """Remember the playlist of a genre; of another one before it only what people refused."""
        with self.transaction():
            if self.playlists().get(genre) != playlist:
                self._db.execute("DELETE FROM songs WHERE genre = ? AND state != 'out'", (genre,))
            self._db.execute("INSERT OR REPLACE INTO playlists VALUES (?, ?)", (genre, playlist))

    def states(self, genre: str) -> dict[str, State]:
        """Return what we have done with songs in the playlist of a genre."""
        return dict(self._all("SELECT song, state FROM songs WHERE genre = ?", (genre,)))

    def mark(self, genre: str, states: Mapping[str, State | None]) -> None:
        """Remember the states of songs in the playlist of a genre; None forgets one."""
        with self.transaction():
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
        with self.transaction():
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
        with self.transaction():
            self._db.execute("INSERT OR REPLACE INTO heard VALUES (?, ?, ?)", row)
            self._db.execute("DELETE FROM unheard WHERE song = ?", (song,))

    def unheard(self) -> dict[str, Unheard]:
        """Return why there are songs without audio."""
        rows = self._all("SELECT song, reason, attempts, next_try FROM unheard")
        return {song: Unheard(*rest) for song, *rest in rows}

    def miss(self, song: str, reason: str, next_try: float) -> None:
        """Remember that there is no audio of a song, and when to ask again."""
        with self.transaction():
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
        with self.transaction():
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


def memory_path(data: Path, client_id: str) -> Path:
    """Return where the memory of a client id lies in a data folder."""
    return data / f"playlists-{client_id}.db"


def is_due(missed: Unheard) -> bool:
    """Tell whether audio of a song may be asked for again."""
    return missed.next_try <= time.time()
