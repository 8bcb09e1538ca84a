"""``kill -9`` at random moments, and at random calls that change something on the disk."""

from __future__ import annotations

import time

import numpy as np

from pipelines.torture.faults import profile
from pipelines.torture.processes import STRACE, Call, Ended
from pipelines.torture.trials import Tally, campaign
from pipelines.torture.worlds import World

TIMED, CALLED = "kill at a random time", "kill at a random write"


def kills(world: World, tally: Tally, count: int, rng: np.random.Generator) -> None:
    """Kill a command, with its whole process group, so many times.

    Every other kill comes at a moment drawn from the time that the command takes undisturbed, the
    others at a call drawn from those that change files: between two of them hardly any time
    passes, and that is where things break.
    """
    calls = profile(world) if STRACE else []

    def disturb(number: int) -> tuple[str, str, Ended | None]:
        if calls and number % 2:
            return _at_call(world, tally, calls[int(rng.integers(len(calls)))])
        return _at_time(world, tally, float(rng.uniform(0.02, 1.0)) * world.seconds)

    campaign(world, tally, count, disturb)


def _at_time(world: World, tally: Tally, seconds: float) -> tuple[str, str, Ended | None]:
    process = world.start()
    time.sleep(seconds)
    process.kill()
    return _ended(world, tally, TIMED, f"after {seconds:.3f} s", process.wait())


def _at_call(world: World, tally: Tally, call: Call) -> tuple[str, str, Ended | None]:
    process = world.start(held=True)
    log = world.said / "log"
    process.trace(log, [call.name], f"{call.name}:signal=SIGKILL:when={call.number}")
    return _ended(world, tally, CALLED, f"before {call.name} {call.number}", process.wait())


def _ended(
    world: World, tally: Tally, kind: str, what: str, ended: Ended
) -> tuple[str, str, Ended | None]:
    killed = ended.code == -9
    tally.count(world.name, kind, hit=killed)
    return kind, what, None if killed else ended
