"""What a command is asked for: its parser, and arguments turned into what they stand for."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import suppress
from glob import glob
from pathlib import Path
from typing import NoReturn, TypeVar

from audiogenre import __version__
from audiogenre.errors import EXIT_USAGE, UsageError

T = TypeVar("T")


def make_parser(command: str, summary: str, example: str) -> argparse.ArgumentParser:
    """Return a parser that has the options every command has.

    Parameters
    ----------
    command : str
    summary : str
        One sentence: what the command does.
    example : str
        Command lines, shown at the end of the help.
    """
    parser = _Parser(
        prog=f"audiogenre {command}",
        description=summary,
        epilog=f"example:\n{example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"audiogenre {__version__}")
    group = parser.add_argument_group("common options")
    group.add_argument(
        "--data", type=Path, default=Path("data"), metavar="DIR", help="data folder (%(default)s)"
    )
    group.add_argument(
        "--models", type=Path, default=Path("models"), metavar="DIR", help="models (%(default)s)"
    )
    group.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    group.add_argument("-v", "--verbose", action="store_true", help="say more, on stderr")
    group.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")
    return parser


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line; the usage would bury it."""
        self.exit(EXIT_USAGE, f"{self.prog}: {message}; '{self.prog} --help' shows how it goes\n")


def positive(kind: Callable[[str], T]) -> Callable[[str], T]:
    """Return an argparse type that refuses numbers below or equal to zero."""

    def parse(text: str) -> T:
        try:
            value = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
        if not value > 0:  # type: ignore[operator]
            raise argparse.ArgumentTypeError(f"{text} is not greater than zero")
        return value

    return parse


def between(low: float, high: float) -> Callable[[str], float]:
    """Return an argparse type that takes numbers from `low` to `high`."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is not between {low} and {high}")
        return value

    return parse


def audio_files(arguments: Sequence[str]) -> list[Path]:
    """Turn files, folders and patterns into a list of audio files, each once.

    Raises
    ------
    UsageError
        If an argument stands for nothing.
    """
    found: dict[Path, None] = {}
    for argument in arguments:
        try:
            new = _files(argument)
        except OSError as error:
            raise UsageError(f"cannot look at {argument!r}: {error.strerror}") from error
        if not new:
            there = "no mp3, wav, flac, ogg ..." if Path(argument).is_dir() else "nothing there"
            raise UsageError(f"there is no audio at {argument!r}: {there}")
        found |= dict.fromkeys(new)
    return list(found)


def _files(argument: str) -> list[Path]:
    from audiogenre.audio import SUFFIXES, SUFFIXES_PYAV

    if not argument:  # an empty variable of a shell, which would stand for the whole folder
        return []
    path = Path(argument)
    if not path.exists():  # else it is a file whose name begins like that
        with suppress(RuntimeError):  # nobody of that name
            path = path.expanduser()
    if path.is_dir():
        files = (each for each in sorted(path.rglob("*")) if each.is_file())
        return [each for each in files if each.suffix.lower() in SUFFIXES | SUFFIXES_PYAV]
    if path.is_file():
        return [path]
    # A pattern, where the shell has not put the files in its place.
    return [Path(each) for each in sorted(glob(str(path), recursive=True)) if Path(each).is_file()]
