"""The process pool that every command shares."""

from __future__ import annotations

import ctypes
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_KEPT = 32 << 20  # bytes, the most that every glibc takes


def keep_memory() -> None:
    """Have this process keep the memory of large arrays for the next ones.

    The C library gives them back at once and is handed zeroed pages anew, for each array of each
    clip: a tenth of the time of `baseline`, a fifth of that of `full`. The peak is 4 % higher.
    Where the C library is not glibc nothing happens.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _KEPT)
        mallopt(_TRIM_THRESHOLD, 8 * _KEPT)


@contextmanager
def workers(jobs: int, *, first: Callable[[], object]) -> Iterator[None]:
    """Have joblib calls inside run in a pool of processes with one thread each.

    The processes do not hear Ctrl-C: this one does and ends them, so that a person reads one
    sentence and not a traceback from each of them. A signal that is ignored stays ignored in
    children; blocking it does not help, as the pool's resource tracker unblocks it. A signal that
    comes before they all have begun waits for that: a pool that is half there ends in tracebacks.

    Parameters
    ----------
    jobs : int > 0
        With 1, work happens in this process, on one thread too: sums in another order would end
        in other last digits.
    first : callable
        What each process does first: import and use what its work will need. The pool takes the
        memory after the first call as the normal one, and has another process go on for one that
        outgrows it, which is nothing to warn of.
    """
    from joblib import Parallel, delayed, parallel_config
    from threadpoolctl import threadpool_limits

    if jobs == 1:
        with threadpool_limits(1), parallel_config(backend="loky", n_jobs=1):
            yield
        return
    with (
        warnings.catch_warnings(),
        parallel_config(
            backend="loky", n_jobs=jobs, inner_max_num_threads=1, initializer=_become_a_worker
        ),
    ):
        # Where warnings are errors, this one ends the pool's own thread, and all wait for ever.
        warnings.filterwarnings("ignore", message="A worker stopped while some jobs were given")
        with _holding(signal.SIGINT, signal.SIGTERM):
            with _handled({signal.SIGINT: signal.SIG_IGN}):  # for the moment it takes to start them
                started = Parallel(return_as="generator")(delayed(first)() for _ in range(jobs))
            list(started)
        yield


def _become_a_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of one that goes on for another, too
    keep_memory()


@contextmanager
def _holding(*numbers: int) -> Iterator[None]:
    """Let signals wait until the end."""
    heard: list[int] = []
    with _handled({each: lambda number, frame: heard.append(number) for each in numbers}):
        yield
    for each in heard[:1]:
        signal.raise_signal(each)


@contextmanager
def _handled(handlers: dict[int, Any]) -> Iterator[None]:
    """Change for a while what signals do; only the main thread may."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
