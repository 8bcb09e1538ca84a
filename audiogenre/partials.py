"""What writers put beside their target before it takes the target's place, and what kills leave."""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

_HERE, _EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux


def beside(target: Path, suffix: str = "tmp") -> Path:
    """Return where this process writes what is to become `target`.

    Examples
    --------
    >>> beside(Path("models/a")).name == f".a.{os.getpid()}.tmp"
    True
    """
    return target.with_name(f".{target.name}.{os.getpid()}.{suffix}")


def abandoned(target: Path, suffix: str = "tmp") -> Iterator[Path]:
    """Yield what processes that are gone have left beside a target."""
    start, end = f".{target.name}.", f".{suffix}"
    for each in target.parent.iterdir():
        number = each.name.removeprefix(start).removesuffix(end)
        if each.name == f"{start}{number}{end}" and number.isdecimal() and _is_gone(int(number)):
            yield each


def clear_abandoned(target: Path) -> None:
    """Delete what killed writers have left half written beside a target."""
    for each in [*abandoned(target)]:
        if each.is_dir():
            shutil.rmtree(each, ignore_errors=True)
        else:
            each.unlink(missing_ok=True)


def exchange(one: Path, other: Path) -> bool:
    """Let two folders change places in one step, so that neither name is ever without one.

    Returns
    -------
    done : bool
        False where system or disk cannot do that (Linux 3.15 and glibc 2.28 can).
    """
    try:
        rename = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError):
        return False
    return not rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE)


def _is_gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # somebody else's, and alive; or no number of a process
        return False
    return False
