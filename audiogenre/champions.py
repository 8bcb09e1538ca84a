"""Which model is in use, which ones were before, and how it came to that.

``models/HISTORY.jsonl`` has one line a run and is the record of truth: a decision counts once its
line is on the disk. ``models/current`` is a link that follows it; a run that was killed between the
two is made good by the next (`follow_history`). The models themselves are ``models/refresh-TIME``.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from audiogenre.bundles import read_metadata
from audiogenre.config import RefreshSettings
from audiogenre.dataset import Dataset
from audiogenre.errors import BundleError, StoreError

HISTORY = "HISTORY.jsonl"
CURRENT = "current"
PREFIX = "refresh-"
_TRACKS = "tracks.parquet"


def history(models: Path) -> list[dict[str, Any]]:
    """Return what is recorded of every run, the first one first.

    A line that was cut off, by a kill or a full disk, is passed over: what it would have decided
    has not happened.

    Raises
    ------
    StoreError
        If the file is there and cannot be read.
    """
    try:
        lines = (models / HISTORY).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(f"{models / HISTORY} cannot be read: {error.strerror}") from error
    found = []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            found.append(entry)
    return found


def record(models: Path, entry: dict[str, Any]) -> None:
    """Add a run to the history; when this returns, the line is on the disk.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    line = json.dumps(entry, allow_nan=False).encode() + b"\n"
    with _writing(models / HISTORY), (models / HISTORY).open("ab+") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            line = line if file.read(1) == b"\n" else b"\n" + line  # the last one was cut off
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def current(models: Path) -> Path | None:
    """Return the folder of the model in use, None if there is none."""
    try:
        folder = models / (models / CURRENT).readlink()
    except OSError:
        return None
    return folder if _is_model(folder) else None


def succession(models: Path) -> list[str]:
    """Return the champions that are still there, by name, the present one last.

    One that was rolled back is not among them, so neither a further rollback nor a mended link
    leads to it again.
    """
    line: list[str] = []
    for entry in history(models):
        if entry.get("decision") == "promoted":
            line.append(str(entry.get("current")))
        elif entry.get("decision") == "rolled back":
            while line and line[-1] != entry.get("current"):
                line.pop()
    return [name for name in line if _is_model(models / name)]


def follow_history(models: Path) -> None:
    """Let the link lead to the champion of the history, and clear what killed runs left.

    Call it with the lock held.
    """
    for pattern in (f".{PREFIX}*.tmp", f".{PREFIX}*.old", f".{CURRENT}.*.tmp"):
        for leftover in models.glob(pattern):
            if leftover.is_symlink() or leftover.is_file():
                leftover.unlink()
            else:
                shutil.rmtree(leftover, ignore_errors=True)
    line = succession(models)
    if line and current(models) != models / line[-1]:
        point(models, line[-1])


def point(models: Path, name: str) -> None:
    """Let ``models/current`` lead to another model: the old one or the new one, never neither.

    Raises
    ------
    StoreError
        If it cannot be written, or something that is no link has that name.
    """
    link = models / CURRENT
    if link.exists() and not link.is_symlink():
        raise StoreError(f"{link} is not the link that is kept there: give it another name")
    beside = models / f".{CURRENT}.{os.getpid()}.tmp"
    with _writing(link):
        beside.symlink_to(name)
        beside.replace(link)


def fitted(models: Path) -> list[str]:
    """Return the names of the models that refresh has fitted and kept, the oldest first."""
    return sorted(
        path.name for path in models.glob(f"{PREFIX}*") if not path.is_symlink() and _is_model(path)
    )


