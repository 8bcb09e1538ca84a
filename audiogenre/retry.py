"""Trying again what has failed, and nothing else: previews of services, then features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from filelock import FileLock

from audiogenre import acquisition, parts, previews
from audiogenre.catalog import Catalog
from audiogenre.errors import AudiogenreError
from audiogenre.features import FEATURE_SETS
from audiogenre.sources import SOURCES, make_source
from audiogenre.store import FeatureStore
from audiogenre.typing import Source, Track

Say = Callable[[str], None]
_THREADS = 4


def retry(data: Path, say: Say) -> str:
    """Try again what can be tried without asking a person; return in words what came of it.

    Files of a folder are not among it, as only ``audiogenre download`` is told where it lies.

    Raises
    ------
    AudiogenreError
        If the catalogue or the store cannot be used.
    """
    with Catalog(data / "catalog.db") as catalog:
        before = len(catalog.failures())
        troubles = []
        with _alone(data / ".download.lock"):
            for name, tracks in _failed(catalog).items():
                say(f"asking {name} for {len(tracks)} previews again")
                troubles += _fetch(name, tracks, catalog, data)
        store = FeatureStore.of(data)
        with _alone(data / "features" / ".extract.lock"):
            say("computing features again")
            _extract(catalog, store, data)
        left = len(catalog.failures())
    done = f"{before - left} of {before} went well this time" if before > left else "nothing new"
    return "; ".join([done, *troubles])


def _alone(lock: Path) -> AbstractContextManager[object]:
    """Wait until no command is at the same work; the commands take the same locks."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(lock)


def _failed(catalog: Catalog) -> dict[str, list[Track]]:
    """Return the tracks that services did not give a preview of, by source."""
    found: dict[str, list[Track]] = {}
    for track in catalog.known(catalog.failures(previews.STAGE)).values():
        found.setdefault(track.source, []).append(track)
    return found


def _fetch(name: str, tracks: Sequence[Track], catalog: Catalog, data: Path) -> list[str]:
    """Ask one service again; return what kept it from giving anything."""
    if name not in SOURCES:
        return []
    # A source wants to know what to list; nothing is listed here.
    genres = {each.name for track in tracks for each in track.labels} or {"music"}
    try:
        source: Source = make_source(name, {"genre": sorted(genres)})
    except AudiogenreError:
        return []  # one that reads files
    if not source.partial:
        return []
    if source.restricted and not catalog.has_consent(source.name, source.terms):
        return [f"the terms of {name} have to be accepted first, with 'audiogenre download'"]
    outcome = acquisition.download(source, catalog, data, jobs=_THREADS, only_failed=True)
    return [f"{name}: {outcome.stopped}"] if outcome.stopped else []


def _extract(catalog: Catalog, store: FeatureStore, data: Path) -> None:
    """Compute the features of clips that failed, in every set that others have."""
    failed = catalog.failures(parts.STAGE)
    folders = {each.rpartition("-")[0] for each in store.sets()}
    sets = [each for each in FEATURE_SETS if each in folders] or ["baseline", "full"]
    planned = parts.plan(catalog, store, data, sets, jobs=1, retry_failed=True)
    cut = [
        replace(part, items=tuple(each for each in part.items if each.track_id in failed))
        for part in planned.parts
    ]
    left = [part for part in cut if part.items]
    if left:
        parts.run_parts(
            left,
            jobs=1,
            store=store,
            handle=lambda report: parts.record(catalog, report),
        )
