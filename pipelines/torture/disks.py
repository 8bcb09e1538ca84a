"""Disks that are really full or read-only, and files that may not grow, with their short writes."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from pipelines.torture.processes import Ended
from pipelines.torture.trials import Tally, campaign
from pipelines.torture.worlds import World

FULL, READ_ONLY, LIMITED = "small disk", "disk read-only", "file may not grow"
_SIZE = 96 << 20  # bytes of the disk
_LEAST, _MOST = 12, 21  # powers of two: bytes of room that are left on it


def can_mount() -> bool:
    """Tell whether a small disk can be mounted here: by root, and not in every container."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        return False
    tried = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(tried, capture_output=True).returncode == 0


@contextmanager
def _small_disk(world: World) -> Iterator[None]:
    """Have the world's folder be a disk of its own."""
    place = str(world.folder)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def full_disks(world: World, tally: Tally, count: int, rng: np.random.Generator) -> None:
    """Run a command where little room is left, which ends in the middle of a write."""
    ballast = world.folder / ".ballast"

    def disturb(number: int) -> tuple[str, str, Ended | None]:
        room = int(2 ** rng.uniform(_LEAST, _MOST))
        free = shutil.disk_usage(world.folder).free
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(free - room, 1))
        ended = world.run()
        ballast.unlink()
        tally.count(world.name, FULL, hit=ended.code not in world.codes)
        return FULL, f"{room} bytes of room", ended

    if count:
        with _small_disk(world):
            campaign(world, tally, count, disturb)


def read_only(world: World, tally: Tally, count: int, rng: np.random.Generator) -> None:
    """Run a command on a disk that nothing can be written to."""

    def remount(mode: str) -> None:
        command = ["mount", "-o", f"remount,{mode}", str(world.folder)]
        subprocess.run(command, check=True)

    def disturb(number: int) -> tuple[str, str, Ended | None]:
        remount("ro")
        ended = world.run()
        remount("rw")
        tally.count(world.name, READ_ONLY, hit=ended.code not in world.codes)
        return READ_ONLY, "mounted read-only", ended

    if count:
        with _small_disk(world):
            campaign(world, tally, count, disturb)


def limited_files(world: World, tally: Tally, count: int, rng: np.random.Generator) -> None:
    """Run a command none of whose files may grow beyond a length: the write there is cut short."""

    def disturb(number: int) -> tuple[str, str, Ended | None]:
        length = int(2 ** rng.uniform(_LEAST, _MOST - 3))
        ended = world.start(largest_file=length).wait()
        tally.count(world.name, LIMITED, hit=ended.code not in world.codes)
        return LIMITED, f"{length} bytes", ended

    campaign(world, tally, count, disturb)