def now() -> str:
    """Return the time as it stands in the history."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def new_name(models: Path) -> str:
    """Return a name for the next model: the time, and later than any there is."""
    name = f"{PREFIX}{datetime.now(UTC):%Y%m%d-%H%M%S}"
    last = max(fitted(models), default="")
    return name if name > last else f"{last}-2"  # the clock was set back


def unjudged(models: Path) -> str | None:
    """Return the newest model if no run has come to a decision about it, else None.

    That is what a run leaves that is killed between fit and promotion. Fitting is the dearest step,
    and the sides were settled before it: a day later its judgement is as honest, so the next run
    judges it, unless so much has come since that a new one is due.
    """
    names = fitted(models)
    in_use = current(models)
    if not names or names[-1] in _judged(models) or (in_use and in_use.name == names[-1]):
        return None
    return names[-1] if (models / names[-1] / _TRACKS).is_file() else None


def keep_tracks(models: Path, name: str, dataset: Dataset) -> bool:
    """Keep with a model which tracks and labels it was fitted and tested on.

    Returns
    -------
    kept : bool
        False, and the model is deleted, if it was fitted on something else than `dataset`: somebody
        has changed the data meanwhile, and what it learned from may become test tracks.
    """
    folder = models / name
    if read_metadata(folder)["data_hash"] != dataset.data_hash:
        delete(folder)
        return False
    beside = folder / f".{_TRACKS}.tmp"
    with _writing(folder):
        table = pd.DataFrame({"label": dataset.y}, index=dataset.X.index)
        table.to_parquet(beside)
        beside.replace(folder / _TRACKS)
    return True


def finish(models: Path, dataset: Dataset) -> None:
    """Make good for a run that was killed, or failed, between a fit and `keep_tracks`.

    A model without its tracks, about which no run has come to a decision, gets them; one that was
    fitted on something else than `dataset`, or is damaged, is deleted.

    Raises
    ------
    StoreError
        If it cannot be read or written.
    """
    in_use = current(models)
    known = {*_judged(models), *succession(models), in_use.name if in_use else ""}
    for name in fitted(models):
        if name not in known and not (models / name / _TRACKS).is_file():
            try:
                keep_tracks(models, name, dataset)
            except BundleError as error:
                if isinstance(error.__cause__, OSError):  # the disk may give it the next time
                    raise StoreError(str(error)) from error
                delete(models / name)


def read_tracks(models: Path) -> pd.Series | None:
    """Return the labels, by track id, that the newest model was fitted or tested on."""
    for name in reversed(fitted(models)):
        with suppress(OSError, ValueError):  # not there, or cut off by a power cut: the one before
            return pd.read_parquet(models / name / _TRACKS)["label"]
    return None


def is_fitted_alike(models: Path, dataset: Dataset, settings: RefreshSettings) -> bool:
    """Tell whether the newest model is what these settings would fit, but for newer tracks."""
    try:
        metadata = read_metadata(models / max(fitted(models), default=""))
    except BundleError:
        return False
    there = {key: metadata[key] for key in ("features", "model", "label_kind", "labels")}
    wanted = {
        "features": settings.features,
        "model": settings.model,
        "label_kind": settings.label,
        "labels": dataset.labels,
    }
    sets = [[each["fingerprint"] for each in found] for found in (metadata["sets"], dataset.sets)]
    tolerance = metadata["tolerance"]["tolerance"]
    return there == wanted and sets[0] == sets[1] and tolerance == settings.tolerance


def changes(before: pd.Series | None, dataset: Dataset) -> int:
    """Count the tracks that have come, gone or been relabelled since."""
    now = pd.Series(dataset.y, index=dataset.X.index)
    if before is None:
        return len(now)
    both = before.index.intersection(now.index)
    relabelled = int((before[both] != now[both]).sum())
    return len(before.index.symmetric_difference(now.index)) + relabelled


def prune(models: Path, keep: int) -> None:
    """Delete all but the last `keep` models, the champion and the one before it."""
    names = fitted(models)
    in_use = current(models)
    kept = {*names[-keep:], *succession(models)[-2:], in_use.name if in_use else ""}
    for name in names:
        if name not in kept:
            delete(models / name)


def delete(folder: Path) -> None:
    """Delete a model: whole or gone, also if this is killed."""
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    with _writing(folder):
        folder.rename(old)
    shutil.rmtree(old, ignore_errors=True)


def _judged(models: Path) -> set[str]:
    """Return the names of the models that a run has come to a decision about."""
    challengers = (entry.get("challenger") for entry in history(models))
    return {str(each.get("name")) for each in challengers if isinstance(each, dict)}


def _is_model(folder: Path) -> bool:
    return (folder / "metadata.json").is_file()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from error
