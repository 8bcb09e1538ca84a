"""A folder of clips in which nothing is extracted, and what a run has left in it."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pandas as pd
import psutil
import pytest
import soundfile as sf
from conftest import PATIENCE

from audiogenre.catalog import Catalog, Failure
from audiogenre.sources.synth import render
from audiogenre.sources.synth_styles import GENRES
from audiogenre.store import FeatureStore

SR = 22_050
CLIPS = 96
JOBS = ("--jobs", 2)
Start = Callable[..., subprocess.Popen[str]]
Run = Callable[..., subprocess.CompletedProcess[str]]
Features = dict[str, pd.DataFrame]
SAMPLE = ("--source", "sample", "--per-genre", 6, "--genre", GENRES[0], "--genre", GENRES[1])


@pytest.fixture(scope="package")
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


@pytest.fixture(scope="package")
def registered(
    clips: Path, run_main: Callable[..., int], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A data folder in which the clips are known and nothing is extracted; copy it."""
    data = tmp_path_factory.mktemp("registered") / "data"
    assert run_main("download", "--source", "folder", "--path", clips, "--data", data, "-q") == 0
    return data


@pytest.fixture(scope="package")
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


def wait_until(condition: Callable[[], object], process: subprocess.Popen[str]) -> bool:
    """Wait until a condition holds; False if the process ends before."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if process.poll() is not None:
            return False
        assert time.monotonic() < deadline, "the command neither worked nor ended"
        time.sleep(0.005)
    return True


def workers_of(pid: int) -> list[psutil.Process]:
    """The pool's processes, without its resource trackers."""
    with suppress(psutil.NoSuchProcess):
        children = psutil.Process(pid).children(recursive=True)
        return [each for each in children if "LokyProcess" in " ".join(_command_line(each))]
    return []


def _command_line(process: psutil.Process) -> list[str]:
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return process.cmdline()
    return []


def assert_whole_download(data: Path) -> None:
    with Catalog(data / "catalog.db") as catalog:
        previews, ledger = catalog.previews(), catalog.failures()
    assert (len(previews), ledger) == (12, {})
    files = {path.relative_to(data).as_posix() for path in (data / "raw").rglob("*.*")}
    assert files == {each.path for each in previews.values()}
    assert all((data / each.path).stat().st_size == each.bytes for each in previews.values())
