"""What several test files share: clips, a small sample through the real commands, processes."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import soundfile as sf

ROOT = Path(__file__).resolve().parent.parent
SAMPLE_GENRES = ("lantern waltz", "iron stomp", "velvet drift", "neon relay")
SAMPLE_PER_GENRE = 15  # by at least three artists each: an artist split needs them
JOBS = "2"


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
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        **({"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options),
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
