"""From what a source lists to what the catalogue holds: obtain what was decided on, record it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np

from audiogenre.catalog import Catalog, Failure, Preview
from audiogenre.compaction import compact
from audiogenre.decisions import Known, Step
from audiogenre.errors import AudiogenreError, FetchError, LoginError
from audiogenre.previews import STAGE, Result, clear_partials, obtain
from audiogenre.songs import SongIndex
from audiogenre.store import FeatureStore, write_part
from audiogenre.typing import Memory, Problem, Source, Track

_BATCH, _SECONDS = 64, 2.0  # results, or time, after which they are recorded
_AHEAD = 4  # previews queued for each thread

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
        self._progress, self._recorded = progress, time.monotonic()
        self._known = known = Known(source, catalog, data, retry_failed=retry_failed)
        source.begin(Memory(catalog.known, known.not_due, self._measured, catalog.blocked()))
        self._songs = SongIndex()  # of this run; the catalogue knows those of earlier ones
        self._seen: dict[str, Track] = {}
        self._new: set[str] = set()
        self._problems: set[str] = set()
        self._listed: dict[str, Track] = {}
        self._done: list[tuple[Track | None, Preview | Failure]] = []

    def _measured(self) -> set[str]:
        store = FeatureStore.of(self._data)
        return store.without_audio(store.directory("spotify"))

    def carry_out(self, jobs: int, limit: int | None) -> None:
        """Get what is wanted, in threads; the catalogue is only touched by this one."""
        clear_partials(self._data, self._source.name)
        self._under_way: set[Future[Result]] = set()
        pool = ThreadPoolExecutor(jobs)
        try:
            for each in self.wanted(limit):
                failure = self._known.failure(each.id)
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
            yield from filter(self._takes, self._known.overdue(self._seen))

    def _takes(self, track: Track) -> bool:
        """Tell whether a listed track's audio has to be got; if not, keep account of it."""
        self.outcome.seen += 1
        before = self._seen.get(track.id)
        if before is not None:  # it stands under another label, too
            labels = tuple(dict.fromkeys((*before.labels, *track.labels)))
            self._seen[track.id] = self._listed[track.id] = replace(before, labels=labels)
            return False
        self._seen[track.id] = track
        if self._known.track(track.id) is None:
            self.outcome.new += 1
            self._new.add(track.id)
        step: Step = "same song" if self._is_same_song(track) else self._known.step(track)
        if step in ("register", "fetch"):
            self._songs.add(track)
            return True
        self.outcome.waiting += step == "wait"
        self.outcome.same += step == "same song"
        recorded = step in ("known", "wait") and self._known.is_recorded(track)
        if not recorded or track.features:
            self._listed[track.id] = track
        self._progress(step)
        return False

    def _is_same_song(self, track: Track) -> bool:
        """Tell whether another source has given the song that a service lists."""
        if not self._source.partial or not track.audio or self._known.preview(track.id):
            return False
        return bool(self._songs.find(track) or self._catalog.same_song(track))

    def _note_problem(self, problem: Problem) -> None:
        if problem.item in self._problems:
            return
        if self._source.partial and self._known.preview(problem.item):
            return  # a service may have it no longer; we have
        self.outcome.seen += 1
        self._problems.add(problem.item)
        failure = self._known.failed(problem)
        if failure is not None:
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
                    self._catalog.fail(self._known.with_reason(result))
        for _, result in self._done:
            if isinstance(result, Failure):
                self.outcome.failed += 1
                self.outcome.reasons[result.reason] += 1
                self._progress("failed")
            else:
                self.outcome.fetched += 1
                self._progress("fetched")
        self._done.clear()

    def _add(self, track: Track, preview: Preview | None) -> None:
        self._catalog.add(track, preview, add_labels=self._source.partial)

    def _record_listed(self) -> None:
        """Record tracks that have no audio to get, or were corrected."""
        fresh = [each for each in self._listed.values() if not self._known.is_recorded(each)]
        with self._catalog.transaction():
            for each in fresh:
                self._add(each, None)
                if not each.audio:
                    self._catalog.forgive(each.id, STAGE)
        self.outcome.corrected = sum(each.id not in self._new for each in fresh)
        store = FeatureStore.of(self._data)
        self.outcome.attributes = _write_features(self._seen.values(), store)

    def _forget(self) -> None:
        """After a whole listing: files that are gone, and troubles of the listing that are over."""
        gone = self._known.gone(self._seen)
        over = self._known.over(self._problems)
        with self._catalog.transaction():
            for track_id in gone:
                self._catalog.retire(track_id)
            for item in over:
                self._catalog.forgive(item, STAGE)
        self.outcome.gone = len(gone)


def _write_features(tracks: Iterable[Track], store: FeatureStore) -> int:
    """Store the features that a source has given, where they are not there yet; count tracks."""
    count = 0
    groups: dict[tuple[str, tuple[str, ...]], list[Track]] = {}
    for each in tracks:
        for name, values in each.features.items():
            groups.setdefault((name, tuple(values)), []).append(each)
    for (name, columns), members in groups.items():
        directory = store.directory(name)
        there = store.without_audio(directory)
        missing = [each for each in members if each.id not in there]
        if missing:
            rows = np.array([[each.features[name][c] for c in columns] for each in missing])
            ids = [each.id for each in missing]
            metadata = {"name": name, "origin": "measured"}
            write_part(directory, ids, [""] * len(ids), columns, rows.astype(np.float32), metadata)
            compact(directory, metadata)
            count += len(ids)
    return count
