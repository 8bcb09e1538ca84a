"""The model in memory, and what it says about one clip with the evidence for it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyio import CapacityLimiter, to_thread

from audiogenre import champions
from audiogenre.answers import record
from audiogenre.bundle import Bundle
from audiogenre.bundles import find_bundle, load_bundle
from audiogenre.errors import AudiogenreError
from audiogenre.metadata import sets_of
from audiogenre.reasons import why
from audiogenre.reference import Reference, load_reference, place
from audiogenre.web.hearing import Heard, Order
from audiogenre.web.settings import Settings
from audiogenre.web.workers import Workers

logger = logging.getLogger(__name__)
_TAGS = 5


@dataclass(frozen=True)
class Answer:
    """What is said about one clip.

    Attributes
    ----------
    record : dict
        As ``predict --timeline`` prints it.
    heard : Heard
    why : list of str
    nearest : list of (track id, label)
    """

    record: dict[str, Any]
    heard: Heard
    why: list[str]
    nearest: list[tuple[str, str]]


class Listener:
    """One model and its workers.

    Parameters
    ----------
    settings : Settings
    bundle : Bundle
        One that hears audio.
    """

    def __init__(self, settings: Settings, bundle: Bundle) -> None:
        self.bundle, self.jobs = bundle, settings.jobs
        self._data = settings.data
        self._workers = Workers(settings.jobs, Order.of(bundle), settings.work_seconds)
        self._one_at_a_time = CapacityLimiter(1)
        self.reference: Reference | None = None

    async def start(self) -> None:
        """Have all ready before the first clip comes."""
        await self._workers.start()
        await to_thread.run_sync(self._read_reference)

    def stop(self) -> None:
        """End the workers."""
        self._workers.stop()

    async def listen(self, data: bytes, name: str, track_id: str = "") -> Answer:
        """Return what the model says about a clip.

        Raises
        ------
        AudioError
            If it is refused.
        """
        heard = await self._workers.hear(data)
        return await to_thread.run_sync(
            self._answer, heard, name, track_id, limiter=self._one_at_a_time
        )

    def _answer(self, heard: Heard, name: str, track_id: str) -> Answer:
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):
            bundle = self.bundle
            has_tags = any(each.startswith("musicnn_tag_") for each in bundle.columns)
            answers = bundle.answer(heard.measured, tags=has_tags)
            found = record(name, answers, "", bundle, tags=_TAGS if has_tags else None)
            row = bundle.features(heard.measured).iloc[:1]
            near = self._nearest(row, track_id)
            return Answer(found, heard, why(bundle, row, found, self.reference), near)

    def _nearest(self, row: Any, track_id: str) -> list[tuple[str, str]]:
        if self.reference is None:
            return []
        found = self.reference.nearest(place(self.bundle, row), n=5)
        return [each for each in found if each[0] != track_id][:4]

    def _read_reference(self) -> None:
        try:
            self.reference = load_reference(self.bundle, self._data)
        except AudiogenreError as error:
            logger.warning("the page shows no nearest tracks: %s", error)


def choose_model(models: Path, name: str | None) -> Bundle | None:
    """Return the model to listen with: the one named, the champion, or the newest.

    Returns
    -------
    bundle : Bundle or None
        None if there is no model that hears audio, and none was named.

    Raises
    ------
    AudiogenreError
        If the one named cannot be used.
    """
    if name is not None:
        return _hearing(find_bundle(name, models))
    if champion := champions.current(models):
        return _hearing(champion)
    for each in newest_first(models):
        try:
            found = _hearing(each)
        except AudiogenreError as error:
            logger.debug("%s: %s", each.name, error)
            continue
        if found.metadata["model"] != "majority":  # which always answers the same
            return found
    return None


def newest_first(models: Path) -> list[Path]:
    """Return the folders of the models, the one fitted last first."""
    files = [each for each in models.glob("*/metadata.json") if not each.parent.is_symlink()]
    files = [each for each in files if not each.parent.name.startswith(".")]
    return [each.parent for each in sorted(files, key=lambda x: -x.stat().st_mtime)]


def _hearing(folder: Path) -> Bundle:
    bundle = load_bundle(folder)
    sets_of(bundle.metadata)
    return bundle
