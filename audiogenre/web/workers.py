"""The processes that listen to clips, each ended if it takes too long."""

from __future__ import annotations

import asyncio
import multiprocessing
from concurrent.futures import TimeoutError as TooLongError

from pebble import ProcessExpired, ProcessPool

from audiogenre.errors import AudioError
from audiogenre.web.hearing import Heard, Order, hear, prepare


class Workers:
    """A pool of processes.

    One that a damaged file brings down takes nothing else with it: another one follows.

    Parameters
    ----------
    jobs : int
        How many.
    order : Order
        What is measured.
    seconds : float
        How long the work on one clip may take.
    """

    def __init__(self, jobs: int, order: Order, seconds: float) -> None:
        self.jobs = jobs
        self._order, self._seconds = order, seconds
        self._pool = ProcessPool(
            max_workers=jobs,
            initializer=prepare,
            initargs=[order.sets],
            context=multiprocessing.get_context("spawn"),
        )

    async def start(self) -> None:
        """Have the processes ready before the first clip comes."""
        first = [self._pool.schedule(_nothing) for _ in range(self.jobs)]
        await asyncio.gather(*(asyncio.wrap_future(each) for each in first))

    def stop(self) -> None:
        """End the processes."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()

    async def hear(self, data: bytes) -> Heard:
        """Have one clip decoded and measured.

        Raises
        ------
        AudioError
            If it is refused.
        """
        work = self._pool.schedule(hear, args=(data, self._order), timeout=self._seconds)
        try:
            return await asyncio.wrap_future(work)
        except TooLongError as error:
            detail = f"listening to it took more than {self._seconds:g} s"
            raise AudioError("too slow", detail) from error
        except ProcessExpired as error:
            raise AudioError("unreadable", "the decoder broke down over it") from error


def _nothing() -> None:
    """Be done once the process is ready."""
