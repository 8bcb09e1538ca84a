"""Whether extraction stays linear in time and constant in memory as clips become many."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from audiogenre.extraction import feature_set
from audiogenre.parts import Item, Part, cut_up, run_parts
from audiogenre.store import FeatureStore
from pipelines.benchmark.measures import item
from pipelines.benchmark.processes import high_water

Row = dict[str, Any]
SIZES = (500, 1000, 2000, 5000, 10_000)
QUICK = (20, 40)
_SETS = ("baseline",)
_JOBS = 2


def linear(clips: Sequence[Path], *, sizes: Sequence[int] = SIZES) -> list[Row]:
    """Extract `baseline` from more and more links to the clips, through the pool, from nothing."""
    protocol = (
        f"links to {len(clips)} clips, baseline, {_JOBS} workers, warm pool, sizes in rising order"
    )
    seconds, work, rows = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        items = _links(clips, Path(folder) / "clips", max(sizes))
        _extract(items[:_JOBS], Path(folder) / "warm")
        for size in sizes:
            before, started = _cpu_seconds(), time.perf_counter()
            _extract(items[:size], Path(folder) / f"features-{size}")
            seconds.append(time.perf_counter() - started)
            work.append(_cpu_seconds() - before)
            rows.append(_row(f"{size} clips", seconds[-1], "s", protocol))
            rows.append(_row(f"{size} clips: CPU time", work[-1], "s", protocol))
            peaks = [high_water(pid) for pid in ("self", *_children())]
            rows.append(_row(f"{size} clips: peak of this process", peaks[0], "MB", protocol))
            rows.append(_row(f"{size} clips: peak of a worker", max(peaks[1:]), "MB", protocol))
    return [
        *rows,
        _row("exponent of time in clips", exponent(sizes, seconds), "", protocol),
        _row("exponent of CPU time in clips", exponent(sizes, work), "", protocol),
    ]


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Return b of the least-squares fit ``log(seconds) = a + b log(sizes)``.

    Examples
    --------
    >>> round(exponent([1, 2, 4], [5, 10, 20]), 6)
    1.0
    """
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def _row(what: str, value: float, unit: str, protocol: str) -> Row:
    return {"what": what, "value": float(value), "unit": unit, "protocol": protocol}


def _links(clips: Sequence[Path], folder: Path, count: int) -> list[Item]:
    folder.mkdir()
    items = []
    for number in range(count):
        clip = clips[number % len(clips)]
        link = folder / f"{number:06d}{clip.suffix}"
        link.symlink_to(clip.resolve())
        items.append(item(link, number))
    return items


def _extract(items: Sequence[Item], root: Path) -> None:
    """Compute and write all, cut up as `extract` does it."""
    store = FeatureStore(root)
    parts = [Part(tuple(cut), _SETS, root) for cut in cut_up(items, _JOBS)]
    run_parts(parts, jobs=_JOBS, store=store, handle=lambda report: None)
    there = store.known(store.directory("baseline", feature_set("baseline").fingerprint))
    if len(there) < len(items):
        raise SystemExit(f"{len(items) - len(there)} of {len(items)} clips failed")


def _cpu_seconds() -> float:
    """Return what this process and its workers have used so far."""
    ticks = 0
    for pid in ("self", *_children()):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])  # user and system, from the third field on
    return ticks / os.sysconf("SC_CLK_TCK")


def _children() -> list[str]:
    """Return the process ids of the workers (and of what else this process has started)."""
    tasks = Path("/proc/self/task").glob("*/children")
    return [pid for each in tasks for pid in each.read_text().split()]
