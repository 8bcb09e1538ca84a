"""Work that takes minutes: one piece after the other in a process of its own, and how far it is."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from typing import Any

from pebble import ProcessPool

from audiogenre.errors import AudiogenreError

logger = logging.getLogger(__name__)
_said: Any = None  # in the process that works: where to say how far it is


@dataclass
class Task:
    """A piece of work.

    Attributes
    ----------
    status : {"working", "done", "failed"}
    said : str
        What is being done, then what came of it, or why it failed.
    number : int
        Counts what has changed, for those who watch.
    """

    name: str
    status: str = "working"
    said: str = "waiting for its turn"
    number: int = 0


class Background:
    """Runs functions of the form ``function(*arguments, say)``, one at a time.

    The process is started with the first of them, and gives way to clips that wait for an answer.
    """

    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}
        self._moved = asyncio.Condition()
        self._pool: ProcessPool | None = None
        self._queue: Any = None
        self._notices: set[asyncio.Task[None]] = set()

    def find(self, name: str) -> Task | None:
        """Return the last piece of work of a name."""
        return self._tasks.get(name)

    def start(self, name: str, function: Callable[..., Any], *arguments: Any) -> Task:
        """Have something done, unless it is being done already."""
        task = self._tasks.get(name)
        if task and task.status == "working":
            return task
        if self._pool is None:
            self._begin(asyncio.get_running_loop())
        assert self._pool is not None
        task = self._tasks[name] = Task(name)
        loop = asyncio.get_running_loop()
        future = self._pool.schedule(_work, args=(name, function, arguments))
        future.add_done_callback(lambda done: _call(loop, self._end, task, done))
        return task

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        if self._pool is not None:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join()
            self._queue.put(None)

    async def watch(self, task: Task) -> AsyncIterator[Task]:
        """Yield a piece of work each time it has moved, the last time when it is over."""
        seen, status = -1, "working"

        def has_moved() -> bool:
            return task.number != seen

        while status == "working":
            async with self._moved:
                await self._moved.wait_for(has_moved)
                seen, status = task.number, task.status
            yield task

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        context = multiprocessing.get_context("spawn")
        self._queue = context.Queue()
        self._pool = ProcessPool(
            max_workers=1, initializer=_prepare, initargs=[self._queue], context=context
        )
        listen = threading.Thread(target=self._listen, args=[self._queue, loop], daemon=True)
        listen.start()

    def _listen(self, queue: Any, loop: asyncio.AbstractEventLoop) -> None:
        while (message := queue.get()) is not None:
            _call(loop, self._hear, *message)

    def _hear(self, name: str, said: str) -> None:
        task = self._tasks[name]
        if task.status == "working":
            self._move(task, said)

    def _end(self, task: Task, future: Future[Any]) -> None:
        try:
            said = future.result()
        except AudiogenreError as error:
            task.status, said = "failed", str(error)
        except CancelledError:
            task.status, said = "failed", "the server was stopped"
        except Exception as error:
            logger.error("%s: %r", task.name, error, exc_info=error)
            task.status, said = "failed", "something went wrong, and the server's log says what"
        else:
            task.status = "done"
        self._move(task, said or "")

    def _move(self, task: Task, said: str) -> None:
        task.said = said
        task.number += 1
        notice = asyncio.ensure_future(self._notify())
        self._notices.add(notice)
        notice.add_done_callback(self._notices.discard)

    async def _notify(self) -> None:
        async with self._moved:
            self._moved.notify_all()


def _call(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *arguments: Any) -> None:
    """Have something done in the server's own thread, if the server is still there."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(function, *arguments)


def _prepare(queue: Any) -> None:
    global _said
    _said = queue
    os.nice(5)


def _work(name: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return function(*arguments, lambda said: _said.put((name, said)))
