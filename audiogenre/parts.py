"""From previews to feature tables: what is missing, cut into parts, and the pool that runs them."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from audiogenre import attributes
from audiogenre.audio import MAX_SECONDS, MIN_SECONDS, decode, reachable
from audiogenre.catalog import Catalog, Failure
from audiogenre.errors import AudioError, MissingExtraError, StoreError
from audiogenre.extraction import compute_all, compute_something, directory, lacking, stored_set
from audiogenre.features import FeatureSet
from audiogenre.pool import keep_memory, workers
from audiogenre.reading import key_table
from audiogenre.storage import Storage, audio
from audiogenre.store import FeatureStore, write_part

if TYPE_CHECKING:
    from audiogenre.storage import Place

logger = logging.getLogger(__name__)

STAGE = "extract"
_MENDABLE = {"changed", "missing", "format", "unreachable"}
_LARGEST_PART = 200
_SMALLEST_PART = 4
_PARTS_LEFT = 4  # a part is this fraction of a worker's share of what is left
_ALONE = 2  # workers for one suspect clip: a pool of one would be this process


@dataclass(frozen=True)
class Item:
    """One clip to compute: where it lies, and which bytes the catalogue saw there."""

    track_id: str
    path: str
    sha256: str
    bytes: int
    mtime_ns: int


@dataclass(frozen=True)
class Part:
    """The unit of work: some clips and the sets they need. It can be done anywhere, twice."""

    items: tuple[Item, ...]
    sets: tuple[str, ...]
    root: Place
    min_seconds: float = MIN_SECONDS
    max_seconds: float = MAX_SECONDS

    def alone(self) -> list[Part]:
        """Return each clip as a part of its own."""
        return [replace(self, items=(item,)) for item in self.items]


@dataclass(frozen=True)
class Report:
    """What a worker sends back: the part, how many rows were written, and what failed."""

    part: Part
    done: tuple[str, ...]
    failures: tuple[Failure, ...]


def extract_part(part: Part) -> Report:
    """Compute and write one part; each clip is decoded once for all its sets.

    Raises
    ------
    StoreError
        If the part cannot be written.
    """
    store = FeatureStore(part.root)
    sets = [stored_set(name, max_seconds=part.max_seconds) for name in part.sets]
    rows: list[list[npt.NDArray[np.float32]]] = []
    good: list[Item] = []
    failures: list[Failure] = []
    for item in part.items:
        try:
            y, sr = decode(
                _unchanged(item), min_seconds=part.min_seconds, max_seconds=part.max_seconds
            )
            values = compute_all(sets, y, sr, seed=item.sha256)
        except AudioError as error:
            failures.append(_failure(part, item, error.reason, error.detail))
        except MissingExtraError as error:
            failures.append(_failure(part, item, "format", str(error)))
        else:
            rows.append(values)
            good.append(item)
    for number, each in enumerate(sets):
        if good:
            write_part(
                directory(store, each),
                [item.track_id for item in good],
                [item.sha256 for item in good],
                each.names,
                np.stack([values[number] for values in rows]),
                metadata_of(each),
            )
    return Report(part, tuple(item.track_id for item in good), tuple(failures))


def metadata_of(chosen: FeatureSet) -> dict[str, Any]:
    """Return what is written into the parts of a set that is computed here."""
    written = {"name": chosen.name, "parameters": dict(chosen.parameters)}
    origin = {"origin": "estimated"} if chosen.name == attributes.NAME else {}
    return {**written, **origin, "fingerprint": chosen.fingerprint}


def _unchanged(item: Item) -> str | bytes:
    """Return the audio of a clip, as a path or as the bytes of a URL, if it is what it was."""
    content = audio(item.path)
    if isinstance(content, bytes):
        if hashlib.sha256(content).hexdigest() != item.sha256:
            raise AudioError("changed", "these are not the bytes that the catalogue knows")
        return content
    with reachable():
        stat = Path(item.path).stat()
        if (stat.st_size, stat.st_mtime_ns) == (item.bytes, item.mtime_ns):
            return content
        with Path(item.path).open("rb") as file:  # copied, perhaps: the bytes decide
            if hashlib.file_digest(file, "sha256").hexdigest() == item.sha256:
                return content
    raise AudioError("changed", "the file has changed; run 'audiogenre download' again")


def _failure(part: Part, item: Item, reason: str, detail: str) -> Failure:
    # What a person can mend without new bytes is tried again every time.
    version = "" if reason in _MENDABLE else _attempt(item.sha256, part.min_seconds)
    return Failure(item.track_id, STAGE, reason, f"{detail} ({item.path})", version=version)


def _attempt(sha256: str, min_seconds: float) -> str:
    """What a failure was about: the same bytes under the same limit will fail again."""
    return f"{sha256}:{min_seconds:g}"


@dataclass
class Plan:
    """What is there, what is missing and what failed before."""

    tracks: int
    skipped: int
    failed_before: int
    parts: list[Part]


def cut_up(items: Sequence[Item], jobs: int) -> Iterator[Sequence[Item]]:
    """Cut clips into parts, large ones first and small ones last, so that no worker idles long."""
    start = 0
    while start < len(items):
        size = (len(items) - start) // (_PARTS_LEFT * jobs)
        size = min(max(size, _SMALLEST_PART), _LARGEST_PART)
        yield items[start : start + size]
        start += size


def plan(
    catalog: Catalog,
    store: FeatureStore,
    data: Path,
    sets: Sequence[str],
    *,
    jobs: int,
    min_seconds: float = MIN_SECONDS,
    max_seconds: float = MAX_SECONDS,
    retry_failed: bool = False,
) -> Plan:
    """Find the clips that lack features and cut them into parts."""
    keys = audio_keys(catalog)
    lack = {name: lacking(store, stored_set(name, max_seconds=max_seconds), keys) for name in sets}
    ids = sorted(set().union(*lack.values()))
    failures = {} if retry_failed else catalog.failures(STAGE, ids)
    previews, storage = catalog.previews(ids), Storage(data)
    waiting: dict[tuple[str, ...], list[Item]] = {}
    failed_before = 0
    for track_id in ids:
        preview, failure = previews[track_id], failures.get(track_id)
        if failure and failure.version == _attempt(preview.sha256, min_seconds):
            failed_before += 1
            continue
        missing = tuple(name for name in sets if track_id in lack[name])
        path = storage.address(preview.path)
        item = Item(track_id, path, preview.sha256, preview.bytes, preview.mtime_ns)
        waiting.setdefault(missing, []).append(item)
    total = sum(map(len, waiting.values()))
    parts = [
        Part(tuple(cut), missing, store.root, min_seconds, max_seconds)
        for missing, items in waiting.items()
        for cut in cut_up(items, jobs)
    ]
    logger.debug("%d clips to compute in %d parts", total, len(parts))
    tracks = catalog.count_previews()
    return Plan(tracks, tracks - total - failed_before, failed_before, parts)


def audio_keys(catalog: Catalog) -> Any:
    """Return track id and hash of every preview whose audio is kept, as an Arrow table."""
    import pyarrow as pa

    return pa.concat_tables([key_table(), *map(key_table, catalog.audio())]).combine_chunks()


def record(catalog: Catalog, report: Report) -> None:
    """Keep the ledger of what a worker sends back."""
    with catalog.transaction():
        for track_id in report.done:
            catalog.forgive(track_id, STAGE)
        for failure in report.failures:
            catalog.fail(failure)


def crashed(part: Part) -> Report:
    """Report the one clip of a part as failed, because it ends whoever computes it."""
    reason, detail = "crashed", "the worker process died on this clip, twice"
    return Report(part, (), (_failure(part, part.items[0], reason, detail),))


def run_parts(
    parts: Sequence[Part], *, jobs: int, store: FeatureStore, handle: Callable[[Report], None]
) -> None:
    """Compute parts in a process pool and pass on each report as it comes.

    A worker that dies takes its part with it: the clips of that part are tried again one by one,
    and one that kills its worker twice is reported as failed.

    Raises
    ------
    StoreError
        If a part cannot be written.
    """
    if jobs == 1:
        keep_memory()
    remaining = list(parts)
    while remaining:
        lost, remaining = _attempt_parts(remaining, jobs, handle)
        for single in [each for part in lost for each in part.alone()]:
            if _is_done(store, single):
                handle(Report(single, (single.items[0].track_id,), ()))
            elif _attempt_parts([single], _ALONE, handle)[0]:
                handle(crashed(single))


def _attempt_parts(
    parts: list[Part], jobs: int, handle: Callable[[Report], None]
) -> tuple[list[Part], list[Part]]:
    """Run parts until all are done or a worker dies; return those lost and those not begun."""
    from joblib import Parallel, delayed

    sets = {name for part in parts for name in part.sets}
    begun: list[Part] = []

    def feed() -> Iterator[Part]:
        for part in parts:
            begun.append(part)
            yield part

    finished: set[Part] = set()
    try:
        with workers(jobs, first=partial(compute_something, sorted(sets))):
            pool = Parallel(return_as="generator_unordered", batch_size=1)
            for report in pool(delayed(extract_part)(part) for part in feed()):
                finished.add(report.part)
                handle(report)
    except BrokenProcessPool as error:
        if not begun:
            raise StoreError("the worker processes die while starting: is there memory?") from error
        logger.warning("a worker process has died; its clips are tried again one by one")
        return [part for part in begun if part not in finished], parts[len(begun) :]
    return [], []


def _is_done(store: FeatureStore, part: Part) -> bool:
    """Tell whether a clip whose report was lost has its rows all the same."""
    key = key_table([(part.items[0].track_id, part.items[0].sha256)])
    sets = (stored_set(name, max_seconds=part.max_seconds) for name in part.sets)
    return not any(lacking(store, each, key) for each in sets)
