"""Damaged files, two of a command at once, a catalogue that is locked, and clocks that jump."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from pipelines.torture.processes import HUNG, PATIENCE, Ended
from pipelines.torture.trials import Tally, complete, crash, judge
from pipelines.torture.worlds import World

DAMAGED, TWICE, LOCKED, CLOCK = "damaged file", "two at once", "catalogue locked", "clock jumps"
FAKETIME = shutil.which("faketime")
_READ = (".db", ".parquet", ".json", ".skops", ".csv", ".mp3", ".flac", ".ogg", ".jsonl", ".toml")
_HELD = 1.0  # s for which the catalogue is locked
_JUMPS = ("+3650d", "-3650d")


def damaged(world: World, tally: Tally, count: int, rng: np.random.Generator) -> None:
    """Run a command on a file that is cut off, empty, gone or has other bytes in its middle.

    It need not do its work, and what it does of it need not be right: nobody can read what is not
    there. It has to end in a sentence, and with an exit code that says so.
    """
    world.reset()
    files = sorted(each for each in world.folder.rglob("*") if each.suffix in _READ)
    for _ in tally.numbers(count if files else 0):
        world.reset()
        path = files[int(rng.integers(len(files)))]
        what = f"{path.relative_to(world.folder)} {_damage(path, rng)}"
        ended = world.run()
        tally.count(world.name, DAMAGED)
        if wrong := crash(ended):
            tally.find(world.name, DAMAGED, what, wrong, ended.err)


def _damage(path: Path, rng: np.random.Generator) -> str:
    content = path.read_bytes()
    how = int(rng.integers(4))
    if how == 0:
        path.write_bytes(b"")
        return "empty"
    if how == 1:
        path.unlink()
        return "gone"
    place = int(rng.integers(len(content)))
    if how == 2:
        path.write_bytes(content[:place])
        return f"cut off at {place}"
    other = rng.integers(0, 256, size=64, dtype=np.uint8).tobytes()
    path.write_bytes((content[:place] + other + content[place + 64 :])[: len(content)])
    return f"other bytes at {place}"


def twice(world: World, tally: Tally, count: int, rng: np.random.Generator) -> None:
    """Run two of a command at once, the second a moment later: together they do it once."""
    for _ in tally.numbers(count):
        world.reset()
        apart = float(rng.uniform(0, 0.7)) * world.seconds
        first = world.start()
        time.sleep(apart)
        second = world.start(said=world.said.with_name("second"))
        ends = [first.wait(), second.wait()]
        tally.count(world.name, TWICE)
        what = f"{apart:.3f} s apart"
        wrong = crash(ends[0]) or crash(ends[1])
        if not wrong and not world.codes & {each.code for each in ends}:
            wrong = f"both failed, with {ends[0].code} and {ends[1].code}"
        wrong = wrong or world.what_is_wrong_at_the_end()
        if wrong:
            said = "\n".join(each.err for each in ends)
            tally.find(world.name, TWICE, what, wrong, said)


def locked(world: World, tally: Tally, count: int, rng: np.random.Generator) -> None:
    """Run a command while somebody else holds the catalogue: it waits."""
    for _ in tally.numbers(count):
        world.reset()
        catalog = world.folder / "data" / "catalog.db"
        if not catalog.is_file():
            return
        with closing(sqlite3.connect(catalog, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            process = world.start()
            time.sleep(_HELD)
            other.execute("ROLLBACK")
        ended = process.wait()
        tally.count(world.name, LOCKED)
        if judge(world, tally, LOCKED, f"for {_HELD} s", ended) and ended.code not in world.codes:
            tally.find(world.name, LOCKED, f"for {_HELD} s", f"ended with {ended.code}", ended.err)


def clocks(world: World, tally: Tally, count: int, rng: np.random.Generator) -> None:
    """Run a command ten years from now, or ago, and then again today, in processes of their own."""
    for number in tally.numbers(count):
        world.reset()
        jump = _JUMPS[number % 2]
        ended = _at_another_time(world, jump)
        tally.count(world.name, CLOCK)
        if judge(world, tally, CLOCK, jump, ended) and ended.code not in world.codes:
            tally.find(world.name, CLOCK, jump, f"ended with {ended.code}", ended.err)
        complete(world, tally, CLOCK, jump)


def _at_another_time(world: World, jump: str) -> Ended:
    module, *arguments = world.command
    # The monotonic clock does not jump; faked, it makes every wait with a limit last for years.
    faked = (str(FAKETIME), "--exclude-monotonic", "-f", jump)
    command = [*faked, sys.executable, "-m", module, *arguments]
    path = os.pathsep.join(each for each in sys.path if each)
    environment = os.environ | world.environment | {"PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}
    began = time.monotonic()
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return Ended(-9, "", f"{HUNG} for {PATIENCE:.0f} s", PATIENCE)
    return Ended(done.returncode, done.stdout, done.stderr, time.monotonic() - began)
