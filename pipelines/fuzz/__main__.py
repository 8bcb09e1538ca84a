"""``python -m pipelines.fuzz``: fuzz what comes from outside, and keep what that has found."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from audiogenre.errors import EXIT_DONE, EXIT_SOME_FAILED, EXIT_USAGE
from pipelines.fuzz import results
from pipelines.fuzz.targets import MODULES

RUNS = 1_000_000
TIMEOUT = 5  # s, for one input
MEMORY = 1024  # MB, for one input
_BEFORE = 512  # MB that a process may have before the first one
_LIFE = 100_000  # executions of a process
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_STATISTIC = re.compile(r"^stat::(\w+):\s+(\d+)", re.MULTILINE)


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    p = argparse.ArgumentParser(
        prog="python -m pipelines.fuzz",
        description="Feed each way into audiogenre with input that is mutated towards lines not "
        "reached before. It may be refused with an error of audiogenre; any other error, a crash, "
        f"an input that takes more than {TIMEOUT} s or {MEMORY} MB is a finding.",
        epilog="example:\n  python -m pipelines.fuzz decode bundle --seconds 600 --corpus corpus",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument(
        "target", nargs="*", metavar="TARGET", help=f"of {', '.join(MODULES)} (all of them)"
    )
    p.add_argument(
        "--runs", type=int, default=RUNS, metavar="N", help="executions a target (%(default)s)"
    )
    p.add_argument("--seconds", type=int, metavar="S", help="a target, at most")
    p.add_argument(
        "--seed", type=int, default=0, metavar="N", help="draw the same again (0: others each time)"
    )
    p.add_argument(
        "--corpus", type=Path, metavar="DIR", help="inputs to start from, and to keep new ones in"
    )
    p.add_argument("--models", type=Path, default=Path("models"), metavar="DIR")
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Fuzz the targets asked for, one after the other; return the exit code."""
    args = parser().parse_args(argv)
    if unknown := [each for each in args.target if each not in MODULES]:
        print(f"there is no target {unknown[0]!r}: {', '.join(MODULES)}", file=sys.stderr)
        return EXIT_USAGE
    if find_spec("atheris") is None:
        print("fuzzing needs an optional package: pip install 'audiogenre[fuzz]'", file=sys.stderr)
        return EXIT_USAGE
    kept = args.models / "fuzz"
    kept.mkdir(parents=True, exist_ok=True)
    found = False
    for name in args.target or MODULES:
        record = fuzz(name, args, kept / "findings")
        results.keep(kept, name, record)
        found = found or record["finding"] is not None
        print(results.line(name, record), flush=True)
    results.write_table(kept)
    print(f"kept in {kept}")
    return EXIT_SOME_FAILED if found else EXIT_DONE


def fuzz(name: str, args: argparse.Namespace, findings: Path) -> dict[str, Any]:
    """Fuzz one target in processes of its own, one after the other; return what came of it.

    The fuzzer itself grows with time: in short-lived processes that is not taken for an input's
    memory.
    """
    memory = Path("/dev/shm")  # no disk, where there is another way
    findings.mkdir(parents=True, exist_ok=True)
    record: dict[str, Any] = {"executions": 0, "seconds": 0.0, "peak_memory_mb": 0, "corpus": 0}
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        corpus = Path(folder, "corpus") if args.corpus is None else args.corpus / name
        corpus.mkdir(parents=True, exist_ok=True)
        while True:
            left = None if args.seconds is None else args.seconds - record["seconds"]
            runs = min(_LIFE, args.runs - record["executions"])
            done, seconds = _live(name, corpus, findings, folder, args.seed, runs, left)
            said = done.stdout + done.stderr  # Python's words come on either
            statistics = {key: int(value) for key, value in _STATISTIC.findall(said)}
            executions = statistics.get("number_of_executed_units", 0)
            record["executions"] += executions
            record["seconds"] = round(record["seconds"] + seconds, 1)
            memory_mb = statistics.get("peak_rss_mb", 0)
            record["peak_memory_mb"] = max(record["peak_memory_mb"], memory_mb)
            over = left is not None and record["seconds"] >= (args.seconds or 0)
            if done.returncode or not executions or record["executions"] >= args.runs or over:
                break
        record["corpus"] = sum(1 for _ in corpus.iterdir())
    found = None if done.returncode == 0 else results.excerpt(said, done.returncode)
    return record | {"finding": found}


def _live(
    name: str,
    corpus: Path,
    findings: Path,
    folder: str,
    seed: int,
    runs: int,
    seconds: float | None,
) -> tuple[subprocess.CompletedProcess[str], float]:
    """Fuzz in one process; return what it said, and its time in seconds."""
    options = [
        f"-runs={runs}",
        f"-seed={seed}",
        f"-max_total_time={0 if seconds is None else max(1, round(seconds))}",
        f"-timeout={TIMEOUT}",
        f"-rss_limit_mb={_BEFORE + MEMORY}",
        f"-artifact_prefix={findings.resolve() / name}-",
        "-print_final_stats=1",
    ]
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.fuzz.one", name, str(corpus), *options],
        capture_output=True,
        text=True,
        errors="replace",
        env=os.environ | _ONE_THREAD | {"TMPDIR": folder},
    )
    return done, time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main())
