"""One trial: a command that is disturbed, what it has left, and whether it can be completed."""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from audiogenre import errors
from pipelines.torture.processes import HUNG, Ended
from pipelines.torture.worlds import World

_CODES = {
    *(errors.EXIT_DONE, errors.EXIT_SOME_FAILED, errors.EXIT_USAGE, errors.EXIT_LOGIN),
    errors.EXIT_INTERRUPTED,
}
_CRASH = re.compile(rf"^(Traceback|Exception ignored|Fatal Python error|{HUNG})", re.MULTILINE)
_SENTENCE = re.compile(r"^(audiogenre |python -m pipelines\.)[^\n]*\w", re.MULTILINE)


@dataclass
class Tally:
    """What was done to the commands, by world and kind, and what came of it.

    Attributes
    ----------
    trials, disturbed : Counter of (world, kind)
        Runs, and those of them that were really hit before their end.
    findings : list of dict
        What was wrong, with all that is needed to see it again.
    deadline : float, s
        Of the monotonic clock: no further trial begins after it.
    """

    trials: Counter[tuple[str, str]] = field(default_factory=Counter)
    disturbed: Counter[tuple[str, str]] = field(default_factory=Counter)
    findings: list[dict[str, Any]] = field(default_factory=list)
    deadline: float = math.inf

    def numbers(self, count: int) -> Iterator[int]:
        """Number so many trials: the first, and further ones as long as there is time."""
        for number in range(count):
            if number and time.monotonic() > self.deadline:
                return
            yield number

    def count(self, world: str, kind: str, *, hit: bool = True) -> None:
        """Count a run."""
        self.trials[world, kind] += 1
        self.disturbed[world, kind] += hit

    def find(self, world: str, kind: str, what: str, wrong: str, said: str = "") -> None:
        """Write down what was wrong."""
        self.findings.append(
            {"command": world, "kind": kind, "what": what, "wrong": wrong, "said": said[-2000:]}
        )
        print(f"FOUND {world}: {kind}, {what}: {wrong}", flush=True)


def crash(ended: Ended) -> str:
    """Tell in which way a command has ended that none may end in; "" if in no such."""
    if ended.code not in _CODES:
        return f"it ended with {ended.code}"
    if _CRASH.search(ended.err) or _CRASH.search(ended.out):
        return "a traceback"
    if ended.code == errors.EXIT_USAGE and not _SENTENCE.search(ended.err):
        return "no sentence"
    return ""


def judge(
    world: World,
    tally: Tally,
    kind: str,
    what: str,
    ended: Ended | None,
    *,
    failed_before: bool = False,
) -> bool:
    """Judge a disturbed run and what it has left; None stands for one that was killed.

    Parameters
    ----------
    failed_before : bool
        Whether a run before it, in the same folder, has said that something failed.

    Returns
    -------
    sound : bool
    """
    wrong = crash(ended) if ended else ""
    if not wrong and ended and ended.code == 0:
        wrong = world.what_is_wrong_at_the_end(tidy=False)
    some_failed = failed_before or some_has_failed(ended)
    wrong = wrong or world.what_is_wrong_on_the_way(some_failed=some_failed)
    if wrong:
        tally.find(world.name, kind, what, wrong, ended.err if ended else "")
    return not wrong


def some_has_failed(ended: Ended | None) -> bool:
    """Tell whether a run says that something has failed, which then is in the ledger."""
    return ended is not None and ended.code == errors.EXIT_SOME_FAILED


def complete(world: World, tally: Tally, kind: str, what: str, *, failed: bool = False) -> bool:
    """Run the command undisturbed on what was left: it has to end as if nothing had been.

    Parameters
    ----------
    failed : bool
        Whether a run before it has said that something failed, which may not be due yet.

    Returns
    -------
    sound : bool
    """
    ended = world.run(world.again if failed else ())
    wrong = crash(ended)
    if not wrong and ended.code not in world.codes:
        wrong = f"run again, it ends with {ended.code}"
    wrong = wrong or world.what_is_wrong_at_the_end()
    if wrong:
        tally.find(world.name, kind, f"{what}, then run again", wrong, ended.err)
    return not wrong


def campaign(
    world: World, tally: Tally, count: int, disturb: Callable[[int], tuple[str, str, Ended | None]]
) -> None:
    """Disturb a command so many times, and complete it after every few of them.

    What one trial has left is what the next begins with, as on a bad day; after the command has
    come to its end, or something was wrong, the folder is put back.

    Parameters
    ----------
    disturb : callable
        Given the number of the trial, runs the command and returns the kind of fault, what exactly
        was done, and how the command ended.
    """
    world.reset()
    in_a_row, failed = 0, False
    for number in tally.numbers(count):
        kind, what, ended = disturb(number)
        in_a_row += 1
        sound = judge(world, tally, kind, what, ended, failed_before=failed)
        failed = failed or some_has_failed(ended)
        over = ended is not None and ended.code in world.codes
        comparable = not (failed and world.replaces)
        if sound and comparable and (over or in_a_row == 3 or number == count - 1):
            complete(world, tally, kind, what, failed=failed)
        if not sound or over or in_a_row == 3:
            world.reset()
            in_a_row, failed = 0, False
