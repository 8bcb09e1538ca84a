"""From what a source lists to what the catalogue holds: decide, obtain, record."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from audiogenre.catalog import CORRECTED, USER, Catalog, Failure, Preview
from audiogenre.errors import AudiogenreError, FetchError, HostBusyError, LoginError
from audiogenre.previews import STAGE, Result, clear_partials, obtain
from audiogenre.songs import SongIndex
from audiogenre.store import FeatureStore, write_part
from audiogenre.typing import LISTING, Memory, Problem, Source, Track

_BATCH, _SECONDS = 64, 2.0  # results, or time, after which they are recorded
_LATER = 30 * 24 * 3600.0  # s until a service is asked again for what it does not have
_AHEAD = 4  # previews queued for each thread

Step = Literal["known", "same song", "wait", "list", "register", "fetch"]
Progress = Callable[[str], None]


@dataclass
class Outcome:
    """Counts of one download, by what became of each track.

    Attributes
    ----------
    waiting : int
        Failed before, and not to be tried again yet.
    same : int
        Songs that another source has given already.
    attributes : int
        Tracks whose features came from the source itself.
    gone : int
        Files of a folder that are no longer there.
    stopped : AudiogenreError or None
        What ended the source's listing before its time.
    """

    seen: int = 0
    new: int = 0
    fetched: int = 0
    waiting: int = 0
    same: int = 0
    failed: int = 0
    corrected: int = 0
    attributes: int = 0
    gone: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    stopped: AudiogenreError | None = None


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


def download(
    source: Source,
    catalog: Catalog,
    data: Path,
    *,
    jobs: int,
    limit: int | None = None,
    retry_failed: bool = False,
    only_failed: bool = False,
    dry_run: bool = False,
    progress: Progress = lambda step: None,
) -> Outcome:
    """Ask a source for its tracks, get what is missing, and record all of it.

    Parameters
    ----------
    source : Source
    catalog : Catalog
    data : Path
        The data folder; previews go below ``raw/`` in it.
    jobs : int > 0
        Threads that get previews.
    limit : int, optional
        Look at no more than this many tracks.
    retry_failed : bool
        Try again what failed before, due or not.
    only_failed : bool
        Ask a service for nothing but that: it lists no tracks.
    dry_run : bool
        Only count what would be done.
    progress : callable
        Told what became of each track as it happens.

    Returns
    -------
    outcome : Outcome
        If the source's listing broke off, what was listed until then was still done.
    """
    run = _Run(source, catalog, data, retry_failed=retry_failed or only_failed, progress=progress)
    run.only_failed = only_failed
    try:
        if dry_run:
            run.outcome.fetched = sum(1 for _ in run.wanted(limit))
        else:
            run.carry_out(jobs, limit)
    except LoginError as error:
        run.outcome.stopped = error
    finally:
        source.end()
    return run.outcome


class _Run:
    """One download: what the catalogue knew before, and what has become of each track since."""

    def __init__(
        self,
        source: Source,
        catalog: Catalog,
        data: Path,
        *,
        retry_failed: bool,
        progress: Progress,
    ) -> None:
        self.outcome = Outcome()
        self.only_failed = False
        self._source, self._catalog, self._data = source, catalog, data
        self._retry_failed, self._progress = retry_failed, progress
        self._now, self._recorded = time.time(), time.monotonic()
        self._known, self._previews = catalog.known(), catalog.previews()
        self._failures = catalog.failures(STAGE)
        source.begin(Memory(self._known, self._not_due(), self._measured, catalog.blocked()))
        has_audio = (each for each in self._known.values() if each.id in self._previews)
        self._songs = SongIndex(has_audio if source.partial else ())
        self._seen: dict[str, Track] = {}
        self._problems: set[str] = set()
        self._listed: dict[str, Track] = {}
        self._done: list[tuple[Track | None, Preview | Failure]] = []

    def _is_due(self, failure: Failure) -> bool:
        passing = failure.next_try is not None and failure.next_try <= self._now
        return passing or self._retry_failed

    def _not_due(self) -> set[str]:
        return {item for item, failure in self._failures.items() if not self._is_due(failure)}

    def _measured(self) -> set[str]:
        store = FeatureStore(self._data / "features")
        return {
            item for item, hashes in store.known(store.directory("spotify")).items() if "" in hashes
        }

    def carry_out(self, jobs: int, limit: int | None) -> None:
        """Get what is wanted, in threads; the catalogue is only touched by this one."""
        clear_partials(self._data, self._source.name)
        self._under_way: set[Future[Result]] = set()
        pool = ThreadPoolExecutor(jobs)
        try:
            for each in self.wanted(limit):
                failure = self._failures.get(each.id)
                tried = failure.attempts if failure else 0
                future = pool.submit(obtain, self._source, each, self._data, tried=tried)
                self._under_way.add(future)
                if len(self._under_way) >= _AHEAD * jobs:
                    self._collect(wait(self._under_way, return_when=FIRST_COMPLETED).done)
                if len(self._done) >= _BATCH or time.monotonic() > self._recorded + _SECONDS:
                    self._record()
            self._collect(self._under_way)
        except BaseException:
            # What is in flight is brought to its end and kept; what has not begun is not.
            self._source.stop()
            pool.shutdown(cancel_futures=True)
            self._collect(
                each for each in self._under_way if not each.cancelled() and not each.exception()
            )
            raise
        finally:
            pool.shutdown()
            self._record()
            clear_partials(self._data, self._source.name)
        self._record_listed()
        if limit is None and self.outcome.stopped is None and not self.only_failed:
            self._forget()

    def _collect(self, futures: Iterable[Future[Result]]) -> None:
        """Take results over, each once; one that raises leaves the others to be collected."""
        for future in tuple(futures):
            self._under_way.discard(future)
            self._done.append(future.result())

    def wanted(self, limit: int | None) -> Iterator[Track]:
        """Yield the tracks whose audio has to be got; keep account of all others."""
        try:
            for each in () if self.only_failed else islice(self._source.tracks(), limit):
                if isinstance(each, Problem):
                    self._note_problem(each)
                elif self._takes(each):
                    yield each
        except (FetchError, LoginError) as error:
            self.outcome.stopped = error
        if limit is None and self._source.partial and self.outcome.stopped is None:
            yield from self._overdue()

    def _takes(self, track: Track) -> bool:
        """Tell whether a listed track's audio has to be got; if not, keep account of it."""
        self.outcome.seen += 1
        before = self._seen.get(track.id)
        if before is not None:  # it stands under another label, too
            labels = tuple(dict.fromkeys((*before.labels, *track.labels)))
            self._seen[track.id] = self._listed[track.id] = replace(before, labels=labels)
            return False
        self._seen[track.id] = track
        self.outcome.new += track.id not in self._known
        step: Step
        preview = self._previews.get(track.id)
        if self._source.partial and preview is None and track.audio and self._songs.find(track):
            step = "same song"
        else:
            step = decide(
                track,
                preview=preview,
                failure=self._failures.get(track.id),
                version=_version(self._data, track, preview),
                retry_failed=self._retry_failed,
                now=self._now,
            )
        if step in ("register", "fetch"):
            self._songs.add(track)
            return True
        self.outcome.waiting += step == "wait"
        self.outcome.same += step == "same song"
        recorded = step in ("known", "wait") and self._is_recorded(track)
        if not recorded or track.features:
            self._listed[track.id] = track
        self._progress(step)
        return False

    def _overdue(self) -> Iterator[Track]:
        """Yield what failed before and may be tried again, though it is no longer listed."""
        for item, failure in self._failures.items():
            track = self._known.get(item)
            if track is None or track.source != self._source.name or item in self._seen:
                continue
            if self._is_due(failure) and self._takes(track):
                yield track

    def _note_problem(self, problem: Problem) -> None:
        if problem.item in self._problems:
            return
        if self._source.partial and problem.item in self._previews:
            return  # a service may have it no longer; we have
        self.outcome.seen += 1
        self._problems.add(problem.item)
        before = self._failures.get(problem.item)
        if problem.passing or before is None or self._is_due(before):
            reason, _, detail = problem.reason.partition(": ")
            later = self._now + _LATER if self._source.partial else None
            next_try = self._now if problem.passing else later
            failure = Failure(problem.item, STAGE, reason, detail or reason, next_try=next_try)
            self._done.append((None, failure))
        else:
            self.outcome.waiting += 1

    def _record(self) -> None:
        """Write what has been done since the last time to the catalogue."""
        self._recorded = time.monotonic()
        with self._catalog.transaction():
            self._catalog.block(self._source.blocked)
            for track, result in self._done:
                if track is not None:
                    self._add(track, result if isinstance(result, Preview) else None)
                if isinstance(result, Failure):
                    self._catalog.fail(self._with_reason(result))
        for _, result in self._done:
            if isinstance(result, Failure):
                self.outcome.failed += 1
                self.outcome.reasons[result.reason] += 1
                self._progress("failed")
            else:
                self.outcome.fetched += 1
                self._progress("fetched")
        self._done.clear()

    def _with_reason(self, failure: Failure) -> Failure:
        """Return a failure; one that was not tried again keeps the reason it has."""
        before = self._failures.get(failure.item)
        if failure.reason != HostBusyError.REASON or before is None:
            return failure
        return replace(before, next_try=failure.next_try)

    def _add(self, track: Track, preview: Preview | None) -> None:
        self._catalog.add(track, preview, add_labels=self._source.partial)

    def _is_recorded(self, track: Track) -> bool:
        """Tell whether the catalogue says of a track what its source says now."""
        there = self._known.get(track.id)
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

    def _record_listed(self) -> None:
        """Record tracks that have no audio to get, or were corrected."""
        fresh = [each for each in self._listed.values() if not self._is_recorded(each)]
        with self._catalog.transaction():
            for each in fresh:
                self._add(each, None)
                if not each.audio:
                    self._catalog.forgive(each.id, STAGE)
        self.outcome.corrected = sum(each.id in self._known for each in fresh)
        store = FeatureStore(self._data / "features")
        self.outcome.attributes = _write_features(self._seen.values(), store)

    def _forget(self) -> None:
        """After a whole listing: files that are gone, and troubles of the listing that are over."""
        gone = _missing(self._source, self._previews, self._seen)
        over = [
            item
            for item, failure in self._failures.items()
            if failure.reason == LISTING
            and item.startswith(f"{self._source.name}:")
            and item not in self._problems
        ]
        with self._catalog.transaction():
            for track_id in gone:
                self._catalog.retire(track_id)
            for item in over:
                self._catalog.forgive(item, STAGE)
        self.outcome.gone = len(gone)


