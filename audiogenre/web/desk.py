"""The desk: clips come in, wait for their turn, and their answers are kept for a while."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from cachetools import TTLCache

from audiogenre.errors import AudiogenreError
from audiogenre.web.listening import Answer, Listener
from audiogenre.web.settings import Settings

logger = logging.getLogger(__name__)


class FullError(Exception):
    """There is no room for more work now; `seconds` from now there may be."""

    def __init__(self, seconds: int = 2) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass(frozen=True)
class Clip:
    """One clip that somebody wants to know about.

    Attributes
    ----------
    name : str
        What it is called; only ever shown.
    track_id : str
        If it is one of the catalogue.
    """

    name: str
    data: bytes = field(repr=False)
    track_id: str = ""


@dataclass
class Job:
    """One clip on its way to an answer.

    Attributes
    ----------
    before : int
        Clips that come first; -1 once it is its turn.
    answer : Answer or None
    error : str
        Why there will be no answer.
    """

    id: str
    name: str
    track_id: str
    before: int
    answer: Answer | None = None
    error: str = ""

    @property
    def status(self) -> str:
        """``waiting``, ``working``, ``done`` or ``failed``."""
        if self.error:
            return "failed"
        if self.answer:
            return "done"
        return "waiting" if self.before >= 0 else "working"


class Desk:
    """Takes clips, as many as there is room for.

    Parameters
    ----------
    settings : Settings
    listener : Listener
        Does the work.
    """

    def __init__(self, settings: Settings, listener: Listener) -> None:
        self.settings, self.listener = settings, listener
        self._jobs: TTLCache[str, Job] = TTLCache(settings.kept, settings.kept_seconds)
        self._line: list[Job] = []
        self._turn = asyncio.Semaphore(listener.jobs)
        self._moved = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._receiving = self._unfinished = self._held = 0

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """Have room for one more upload while it comes in.

        Raises
        ------
        FullError
        """
        full = self._unfinished >= self.settings.max_waiting
        if full or self._receiving >= self.settings.max_receiving:
            raise FullError
        self._receiving += 1
        try:
            yield
        finally:
            self._receiving -= 1

    def submit(self, clips: Sequence[Clip]) -> list[Job]:
        """Take clips, all or none.

        Raises
        ------
        FullError
        """
        held = self._held + sum(len(each.data) for each in clips)
        unfinished = self._unfinished + len(clips)
        if unfinished > self.settings.max_waiting or held > self.settings.max_held:
            raise FullError
        self._unfinished, self._held = unfinished, held
        jobs = []
        for clip in clips:
            place = len(self._line)
            job = Job(secrets.token_urlsafe(12), clip.name, clip.track_id, place)
            self._line.append(job)
            self._jobs[job.id] = job
            task = asyncio.create_task(self._work(job, clip.data))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            jobs.append(job)
        return jobs

    def refused(self, name: str, why: str) -> Job:
        """Return a job that is over before it began."""
        job = Job(secrets.token_urlsafe(12), name, "", -1, error=why)
        self._jobs[job.id] = job
        return job

    def find(self, job_id: str) -> Job | None:
        """Return a job whose answer is still kept."""
        return self._jobs.get(job_id)

    async def watch(self, job: Job) -> AsyncIterator[Job]:
        """Yield a job each time it has moved, the last time when it is over."""
        seen: tuple[str, int] | None = None

        def has_moved() -> bool:
            return (job.status, job.before) != seen

        while seen is None or seen[0] in ("waiting", "working"):
            async with self._moved:
                await self._moved.wait_for(has_moved)
                seen = (job.status, job.before)
            yield job

    async def finished(self, jobs: Sequence[Job]) -> None:
        """Wait until jobs are over."""
        over = ("done", "failed")
        async with self._moved:
            await self._moved.wait_for(lambda: all(each.status in over for each in jobs))

    async def _work(self, job: Job, data: bytes) -> None:
        try:
            async with self._turn:
                await self._leave_line(job)
                job.answer = await self.listener.listen(data, job.name, job.track_id)
        except AudiogenreError as error:
            job.error = str(error)
        except Exception:
            logger.exception("listening to a clip")
            job.error = "unexpected: something went wrong here, and the server's log says what"
        finally:
            self._unfinished -= 1
            self._held -= len(data)
            async with self._moved:
                self._moved.notify_all()

    async def _leave_line(self, job: Job) -> None:
        self._line.remove(job)
        job.before = -1
        for place, each in enumerate(self._line):
            each.before = place
        async with self._moved:
            self._moved.notify_all()
