"""What several test files share: clips, a small sample through the real commands, processes."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import soundfile as sf
from scripted import Scripted
from services import Service

from audiogenre.catalog import Catalog, Failure, Preview
from audiogenre.typing import Problem, Source, Track

ROOT = Path(__file__).resolve().parent.parent
SAMPLE_GENRES = ("lantern waltz", "iron stomp", "velvet drift", "neon relay")
SAMPLE_PER_GENRE = 15  # by at least three artists each: an artist split needs them
JOBS = "2"
PATIENCE = 600  # s until a process counts as hung, however busy the machine

# Where the tests run in the background of a shell SIGINT is ignored, and commands inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

CALM: dict[str, Any] = {  # the fake services with nothing wrong
    "faults": {},
    "night": 0,
    "latency": 0,
    "lifetime": 900,
    "rate": {"limit": 100_000, "seconds": 5},
    "down": False,
    "slow": 0.5,
    "spotify_app": "new",
    "spotify_token": "ok",
    "spotify_consent": "given",
}


def run_main(command: str, *arguments: object) -> int:
    """Run a command in this process and return its exit code, also where argparse exits."""
    main = import_module(f"audiogenre.{command}").main
    try:
        return int(main([str(each) for each in arguments]))
    except SystemExit as error:
        return int(error.code or 0)


def environment() -> dict[str, str]:
    """Return the environment of a subprocess that finds the package from any folder."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return os.environ | {"PYTHONPATH": path}


def start_command(command: str, *arguments: object, **options: Any) -> subprocess.Popen[str]:
    """Start ``python -m audiogenre.COMMAND`` as the leader of a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", f"audiogenre.{command}", *map(str, arguments)],
        env=environment(),
        text=True,
        start_new_session=True,
        **(
            {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            | options
        ),
    )


def run_command(
    command: str, *arguments: object, timeout: float = 120, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run ``python -m audiogenre.COMMAND`` to its end."""
    with start_command(command, *arguments, **options) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.fixture(name="run_main", scope="session")
def _run_main() -> Callable[..., int]:
    return run_main


@pytest.fixture(name="run_command", scope="session")
def _run_command() -> Callable[..., subprocess.CompletedProcess[str]]:
    return run_command


@pytest.fixture(name="start_command")
def _start_command() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start commands; whatever still runs when the test is over is ended."""
    started: list[subprocess.Popen[str]] = []

    def start(command: str, *arguments: object, **options: Any) -> subprocess.Popen[str]:
        started.append(start_command(command, *arguments, **options))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def listing(source: Source) -> tuple[list[Track], list[Problem]]:
    """Return what a source lists: tracks, and problems beside them."""
    tracks: list[Track] = []
    problems: list[Problem] = []
    for each in source.tracks():
        problems.append(each) if isinstance(each, Problem) else tracks.append(each)
    return tracks, problems


class Downloads:
    """A data folder, ``download`` into it, and what the catalogue holds afterwards."""

    def __init__(self, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data = data
        self._capsys = capsys
        self.out = self.err = ""

    def run(
        self, source: str, *arguments: object, accept: bool = True
    ) -> tuple[int, dict[str, Any]]:
        """Download from a source with ``--json``; return the exit code and the result."""
        self._capsys.readouterr()
        terms = ("--accept-terms",) if accept else ()
        named = ("--source", source) if source else ()
        code = run_main("download", *named, *terms, *arguments, "--data", self.data, "--json")
        self.out, self.err = self._capsys.readouterr()
        return code, json.loads(self.out) if self.out else {}

    def catalog(self) -> Catalog:
        return Catalog(self.data / "catalog.db")

    def known(self) -> dict[str, Track]:
        with self.catalog() as catalog:
            return catalog.known()

    def previews(self) -> dict[str, Preview]:
        with self.catalog() as catalog:
            return catalog.previews()

    def ledger(self) -> dict[str, Failure]:
        with self.catalog() as catalog:
            return catalog.failures()

    def labels(self, track_id: str) -> set[tuple[str, str]]:
        """Return name and provenance of a track's labels."""
        return {(each.name, each.provenance) for each in self.known()[track_id].labels}

    def change(self, statement: str, *values: object) -> None:
        """Change the catalogue behind the program's back, to let time pass."""
        with self.catalog() as catalog, catalog.transaction():
            catalog._db.execute(statement, values)

    def let_time_pass(self, seconds: float) -> None:
        """Make all that the catalogue waits for come nearer."""
        self.change("UPDATE failures SET next_try = next_try - ?", seconds)
        self.change("UPDATE hosts SET until = until - ?", seconds)


@pytest.fixture
def downloads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Downloads:
    return Downloads(tmp_path / "data", capsys)


@pytest.fixture(scope="session")
def running_services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Start the fake services once: four genres of 24 songs, 20 of which Deezer has audio of."""
    clips = tmp_path_factory.mktemp("clips")
    with Service(clips, tracks_per_genre=24, genres=4, pool=2, latency=0) as service:
        yield service


@pytest.fixture
def services(running_services: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    """Return the fake services, calm, and point the commands of this process to them."""
    running_services.set(**CALM)
    running_services.clear_log()
    for name, value in running_services.environment().items():
        monkeypatch.setenv(name, value)
    return running_services


@pytest.fixture
def script() -> Iterator[Scripted]:
    """Return a server that answers what the test says."""
    with Scripted() as server:
        yield server


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Return the folder of real clips with their ``manifest.csv``."""
    shared = Path(os.environ.get("AUDIOGENRE_SHARED") or ROOT.parent / "shared")
    folder = shared / "corpus"
    if not (folder / "manifest.csv").is_file():
        pytest.skip(f"no real clips in {folder} (AUDIOGENRE_SHARED says where they are)")
    return folder


@pytest.fixture(scope="session")
def mp3_bytes() -> bytes:
    """Return a clip of the sample as it is fetched: 30 s of MP3, mono, 22.05 kHz."""
    from audiogenre.sources.synth import render

    mp3 = io.BytesIO()
    sf.write(mp3, render(SAMPLE_GENRES[0], artist=0, track=0), 22_050, format="MP3")
    return mp3.getvalue()


@pytest.fixture(scope="session")
def sample_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with four genres of 15 sample clips, both sets extracted: read only."""
    data = tmp_path_factory.mktemp("sample") / "data"
    genres = [each for genre in SAMPLE_GENRES for each in ("--genre", genre)]
    count = ("--per-genre", SAMPLE_PER_GENRE)
    common = ("--data", data, "--jobs", JOBS, "--quiet")
    assert run_main("download", "--source", "sample", *genres, *count, *common) == 0
    assert run_main("extract", *common) == 0
    return data


@pytest.fixture(scope="session")
def sample_models(sample_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a models folder with extracted-full, -baseline and -full-majority: read only."""
    models = tmp_path_factory.mktemp("models")
    common = ("--data", sample_data, "--models", models, "--jobs", JOBS, "--quiet")
    for own in ((), ("--set", "baseline"), ("--model", "majority")):
        assert run_main("fit", "--features", "extracted", *own, *common) == 0
    names = ("extracted-full", "extracted-baseline", "extracted-full-majority")
    assert all((models / name / "metadata.json").is_file() for name in names)
    return models