def _version(data: Path, track: Track, preview: Preview | None) -> str | None:
    """Size and time of a track's audio file as it lies there now, None if it does not."""
    path = track.path or (data / preview.path if preview and preview.path else None)
    try:
        stat = path.stat() if path else None
    except OSError:
        return None
    return f"{stat.st_size}-{stat.st_mtime_ns}" if stat else None


def _write_features(tracks: Iterable[Track], store: FeatureStore) -> int:
    """Store the features that a source has given, where they are not there yet; count tracks."""
    count = 0
    groups: dict[tuple[str, tuple[str, ...]], list[Track]] = {}
    for each in tracks:
        for name, values in each.features.items():
            groups.setdefault((name, tuple(values)), []).append(each)
    for (name, columns), members in groups.items():
        directory = store.directory(name)
        there = store.known(directory)
        missing = [each for each in members if "" not in there.get(each.id, ())]
        if missing:
            rows = np.array([[each.features[name][c] for c in columns] for each in missing])
            ids = [each.id for each in missing]
            metadata = {"name": name, "origin": "measured"}
            write_part(directory, ids, [""] * len(ids), columns, rows.astype(np.float32), metadata)
            count += len(ids)
    return count


def _missing(source: Source, previews: Mapping[str, Preview], seen: Container[str]) -> list[str]:
    """Return the tracks of a folder whose files are no longer there."""
    root = getattr(source, "path", None) if source.name == "folder" else None
    if root is None:
        return []
    return [
        track_id
        for track_id, preview in previews.items()
        if track_id not in seen
        and Path(preview.path).is_relative_to(root)
        and not Path(preview.path).exists()
    ]
