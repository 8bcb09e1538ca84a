"""Every command that writes, each with its world."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from pipelines.torture.accounts import PlaylistWorld
from pipelines.torture.refreshes import RefreshWorld
from pipelines.torture.serving import ServeWorld
from pipelines.torture.worlds import GENRES, World, call, music

MODEL = "extracted-baseline-linear"
_STORED = Path(__file__).parents[2] / "tests" / "faults" / "stored"
_FEW, _MANY = 2, 4  # artists of each genre: enough to extract, enough to learn from


def all_worlds(root: Path, service: Any) -> list[World]:
    """Return every world; `service` is the fake of the services that two of them ask."""
    base = Base(root / "base")
    urls = service.environment()
    names = sorted({each["genre"] for each in service.catalogue()})[:2]

    def deezer(folder: Path) -> list[str]:
        named = [part for each in names for part in ("--genre", each)]
        own = ("--source", "deezer", *named, "--per-genre", "3", "--accept-terms")
        return ["audiogenre.download", *own, *_data(folder)]

    again = ("--retry-failed",)
    return [
        World("download folder", root, base.download, _nothing, again=again, weight=12),
        World("download sample", root, _sample, _nothing, again=again, weight=2),
        World("download deezer", root, deezer, _nothing, environment=urls, replaces=True, weight=3),
        World("extract", root, _extract, base.registered, again=again, weight=6),
        World("fit", root, _fit, base.extracted, weight=1),
        World("fit again", root, _fit, base.fitted, weight=1),
        World("predict", root, _predict, base.with_songs, weight=6),
        World("undo tags", root, _undo, base.tagged, weight=6),
        World("relabel", root, _relabel, base.with_corrections, weight=12),
        PlaylistWorld("playlists", root, service, base.fitted, MODEL),
        RefreshWorld("refresh", root),
        base.server("serve", root),
        World("old catalogue", root, _status, _stored, weight=6),
    ]


def _data(folder: Path) -> tuple[str, ...]:
    return ("--data", str(folder / "data"), "--models", str(folder / "models"))


def _nothing(folder: Path) -> None:
    pass


def _sample(folder: Path) -> list[str]:
    named = [part for each in GENRES for part in ("--genre", each)]
    own = ("--source", "sample", *named, "--per-genre", "1", "--jobs", "1")
    return ["audiogenre.download", *own, *_data(folder)]


def _extract(folder: Path) -> list[str]:
    return ["audiogenre.extract", "--set", "baseline", "--jobs", "1", *_data(folder)]


def _fit(folder: Path) -> list[str]:
    own = ("--features", "extracted", "--set", "baseline", "--model", "majority", "--jobs", "1")
    return ["audiogenre.fit", *own, *_data(folder)]


def _predict(folder: Path) -> list[str]:
    own = (MODEL, str(folder / "songs"), "--jobs", "1", "--write-tags")
    return ["audiogenre.predict", *own, "--m3u", str(folder / "lists"), *_data(folder)]


def _undo(folder: Path) -> list[str]:
    return ["audiogenre.predict", "--undo-tags", str(folder / "songs"), *_data(folder)]


def _relabel(folder: Path) -> list[str]:
    return ["audiogenre.relabel", "--csv", str(folder / "corrections.csv"), *_data(folder)]


def _status(folder: Path) -> list[str]:
    return ["audiogenre.status", *_data(folder)]


def _stored(folder: Path) -> None:
    """Make a folder with a catalogue of the first schema, which is brought up to date."""
    (folder / "data").mkdir()
    with closing(sqlite3.connect(folder / "data" / "catalog.db")) as db:
        db.executescript((_STORED / "catalog-1.sql").read_text())


class Base:
    """What the worlds begin with, made once: music, which is only read, data and a model."""

    def __init__(self, folder: Path) -> None:
        self._few, self._many = folder / "few", folder / "many"
        said = folder.parent / "said"
        said.mkdir(parents=True)
        for each, artists in ((self._few, _FEW), (self._many, _MANY)):
            music(each / "music", artists=artists)
            call(said, *self._register(each), "--quiet")
        call(said, *_extract(self._many), "--quiet")
        linear = ("--set", "baseline", "--model", "linear", "--jobs", "1", "--quiet")
        call(said, "audiogenre.fit", "--features", "extracted", *linear, *_data(self._many))

    def download(self, folder: Path) -> list[str]:
        """Return the command that registers the music."""
        return self._register(self._few, folder)

    @staticmethod
    def _register(base: Path, folder: Path | None = None) -> list[str]:
        source = ("--source", "folder", "--path", str(base / "music"))
        return ["audiogenre.download", *source, *_data(folder or base)]

    def server(self, name: str, root: Path) -> ServeWorld:
        """Return the world of the page."""
        own = ["--model", MODEL, "--port", "0", "--jobs", "1", "--json"]
        command = ["audiogenre.serve", *own, *_data(root / name / "now")]
        clip = min((self._few / "music").glob("*.wav"))
        return ServeWorld(name, root, self.fitted, command, clip)

    def registered(self, folder: Path) -> None:
        """Make a folder in which nothing is extracted."""
        shutil.copytree(self._few / "data", folder / "data")

    def extracted(self, folder: Path) -> None:
        """Make one in which nothing is fitted."""
        shutil.copytree(self._many / "data", folder / "data")

    def fitted(self, folder: Path) -> None:
        """Make one with models: one that hears, and the one that is to be fitted again."""
        self.extracted(folder)
        shutil.copytree(self._many / "models", folder / "models")
        call(folder.parent / "said", *_fit(folder), "--quiet")

    def with_songs(self, folder: Path) -> None:
        """Make one with songs that can be tagged, in three formats."""
        shutil.copytree(self._many / "models", folder / "models")
        for place, suffix in enumerate(("mp3", "flac", "ogg")):
            music(folder / suffix, suffix=suffix, artists=1)
            (folder / "songs").mkdir(exist_ok=True)
            for each in sorted((folder / suffix).glob(f"*.{suffix}"))[place : place + 2]:
                each.rename(folder / "songs" / each.name)
            shutil.rmtree(folder / suffix)

    def tagged(self, folder: Path) -> None:
        """Make one whose songs are tagged."""
        self.with_songs(folder)
        call(folder.parent / "said", *_predict(folder), "--quiet")

    def with_corrections(self, folder: Path) -> None:
        """Make one with a table of corrections."""
        from audiogenre.catalog import Catalog

        self.registered(folder)
        with Catalog(folder / "data" / "catalog.db") as catalog:
            tracks = sorted(catalog.known())
        lines = [f"{track},{GENRES[number % 2]},heard\n" for number, track in enumerate(tracks)]
        (folder / "corrections.csv").write_text("track_id,label,note\n" + "".join(lines))


@contextmanager
def services(folder: Path) -> Iterator[Any]:
    """Run the fake services of the tests, with nothing wrong, for all that is started meanwhile."""
    try:
        from tests.services import Service
    except ImportError as error:
        raise SystemExit(
            "torture needs the fake services in tests/: run it in a checkout, with the packages of "
            "the extra 'dev'"
        ) from error
    with Service(folder, tracks_per_genre=6, genres=2, pool=1, latency=0) as service:
        service.set(rate={"limit": 100_000, "seconds": 5})
        os.environ.update(service.environment())
        yield service
