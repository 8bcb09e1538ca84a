"""A scheduler and workers as a user starts them, an S3 server, and clips to extract."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import pandas as pd
import pytest
import soundfile as sf
from conftest import PATIENCE, environment

from audiogenre.catalog import Catalog, Failure
from audiogenre.sources.synth import render
from audiogenre.sources.synth_styles import GENRES
from audiogenre.store import FeatureStore

SR = 22_050
CLIPS = 48
SETS = ("--set", "baseline+full")
Run = Callable[..., subprocess.CompletedProcess[str]]
Features = dict[str, pd.DataFrame]
_DASK = [sys.executable, "-m", "dask"]
_S3 = (
    "import sys\n"
    "from moto.server import ThreadedMotoServer\n"
    "server = ThreadedMotoServer('127.0.0.1', port=0, verbose=False)\n"
    "server.start()\n"
    "print('http://%s:%d' % server.get_host_and_port(), flush=True)\n"
    "sys.stdin.read()\n"
)


class Dask:
    """A scheduler and its workers, processes of their own.

    Parameters
    ----------
    folder : Path
        For what they print.
    variables : str
        Their environment variables, beside those of the tests.
    """

    def __init__(self, folder: Path, **variables: str) -> None:
        self._folder = folder
        self._environment = environment() | variables
        self._log = (folder / "dask.log").open("a")
        self.workers: list[subprocess.Popen[bytes]] = []
        self.port = 0
        self.start_scheduler()

    def __enter__(self) -> Dask:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()
        self._log.close()

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    @property
    def options(self) -> tuple[str, ...]:
        """What ``extract`` is told."""
        return ("--engine", "dask", "--scheduler", self.address)

    def start_scheduler(self) -> None:
        """Start the scheduler; a second time, at the address of the first."""
        file = self._folder / "scheduler.json"
        file.unlink(missing_ok=True)
        named = ("--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard")
        self.scheduler = self._start("scheduler", *named, "--scheduler-file", str(file))
        wait_for(lambda: file.is_file() and file.read_text().endswith("}"))
        self.port = int(json.loads(file.read_text())["address"].rpartition(":")[2])

    def start_worker(self, *options: str) -> subprocess.Popen[bytes]:
        """Start a worker of one thread, without a nanny: who kills it kills it for good."""
        alone = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
        self.workers.append(self._start("worker", self.address, *alone, *options))
        return self.workers[-1]

    def wait(self) -> None:
        """Wait until every worker that was started has been heard of."""
        log = Path(self._log.name)
        wait_for(lambda: log.read_text().count("Registered to:") >= len(self.workers))

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*_DASK, *arguments],
            env=self._environment,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


@pytest.fixture(scope="session")
def run_command(run_command: Run) -> Run:
    """Run commands that wait for other processes, however busy the machine."""
    return partial(run_command, timeout=PATIENCE)


@pytest.fixture(scope="package")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    """Two workers for whoever does not kill them."""
    pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    with Dask(tmp_path_factory.mktemp("dask")) as cluster:
        cluster.start_worker()
        cluster.start_worker()
        cluster.wait()
        yield cluster


@pytest.fixture(scope="package")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment in which S3 is a server on this machine with one bucket, ``music``."""
    pytest.importorskip("moto", reason="moto is not installed")
    fsspec = pytest.importorskip("fsspec", reason="the extra 'cluster' is not installed")
    server = subprocess.Popen(
        [sys.executable, "-c", _S3], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        variables = {
            "AWS_ENDPOINT_URL": server.stdout.readline().strip(),
            "AWS_ACCESS_KEY_ID": "anyone",
            "AWS_SECRET_ACCESS_KEY": "anything",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            fsspec.filesystem("s3").mkdir("music")
            yield variables
    finally:
        server.kill()
        server.communicate()


@pytest.fixture(scope="package")
def registered(run_main: Callable[..., int], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which clips of 6 s are known and nothing is extracted; copy it."""
    home = tmp_path_factory.mktemp("registered")
    for genre in GENRES[:2]:
        (home / "clips" / genre).mkdir(parents=True)
        y = render(genre, artist=0, track=0)
        for number in range(CLIPS // 2):
            start = number * SR
            clip = y[start : start + 6 * SR]
            sf.write(home / "clips" / genre / f"{number:02d}.flac", clip, SR)
    data = home / "data"
    named = ("--source", "folder", "--path", home / "clips")
    assert run_main("download", *named, "--data", data, "-q") == 0
    return data


@pytest.fixture(scope="package")
def expected(registered: Path, run_command: Run) -> Features:
    """What the pool of this machine writes."""
    data = Path(shutil.copytree(registered, registered.with_name("expected")))
    done = run_command("extract", *SETS, "--jobs", 2, "--data", data)
    assert (done.returncode, done.stderr) == (0, "")
    return features_of(data)


@pytest.fixture
def data(registered: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(registered, tmp_path / "data"))


def features_of(data: Path) -> Features:
    store = FeatureStore.of(data)
    return {folder: store.read(folder) for folder in store.sets()}


def parts_of(data: Path) -> list[Path]:
    return list((data / "features").glob("*/part-*.parquet"))


def ledger_of(data: Path) -> dict[str, Failure]:
    with Catalog(data / "catalog.db") as catalog:
        return catalog.failures()


def assert_same(data: Path, expected: Features) -> None:
    found = features_of(data)
    assert found.keys() == expected.keys()
    for folder, rows in expected.items():
        pd.testing.assert_frame_equal(found[folder], rows, check_exact=True)
    assert ledger_of(data) == {}


def kill(process: subprocess.Popen[Any]) -> None:
    with suppress(ProcessLookupError):
        os.kill(process.pid, 9)
    process.wait()
