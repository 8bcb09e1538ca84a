"""Calls of the file system that fail, one in each run, by ``strace -e inject=``."""

from __future__ import annotations

import numpy as np

from pipelines.torture.processes import Call, Ended, calls_below, injected
from pipelines.torture.trials import Tally, campaign, crash
from pipelines.torture.worlds import World

# What each call may fail with on a disk that is full, broken or read-only.
_FULL, _BROKEN, _READ_ONLY = ("ENOSPC", "EDQUOT"), ("EIO",), ("EACCES", "EROFS")
_CHANGES = {
    **dict.fromkeys(("write", "pwrite64", "sendfile", "copy_file_range"), _FULL + _BROKEN),
    **dict.fromkeys(("fsync", "fdatasync"), _FULL + _BROKEN),
    **dict.fromkeys(("ftruncate", "fallocate"), _FULL + _BROKEN),
    **dict.fromkeys(("openat", "mkdir", "rename", "symlink", "link"), _FULL + _BROKEN + _READ_ONLY),
    **dict.fromkeys(("unlink", "rmdir", "unlinkat", "chmod", "fchmod"), _BROKEN + _READ_ONLY),
    **dict.fromkeys(("chown", "fchown", "utimensat"), _BROKEN + _READ_ONLY),
}
_READS = dict.fromkeys(("read", "pread64", "getdents64", "newfstatat", "flock"), _BROKEN)
_KINDS = {
    **dict.fromkeys(_FULL, "disk or quota full"),
    **dict.fromkeys(_BROKEN, "disk broken (EIO)"),
    **dict.fromkeys(_READ_ONLY, "folder read-only"),
}


def profile(world: World, *, reads: bool = False) -> list[Call]:
    """Run a command undisturbed; return its calls that change (or else read) files of its folder.

    Parameters
    ----------
    reads : bool
        Return those that read, instead.
    """
    world.reset()
    process, log = world.start(held=True), world.said / "log"
    names = _READS if reads else _CHANGES
    process.trace(log, names)
    process.wait()
    return calls_below(log, world.folder, names)


def faults(world: World, tally: Tally, count: int, rng: np.random.Generator) -> None:
    """Let one call of a command fail, so many times; three of four are calls that change files."""
    changes, reads = profile(world), profile(world, reads=True)

    def disturb(number: int) -> tuple[str, str, Ended | None]:
        calls = reads if number % 4 == 3 and reads else changes
        names = sorted({each.name for each in calls})  # each kind of call as often as the others
        name = names[int(rng.integers(len(names)))]
        drawn = [each for each in calls if each.name == name]
        call = drawn[int(rng.integers(len(drawn)))]
        codes = (_CHANGES | _READS)[name]
        code = codes[int(rng.integers(len(codes)))]
        return _inject(world, tally, call, code)

    campaign(world, tally, count, disturb)


def _inject(world: World, tally: Tally, call: Call, error: str) -> tuple[str, str, Ended | None]:
    process, log = world.start(held=True), world.said / "log"
    process.trace(log, [call.name], f"{call.name}:error={error}:when={call.number}")
    ended = process.wait()
    kind = "flush fails (fsync)" if call.name.endswith("sync") else _KINDS[error]
    hit = injected(log, world.folder) > 0
    tally.count(world.name, kind, hit=hit)
    # Where a call failed elsewhere, such as below /dev/shm, only the folder is judged.
    told = ended if hit or not crash(ended) else None
    return kind, f"{error} of {call.name} {call.number}", told
