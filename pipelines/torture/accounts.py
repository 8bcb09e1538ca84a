"""Playlists of a Spotify account: what stands there counts, and no song may stand there twice."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines.torture.facts import Facts
from pipelines.torture.worlds import World

_LIKED = 6  # songs


class PlaylistWorld(World):
    """Liked songs that go into playlists, at the fake Spotify, heard at the fake Deezer."""

    def __init__(
        self, name: str, root: Path, service: Any, begin: Callable[[Path], None], model: str
    ) -> None:
        self._service, self._begin, self._model = service, begin, model
        config = root / name / "config"
        environment = service.environment() | {"XDG_CONFIG_HOME": str(config)}
        super().__init__(name, root, self._apply, self._make, environment=environment, weight=2)

    def _apply(self, folder: Path) -> list[str]:
        where = ("--data", str(folder / "data"), "--models", str(folder / "models"))
        own = ("--model", self._model, "--genres", "all", "--accept-terms", "--yes")
        return ["audiogenre.playlists", "apply", *own, *where]

    def _make(self, folder: Path) -> None:
        self._begin(folder)
        self._service.library(reset=True)
        self._log_in()
        songs = [each["spotify"] for each in self._service.catalogue() if each["deezer"]]
        self._service.library(liked=songs[:_LIKED])

    def _log_in(self) -> None:
        import requests

        from audiogenre.liked.login import CALLBACK, begin, finish
        from tests.services import CLIENT_ID

        os.environ["XDG_CONFIG_HOME"] = self.environment["XDG_CONFIG_HOME"]
        pending = begin(CLIENT_ID, f"http://127.0.0.1:8888{CALLBACK}")
        answer = requests.get(pending.url, allow_redirects=False, timeout=10)
        finish(pending, answer.headers["Location"])

    def reset(self) -> None:
        """Put the folder back, and delete the playlists."""
        super().reset()
        there = self._service.library()["playlists"]
        self._service.library(playlists=dict.fromkeys(there))

    def facts(self) -> Facts:
        """Return what there is now, here and at Spotify."""
        found = super().facts()
        for fact in [each for each in found if each[-1] in ("adding", "removing")]:
            del found[fact]  # begun, and not known to be done: that is what a run begins with
        for each in self._service.library()["playlists"].values():
            found["playlist", each["name"]] += 1
            found.update(("playlist", each["name"], song) for song in each["songs"])
        return found
