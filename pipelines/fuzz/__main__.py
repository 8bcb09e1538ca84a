"""``python -m pipelines.fuzz``: fuzz what comes from outside, and keep what that has found."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from audiogenre.errors import EXIT_DONE, EXIT_SOME_FAILED, EXIT_USAGE
from pipelines.fuzz import results
from pipelines.fuzz.lives import MEMORY, TIMEOUT, Fuzzing
from pipelines.fuzz.targets import MODULES

RUNS = 1_000_000


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
    """Fuzz one target; return what came of it."""
    memory = Path("/dev/shm")  # no disk, where there is another way
    findings.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        corpus = Path(folder, "corpus") if args.corpus is None else args.corpus / name
        corpus.mkdir(parents=True, exist_ok=True)
        fuzzing = Fuzzing(name, corpus, findings, Path(folder), args.seed)
        return fuzzing.run(args.runs, args.seconds)


if __name__ == "__main__":
    sys.exit(main())
