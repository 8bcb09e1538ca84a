"""Commands in processes of their own, as a user starts them, with what they took."""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Cost(NamedTuple):
    """What a process took: seconds by the clock and of processors, and its peak resident size."""

    seconds: float
    processor: float
    megabytes: float


def watched(
    command: Sequence[str], *, environment: Mapping[str, str], allowed: Sequence[int] = (0,)
) -> Cost:
    """Run a command to its end; return what it took."""
    started, before = time.perf_counter(), _processor()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    peak = 0.0
    while process.poll() is None:
        # The kernel's own high-water mark: what wait4 tells includes this process, before exec.
        peak = max(peak, high_water(process.pid))
        time.sleep(0.05)
    if process.returncode not in allowed:
        raise SystemExit(process.returncode)
    return Cost(time.perf_counter() - started, _processor() - before, peak)


def _processor() -> float:
    """Return the processor time of all processes that were started from here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def high_water(pid: int | str) -> float:
    """Return the largest resident size of a process so far, in MB; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    found = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(found[0]) / 1024 if found else 0.0
