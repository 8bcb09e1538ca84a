"""Clips of artists that the sample's models have never heard, and the command on them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import soundfile as sf
from conftest import SAMPLE_GENRES

from audiogenre.sources.synth import render

SR = 22_050
N_EACH = 3
Main = Callable[..., int]
Evaluate = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture(scope="package")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each of the sample's genres, with clips of other artists: read only."""
    folder = tmp_path_factory.mktemp("elsewhere") / "music"
    for genre in SAMPLE_GENRES:
        (folder / genre).mkdir(parents=True)
        for number in range(N_EACH):
            y = render(genre, artist=number, track=0, seed=9, seconds=10)
            sf.write(folder / genre / f"{number}.mp3", y, SR)
    return folder


@pytest.fixture
def own(music: Path, tmp_path: Path) -> Path:
    """A copy of the folder, to be changed."""
    return Path(shutil.copytree(music, tmp_path / "own"))


@pytest.fixture
def evaluate(
    run_main: Main, sample_models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Evaluate:
    """Run the command with ``--json``, far from any catalogue; return exit code and result."""

    def run(path: Path, *arguments: object, model: str = "extracted-baseline") -> tuple[int, Any]:
        capsys.readouterr()
        where: tuple[object, ...] = ("--models", sample_models, "--data", tmp_path / "no-data")
        where += () if "--figures" in arguments else ("--figures", tmp_path / "figures")
        code = run_main(
            "evaluate", model, "--path", path, *arguments, *where, "--jobs", 1, "--json"
        )
        out = capsys.readouterr().out
        return code, json.loads(out, parse_constant=pytest.fail) if out else {}

    return run


def answers(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "answers.csv")
