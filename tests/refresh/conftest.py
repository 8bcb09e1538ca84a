"""A folder of music that grows from night to night, and the refresh at work in it."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile as sf
from conftest import environment

from audiogenre import champions
from audiogenre.catalog import Catalog
from audiogenre.refresh import main
from audiogenre.sources.synth import render

GENRES = ("glass chorale", "iron stomp", "tin carnival")
ARTISTS, TRACKS = 15, 2  # of each genre, and of each artist
FIRST = range(9)  # artists of the first night
SETTINGS = 'set = "baseline"\nmin_new = 6\njobs = 1\n'
Row = tuple[str, str, str]


class Place:
    """A folder with music, configuration, data and models, and the refresh at work in it.

    All the music is there from the beginning; ``manifest.csv`` says which of it counts.
    """

    def __init__(self, root: Path, music: Path) -> None:
        self.root, self.music = root, music
        self.data, self.models, self.config = root / "data", root / "models", root / "a.toml"
        self.where = ("--data", str(self.data), "--models", str(self.models))
        self.rows: list[Row] = []
        self.configure()

    def configure(self, settings: str = SETTINGS, sources: str = "") -> None:
        folder = f'[[source]]\nname = "folder"\npath = "{self.music}"\n'
        self.config.write_text(f"{folder}{sources}[refresh]\n{settings}")

    def add(self, artists: Sequence[int], *, genres: Sequence[str] = GENRES) -> None:
        """Add artists of each genre, labelled as `genres` says."""
        self.rows += [
            (clip(sound, artist, track), label, f"{sound} {artist}")
            for sound, label in zip(GENRES, genres, strict=True)
            for artist in artists
            for track in range(TRACKS)
        ]
        with (self.music / "manifest.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("file", "genre", "artist"), *self.rows])

    def refresh(self, *arguments: str) -> int:
        try:
            return main(["--config", str(self.config), *self.where, *arguments])
        except SystemExit as error:
            return int(error.code or 0)

    def start(self) -> subprocess.Popen[str]:
        """Start the refresh as cron does: another process, from the folder it works in."""
        return subprocess.Popen(
            [sys.executable, "-m", "pipelines.refresh", "--config", "a.toml"],
            cwd=self.root,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @property
    def history(self) -> list[dict[str, Any]]:
        return champions.history(self.models)

    @property
    def current(self) -> str | None:
        folder = champions.current(self.models)
        return folder.name if folder else None

    def sides(self) -> dict[str, bool]:
        with Catalog(self.data / "catalog.db") as catalog:
            return catalog.sides()


def clip(genre: str, artist: int, track: int) -> str:
    return f"{genre.replace(' ', '-')}-{artist:02d}-{track}.wav"


class Table:
    """A place whose music is a table of attributes: what happens there does not hang on audio."""

    COLUMNS = ("energy", "valence", "liveness", "acousticness", "danceability", "speechiness")

    def __init__(self, root: Path) -> None:
        self.rng = np.random.default_rng(0)
        self.place = Place(root, root)
        self.file = root / "table.csv"
        self.rows = pd.DataFrame()
        self.place.config.write_text(
            f'[[source]]\nname = "table"\npath = "{self.file}"\n'
            '[refresh]\nfeatures = "spotify"\nmin_new = 6\njobs = 1\n'
        )

    def night(self, artists: Sequence[int], *, wrong: bool = False) -> dict[str, Any]:
        """Add two tracks of artists of each genre, and refresh."""
        new = []
        for place, genre in enumerate(GENRES):
            centre = np.where(np.arange(len(self.COLUMNS)) % 3 == place, 0.65, 0.35)
            label = GENRES[(place + wrong) % 3]
            for artist in artists:
                sound = centre + self.rng.normal(scale=0.12, size=len(centre))
                for number in range(2):
                    values = np.clip(sound + self.rng.normal(scale=0.03, size=len(sound)), 0, 1)
                    row = {"track_id": f"{place}-{artist}-{number}", "genre": label}
                    row |= {"artist": f"{genre} {artist}"}
                    new.append(row | dict(zip(self.COLUMNS, values, strict=True)))
        self.rows = pd.concat([self.rows, pd.DataFrame(new)])
        self.rows.to_csv(self.file, index=False)
        assert self.place.refresh() == 0
        return self.place.history[-1]


@pytest.fixture(scope="package")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music")
    for genre in GENRES:
        for artist in range(ARTISTS):
            for track in range(TRACKS):
                y = render(genre, artist=artist, track=track, seconds=6.0)
                sf.write(folder / clip(genre, artist, track), y, 22_050)
    return folder


@pytest.fixture(scope="package")
def after_first_night(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data and models after the first run; copy them."""
    place = Place(tmp_path_factory.mktemp("first"), music)
    place.add(FIRST)
    assert place.refresh("--quiet") == 0
    return place.root


@pytest.fixture
def empty(tmp_path: Path, music: Path) -> Place:
    return Place(tmp_path, music)


@pytest.fixture
def place(tmp_path: Path, music: Path, after_first_night: Path) -> Place:
    """The morning after the first night."""
    shutil.copytree(after_first_night, tmp_path, symlinks=True, dirs_exist_ok=True)
    place = Place(tmp_path, music)
    place.add(FIRST)
    return place


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[[], tuple[str, str]]:
    """Return what was printed since the last look, on stdout and on stderr."""

    def read() -> tuple[str, str]:
        found = capsys.readouterr()
        return found.out, found.err

    return read


Said = Callable[[], tuple[str, str]]
