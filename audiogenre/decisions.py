"""What has to be done for a track: from what the catalogue knew before and what lies there now."""

from __future__ import annotations

import time
from collections.abc import Container, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

from audiogenre.catalog import CORRECTED, USER, Catalog, Failure, Preview
from audiogenre.errors import HostBusyError
from audiogenre.previews import STAGE
from audiogenre.storage import Storage, is_url
from audiogenre.typing import Problem, Source, Track

_LATER = 30 * 24 * 3600.0  # s until a service is asked again for what it does not have

Step = Literal["known", "same song", "wait", "list", "register", "fetch"]


def decide(
    track: Track,
    *,
    preview: Preview | None,
    failure: Failure | None,
    version: str | None,
    retry_failed: bool,
    now: float = 0.0,
) -> Step:
    """Say what has to be done for a track; everything else only carries it out.

    Parameters
    ----------
    preview, failure : optional
        What the catalogue knows.
    version : str or None
        Size and time of the audio file as it lies there now; None if there is none.
    now : float
        Seconds since the epoch.

    Returns
    -------
    step : {"known", "wait", "list", "register", "fetch"}
        ``wait``: it failed before and nothing has changed. ``list``: there is no audio to get.
    """
    if not track.audio:
        return "list"
    discarded = preview is not None and not preview.path
    if preview is not None and (discarded or version == f"{preview.bytes}-{preview.mtime_ns}"):
        return "known"
    if failure is not None and failure.version == (version or "") and not retry_failed:
        due = failure.next_try is not None and failure.next_try <= now
        if not due:
            return "wait"
    return "fetch" if track.path is None else "register"


class Known:
    """What the catalogue knows of what a source lists, asked for item by item, and what follows."""

    def __init__(self, source: Source, catalog: Catalog, data: Path, *, retry_failed: bool) -> None:
        self._source, self._catalog, self._storage = source, catalog, Storage(data)
        self._retry_failed, self._now = retry_failed, time.time()

    def track(self, track_id: str) -> Track | None:
        """Return a track as it is recorded."""
        return self._catalog.known((track_id,)).get(track_id)

    def preview(self, track_id: str) -> Preview | None:
        """Return a track's preview."""
        return self._catalog.previews((track_id,)).get(track_id)

    def failure(self, item: str) -> Failure | None:
        """Return why an item failed to be downloaded."""
        return self._catalog.failures(STAGE, (item,)).get(item)

    def step(self, track: Track) -> Step:
        """Say what has to be done for a track as it lies there now."""
        preview = self.preview(track.id)
        return decide(
            track,
            preview=preview,
            failure=self.failure(track.id),
            version=_version(self._storage, track, preview),
            retry_failed=self._retry_failed,
            now=self._now,
        )

    def not_due(self) -> set[str]:
        """Return the items that failed before and are not to be tried again yet."""
        failures = self._catalog.failures(STAGE)
        return {item for item, failure in failures.items() if not self._is_due(failure)}

    def overdue(self, seen: Container[str]) -> Iterator[Track]:
        """Yield what failed before and may be tried again, though it is no longer listed."""
        now = None if self._retry_failed else self._now
        due = self._catalog.overdue(STAGE, self._source.name, now)
        yield from self._catalog.known(item for item in due if item not in seen).values()

    def failed(self, problem: Problem) -> Failure | None:
        """Return what is to be recorded of a problem; None if it still waits as it was."""
        before = self.failure(problem.item)
        if not problem.passing and before is not None and not self._is_due(before):
            return None
        reason, _, detail = problem.reason.partition(": ")
        later = self._now + _LATER if self._source.partial else None
        next_try = self._now if problem.passing else later
        return Failure(problem.item, STAGE, reason, detail or reason, next_try=next_try)

    def with_reason(self, failure: Failure) -> Failure:
        """Return a failure; one that was not tried again keeps the reason it has."""
        before = self.failure(failure.item)
        if failure.reason != HostBusyError.REASON or before is None:
            return failure
        return replace(before, next_try=failure.next_try)

    def is_recorded(self, track: Track) -> bool:
        """Tell whether the catalogue says of a track what its source says now."""
        there = self.track(track.id)
        if there is None:
            return False
        if any(getattr(track, each) not in (None, getattr(there, each)) for each in CORRECTED):
            return False
        labels = set(track.labels)
        if self._source.partial:
            return labels <= set(there.labels)
        ours = {each.provenance for each in labels} if track.source == "table" else None
        recorded = {
            each
            for each in there.labels
            if each.provenance != USER and (ours is None or each.provenance in ours)
        }
        return not labels or labels == recorded

    def gone(self, seen: Container[str]) -> list[str]:
        """Return the tracks of a folder whose files are no longer there."""
        root = getattr(self._source, "path", None) if self._source.name == "folder" else None
        if root is None:
            return []
        return [
            track_id
            for track_id, path in self._catalog.previews_below(root).items()
            if track_id not in seen and not Path(path).exists()
        ]

    def over(self, problems: Container[str]) -> list[str]:
        """Return the troubles of the listing that are over."""
        troubles = self._catalog.listing_troubles(STAGE, self._source.name)
        return [item for item in troubles if item not in problems]

    def _is_due(self, failure: Failure) -> bool:
        passing = failure.next_try is not None and failure.next_try <= self._now
        return passing or self._retry_failed


def _version(storage: Storage, track: Track, preview: Preview | None) -> str | None:
    """Size and time of a track's audio file as it lies there now, None if it does not."""
    path = track.path
    if path is None and preview and preview.path:
        address = storage.address(preview.path)
        if is_url(address):  # the catalogue is trusted: asking costs a request for each track
            return f"{preview.bytes}-{preview.mtime_ns}"
        path = Path(address)
    try:
        stat = path.stat() if path else None
    except OSError:
        return None
    return f"{stat.st_size}-{stat.st_mtime_ns}" if stat else None
