"""``audiogenre refresh``: download, extract, fit, compare, promote; every night.

The one command that runs other commands.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from audiogenre.arguments import make_parser
from audiogenre.cli import Output, run
from audiogenre.errors import EXIT_DONE, StoreError, UsageError


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    p = make_parser(
        "refresh",
        "Download what is new, extract its features, fit a challenger when enough has changed, and "
        "let it replace the model in use (models/current) if it is not worse on the same test "
        "tracks. For cron: it prints a short report, and can be killed at any time.",
        "  audiogenre refresh --config audiogenre.toml\n  audiogenre refresh --rollback",
    )
    p.add_argument(
        "--config",
        type=Path,
        default=Path("audiogenre.toml"),
        metavar="FILE",
        help="what to do (%(default)s)",
    )
    p.add_argument("--rollback", action="store_true", help="go back to the model before")
    return p


def command(args: argparse.Namespace, out: Output) -> int:
    """Run the command."""
    from audiogenre.config import read_refresh, read_sources

    if args.rollback:
        with _alone(args.models) as free:
            if not free:
                raise UsageError(f"a refresh is at work on {args.models}; try again when it is not")
            return _rollback(args, out)
    settings = read_refresh(args.config)
    read_sources(args.config)
    with _alone(args.models) as free:
        if free:
            from audiogenre.nightly.night import Night

            return Night(args, settings, out).run()
    # No failure: what this run is for is being done, and cron and systemd need not raise an alarm.
    out.say(f"a refresh is at work on {args.models} already: this one leaves it to that")
    out.result({"decision": "left to the run that is at work"})
    return EXIT_DONE


@contextmanager
def _alone(models: Path) -> Iterator[bool]:
    """Hold the lock for what follows, if it is free."""
    from filelock import FileLock, Timeout

    lock = FileLock(models / ".refresh.lock")
    try:
        models.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    except OSError as error:
        raise StoreError(f"cannot write to {models}: {error.strerror}") from error
    try:
        yield True
    finally:
        lock.release()


def _rollback(args: argparse.Namespace, out: Output) -> int:
    from audiogenre import champions
    from audiogenre.nightly import report

    champions.follow_history(args.models)
    line = champions.succession(args.models)
    if len(line) < 2:
        raise UsageError(f"there is no model in {args.models} to go back to")
    entry = {
        "time": champions.now(),
        "decision": "rolled back",
        "reason": f"from {line[-1]} to {line[-2]}, as asked",
        "current": line[-2],
    }
    champions.record(args.models, entry)
    champions.point(args.models, line[-2])
    report.write(args.models)
    out.say(report.lines(entry)[0])
    out.result(entry)
    return EXIT_DONE


def main(argv: Sequence[str] | None = None) -> int:
    """Run the refresh; return the exit code."""
    return run(command, parser(), argv, resumes=True)


if __name__ == "__main__":
    sys.exit(main())
