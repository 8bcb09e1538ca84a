"""Parts on the workers of a Dask cluster: handed out in a bounded window, written by who does them.

What travels is a part's list of clips on the way there, and its failures on the way back; audio and
features go between the workers and the storage. Whatever dies, the store is whole: a part that is
done twice has the same name and the same rows.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any

from audiogenre import __version__
from audiogenre.catalog import Failure
from audiogenre.errors import AudiogenreError, ClusterError, MissingExtraError, UsageError
from audiogenre.extraction import compute_something
from audiogenre.parts import Part, Report, crashed, extract_part
from audiogenre.store import FeatureStore

logger = logging.getLogger(__name__)

_AHEAD = 2  # parts handed out for each thread of the cluster
_LOOK = 5.0  # s between looks at the workers
_PATIENCE = 60.0  # s without any worker, or for a result that has been announced
_KEPT = "what was written is kept, and the same command goes on from there"


class Cluster:
    """A connection to a scheduler, renewed where it breaks.

    Parameters
    ----------
    address : str or None
        Of the scheduler; None takes it from Dask's own configuration.

    Attributes
    ----------
    threads : int
        How many parts its workers do at once.

    Raises
    ------
    MissingExtraError
    UsageError
        If there is no address, or it is none.
    """

    def __init__(self, address: str | None) -> None:
        try:
            import dask
            from distributed.comm.addressing import get_address_host_port
        except ImportError as error:
            raise MissingExtraError("Extracting on a cluster", "cluster") from error
        for name in ("distributed", "distributed.client"):  # what matters is said in one sentence
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._address = address or dask.config.get("scheduler-address", None)
        if not self._address:
            raise UsageError("say where the scheduler is, such as --scheduler tcp://10.0.0.1:8786")
        try:  # a client that is told nonsense waits a minute before it ends
            get_address_host_port(self._address)
        except ValueError as error:
            raise UsageError(f"{self._address} is no address of a scheduler: {error}") from error
        self._client: Any = None
        self.threads = 0

    def __enter__(self) -> Cluster:
        try:
            self._connect()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def run_parts(
        self, parts: Iterable[Part], *, store: FeatureStore, handle: Callable[[Report], None]
    ) -> None:
        """Compute parts on the workers and pass on each report as it comes.

        The scheduler gives up a part when too many workers have died with it
        (``distributed.scheduler.allowed-failures``). Its clips are tried again one by one, with
        nothing else beside them; one that is given up then is reported as failed.

        Raises
        ------
        ClusterError
            If the scheduler or all workers are lost for good, or are not set up like this machine.
        StoreError
            If a part cannot be written.
        """
        if isinstance(store.root, Path):  # a worker that does not see it says so
            store.root.mkdir(parents=True, exist_ok=True)
        suspects = self._attempt(parts, handle)
        if suspects:
            logger.warning("worker processes have died; their clips are tried again one by one")
        for single in (each for part in suspects for each in part.alone()):
            if self._attempt([single], handle):
                handle(crashed(single))

    def _attempt(self, parts: Iterable[Part], handle: Callable[[Report], None]) -> list[Part]:
        """Run parts until all are done or given up; return the latter."""
        waiting = iter(parts)
        given_up: list[Part] = []
        under_way: dict[str, tuple[Any, Part]] = {}
        ended: SimpleQueue[Any] = SimpleQueue()
        while True:
            if self._client.status == "closed":  # it was lost while nobody waited
                waiting = self._renew(under_way, waiting)
            window = max(1, _AHEAD * self.threads)  # one part waits for a worker if there is none
            for part in islice(waiting, max(0, window - len(under_way))):
                future = self._client.submit(_extract, part, __version__, pure=False)
                under_way[future.key] = future, part
                future.add_done_callback(ended.put)
            if not under_way:
                return given_up
            future = self._next(ended)
            if future.key not in under_way:
                continue  # of a connection that was lost
            try:
                failures = _result(future)
            except (CancelledError, OSError):
                waiting = self._renew(under_way, waiting)
                continue
            _, part = under_way.pop(future.key)
            if failures is None:
                given_up.append(part)
                continue
            failed = {each.item for each in failures}
            done = (each.track_id for each in part.items if each.track_id not in failed)
            handle(Report(part, tuple(done), failures))

    def _renew(
        self, under_way: dict[str, tuple[Any, Part]], waiting: Iterator[Part]
    ) -> Iterator[Part]:
        """Connect again; return what is waiting then, with what was under way."""
        logger.warning("the connection to the scheduler is lost; trying to renew it")
        again = [part for _, part in under_way.values()]
        under_way.clear()
        self._connect()
        return chain(again, waiting)

    def _next(self, ended: SimpleQueue[Any]) -> Any:
        """Wait for the next future that has ended, while there are workers.

        Raises
        ------
        ClusterError
        """
        while True:
            if time.monotonic() > self._looked + _LOOK:
                self._look()
            with suppress(Empty):
                return ended.get(timeout=_LOOK)

    def _look(self) -> None:
        with suppress(OSError):  # a lost connection ends every future
            self.threads = sum(self._client.nthreads().values())
        self._looked = time.monotonic()
        if self.threads:
            self._worked = self._looked
        elif self._looked > self._worked + _PATIENCE:
            raise ClusterError(f"the cluster has had no worker for a minute; {_KEPT}")

    def _connect(self) -> None:
        from distributed import Client

        self._close()
        try:
            self._client = Client(self._address, set_as_default=False)
        except OSError as error:
            raise ClusterError(
                f"the scheduler at {self._address} cannot be reached: does it run there ('dask "
                f"scheduler')? {_KEPT}"
            ) from error
        self._worked = time.monotonic()
        self._look()
        if not self.threads:
            logger.warning("the cluster has no worker yet; waiting for one ('dask worker')")
        while not self.threads:
            time.sleep(_LOOK / 10)
            self._look()

    def _close(self) -> None:
        """Let go of the connection; the scheduler forgets what it has not begun."""
        if self._client is not None:
            with suppress(OSError):
                self._client.close()
            self._client = None


def _result(future: Any) -> tuple[Failure, ...] | None:
    """Return the failures of a part that has ended; None if it was given up.

    Raises
    ------
    CancelledError, OSError
        If the connection is lost, or the result with the worker that had it (a `TimeoutError`).
    AudiogenreError
        As raised by the worker.
    """
    from distributed import KilledWorker

    if future.status != "error":
        failures: tuple[Failure, ...] = future.result(_PATIENCE)
        return failures
    error = future.exception(_PATIENCE)
    if isinstance(error, KilledWorker):
        return None
    if isinstance(error, AudiogenreError):
        raise error
    raise ClusterError(
        f"a part cannot be computed there ({type(error).__name__}: {error}); scheduler and workers "
        f"need the same packages as this machine; {_KEPT}"
    ) from error


def _extract(part: Part, version: str) -> tuple[Failure, ...]:
    """Do one part on a worker; return what failed.

    Raises
    ------
    ClusterError
        If this worker would compute something else, or write it elsewhere.
    """
    here = f"the worker on {socket.gethostname()}"
    if version != __version__:
        raise ClusterError(f"{here} has audiogenre {__version__} and not {version}; update one")
    if isinstance(part.root, Path) and not part.root.is_dir():
        raise ClusterError(
            f"{here} does not see {part.root}; put the data on a shared folder or in object storage"
        )
    _prepare(part.sets)
    return extract_part(part).failures


@lru_cache
def _prepare(sets: tuple[str, ...]) -> None:
    """Load what these sets need, and hold it to one thread: other sums have other last digits."""
    from threadpoolctl import threadpool_limits

    compute_something(sets)
    threadpool_limits(1)
