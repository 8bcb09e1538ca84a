"""The pool, and what its processes do to their memory."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# Fill and drop some arrays again and again; count the pages asked for after the first times.
CODE = """
import resource, numpy as np
from audiogenre.pool import keep_memory
{keep}
faults = []
for _ in range(20):
    [np.ones(900_000, dtype=np.float32) for _ in range(12)]
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
print(faults[-1] - faults[1])
"""
# Each call leaves 400 MB behind, and is longer than the pool waits between looks at its processes.
GROWING = """
import os, signal, sys, time, numpy as np
from joblib import Parallel, delayed
from audiogenre.pool import workers

def grow():
    time.sleep(1.1)
    vars(sys).setdefault("kept", []).append(np.ones(50_000_000))
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    return os.getpid()

with workers(2, first=os.getpid):
    print(*Parallel()(delayed(grow)() for _ in range(8)))
"""
PAGES = 12 * 900_000 * 4 // 4096  # of one time


def faults(keep: str) -> int:
    code = CODE.format(keep=keep)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to keep memory")
def test_a_process_that_keeps_memory_does_not_ask_for_it_again() -> None:
    assert faults("keep_memory()") < PAGES


def test_where_the_c_library_has_no_such_setting_nothing_happens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from audiogenre import pool

    monkeypatch.setattr(pool.ctypes, "CDLL", lambda name: object())
    pool.keep_memory()


def test_processes_that_grow_are_replaced_and_the_work_goes_on() -> None:
    pytest.importorskip("psutil", reason="without psutil joblib does not look at its processes")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", GROWING], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    pids = done.stdout.split()
    assert len(pids) == 8
    assert len(set(pids)) > 2
