"""The parts of the torture: what each does to a command, and what it needs of the system."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from pipelines.torture import disks, faults, kills, others, serving
from pipelines.torture.processes import STRACE
from pipelines.torture.trials import Tally
from pipelines.torture.worlds import World

Torture = Callable[[World, Tally, int, np.random.Generator], None]
# Each with its share of the part's runs.
PARTS: Mapping[str, Mapping[Torture, float]] = {
    "kills": {kills.kills: 1.0},
    "calls": {faults.faults: 1.0},
    "disk": {disks.full_disks: 0.6, disks.limited_files: 0.3, disks.read_only: 0.1},
    "others": {others.damaged: 0.6, others.twice: 0.2, others.locked: 0.1, others.clocks: 0.1},
    "serve": {serving.serve: 1.0},
}
_MOUNTING, _TRACING = (disks.full_disks, disks.read_only), (faults.faults,)


def missing() -> Iterator[str]:
    """Yield a sentence for what the system does not have, and what is left out without it."""
    if not STRACE:
        yield "without strace no calls fail, and kills come at random times only: apt-get install "
        "strace"
    if not others.FAKETIME:
        yield "without faketime no clock jumps: apt-get install faketime"
    if not disks.can_mount():
        yield "no small disk can be mounted (that takes root): disks are neither full nor read-only"


def takes(part: str, world: World) -> bool:
    """Tell whether a part is for a command: the page has its own, which no other one has."""
    return (part == "serve") == (world.name == "serve")


def run(part: str, world: World, tally: Tally, count: float, rng: np.random.Generator) -> None:
    """Do to a command what a part does, as far as this system can."""
    for torture, share in PARTS[part].items():
        if torture in _TRACING and not STRACE:
            continue
        if torture in _MOUNTING and not disks.can_mount():
            continue
        if torture is others.clocks and not others.FAKETIME:
            continue
        # What is less than one run is one sometimes; kills and failing calls every command has.
        least = 1 if torture in (kills.kills, faults.faults, serving.serve) else 0
        torture(world, tally, max(least, int(count * share + rng.random())), rng)
