"""A reader's machine: a home with music, the demo, data, models, services on loopback."""

from __future__ import annotations

import csv
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from conftest import JOBS, ROOT, run_main
from joblib.externals.loky import get_reusable_executor
from services import CLIENT_ID, Service
from tenacity import wait_random

from audiogenre import champions, net
from audiogenre.catalog import Catalog
from audiogenre.liked.login import CALLBACK, begin, finish
from audiogenre.sources.deezer import Deezer
from audiogenre.sources.jamendo import JamendoSource
from audiogenre.sources.spotify import SpotifySource

# What the services' genres sound like in the sample.
GENRES = {
    "iron-stomp": "rock",
    "velvet-drift": "jazz",
    "neon-relay": "techno",
    "lantern-waltz": "folk",
}
CONFIG = """
[[source]]
name = "folder"
path = "{music}"
[refresh]
set = "baseline"
model = "linear"
jobs = 1
"""


ATTRIBUTES = ("danceability", "energy", "valence", "liveness", "acousticness")


@dataclass(frozen=True)
class Machine:
    """What is the same for every page: read only."""

    home: Path
    place: Path


@pytest.fixture(scope="session")
def machine(sample_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """Return a home with music, and a folder in which it has been learned from."""
    home, place = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("place")
    rows = [("file", "genre", "artist", "title")]
    for clip in sorted((sample_data / "raw").rglob("*.mp3")):
        sound, artist, number, _ = clip.stem.rsplit("-", 3)
        genre = GENRES[sound]
        (home / "music" / genre).mkdir(parents=True, exist_ok=True)
        shutil.copy(clip, home / "music" / genre)
        title = "a song" if len(rows) == 1 else f"song {artist} {number} of {genre}"
        rows.append((f"{genre}/{clip.name}", genre, f"{genre} {artist}", title))
    with (home / "music" / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    songs = sorted((home / "music").rglob("*-000-0-*.mp3"))
    for clip in songs:
        for other in ("new", f"other-music/{clip.parent.name}"):
            (home / other).mkdir(parents=True, exist_ok=True)
            shutil.copy(clip, home / other)
    for song, name in zip(songs, ("song", "a", "b"), strict=False):
        shutil.copy(song, place / f"{name}.mp3")
    _fma(home, songs)
    _files(home, place)
    where = ("--data", place / "data", "--models", place / "models", "--jobs", JOBS, "--quiet")
    assert (
        run_main("download", "--source", "folder", "--path", home / "music", *where[:2], "-q") == 0
    )
    assert run_main("extract", *where) == 0
    assert run_main("fit", "--model", "linear", "--name", "extracted-full", *where) == 0
    with Catalog(place / "data" / "catalog.db") as catalog:
        doubtful = next(iter(catalog.known()))
    (place / "reviewed.csv").write_text(f"track_id,label,note\n{doubtful},rock,\n")
    champions.point(place / "models", "extracted-full")
    shutil.copytree(sample_data, place / "demo" / "data")
    return Machine(home, place)


def _fma(home: Path, clips: list[Path]) -> None:
    """Write the folder of the FMA set, with as many clips as there are genres."""
    head = [("set", "split"), ("set", "subset"), ("track", "title"), ("track", "genre_top")]
    head += [("artist", "name")]
    rows = [["", *(first for first, _ in head)], ["", *(second for _, second in head)]]
    rows += [["track_id"] + [""] * len(head)]
    (home / "fma_small" / "000").mkdir(parents=True)
    for number, clip in enumerate(clips, start=2):
        genre = clip.parent.name.capitalize()
        rows.append([str(number), "training", "small", "Song", genre, f"Artist {number}"])
        shutil.copy(clip, home / "fma_small" / "000" / f"{number:06d}.mp3")
    (home / "fma_metadata").mkdir()
    with (home / "fma_metadata" / "tracks.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def _files(home: Path, place: Path) -> None:
    """Write what pages read beside music: a configuration, a table, corrections."""
    (place / "audiogenre.toml").write_text(CONFIG.format(music=home / "music"))
    with (place / "tracks.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["track_id", "track_genre", "artists", "track_name", *ATTRIBUTES])
        for number, genre in enumerate(("rock", "jazz") * 3):
            song = [f"id{number}", genre, f"Artist {number}", f"Song {number}"]
            writer.writerow([*song, *(0.1 + 0.1 * number for _ in ATTRIBUTES)])


@pytest.fixture
def reader(
    machine: Machine, services: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """Go to a folder as a reader has it, logged in at the services; return the folder."""
    here = tmp_path / "audiogenre"
    shutil.copytree(machine.place, here, symlinks=True)
    home = tmp_path / "home"
    shutil.copytree(machine.home, home, copy_function=os.link)
    shims = tmp_path / "bin"
    shims.mkdir()
    for name, line in (("audiogenre", "-m audiogenre"), ("python", "")):
        (shims / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {line} "$@"\n')
        (shims / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(shims), prepend=os.pathsep)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(net, "BACKOFF", wait_random(max=0.1))
    for source in (Deezer, JamendoSource, SpotifySource):
        monkeypatch.setattr(source, "RATE", (1000, 1.0))
    services.library(reset=True, liked=[])
    pending = begin(CLIENT_ID, f"http://127.0.0.1:8888{CALLBACK}")
    answer = requests.get(pending.url, allow_redirects=False, timeout=10)
    finish(pending, answer.headers["Location"])
    monkeypatch.chdir(here)
    get_reusable_executor().shutdown()  # its processes stay in the folder they began in
    yield here
    get_reusable_executor().shutdown()
