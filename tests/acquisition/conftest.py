"""A data folder with its music, and what is put into them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from audiogenre.audio import SAMPLE_RATE
from audiogenre.catalog import Catalog, Failure, Preview
from audiogenre.sources.synth import render
from audiogenre.sources.synth_styles import GENRES

Main = Callable[..., int]


class Folder:
    """A data folder with its music, and the two commands on it."""

    def __init__(self, root: Path, main: Main, capsys: pytest.CaptureFixture[str]) -> None:
        self.data, self.music = root / "data", root / "music"
        self.music.mkdir()
        self._main, self._capsys = main, capsys
        self.out = self.err = ""

    def run(self, command: str, *arguments: object) -> tuple[int, dict[str, Any]]:
        """Run a command with ``--json`` and return its exit code and result."""
        self._capsys.readouterr()
        code = self._main(command, *arguments, "--data", self.data, "--jobs", 2, "--json")
        self.out, self.err = self._capsys.readouterr()
        return code, json.loads(self.out) if self.out else {}

    def download(self, *arguments: object) -> tuple[int, dict[str, Any]]:
        return self.run("download", "--source", "folder", "--path", self.music, *arguments)

    def catalog(self) -> Catalog:
        return Catalog(self.data / "catalog.db")

    def ledger(self) -> dict[str, Failure]:
        with self.catalog() as catalog:
            return catalog.failures()

    def previews(self) -> dict[str, Preview]:
        with self.catalog() as catalog:
            return catalog.previews()

    def labels(self) -> dict[str, str]:
        """Return the label of every preview by its file's name."""
        with self.catalog() as catalog:
            previews = catalog.previews()
            return {
                Path(previews[row[0]].path).name: row[1]
                for row in catalog.labelled("genre")
                if row[0] in previews
            }


@pytest.fixture
def folder(tmp_path: Path, run_main: Main, capsys: pytest.CaptureFixture[str]) -> Folder:
    return Folder(tmp_path, run_main, capsys)


def clip(number: int = 0, seconds: float = 6) -> np.ndarray[Any, Any]:
    """Return music that differs from number to number."""
    y = render(GENRES[number % 8], artist=number // 8, track=0, seconds=max(seconds, 1))
    return y[: round(seconds * SAMPLE_RATE)]


def write_clip(path: Path, number: int = 0, seconds: float = 6) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, clip(number, seconds), SAMPLE_RATE)
    return path


def encoded(y: np.ndarray[Any, Any], **options: Any) -> bytes:
    file = io.BytesIO()
    sf.write(file, y, SAMPLE_RATE, **({"format": "MP3"} | options))
    return file.getvalue()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


HERE = Preview("/a.wav", "abc", 10, 6.0, 20)
