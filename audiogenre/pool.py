"""The process pool that every command shares."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def workers(jobs: int, *, first: Callable[[], object]) -> Iterator[None]:
    """Have joblib calls inside run in a pool of processes with one thread each.

    The processes do not hear Ctrl-C: this one does and ends them, so that a person reads one
    sentence and not a traceback from each of them. A signal that is ignored stays ignored in
    children; blocking it does not help, as the pool's resource tracker unblocks it.

    Parameters
    ----------
    jobs : int > 0
        With 1, work happens in this process, on one thread too: sums in another order would end
        in other last digits.
    first : callable
        What each process does first: import and use what its work will need. The pool takes the
        memory after the first call as the normal one, and ends a process that outgrows it.
    """
    from joblib import Parallel, delayed, parallel_config
    from threadpoolctl import threadpool_limits

    if jobs == 1:
        with threadpool_limits(1), parallel_config(backend="loky", n_jobs=1):
            yield
        return
    with parallel_config(backend="loky", n_jobs=jobs, inner_max_num_threads=1):
        with _ignoring_ctrl_c():  # for the moment it takes to start them, not to import
            started = Parallel(return_as="generator")(delayed(first)() for _ in range(jobs))
        list(started)
        yield


@contextmanager
def _ignoring_ctrl_c() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say what a signal does
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
