"""Somebody with an account at a Spotify over HTTP, and a data folder that knows its songs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from conftest import run_main
from services import CLIENT_ID, Service
from services.world import Song, World
from tenacity import wait_random

from audiogenre import net
from audiogenre.bundles import load_bundle
from audiogenre.catalog import Catalog, Preview
from audiogenre.liked.login import CALLBACK, begin, finish
from audiogenre.songs import SongIndex
from audiogenre.sources.spotify import SpotifySource
from audiogenre.store import FeatureStore, write_part
from audiogenre.typing import Track

PER_GENRE = 180  # songs of a world of four genres: some 600 on Spotify, more than ten pages
ROCK, ELECTRO = "iron stomp", "neon relay"
GENRES = f"{ROCK},{ELECTRO}"
MODEL = ("--model", "extracted-baseline")
WRITES = ("create_playlist", "add_items", "remove_items")
Truth = dict[str, str]  # label by Spotify's id


@pytest.fixture(scope="session")
def shelf(
    sample_data: Path, sample_models: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Truth, list[Song]]:
    """Return a data folder that knows nine of ten songs, what the model says, and all songs."""
    data = tmp_path_factory.mktemp("shelf") / "data"
    shutil.copytree(sample_data, data, ignore=shutil.ignore_patterns("raw", "full-*"))
    songs = World(4, PER_GENRE).all("spotify")
    known = [each for number, each in enumerate(songs) if number % 10]
    store = FeatureStore(data / "features")
    folder = store.find("baseline")
    rows = store.read(folder)
    drawn = rows.iloc[np.random.default_rng(0).integers(len(rows), size=len(known))].copy()
    drawn.iloc[::25] *= 5  # these sound like nothing the model knows
    tracks = [
        Track(
            f"folder:{each.isrc}",
            "folder",
            title=each.title,
            artist=each.artist,
            isrc=each.isrc,
            duration=float(each.seconds),
        )
        for each in known
    ]
    ids = [each.id for each in tracks]
    hashes = [f"hash of {each}" for each in ids]
    metadata = store.metadata(folder)
    write_part(store.root / folder, ids, hashes, list(rows), drawn.to_numpy(), metadata)
    with Catalog(data / "catalog.db") as catalog, catalog.transaction():
        for digest, track in zip(hashes, tracks, strict=True):
            catalog.add(track, Preview("", digest, 1, 30.0, 0))
    bundle = load_bundle(sample_models / "extracted-baseline")
    answers = bundle.predict_features(drawn[bundle.columns].reset_index(drop=True))
    truth = dict(zip([str(each.spotify) for each in known], answers["label"], strict=True))
    # The sample's songs have names of the same world: some are known by theirs.
    with Catalog(data / "catalog.db") as catalog:
        index = SongIndex(catalog.known().values())
    named = {each.spotify: Track("", "", title=each.title, artist=each.artist) for each in songs}
    unknown = {key for key, each in named.items() if index.find(each) is None}
    return data, truth, [each for each in songs if each.spotify in truth.keys() | unknown]


class Person:
    """Somebody with an account, a data folder and this program."""

    def __init__(
        self,
        service: Service,
        data: Path,
        models: Path,
        capsys: pytest.CaptureFixture[str],
        truth: Truth,
        songs: list[Song],
    ) -> None:
        self.service, self.data, self.models, self.truth = service, data, models, truth
        self.songs = [str(each.spotify) for each in songs]
        self.out = self.err = ""
        self._capsys = capsys

    def log_in(self) -> None:
        pending = begin(CLIENT_ID, f"http://127.0.0.1:8888{CALLBACK}")
        answer = requests.get(pending.url, allow_redirects=False, timeout=10)
        finish(pending, answer.headers["Location"])

    def like(self, songs: list[Any]) -> None:
        self.service.library(liked=songs)

    def run(self, action: str, *options: object, genres: str = GENRES) -> tuple[int, Any]:
        """Run a command with ``--json``; return its exit code and the result."""
        what: tuple[object, ...] = ()
        if action in ("plan", "apply"):
            what = (*MODEL, "--genres", genres, "--library-only")
            what += ("--yes",) if action == "apply" else ()
        self._capsys.readouterr()
        common = ("--data", self.data, "--models", self.models, "--json")
        code = run_main("playlists", action, *what, *options, *common)
        self.out, self.err = self._capsys.readouterr()
        return code, json.loads(self.out) if self.out else None

    def written(self) -> dict[str, list[str]]:
        """Return the songs of each playlist that was written, by its name."""
        playlists = self.service.library()["playlists"].values()
        return {each["name"]: each["songs"] for each in playlists}

    def playlist(self, name: str) -> str:
        """Return the id of a playlist."""
        playlists = self.service.library()["playlists"].items()
        (found,) = [key for key, each in playlists if each["name"] == name]
        return found

    def change(self, name: str, **changes: Any) -> None:
        """Change a playlist by hand."""
        self.service.library(playlists={self.playlist(name): changes})

    def wanted(self, label: str) -> list[str]:
        """Return the liked songs of a label, in their order."""
        return [each for each in self.songs if self.truth.get(each) == label]

    def writes(self) -> int:
        """Return how many writes Spotify was asked for since the log was cleared."""
        asked = self.service.log()["requests"]["api"].get("spotify", {})
        return sum(asked.get(each, 0) for each in WRITES)

    def assert_correct(self) -> None:
        """Both playlists hold exactly their songs, each once."""
        expected = {f"Liked: {each}": self.wanted(each) for each in (ROCK, ELECTRO)}
        found = self.written()
        assert {name: sorted(songs) for name, songs in found.items()} == {
            name: sorted(songs) for name, songs in expected.items()
        }


@pytest.fixture
def person(
    services: Service,
    shelf: tuple[Path, Truth, list[Song]],
    sample_models: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Person]:
    """Return somebody who is logged in and likes every song there is."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(SpotifySource, "RATE", (1000, 1.0))
    monkeypatch.setattr(net, "BACKOFF", wait_random(max=0.1))
    data, truth, songs = shelf
    shutil.copytree(data, tmp_path / "data")
    before = services.state()["base"]
    services.set(base=PER_GENRE)
    services.library(reset=True, liked=[each.spotify for each in songs])
    somebody = Person(services, tmp_path / "data", sample_models, capsys, truth, songs)
    somebody.log_in()
    services.clear_log()
    yield somebody
    services.set(base=before)
