"""Commands as processes that start at once, and what ``strace`` does to them.

A command is a fork of one process that has imported everything already (``multiprocessing``'s fork
server), so that a trial takes tenths of a second and not the seconds of an import. It leads a
process group of its own, runs the command's own ``main``, and can be killed like any other.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

STRACE = shutil.which("strace")
PATIENCE = 300.0  # s until a command counts as hung, however busy the machine
HUNG = "HUNG"  # how its words begin then
# What a killed command has locked is no news.
os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker:UserWarning")
_zygote = multiprocessing.get_context("forkserver")
_zygote.set_forkserver_preload(["pipelines.torture.warm"])
_at_work: set[int] = set()  # process groups, for the case that this process ends before they do


@dataclass(frozen=True)
class Call:
    """The n-th call of a kind that a thread of a command makes to the file system."""

    name: str
    number: int


@dataclass(frozen=True)
class Ended:
    """What a process has left: its exit code (negative: the signal it died of), and its words."""

    code: int
    out: str
    err: str
    seconds: float


class Started:
    """A command at work.

    Parameters
    ----------
    module : str
        Whose ``main`` is called.
    arguments : sequence of str
    said : Path
        A folder for what it says.
    environment : mapping, optional
        Variables besides those of this process.
    held : bool
        Whether it waits, stopped, for `trace`.
    largest_file : int, optional
        Bytes that no file of it may grow beyond (``RLIMIT_FSIZE``).
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        said: Path,
        *,
        environment: Mapping[str, str] | None = None,
        held: bool = False,
        largest_file: int | None = None,
    ) -> None:
        said.mkdir(parents=True, exist_ok=True)
        for each in said.iterdir():
            each.unlink()
        self._said = said
        self._tracer: subprocess.Popen[bytes] | None = None
        self._began = time.monotonic()
        given = (module, list(arguments), str(said), dict(environment or {}), held, largest_file)
        self._process = _zygote.Process(target=_become, args=given)
        self._process.start()
        self.pid = int(self._process.pid or 0)
        _at_work.add(self.pid)
        if held:
            self._wait_for("State:", "T")

    def trace(self, log: Path, calls: Iterable[str], inject: str = "") -> None:
        """Have ``strace`` follow it, and let it go on.

        Parameters
        ----------
        log : Path
        calls : iterable of str
            Those to write down.
        inject : str, optional
            What to do to them, as ``strace -e inject=`` takes it.
        """
        options = ["-f", "-y", "-qq", "-s", "0", "-o", str(log), "-e", f"trace={','.join(calls)}"]
        options += ["-e", f"inject={inject}"] if inject else []
        command = [str(STRACE), *options, "-p", str(self.pid)]
        self._tracer = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        self._wait_for("TracerPid:", str(self._tracer.pid))
        os.kill(self.pid, signal.SIGCONT)

    def _wait_for(self, name: str, value: str) -> None:
        deadline = time.monotonic() + PATIENCE
        status = Path(f"/proc/{self.pid}/status")
        while re.search(rf"^{name}\s*{value}", status.read_text(), re.MULTILINE) is None:
            if time.monotonic() > deadline:
                raise RuntimeError(f"process {self.pid} does not come to {name} {value}")
            time.sleep(0.0005)

    def is_alive(self) -> bool:
        """Tell whether it is still at work."""
        return self._process.is_alive()

    def kill(self) -> None:
        """Kill it with its whole group."""
        _kill_group(self.pid)

    def wait(self, seconds: float = PATIENCE) -> Ended:
        """Wait for its end; one that does not come is a hang, and ended with signal 9."""
        self._process.join(seconds)
        if self._process.is_alive():
            self.kill()
            self._process.join()
            (self._said / "err").write_text(f"{HUNG} for {seconds:.0f} s")
        self.kill()  # workers that it has left
        _at_work.discard(self.pid)
        seconds = time.monotonic() - self._began
        if self._tracer is not None:
            self._tracer.wait()
        code = int(self._process.exitcode or 0)
        self._process.close()
        out, err = (_read(self._said / name) for name in ("out", "err"))
        return Ended(code, out, err, seconds)


def _kill_group(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


@atexit.register
def _kill_all() -> None:
    for group in _at_work:
        _kill_group(group)


def _read(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def _become(
    module: str,
    arguments: list[str],
    said: str,
    environment: dict[str, str],
    held: bool,
    largest_file: int | None,
) -> None:
    """Be the command; only ever run in a process of its own."""
    os.setsid()
    for name, number in (("out", 1), ("err", 2)):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        os.dup2(os.open(Path(said, name), flags, 0o600), number)
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main = import_module(module).main
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    if held:
        os.kill(os.getpid(), signal.SIGSTOP)
    code = main(arguments)
    atexit._run_exitfuncs()  # a fork leaves without them, and a program of its own does not
    sys.exit(code)


def calls_below(log: Path, folder: Path, among: Iterable[str]) -> list[Call]:
    """Return the calls in a log of `Started.trace` that change, or read, files below a folder."""
    wanted, found = set(among), []
    counts: dict[tuple[str, str], int] = {}
    for line in log.read_text(errors="replace").splitlines():
        thread, _, rest = line.partition(" ")
        name = rest.strip().partition("(")[0]
        if name not in wanted:
            continue
        counts[thread, name] = counts.get((thread, name), 0) + 1
        reads_only = name == "openat" and not re.search("O_WRONLY|O_RDWR|O_CREAT", rest)
        if f"{folder}/" in rest and not reads_only:
            found.append(Call(name, counts[thread, name]))
    return found


def injected(log: Path, folder: Path) -> int:
    """Return how many calls below a folder were made to fail."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return sum("(INJECTED)" in line and f"{folder}/" in line for line in lines)
