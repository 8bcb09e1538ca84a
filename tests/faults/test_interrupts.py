"""Ctrl-C and SIGTERM: one sentence, no process left, and the next run goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from conftest import PATIENCE, environment

from faults.conftest import (
    JOBS,
    SAMPLE,
    Features,
    Run,
    Start,
    assert_same,
    assert_sentence,
    assert_whole_download,
    partials_of,
    parts_of,
    wait_until,
    workers_of,
)


def members_of(group: int) -> list[int]:
    """The processes of a group that are alive, once those that are ending have had a moment."""
    for _ in range(60):
        alive = []
        for each in psutil.process_iter(["status"]):
            with suppress(ProcessLookupError):
                ended = each.info["status"] == psutil.STATUS_ZOMBIE
                alive += [each.pid] if not ended and os.getpgid(each.pid) == group else []
        if not alive:
            break
        time.sleep(0.05)
    return alive


def hears_ctrl_c(pid: int) -> bool:
    """Tell whether a process does not ignore SIGINT, as it does for the moment of a fork."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("SigIgn:"):
            return not int(line.split()[1], 16) >> (signal.SIGINT - 1) & 1
    raise AssertionError("the kernel does not say which signals are ignored")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGINT, "while workers start"),
        (signal.SIGTERM, "while workers start"),
        (signal.SIGINT, "at work"),
    ],
)
def test_an_interrupted_extract_says_one_sentence_and_goes_on(
    number: signal.Signals,
    moment: str,
    data: Path,
    undisturbed: tuple[Features, float, float],
    start_command: Start,
    run_command: Run,
) -> None:
    process = start_command("extract", *JOBS, "--data", data)
    begun = {
        "while workers start": lambda: workers_of(process.pid) and hears_ctrl_c(process.pid),
        "at work": lambda: parts_of(data),
    }
    assert wait_until(begun[moment], process)
    # A terminal sends Ctrl-C to the whole group, 'kill' sends SIGTERM to the command alone.
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, err
    assert_sentence(err, starts="audiogenre extract: interrupted")
    assert members_of(process.pid) == [], "processes are left behind"
    if moment != "at work":
        return  # nothing was written, so that the next run is any first run
    again = run_command("extract", *JOBS, "--data", data)
    assert (again.returncode, again.stderr) == (0, "")
    assert_same(data, undisturbed[0])
    assert partials_of(data) == []


def test_an_interrupted_download_says_one_sentence_and_goes_on(
    tmp_path: Path, start_command: Start, run_command: Run
) -> None:
    process = start_command("download", *SAMPLE, "--data", tmp_path)
    assert wait_until(lambda: list((tmp_path / "raw").rglob("*.mp3")), process)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, err
    assert_sentence(err, starts="audiogenre download: interrupted")
    again = run_command("download", *SAMPLE, "--data", tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    assert_whole_download(tmp_path)


WHILE_DECODING = """
import io, sys, threading, time
from audiogenre import arguments, cli, decode
from audiogenre.errors import UsageError

class Stuck(io.BytesIO):
    inside = threading.Event()

    def readinto(self, buffer):
        self.inside.set()
        time.sleep(60)

    def read(self, size=-1):
        if self.tell() or self.inside.is_set() or size != 4096:
            self.readinto(None)
        return super().read(size)

clip = Stuck(b"RIFF" + bytes(100))
threading.Thread(target=decode, args=(clip,), daemon=True).start()
assert clip.inside.wait(30), "the decoder has read nothing"

def command(args, out):
    raise UsageError("this has to be heard")

sys.exit(cli.run(command, arguments.make_parser("test", "", ""), ["-q"]))
"""


def test_an_error_is_heard_while_another_thread_decodes() -> None:
    # libmpg123's remarks are kept off the terminal; a command's own must not go with them.
    done = subprocess.run(
        [sys.executable, "-c", WHILE_DECODING],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=environment(),
    )
    assert done.returncode == 2, done.stderr
    assert_sentence(done.stderr, starts="audiogenre test: this has to be heard")
