"""From previews to feature tables: the transformer, the unit of work, and the pool that runs it."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin

from audiogenre import attributes, phone
from audiogenre.audio import MAX_SECONDS, MIN_SECONDS, SAMPLE_RATE, AudioSource, decode
from audiogenre.catalog import Catalog, Failure
from audiogenre.errors import AudioError, MissingExtraError, StoreError, UsageError
from audiogenre.features import FEATURE_SETS, FeatureSet
from audiogenre.pool import workers
from audiogenre.store import FeatureStore, write_part

logger = logging.getLogger(__name__)

STAGE = "extract"
_MENDABLE = {"changed", "missing", "format"}
_LARGEST_PART = 200
_SMALLEST_PART = 4
_PARTS_LEFT = 4  # a part is this fraction of a worker's share of what is left
_ALONE = 2  # workers for one suspect clip: a pool of one would be this process


def feature_set(name: str, *, max_seconds: float = MAX_SECONDS) -> FeatureSet:
    """Return a set as it is computed from clips of this sample rate, cut at `max_seconds`.

    Raises
    ------
    UsageError
        If there is no such set.
    """
    if name not in FEATURE_SETS:
        raise UsageError(
            f"there is no feature set {name!r}; the sets are {', '.join(FEATURE_SETS)}"
        )
    return FEATURE_SETS[name].having(sr=SAMPLE_RATE, max_seconds=float(max_seconds))


def default_fingerprints() -> dict[str, str]:
    """Return the fingerprint of each set as this version computes it by default."""
    return {name: feature_set(name).fingerprint for name in FEATURE_SETS}


def stored_set(name: str, *, max_seconds: float = MAX_SECONDS) -> FeatureSet:
    """Return what goes by this name in the store: a set, its copies, or estimated attributes.

    Raises
    ------
    UsageError
        If there is no such set.
    MissingExtraError
        If it needs something that is not installed.
    """
    if name != attributes.NAME:
        chosen = feature_set(phone.copied_name(name), max_seconds=max_seconds)
        chosen.check()
        if not phone.is_copy(name):
            return chosen
        phone.check()
        return phone.copied(chosen)
    return attributes.attribute_set().having(sr=SAMPLE_RATE, max_seconds=float(max_seconds))


def directory(store: FeatureStore, chosen: FeatureSet) -> Path:
    """Return the folder of a set; estimated attributes lie beside the measured ones."""
    beside = chosen.name == attributes.NAME
    return store.directory(chosen.name, None if beside else chosen.fingerprint)


def known(store: FeatureStore, chosen: FeatureSet) -> dict[str, set[str]]:
    """Return the audio hashes that each track id has a row of this very set for."""
    return store.known(directory(store, chosen), chosen.fingerprint)


class AudioFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn audio files into named features, as a scikit-learn transformer.

    Parameters
    ----------
    set : {"baseline", "full", "musicnn"}
    n_jobs : int
        Processes; 1 computes in this one.
    min_seconds, max_seconds : float > 0
        As for `audiogenre.decode`.

    Examples
    --------
    >>> features = AudioFeatures(set="baseline")
    >>> features.get_feature_names_out()[:2].tolist()
    ['energy_mean', 'energy_std']
    """

    def __init__(
        self,
        set: str = "baseline",
        n_jobs: int = 1,
        *,
        min_seconds: float = MIN_SECONDS,
        max_seconds: float = MAX_SECONDS,
    ) -> None:
        self.set = set
        self.n_jobs = n_jobs
        self.min_seconds = min_seconds
        self.max_seconds = max_seconds

    def fit(self, X: Iterable[AudioSource], y: Any = None) -> AudioFeatures:
        """Check the parameters; there is nothing to learn."""
        feature_set(self.set).check()
        return self

    def transform(self, X: Iterable[AudioSource]) -> npt.NDArray[np.float32]:
        """Compute the features of clips.

        Parameters
        ----------
        X : sequence of n paths, bytes or binary file objects

        Returns
        -------
        values : ndarray, shape (n, d), float32
            With ``set_output(transform="pandas")`` a DataFrame with named columns.

        Raises
        ------
        AudioError
            If a clip is refused.
        """
        from joblib import Parallel, delayed

        chosen = feature_set(self.set, max_seconds=self.max_seconds)
        with workers(self.n_jobs, first=partial(compute_something, [self.set])):
            rows = Parallel()(
                delayed(_features)(source, chosen, self.min_seconds, self.max_seconds)
                for source in X
            )
        return np.stack(rows) if rows else np.empty((0, len(chosen.names)), dtype=np.float32)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return the column names, known before any audio is read."""
        return np.asarray(feature_set(self.set).names, dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags


def _features(
    source: AudioSource, chosen: FeatureSet, min_seconds: float, max_seconds: float
) -> npt.NDArray[np.float32]:
    y, sr = decode(source, min_seconds=min_seconds, max_seconds=max_seconds)
    return compute(chosen, y, sr)


def compute(chosen: FeatureSet, y: npt.NDArray[np.float32], sr: int) -> npt.NDArray[np.float32]:
    """Compute a set's columns, and refuse a clip for which one of them is not a number.

    Raises
    ------
    AudioError
        With reason ``features``.
    """
    try:
        values = chosen.compute(y, sr)
    except ValueError as error:
        raise AudioError("features", f"they cannot be computed: {error}") from error
    if not np.isfinite(values).all():
        raise AudioError("features", "one of them is not a number")
    return values


def compute_something(sets: Iterable[str]) -> None:
    """Import and run all that a worker needs for these sets, once, on noise."""
    import pyarrow.parquet  # noqa: F401

    noise = np.random.default_rng(0).standard_normal(30 * SAMPLE_RATE, dtype=np.float32)
    _values([stored_set(name) for name in sets], noise, SAMPLE_RATE, seed="")


def _values(
    sets: Sequence[FeatureSet], y: npt.NDArray[np.float32], sr: int, *, seed: str
) -> list[npt.NDArray[np.float32]]:
    """Compute sets from a clip, and sets of copies from what a phone would record of it."""
    copies = [phone.is_copy(each.name) for each in sets]
    copy = phone.simulate(y, sr, seed=seed) if any(copies) else y
    return [
        compute(each, copy if of_copy else y, sr)
        for each, of_copy in zip(sets, copies, strict=True)
    ]


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
    root: Path
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
            _check_unchanged(item)
            y, sr = decode(item.path, min_seconds=part.min_seconds, max_seconds=part.max_seconds)
            values = _values(sets, y, sr, seed=item.sha256)
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
                _metadata(each),
            )
    return Report(part, tuple(item.track_id for item in good), tuple(failures))


def _metadata(chosen: FeatureSet) -> dict[str, Any]:
    written = {"name": chosen.name, "parameters": dict(chosen.parameters)}
    origin = {"origin": "estimated"} if chosen.name == attributes.NAME else {}
    return {**written, **origin, "fingerprint": chosen.fingerprint}


def _check_unchanged(item: Item) -> None:
    try:
        stat = Path(item.path).stat()
    except OSError as error:
        raise AudioError("missing", error.strerror or str(error)) from error
    if (stat.st_size, stat.st_mtime_ns) == (item.bytes, item.mtime_ns):
        return
    with Path(item.path).open("rb") as file:  # copied, perhaps: the bytes decide
        if hashlib.file_digest(file, "sha256").hexdigest() == item.sha256:
            return
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
    there = {name: known(store, stored_set(name, max_seconds=max_seconds)) for name in sets}
    failures = {} if retry_failed else catalog.failures(STAGE)
    previews = catalog.previews()
    waiting: dict[tuple[str, ...], list[Item]] = {}
    failed_before = 0
    for track_id in sorted(previews):
        preview = previews[track_id]
        missing = tuple(n for n in sets if preview.sha256 not in there[n].get(track_id, ()))
        if not missing or not preview.path:
            continue
        failure = failures.get(track_id)
        if failure and failure.version == _attempt(preview.sha256, min_seconds):
            failed_before += 1
            continue
        path = str(data / preview.path)
        item = Item(track_id, path, preview.sha256, preview.bytes, preview.mtime_ns)
        waiting.setdefault(missing, []).append(item)
    total = sum(map(len, waiting.values()))
    parts = [
        Part(tuple(cut), missing, store.root, min_seconds, max_seconds)
        for missing, items in waiting.items()
        for cut in cut_up(items, jobs)
    ]
    logger.debug("%d clips to compute in %d parts", total, len(parts))
    return Plan(len(previews), len(previews) - total - failed_before, failed_before, parts)


def record(catalog: Catalog, report: Report) -> None:
    """Keep the ledger of what a worker sends back."""
    with catalog.transaction():
        for track_id in report.done:
            catalog.forgive(track_id, STAGE)
        for failure in report.failures:
            catalog.fail(failure)


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
    remaining = list(parts)
    while remaining:
        lost, remaining = _attempt_parts(remaining, jobs, handle)
        for single in [each for part in lost for each in part.alone()]:
            if _is_done(store, single):
                handle(Report(single, (single.items[0].track_id,), ()))
            elif _attempt_parts([single], _ALONE, handle)[0]:
                reason, detail = "crashed", "the worker process died on this clip, twice"
                handle(Report(single, (), (_failure(single, single.items[0], reason, detail),)))


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
    item = part.items[0]
    rows = (known(store, stored_set(name, max_seconds=part.max_seconds)) for name in part.sets)
    return all(item.sha256 in each.get(item.track_id, ()) for each in rows)
