"""Clips to be tagged, songs of the sample, and the command."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile as sf

from tagging.clips import FORMATS, Main, write_clip


@pytest.fixture(scope="module", params=FORMATS)
def plain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip without tags of its own: copy it."""
    return write_clip(tmp_path_factory.mktemp("plain") / f"a.{request.param}")


@pytest.fixture
def clip(plain: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(plain, tmp_path / plain.name))


@pytest.fixture
def mp3(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "a.mp3")


@pytest.fixture(scope="module")
def songs(sample_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with songs of the sample, of which some are known and one is not: copy it."""
    folder = tmp_path_factory.mktemp("songs")
    clips = sorted((sample_data / "raw").rglob("*.mp3"))
    for number, each in enumerate(clips[::12]):
        shutil.copy(each, folder / f"{number}.mp3")
        y, sr = sf.read(each, dtype="float32")
        sf.write(folder / f"{number}.flac", y, sr)
    write_clip(folder / "noise.ogg", seconds=10)
    write_clip(folder / "wave.wav", seconds=10)
    (folder / "web.mp3").write_bytes(b"<html>404</html>")
    return folder


@pytest.fixture
def library(songs: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(songs, tmp_path / "library"))


@pytest.fixture
def predict(
    run_main: Main, sample_models: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Run ``predict --json`` with a model of the sample."""

    def run(*arguments: object, model: object = "extracted-full") -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        common = ("--models", sample_models, "--jobs", 1, "--json")
        code = run_main("predict", model, *arguments, *common)
        return code, json.loads(capsys.readouterr().out)

    return run
