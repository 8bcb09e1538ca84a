"""A target that is fuzzed in processes of its own, one after the other, until something is found.

The fuzzer itself grows with time: in short-lived processes that is not taken for an input's memory.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipelines.fuzz import results

TIMEOUT = 5  # s, for one input
MEMORY = 1024  # MB, for one input
_BEFORE = 512  # MB that a process may have before the first one
_LIFE = 100_000  # executions of a process
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_STATISTIC = re.compile(r"^stat::(\w+):\s+(\d+)", re.MULTILINE)
_KEPT = re.compile(r"Test unit written to (\S+)")


@dataclass
class Record:
    """What has come of it so far.

    Attributes
    ----------
    slow_moments : int
        Times that an input took too long, and not when it was repeated: it was the machine.
    finding : str or None
        What the fuzzer said of it.
    """

    executions: int = 0
    seconds: float = 0.0
    peak_memory_mb: int = 0
    slow_moments: int = 0
    corpus: int = 0
    finding: str | None = None


@dataclass
class Fuzzing:
    """One target, its inputs, and a folder for temporary files."""

    name: str
    corpus: Path
    findings: Path
    folder: Path
    seed: int = 0
    lives: int = 0
    record: Record = field(default_factory=Record)

    def run(self, runs: int, seconds: float | None) -> dict[str, Any]:
        """Fuzz until so many executions, so much time or a finding; return the record."""
        record = self.record
        while record.finding is None and record.executions < runs:
            left = None if seconds is None else seconds - record.seconds
            if (left is not None and left <= 0) or not self._live(runs - record.executions, left):
                break
        record.corpus = sum(1 for _ in self.corpus.iterdir())
        return asdict(record)

    def _live(self, runs: int, seconds: float | None) -> int:
        """Fuzz in one process; return the executions."""
        started = time.monotonic()
        done = self._process(
            self.corpus,
            f"-runs={min(runs, _LIFE)}",
            f"-seed={self.seed and self.seed + self.lives}",  # 0 draws anew by itself
            f"-max_total_time={0 if seconds is None else max(1, round(seconds))}",
            f"-artifact_prefix={self.findings.resolve() / self.name}-",
            "-print_final_stats=1",
        )
        said = done.stdout + done.stderr  # Python's words come on either
        statistics = {key: int(value) for key, value in _STATISTIC.findall(said)}
        executions = statistics.get("number_of_executed_units", 0)
        record = self.record
        self.lives += 1
        record.executions += executions
        record.seconds = round(record.seconds + time.monotonic() - started, 1)
        record.peak_memory_mb = max(record.peak_memory_mb, statistics.get("peak_rss_mb", 0))
        kept = _KEPT.search(said) if "libFuzzer: timeout" in said else None
        if kept and self._process(self.corpus, kept[1]).returncode == 0:
            Path(kept[1]).unlink()
            record.slow_moments += 1
        elif done.returncode:
            record.finding = results.excerpt(said, done.returncode)
        return executions

    def _process(self, *options: object) -> subprocess.CompletedProcess[str]:
        limits = (f"-timeout={TIMEOUT}", f"-rss_limit_mb={_BEFORE + MEMORY}")
        command = [sys.executable, "-m", "pipelines.fuzz.one", self.name, *options, *limits]
        return subprocess.run(
            [str(each) for each in command],
            capture_output=True,
            text=True,
            errors="replace",
            env=os.environ | _ONE_THREAD | {"TMPDIR": str(self.folder)},
        )
