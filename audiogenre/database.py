"""SQLite files of ours: brought to the schema of this version, written whole or not at all."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

from audiogenre.errors import StoreError

_CACHE = 64  # MB; SQLite's own 2 MB make a walk through a large file ask the disk again and again


class Database:
    """An SQLite file that knows the version of its schema.

    Parameters
    ----------
    path : Path
        Made with its folder on first use.

    Attributes
    ----------
    STEPS : sequence of str
        The statements that lead from each version of the schema to the next, from an empty file
        on. A step that has been published stays as it is.
    PRAGMAS : sequence of str
        What is set for every connection.
    FUNCTIONS : mapping of str to callable
        What statements may call, steps included; pure functions of their arguments.
    CALLED, ADVICE : str
        What an error calls the file, and what it advises.

    Raises
    ------
    StoreError
        If the file is no such database, was written by a newer version, or cannot be written.
    """

    STEPS: ClassVar[Sequence[str]]
    PRAGMAS: ClassVar[Sequence[str]] = ()
    FUNCTIONS: ClassVar[Mapping[str, Callable[..., Any]]] = {}
    CALLED: ClassVar[str]
    ADVICE: ClassVar[str] = ""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=60, isolation_level=None)
            try:
                for each in (f"cache_size = -{1024 * _CACHE}", *self.PRAGMAS):
                    self._db.execute(f"PRAGMA {each}")
                self._migrate()
            except BaseException:
                self._db.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def _migrate(self) -> None:
        for name, function in self.FUNCTIONS.items():
            self._db.create_function(name, -1, function, deterministic=True)
        if self._version() == len(self.STEPS):  # without waiting for whoever writes now
            return
        with self.transaction():
            version = self._version()
            if version > len(self.STEPS):
                raise StoreError(
                    f"{self.path} was written by a newer version of audiogenre (schema {version}, "
                    f"this one knows {len(self.STEPS)}); update audiogenre"
                )
            for step in self.STEPS[version:]:
                for statement in _statements(step):
                    self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {len(self.STEPS)}")

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            said = f"{self.CALLED} {self.path} cannot be used: {error}"
            raise StoreError("; ".join(filter(None, (said, self.ADVICE)))) from error

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

    def _all(self, query: str, arguments: Iterable[Any] = ()) -> list[Any]:
        with self._errors():
            return self._db.execute(query, tuple(arguments)).fetchall()


def _statements(script: str) -> Iterator[str]:
    """Cut a script into statements; a trigger holds semicolons of its own."""
    statement = ""
    for piece in script.split(";")[:-1]:
        statement += f"{piece};"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def among(column: str, values: Iterable[str] | None) -> tuple[str, tuple[str, ...]]:
    """Return the condition that a column has one of these values, however many; none if None."""
    if values is None:
        return "true", ()
    return f"{column} IN (SELECT value FROM json_each(?))", (json.dumps(list(values)),)


def damage(folder: Path) -> str:
    """Return what is wrong with a database in a folder; "" if nothing is that SQLite can tell.

    A byte that was changed on the disk may stand where no text was expected, or none: it is found
    when something fails that cannot.
    """
    for path in sorted(folder.glob("*.db")):
        try:
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
                (said,) = db.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.Error as error:
            said = str(error)
        if said != "ok":
            return f"{path} is damaged: {said}"
    return ""
