"""Data folders as large as one likes, without a sound: tracks, labels, previews, features."""

from __future__ import annotations

import hashlib
import wave
from pathlib import Path
from typing import Any

import numpy as np

from audiogenre.catalog import Catalog, Failure, Preview
from audiogenre.parts import STAGE, metadata_of
from audiogenre.previews import STAGE as DOWNLOAD
from audiogenre.sources.deezer import DeezerSource
from audiogenre.sources.folder import FolderSource
from audiogenre.store import FeatureStore, write_part
from audiogenre.typing import Problem

LABELS = 20
WAITING = 1000  # previews without features
_PER_ARTIST, _PER_ALBUM = 10, 5
_FAR = 4e9  # s since the epoch
_NO_PREVIEW, _SECOND_LABEL, _FAILED = 20, 10, 100  # one track of so many


class Brisk(DeezerSource):
    """Deezer's listing without its pace: only for a fake on this machine."""

    RATE = (10_000, 1.0)


def fill(data: Path, n: int, *, per_part: int) -> None:
    """Write a catalogue of n tracks, and the features of all that have a preview but some.

    Parameters
    ----------
    data : Path
    n : int
        Tracks; one of 20 has no preview, one of 100 of the others has failed to be extracted.
    per_part : int
        Rows of a part of the feature set.
    """
    from audiogenre.extraction import feature_set

    ids = [_track_id(number) for number in range(n)]
    there = [number for number in range(n) if number % _NO_PREVIEW]
    failed = set(there[::_FAILED])
    with Catalog(data / "catalog.db") as catalog, catalog.transaction():
        write = catalog._db.executemany
        write(
            "INSERT INTO tracks (id, source, title, artist, album, isrc, added_at, duration) "
            "VALUES (?, ?, ?, ?, ?, ?, 1, 200)",
            (_track(number, ids[number]) for number in range(n)),
        )
        catalog._db.execute(
            "UPDATE tracks SET song = song_name(artist, title), recording = plain_isrc(isrc)"
        )
        write(
            "INSERT INTO labels (track_id, kind, name, provenance, position, added_at) "
            "VALUES (?, 'genre', ?, ?, ?, 1)",
            (
                (
                    ids[number],
                    f"genre {(number // _PER_ARTIST + place) % LABELS:02d}",
                    "made",
                    place,
                )
                for number in range(n)
                for place in range(1 + (number % _SECOND_LABEL == 0))
            ),
        )
        write(
            "INSERT INTO previews VALUES (?, ?, ?, 480000, 30, 1)",
            ((ids[number], f"raw/made/{number}.mp3", _digest(number)) for number in there),
        )
        for stage, numbers in ((DOWNLOAD, range(0, n, _NO_PREVIEW)), (STAGE, failed)):
            write(
                "INSERT INTO failures VALUES (?, ?, 'silent', 'nothing is heard', 1, 1, ?, ?)",
                ((ids[each], stage, _version(stage, each), _FAR) for each in numbers),
            )
    chosen = feature_set("baseline")
    folder = FeatureStore(data / "features").directory(chosen.name, chosen.fingerprint)
    have = [number for number in there if number not in failed][:-WAITING]
    rng = np.random.default_rng(0)
    for start in range(0, len(have), per_part):
        cut = have[start : start + per_part]
        values = rng.standard_normal((len(cut), len(chosen.names)), dtype=np.float32)
        rows = [ids[number] for number in cut], [_digest(number) for number in cut]
        write_part(folder, *rows, chosen.names, values, metadata_of(chosen))


def _track_id(number: int) -> str:
    """Return an id; the ids are in no order, as those of real tracks."""
    return f"made:{hashlib.blake2b(str(number).encode(), digest_size=8).hexdigest()}"


def _label(number: int) -> str:
    return f"genre {number % LABELS:02d}"


def _version(stage: str, number: int) -> str:
    """Return what a failure was about: at an extract, the audio and the shortest clip allowed."""
    return f"{_digest(number)}:5" if stage == STAGE else ""


def _digest(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def _track(number: int, track_id: str) -> tuple[str, ...]:
    artist, album = f"Artist {number // _PER_ARTIST}", f"Album {number // _PER_ALBUM}"
    return track_id, "made", f"Song {number}", artist, album, f"ZZMAD{number:07d}"


def know_folder(data: Path, folder: Path, n: int) -> None:
    """Write n audio files of no length, and enter them in a catalogue as they lie there."""
    for number in range(n):
        path = folder / _label(number) / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 22_050, 0, "NONE", ""))
    _know(data, FolderSource(path=folder))


def know_playlist(data: Path, playlist: str, url: str) -> int:
    """Enter what a fake of Deezer lists in a catalogue, audio discarded; return how much it is."""
    source = Brisk(playlist=(playlist,), genre=("rock",), api_url=url)
    try:
        return _know(data, source)
    finally:
        source.end()


def _know(data: Path, source: Any) -> int:
    count = 0
    with Catalog(data / "catalog.db") as catalog, catalog.transaction():
        catalog.consent(source.name, source.terms)
        for each in source.tracks():
            count += 1
            if isinstance(each, Problem):
                catalog.fail(Failure(each.item, DOWNLOAD, "no preview", "", next_try=_FAR))
                continue
            stat = each.path.stat() if each.path else None
            size, time = (stat.st_size, stat.st_mtime_ns) if stat else (1, 1)
            digest = hashlib.sha256(each.id.encode()).hexdigest()
            catalog.add(each, Preview(str(each.path or ""), digest, size, 30.0, time))
    return count
