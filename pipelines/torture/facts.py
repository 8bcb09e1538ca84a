"""What a folder holds, as facts that can be counted and compared, whenever and however it came.

A fact is a row of a database, a row of features, or a file with its content; what changes with the
clock alone is left out of it. After a kill every fact has to be an old or a new one, none that is
both old and new may be missing, and none may be there twice.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import zipfile
from collections import Counter
from contextlib import closing
from pathlib import Path

import pandas as pd

Fact = tuple[str, ...]
Facts = Counter[Fact]

# Columns that hold times, counts of attempts, what follows from other tables, and names that a
# service makes up.
_VOLATILE = {
    "added_at",
    "last_try",
    "given_at",
    "mtime_ns",
    "next_try",
    "until",
    "attempts",
    "previewed",
}
_LEDGERS = {"failures", "unheard"}
_LIST = ".m3u8"
_IDS_AT_SERVICES = {("playlists", "id")}
_PREVIEWED_WRONGLY = (
    "SELECT count(*) FROM labels WHERE previewed != EXISTS "
    "(SELECT 1 FROM previews WHERE previews.track_id = labels.track_id)"
)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?([+-]\d\d:\d\d|Z| UTC)?")
_TEMPORARY = re.compile(r"(^|/)\.|\.(tmp|part)$|\.db-(wal|shm|journal)$")


def facts_of(folder: Path) -> Facts:
    """Return what a folder holds; databases and tables are read, and so have to be whole.

    Raises
    ------
    Exception
        Of whatever cannot be read.
    """
    found: Facts = Counter()
    for path in sorted(each for each in folder.rglob("*") if not each.is_dir()):
        name = path.relative_to(folder).as_posix()
        if _TEMPORARY.search(name):
            continue
        found["there", name] += 1
        if path.suffix == ".db":
            found.update(_rows(path, name))
        elif re.fullmatch(r"part-.*\.parquet", path.name):
            found.update(_features(path))
        else:
            found["file", name, _digest(path)] += 1
        if path.suffix == _LIST:
            found.update(_songs(path, name))
    for fact in [each for each in found if each[0] == "there" and "/features/" in each[1]]:
        del found[fact]  # how rows are spread over parts is not a fact
    return found


def leftovers(folder: Path) -> list[str]:
    """Return the half-written and temporary files there; locks, and SQLite's own, are neither."""
    return [
        each.relative_to(folder).as_posix()
        for each in folder.rglob("*")
        if re.search(r"\.(tmp|old|part)$", each.name)
    ]


def _rows(path: Path, name: str) -> Facts:
    found: Facts = Counter()
    with closing(sqlite3.connect(path, timeout=60)) as db:
        for check in ("integrity_check", "foreign_key_check"):
            said = db.execute(f"PRAGMA {check}").fetchall()
            if said not in ([], [("ok",)]):
                raise ValueError(f"{name} is damaged: {said}")
        if any("previewed" in each for each in db.execute("PRAGMA table_info(labels)")):
            (wrong,) = db.execute(_PREVIEWED_WRONGLY).fetchone()
            if wrong:
                raise ValueError(f"{name} is wrong about {wrong} labels' previews")
        tables = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        for (table,) in tables:
            rows = db.execute(f"SELECT * FROM {table}")
            columns = [each[0] for each in rows.description]
            kept = [
                place
                for place, column in enumerate(columns)
                if column not in _VOLATILE and (table, column) not in _IDS_AT_SERVICES
            ]
            found.update((name, table, *(str(row[place]) for place in kept)) for row in rows)
    return found


def _features(path: Path) -> Facts:
    table = pd.read_parquet(path)
    keys = zip(table["track_id"], table["sha256"], strict=True)
    numbers = table.select_dtypes("number").to_numpy()
    return Counter(
        ("features", path.parent.name, *key, hashlib.sha256(row.tobytes()).hexdigest())
        for key, row in zip(keys, numbers, strict=True)
    )


def _songs(path: Path, name: str) -> Facts:
    """Return what a list for players says of itself, and each of its songs."""
    head, _, songs = path.read_text(encoding="utf-8").partition("#EXTINF:")
    each = (song.strip() for song in songs.split("#EXTINF:") if song)
    return Counter([("list", name, head), *(("song", name, song) for song in each)])


def without_failures(found: Facts) -> Facts:
    """Return what is left of facts where a command says that something has failed.

    What has failed is in a ledger, or is not in a list, of which only the songs count then.
    """
    return Counter(
        {
            fact: count
            for fact, count in found.items()
            if fact[1] not in _LEDGERS and not (fact[0] == "file" and fact[1].endswith(_LIST))
        }
    )


def _digest(path: Path) -> str:
    """Return what stands for a file's content, but for times in it."""
    if path.is_symlink() and path.is_dir():
        return str(path.readlink())
    content = path.read_bytes()
    if path.suffix == ".parquet":
        content = pd.read_parquet(path).to_csv().encode()
    elif path.suffix == ".skops":
        with zipfile.ZipFile(path) as archive:  # the numbers of its objects differ every time
            if archive.testzip() is not None:
                raise ValueError(f"{path} is damaged")
        return "whole"
    elif path.suffix in (".json", ".md"):
        text = content.decode()
        content = _TIME.sub("TIME", text).encode()
        if path.suffix == ".json":
            json.loads(text)
    return hashlib.sha256(content).hexdigest()[:16]


def is_between(found: Facts, before: Facts, after: Facts) -> str:
    """Tell what is wrong with facts that are to be old or new; "" if nothing is."""
    for fact, count in found.items():
        if count > max(before[fact], after[fact]):
            what = "twice" if count > 1 else "neither old nor new"
            return f"{what}: {shown(fact)}"
    for fact in before.keys() & after.keys():
        if found[fact] < min(before[fact], after[fact]):
            return f"lost: {shown(fact)}"
    return ""


def is_same(found: Facts, expected: Facts) -> str:
    """Tell what is wrong with facts that are to be these; "" if nothing is."""
    for what, facts in (("too much", found - expected), ("missing", expected - found)):
        if facts:
            return f"{what} ({len(facts)}): {shown(min(facts))}"
    return ""


def shown(fact: Fact) -> str:
    """Return a fact for a person."""
    return " ".join(each[:60] for each in fact)
