"""What happens when the machine does not play along: kills, Ctrl-C, full disks, two at once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pyarrow.parquet as pq
import pytest
import soundfile as sf
from conftest import environment

from audiogenre.catalog import Catalog, Failure
from audiogenre.parts import Part, Report
from audiogenre.sources.synth import render
from audiogenre.sources.synth_styles import GENRES
from audiogenre.store import FeatureStore

SR = 22_050
CLIPS = 96
JOBS = ("--jobs", 2)
Start = Callable[..., subprocess.Popen[str]]
Run = Callable[..., subprocess.CompletedProcess[str]]
Features = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of clips of 6 s, each another excerpt, in four genres."""
    folder = tmp_path_factory.mktemp("clips")
    each = CLIPS // 4
    for genre in GENRES[:4]:
        (folder / genre).mkdir()
        y = render(genre, artist=0, track=0)
        for number in range(each):
            start = number * 24 * SR // each
            sf.write(folder / genre / f"{number:02d}.flac", y[start : start + 6 * SR], SR)
    return folder


@pytest.fixture(scope="module")
def registered(
    clips: Path, run_main: Callable[..., int], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A data folder in which the clips are known and nothing is extracted; copy it."""
    data = tmp_path_factory.mktemp("registered") / "data"
    assert run_main("download", "--source", "folder", "--path", clips, "--data", data, "-q") == 0
    return data


@pytest.fixture(scope="module")
def undisturbed(registered: Path, run_command: Run) -> tuple[Features, float, float]:
    """What one uninterrupted run writes; seconds to its first part, and from there to its last."""
    data = registered.with_name("undisturbed")
    shutil.copytree(registered, data)
    began = time.time()
    done = run_command("extract", *JOBS, "--data", data)
    assert (done.returncode, done.stderr) == (0, "")
    written = sorted(part.stat().st_mtime for part in parts_of(data))
    return features_of(data), written[0] - began, written[-1] - written[0]


@pytest.fixture
def data(registered: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(registered, tmp_path / "data"))


def parts_of(data: Path) -> list[Path]:
    return list((data / "features").glob("*/part-*.parquet"))


def partials_of(data: Path) -> list[Path]:
    return list((data / "features").rglob("*.tmp"))


def features_of(data: Path) -> Features:
    store = FeatureStore(data / "features")
    return {folder: store.read(folder) for folder in store.sets()}


def ledger_of(data: Path) -> dict[str, Failure]:
    with Catalog(data / "catalog.db") as catalog:
        return catalog.failures()


def assert_same(data: Path, expected: Features) -> None:
    found = features_of(data)
    assert found.keys() == expected.keys()
    for folder, rows in expected.items():
        assert len(rows) == CLIPS
        pd.testing.assert_frame_equal(found[folder], rows, check_exact=True)
    assert ledger_of(data) == {}


def assert_sentence(stderr: str, *, starts: str) -> None:
    """Errors are one sentence: one line, no traceback."""
    assert len(stderr.splitlines()) == 1, stderr
    assert stderr.startswith(starts), stderr


def workers_of(pid: int) -> list[psutil.Process]:
    """The pool's processes, without its resource trackers."""
    with suppress(psutil.NoSuchProcess):
        children = psutil.Process(pid).children(recursive=True)
        return [each for each in children if "LokyProcess" in " ".join(_command_line(each))]
    return []


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


def _command_line(process: psutil.Process) -> list[str]:
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return process.cmdline()
    return []


def hears_ctrl_c(pid: int) -> bool:
    """Tell whether a process does not ignore SIGINT, as it does for the moment of a fork."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("SigIgn:"):
            return not int(line.split()[1], 16) >> (signal.SIGINT - 1) & 1
    raise AssertionError("the kernel does not say which signals are ignored")


def wait_until(condition: Callable[[], object], process: subprocess.Popen[str]) -> bool:
    """Wait until a condition holds; False if the process ends before."""
    deadline = time.monotonic() + 60
    while not condition():
        if process.poll() is not None:
            return False
        assert time.monotonic() < deadline, "the command neither worked nor ended"
        time.sleep(0.005)
    return True


def end_group(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


@pytest.fixture
def groups() -> Iterator[list[int]]:
    """Process groups whose workers may outlive a killed parent; ended after the test."""
    started: list[int] = []
    yield started
    for group in started:
        end_group(group)


@pytest.mark.slow
def test_extract_survives_20_kills(
    registered: Path,
    undisturbed: tuple[Features, float, float],
    start_command: Start,
    tmp_path: Path,
    groups: list[int],
) -> None:
    expected, to_first, work = undisturbed
    rng = np.random.default_rng(20)
    # Who is killed, and whether only once this run has written a part (else while it starts).
    # Orphaned workers go on for a moment beside the next run: that is part of the trial.
    victims = rng.permutation(["parent"] * 5 + ["group"] * 11 + ["worker"] * 4)
    at_work = rng.permutation([True] * 8 + [False] * 12)
    campaign, kills, unfinished = 0, 0, 0
    data = Path(shutil.copytree(registered, tmp_path / "0"))

    while kills < len(victims):
        victim = victims[kills]
        before = len(parts_of(data))
        with (tmp_path / "stderr").open("w") as stderr:
            process = start_command("extract", *JOBS, "--data", data, stdout=stderr, stderr=stderr)
        groups.append(process.pid)
        if at_work[kills]:
            wait_until(lambda data=data, n=before: len(parts_of(data)) > n, process)
            time.sleep(rng.uniform(0, work / 10))
        else:
            time.sleep(rng.uniform(0.1, to_first))
        if victim == "worker" and (workers := workers_of(process.pid)):
            with suppress(psutil.NoSuchProcess):
                workers[int(rng.integers(len(workers)))].kill()
            time.sleep(rng.uniform(0, work / 10))  # then the parent, while it recovers
        if process.poll() is None:
            if victim == "group":
                end_group(process.pid)
            process.kill()
        if process.wait() == -signal.SIGKILL:
            kills += 1
            there = features_of(data)  # readable at any moment
            unfinished += any(len(there.get(folder, ())) < CLIPS for folder in expected)
        else:
            assert process.returncode == 0, (tmp_path / "stderr").read_text()
            assert_same(data, expected)
            campaign += 1
            data = Path(shutil.copytree(registered, tmp_path / str(campaign)))
        for group in groups[:-1]:
            end_group(group)

    assert unfinished >= 15, "too few of the kills fell inside the work"
    last = start_command("extract", *JOBS, "--data", data)
    assert (last.wait(60), last.stderr.read()) == (0, "")
    assert_same(data, expected)
    for each in range(campaign + 1):
        assert partials_of(tmp_path / str(each)) == []
        for part in parts_of(tmp_path / str(each)):
            assert pq.read_table(part).num_rows > 0


def test_a_killed_worker_costs_nothing(
    data: Path, undisturbed: tuple[Features, float, float], start_command: Start
) -> None:
    process = start_command("extract", *JOBS, "--data", data)
    assert wait_until(lambda: parts_of(data), process)
    workers_of(process.pid)[0].kill()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert err == "a worker process has died; its clips are tried again one by one\n"
    assert f"{CLIPS} extracted" in out
    assert_same(data, undisturbed[0])
    assert partials_of(data) == []


def test_a_clip_that_kills_its_worker_is_reported_and_the_rest_is_done(
    data: Path, run_main: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Catalog(data / "catalog.db") as catalog:
        deadly = sorted(catalog.previews())[CLIPS // 2]
    parent = os.getpid()

    def extract_part(part: Part) -> Report:
        from audiogenre.parts import extract_part

        if deadly in [item.track_id for item in part.items]:
            assert os.getpid() != parent, "computed where a crash takes the command with it"
            os.kill(os.getpid(), signal.SIGKILL)
        return extract_part(part)

    monkeypatch.setattr("audiogenre.parts.extract_part", extract_part)
    assert run_main("extract", *JOBS, "--data", data, "-q") == 1
    assert {item: each.reason for item, each in ledger_of(data).items()} == {deadly: "crashed"}
    for rows in features_of(data).values():
        assert len(rows) == CLIPS - 1
    assert run_main("extract", *JOBS, "--data", data, "-q") == 0, "it is not tried again"


def test_two_extracts_at_once_share_the_work(
    data: Path, undisturbed: tuple[Features, float, float], start_command: Start
) -> None:
    first, second = (start_command("extract", *JOBS, "--data", data, "--json") for _ in range(2))
    for process in (first, second):
        process.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (0, 0)
    assert_same(data, undisturbed[0])
    for folder in undisturbed[0]:
        rows = [pq.read_metadata(p).num_rows for p in parts_of(data) if p.parent.name == folder]
        assert sum(rows) == CLIPS, "both computed the same clips"


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
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert_sentence(err, starts="audiogenre extract: interrupted")
    assert members_of(process.pid) == [], "processes are left behind"
    if moment != "at work":
        return  # nothing was written, so that the next run is any first run
    again = run_command("extract", *JOBS, "--data", data)
    assert (again.returncode, again.stderr) == (0, "")
    assert_same(data, undisturbed[0])
    assert partials_of(data) == []


SAMPLE = ("--source", "sample", "--per-genre", 6, "--genre", GENRES[0], "--genre", GENRES[1])


def test_an_interrupted_download_says_one_sentence_and_goes_on(
    tmp_path: Path, start_command: Start, run_command: Run
) -> None:
    process = start_command("download", *SAMPLE, "--data", tmp_path)
    assert wait_until(lambda: list((tmp_path / "raw").rglob("*.mp3")), process)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert_sentence(err, starts="audiogenre download: interrupted")
    again = run_command("download", *SAMPLE, "--data", tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    assert_whole_download(tmp_path)


WHILE_DECODING = """
import io, sys, threading, time
from audiogenre import cli, decode
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

sys.exit(cli.run(command, cli.make_parser("test", "", ""), ["-q"]))
"""


def test_an_error_is_heard_while_another_thread_decodes() -> None:
    # libmpg123's remarks are kept off the terminal; a command's own must not go with them.
    done = subprocess.run(
        [sys.executable, "-c", WHILE_DECODING],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(),
    )
    assert done.returncode == 2, done.stderr
    assert_sentence(done.stderr, starts="audiogenre test: this has to be heard")


def assert_whole_download(data: Path) -> None:
    with Catalog(data / "catalog.db") as catalog:
        previews, ledger = catalog.previews(), catalog.failures()
    assert (len(previews), ledger) == (12, {})
    files = {path.relative_to(data).as_posix() for path in (data / "raw").rglob("*.*")}
    assert files == {each.path for each in previews.values()}
    assert all((data / each.path).stat().st_size == each.bytes for each in previews.values())


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Path]:
    """A small file system in memory; whoever may not mount one skips the test."""
    folder.mkdir(parents=True)
    mount = shutil.which("mount")
    command = [str(mount), "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True) if mount else None
    if done is None or done.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted: {done.stderr if done else 'no mount'}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 12 MB with a ballast that leaves about 1 MB; delete it to free the rest."""
    with mounted(tmp_path / "disk", "12m") as folder:
        (folder / "ballast").write_bytes(bytes(11 << 20))
        yield folder


def test_extract_on_a_full_disk_stops_with_a_sentence_and_completes_later(
    disk: Path, registered: Path, undisturbed: tuple[Features, float, float], run_command: Run
) -> None:
    data = Path(shutil.copytree(registered, disk / "data"))
    full = run_command("extract", *JOBS, "--data", data)
    assert full.returncode == 2, full.stderr
    assert_sentence(full.stderr, starts="audiogenre extract: ")
    assert "No space left" in full.stderr or "full" in full.stderr
    for folder, rows in features_of(data).items():
        whole = undisturbed[0][folder]
        pd.testing.assert_frame_equal(rows, whole.loc[rows.index], check_exact=True)
    (disk / "ballast").unlink()
    freed = run_command("extract", *JOBS, "--data", data)
    assert (freed.returncode, freed.stderr) == (0, "")
    assert_same(data, undisturbed[0])
    assert partials_of(data) == []


def test_download_on_a_full_disk_stops_with_a_sentence_and_completes_later(
    disk: Path, run_command: Run
) -> None:
    full = run_command("download", *SAMPLE, "--data", disk / "data")
    assert full.returncode == 2, (full.stdout, full.stderr)
    assert_sentence(full.stderr, starts="audiogenre download: ")
    (disk / "ballast").unlink()
    freed = run_command("download", *SAMPLE, "--data", disk / "data")
    assert (freed.returncode, freed.stderr) == (0, "")
    assert_whole_download(disk / "data")


def test_previews_that_found_no_room_are_no_failures_of_their_tracks(
    tmp_path: Path, run_command: Run
) -> None:
    # The catalogue lies on another disk and could record anything; what it must not say is that
    # the clips are bad, for then no later run would fetch them.
    with mounted(tmp_path / "data/raw", "600k") as raw:
        full = run_command("download", *SAMPLE, "--data", tmp_path / "data")
        assert full.returncode == 2, (full.stdout, full.stderr)
        assert_sentence(full.stderr, starts="audiogenre download: ")
        assert ledger_of(tmp_path / "data") == {}
        subprocess.run(["mount", "-o", "remount,size=8m", str(raw)], check=True)
        freed = run_command("download", *SAMPLE, "--data", tmp_path / "data")
        assert (freed.returncode, freed.stderr) == (0, "")
        assert_whole_download(tmp_path / "data")


def test_a_disk_without_any_room_is_named_in_a_sentence(disk: Path, run_command: Run) -> None:
    with suppress(OSError), (disk / "more").open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    for command in ("download", "extract"):
        full = run_command(command, "--data", disk / "data")
        assert full.returncode == 2, full.stdout
        assert_sentence(full.stderr, starts=f"audiogenre {command}: ")
