"""Getting one preview: fetched or read in place, checked, stored whole; or the reason why not."""

from __future__ import annotations

import hashlib
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from audiogenre.audio import PASSING, decode, probe
from audiogenre.catalog import Failure, Preview
from audiogenre.errors import (
    AudioError,
    FetchError,
    HostBusyError,
    LoginError,
    MissingExtraError,
    StoreError,
)
from audiogenre.storage import Storage, write
from audiogenre.typing import Source, Track

if TYPE_CHECKING:
    from audiogenre.storage import Place

STAGE = "download"
_FETCHES = 3  # of a preview that arrives damaged
_SHORTEST = 0.9  # of the length a preview should have
_MENDABLE = {"truncated", "not audio", "unreadable", "empty", "header"}  # by fetching it again
_PARTIAL = ".part"
_HOUR = 3600.0
_LONGEST_PATIENCE = 7 * 24 * _HOUR

Result = tuple[Track, Preview | Failure]


def obtain(source: Source, track: Track, data: Path, *, tried: int = 0) -> Result:
    """Get one preview, or the reason why not. A fetched one is whole before it has its name.

    Parameters
    ----------
    source : Source
    track : Track
    data : Path
        The data folder.
    tried : int >= 0
        How often it has failed before.

    Raises
    ------
    StoreError
        If it cannot be written, for example because the disk is full.
    LoginError
        If the service wants a person to log in again.
    """
    version = ""
    try:
        if track.path is not None:
            stat = track.path.stat()
            version = f"{stat.st_size}-{stat.st_mtime_ns}"
            seconds = probe(track.path)
            with track.path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            place = str(track.path)
            return track, Preview(place, digest, stat.st_size, seconds, stat.st_mtime_ns)
        content, seconds = _fetched(source, track)
    except AudioError as error:
        again = error.reason in (_MENDABLE if track.path is None else PASSING)
        return track, _failure(track, error.reason, error.detail, version, tried, again=again)
    except HostBusyError as error:
        failure = Failure(track.id, STAGE, error.reason, error.detail, next_try=error.until)
        return track, failure
    except FetchError as error:
        again = not error.final
        return track, _failure(track, error.reason, error.detail, version, tried, again=again)
    except MissingExtraError as error:
        return track, Failure(track.id, STAGE, "format", str(error), version=version)
    except (LoginError, StoreError):
        raise
    except OSError as error:
        detail = error.strerror or type(error).__name__
        return track, _failure(track, "unreachable", detail, version, tried, again=True)
    track = source.described(track)
    path = raw_path(track, content)
    written_at = _write(Storage(data).place(path.as_posix()), content)
    digest = hashlib.sha256(content).hexdigest()
    return track, Preview(str(path), digest, len(content), seconds, written_at)


def patience(tried: int) -> float:
    """Return after how many seconds what failed may be tried again by itself.

    The first failure may be bad luck and is tried again by the very next run; then it takes an
    hour, two, four, up to a week.

    Examples
    --------
    >>> [patience(tried) / 3600 for tried in (0, 1, 2, 20)]
    [0.0, 1.0, 2.0, 168.0]
    """
    return min(_HOUR * 2.0 ** (min(tried, 20) - 1), _LONGEST_PATIENCE) if tried else 0.0


def raw_path(track: Track, content: bytes = b"") -> Path:
    """Return where a fetched preview lies below the data folder, spread over 256 folders."""
    name = track.id.partition(":")[2]
    digest = hashlib.sha256(name.encode()).hexdigest()
    safe = "".join(c if c.isalnum() or c in "-_" else "_" for c in name)
    if safe != name:  # another name may look the same now
        safe += f"-{digest[:16]}"
    suffix = ".m4a" if content[4:8] == b"ftyp" else ".mp3"
    return Path("raw") / track.source / digest[:2] / (safe + suffix)


def _fetched(source: Source, track: Track) -> tuple[bytes, float]:
    """Fetch a preview until it decodes to the length it should have."""
    from tenacity import Retrying, retry_if_exception, stop_after_attempt

    def once() -> tuple[bytes, float]:
        content = source.fetch(track)
        y, sr = decode(content)
        seconds = len(y) / sr
        whole = min(source.seconds, track.duration or source.seconds)
        if seconds < _SHORTEST * whole:
            raise AudioError("truncated", f"{seconds:.1f} s of {whole:.1f} s are there")
        return content, seconds

    return Retrying(
        retry=retry_if_exception(lambda e: isinstance(e, AudioError) and e.reason in _MENDABLE),
        stop=stop_after_attempt(_FETCHES),
        reraise=True,
    )(once)


def _failure(
    track: Track, reason: str, detail: str, version: str, tried: int, *, again: bool
) -> Failure:
    next_try = time.time() + patience(tried) if again else None
    detail = f"{detail} ({track.path or track.title or track.id})"
    return Failure(track.id, STAGE, reason, detail, version=version, next_try=next_try)


def clear_partials(data: Path, source: str) -> None:
    """Delete what a killed download has left half written, while no other one is at work."""
    folder = Storage(data).place(f"raw/{source}")
    if isinstance(folder, Path):
        shutil.rmtree(folder / _PARTIAL, ignore_errors=True)


def _write(target: Place, content: bytes) -> int:
    """Write a preview under another name of the same folder of its source, then move it.

    Returns
    -------
    written_at : int, ns
        The file's time; 0 at a URL, where one request writes all of it.
    """
    if not isinstance(target, Path):
        write(target, content)
        return 0
    partial = target.parent.parent / _PARTIAL / target.name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.parent.mkdir(exist_ok=True)
        partial.write_bytes(content)
        partial.replace(target)
        return target.stat().st_mtime_ns
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise StoreError(f"cannot write {target}: {error.strerror or error}") from error
