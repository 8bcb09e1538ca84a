"""A Dask cluster on this machine against the pool: throughput, equal rows, and workers killed."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from audiogenre.cluster import Cluster
from audiogenre.parts import Item, Part, Report, cut_up, run_parts
from audiogenre.store import FeatureStore
from pipelines.benchmark.measures import SETS, _row, item

Row = dict[str, Any]
_TASKS = 500  # without a clip, to time what a task costs
_PART = 4  # clips of a part while workers are killed
_PAUSE = 3.0  # s between kills


def cluster(clips: Sequence[Path], *, rounds: int = 3, kills: int = 20) -> list[Row]:
    """Extract both sets by the pool and by a cluster, two workers each, in turn; then kill."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with _Processes(home, workers=2) as processes:
            processes.wait_for_workers(2)
            with Cluster(processes.address) as two:
                rows = _compared(clips, two, home, rounds=rounds)
        with _Processes(home, workers=4) as processes:
            processes.wait_for_workers(4)
            with Cluster(processes.address) as four:
                rows += _killed(clips, four, processes, home, kills=kills)
    return rows


def _compared(clips: Sequence[Path], two: Cluster, home: Path, *, rounds: int) -> list[Row]:
    items = [item(clip, number) for number, clip in enumerate(clips)]
    rates: dict[str, list[float]] = {"pool": [], "cluster": []}
    different = 0
    for number in range(rounds):
        tables = []
        for engine, found in rates.items():
            store = FeatureStore(home / f"{engine}-{number}")
            more = {"jobs": 2} if engine == "pool" else {}
            run: Any = run_parts if engine == "pool" else two.run_parts
            warm = [Part((item,), SETS, home) for item in items[:2]]
            run(warm * 2, store=store, handle=_ignore, **more)
            parts = [Part(tuple(cut), SETS, store.root) for cut in cut_up(items, 2)]
            started = time.perf_counter()
            run(parts, store=store, handle=_ignore, **more)
            found.append(len(items) / (time.perf_counter() - started))
            tables.append([store.read(each) for each in store.sets()])
        for mine, other in zip(*tables, strict=True):
            different += _differ(mine, other.loc[mine.index].to_numpy())
    started = time.perf_counter()
    two.run_parts([Part((), SETS, home)] * _TASKS, store=FeatureStore(home), handle=_ignore)
    overhead = (time.perf_counter() - started) / _TASKS
    protocol = (
        f"{len(items)} clips, both sets, two workers each, warm, in turn {rounds} times; scheduler "
        "and workers are processes of this machine"
    )
    ratios = [mine / other for mine, other in zip(rates["cluster"], rates["pool"], strict=True)]
    return [
        _row("pool of two", float(np.median(rates["pool"])), "clips a second", protocol),
        _row("cluster of two", float(np.median(rates["cluster"])), "clips a second", protocol),
        _row("cluster: times pool", float(np.median(ratios)), "x", protocol, by_round=ratios),
        _row("values that differ", different, "", protocol),
        _row("a task without clips", 1e3 * overhead, "ms", protocol),
    ]


def _killed(
    clips: Sequence[Path], four: Cluster, processes: _Processes, home: Path, *, kills: int
) -> list[Row]:
    """Kill a worker every few seconds while there is work; there is as long as kills are left."""
    store = FeatureStore(home / "killed")
    killer = threading.Thread(target=processes.kill, args=(kills,))
    handed_out: list[Item] = []

    def parts() -> Iterator[Part]:
        killer.start()
        while killer.is_alive():
            first = len(handed_out)
            handed_out.extend(
                item(clips[number % len(clips)], number) for number in range(first, first + _PART)
            )
            yield Part(tuple(handed_out[first:]), SETS, store.root)

    reported: list[str] = []
    failed: list[str] = []

    def handle(report: Report) -> None:
        reported.extend(report.done)
        failed.extend(each.item for each in report.failures)

    four.run_parts(parts(), store=store, handle=handle)
    lost = different = 0
    for each in store.sets():
        table, whole = store.read(each), FeatureStore(home / "pool-0").read(each)
        numbers = [int(track_id.rpartition(":")[2]) for track_id, _ in table.index]
        lost += len(handed_out) - len(table)
        different += _differ(table, whole.to_numpy()[np.array(numbers) % len(clips)])
    protocol = (
        f"{len(handed_out)} clips in parts of {_PART}, both sets, four workers, one killed with "
        f"SIGKILL every {_PAUSE:g} s and another started"
    )
    return [
        _row("workers killed", kills, "", protocol),
        _row("clips handed out", len(handed_out), "", protocol),
        _row("clips reported", len(reported), "", protocol),
        _row("clips reported as failed", len(failed), "", protocol),
        _row("rows that are not there", lost, "", protocol),
        _row("values that differ from the pool's", different, "", protocol),
    ]


class _Processes:
    """A scheduler and its workers, of one thread each and without a nanny.

    Parameters
    ----------
    folder : Path
        For the scheduler's address and what they print.
    workers : int
    """

    def __init__(self, folder: Path, *, workers: int) -> None:
        self._log = (folder / "dask.log").open("a")
        file = folder / f"scheduler-{workers}.json"
        named = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        self._running = [self._start("scheduler", *named, "--scheduler-file", str(file))]
        while not (file.is_file() and file.read_text().endswith("}")):
            if self._running[0].poll() is not None:
                raise SystemExit(f"the scheduler does not start; see {self._log.name}")
            time.sleep(0.05)
        self.address: str = json.loads(file.read_text())["address"]
        for _ in range(workers):
            self._start_worker()

    def __enter__(self) -> _Processes:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running:
            process.kill()
            process.wait()
        self._log.close()

    def wait_for_workers(self, count: int) -> None:
        """Wait until so many workers are there."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(count)

    def kill(self, times: int) -> None:
        """Kill the oldest worker every few seconds and start another one."""
        for _ in range(times):
            time.sleep(_PAUSE)
            self._start_worker()
            oldest = self._running.pop(1)
            oldest.kill()
            oldest.wait()

    def _start_worker(self) -> None:
        alone = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
        self._running.append(self._start("worker", self.address, *alone))

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", *arguments]
        return subprocess.Popen(command, stdout=self._log, stderr=self._log)


def _differ(one: pd.DataFrame, other: npt.NDArray[np.float32]) -> int:
    """Count the values that are not the same bits."""
    bits = one.to_numpy().view(np.uint32), np.ascontiguousarray(other).view(np.uint32)
    return int((bits[0] != bits[1]).sum())


def _ignore(report: Report) -> None:
    pass
