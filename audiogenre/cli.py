"""What all commands share: output, consent, and how an error becomes an exit code."""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from audiogenre.errors import (
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    AudiogenreError,
    StoreError,
    UsageError,
)

if TYPE_CHECKING:
    from audiogenre.catalog import Catalog
    from audiogenre.typing import Source

T = TypeVar("T")


class Output:
    """Where a command's words go: text and results to stdout, all else to stderr."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.json = bool(args.json)
        self.quiet = bool(args.quiet)
        places = (("--data", args.data, "data"), ("--models", args.models, "models"))
        self._where = "".join(
            f" {option} {shlex.quote(str(place))}"
            for option, place, usual in places
            if place != Path(usual)
        )

    def next(self, step: str) -> None:
        """Say which command comes next, on the same data and models."""
        self.say(f"next: audiogenre {step}{self._where}")

    def say(self, text: str = "") -> None:
        """Print a line of the result for a person."""
        if not (self.json or self.quiet):
            print(_lines(text), flush=True)

    def note(self, text: str) -> None:
        """Print a remark on stderr."""
        if not self.quiet:
            print(_lines(text), file=sys.stderr, flush=True)

    def result(self, result: dict[str, Any]) -> None:
        """Print the JSON object, if that is what was asked for."""
        if self.json:
            print(json.dumps(result, allow_nan=False, default=_plain))

    def progress(self, items: Iterable[T], *, total: int, unit: str, what: str) -> Iterator[T]:
        """Show a progress bar on a terminal while passing `items` on."""
        from tqdm import tqdm

        hidden = self.quiet or not sys.stderr.isatty()
        yield from tqdm(items, total=total, unit=unit, desc=what, disable=hidden, leave=False)

    def bar(self, *, total: int, unit: str, what: str) -> Any:
        """Return a progress bar to be moved by hand (``tqdm``)."""
        from tqdm import tqdm

        hidden = self.quiet or not sys.stderr.isatty()
        return tqdm(total=total, unit=unit, desc=what, disable=hidden, leave=False)


def run(
    command: Callable[[argparse.Namespace, Output], int],
    parser: argparse.ArgumentParser,
    argv: Sequence[str] | None,
    *,
    resumes: bool = False,
) -> int:
    """Parse, run, and turn what went wrong into a sentence and an exit code.

    Parameters
    ----------
    resumes : bool
        Whether the command, interrupted and run again, goes on from where it was.
    """
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:  # closed: take its number before a file of ours does
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
            os.set_inheritable(number, True)
            setattr(sys, name, os.fdopen(number, "w", closefd=False))
    args = parser.parse_args(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name may be of bytes it cannot write
        sys.stdout.reconfigure(errors="backslashreplace")
    if sys.stderr is sys.__stderr__:
        # Decoding silences file descriptor 2 for moments; our own words take another one.
        sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_PrintableFormatter("%(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.ERROR if args.quiet else logging.WARNING)
    if args.verbose:
        logging.getLogger("audiogenre").setLevel(logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings quote whole URLs
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return command(args, Output(args))
    except AudiogenreError as error:
        print(printable(f"{parser.prog}: {error}"), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        kept = "what was done is kept, and the same command goes on from there"
        left = kept if resumes else "nothing was left half written"
        print(f"{parser.prog}: interrupted; {left}", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenProcessPool:
        print(f"{parser.prog}: a worker process has died: is there memory?", file=sys.stderr)
        return EXIT_USAGE
    except BrokenPipeError:
        _forget_stdout()  # the reader of a pipe has left
        return 0
    except OSError as error:
        logging.getLogger(__name__).debug("where it was", exc_info=True)
        about = f": {error.filename}" if error.filename else ""
        print(printable(f"{parser.prog}: {error.strerror or error}{about}"), file=sys.stderr)
        _forget_stdout()  # it may be the one that is full
        return EXIT_USAGE
    except Exception:
        from audiogenre.database import damage

        wrong = damage(args.data) if "data" in args else ""
        if not wrong:
            raise
        logging.getLogger(__name__).debug("where it was", exc_info=True)
        print(printable(f"{parser.prog}: {wrong}; put back a copy of it"), file=sys.stderr)
        return EXIT_USAGE


def _forget_stdout() -> None:
    """Keep the interpreter from failing once more when it flushes at the end."""
    if sys.stdout is sys.__stdout__ and sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def exclusive(lock_file: Path, out: Output) -> Iterator[None]:
    """Have one command at a time do what follows; a second one says so and waits.

    Raises
    ------
    StoreError
        If the folder of the lock cannot be written.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(lock_file)
    try:
        lock_file.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            out.note("the same command is at work on this data already; waiting for it")
            lock.acquire()
    except OSError as error:
        raise StoreError(f"cannot write to {lock_file.parent}: {error.strerror}") from error
    try:
        yield
    finally:
        lock.release()


def agree(source: Source, catalog: Catalog, out: Output, *, accepted: bool) -> None:
    """Show a source's terms once, and have them accepted where they restrict what may be kept.

    Parameters
    ----------
    source : Source
    catalog : Catalog
        Where it is remembered.
    accepted : bool
        Whether they were accepted beforehand.

    Raises
    ------
    UsageError
        If they are not.
    """
    if not source.terms or catalog.has_consent(source.name, source.terms):
        return
    (out.note if source.restricted else out.say)(f"{source.name}: {source.terms}")
    if not source.restricted and (out.quiet or out.json):
        return  # they were not shown: another time
    if source.restricted and not accepted:
        if out.quiet or out.json or sys.stdin is None or not sys.stdin.isatty():
            raise UsageError(
                f"the terms of {source.name!r} restrict what may be kept; read them above and "
                "repeat the command with --accept-terms"
            )
        if not ask("Do you accept these terms?"):
            raise UsageError(f"without accepting its terms nothing is taken from {source.name!r}")
    with catalog.transaction():
        catalog.consent(source.name, source.terms)


def ask(question: str) -> bool:
    """Ask a person at the terminal for a yes; anything else is a no."""
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def counted(count: int, thing: str) -> str:
    """Return a number of things in words.

    Examples
    --------
    >>> counted(1, "track"), counted(2000, "track")
    ('1 track', '2000 tracks')
    """
    return f"{count} {thing}{'' if count == 1 else 's'}"


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _plain(value: Any) -> Any:
    """Turn NumPy scalars, arrays and paths into what JSON knows."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} does not go into JSON")


def printable(text: str) -> str:
    """Return a text from outside without control characters, so that it cannot drive a terminal.

    It stays on one line, and cannot pass for another one.
    """
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _lines(text: str) -> str:
    """Return lines of ours, whatever they quote, without other control characters."""
    return "\n".join(printable(line) for line in text.split("\n"))


class _PrintableFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return _lines(super().format(record))
