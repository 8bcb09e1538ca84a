"""A fake of the music services, for tests: one process, two HTTP servers, one invented world.

    with Service(tmp_path / "clips", tracks_per_genre=24, pool=4) as service:
        run_command("download", ..., env=environment() | service.environment())
        service.set(night=1, faults={"error_503": 0.2, "no_data": 0.05})
        service.set(faults={"reset": {"share": 0.1, "sticky": True, "on": ["media", "deezer"]}})
        service.log()["requests"]["api"]["deezer"]

`Service.set` takes every setting of ``control.Settings``; ``faults.NAMES`` lists the faults. Each
is drawn for a request by its path and how often that was asked, so that asking again may help;
a sticky one is drawn for a song and never heals. `Service.catalogue` tells the truth.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parent.parent.parent
CLIENT_ID = "fake-client"
CLIENT_SECRET = "fake-secret"


class Service:
    """The fake services in a process of their own.

    Parameters
    ----------
    clips : path
        Folder for the rendered audio; a folder that several tests share is filled once.
    **options
        As on the command line: ``tracks_per_genre``, ``genres``, ``latency``, ``seed``, ``pool``.

    Attributes
    ----------
    urls : dict of str
        Address of each service, and of the control.
    """

    def __init__(self, clips: str | os.PathLike[str], **options: float) -> None:
        self._arguments = ["--clips", os.fspath(clips)]
        for name, value in options.items():
            self._arguments += [f"--{name.replace('_', '-')}", str(value)]
        self.urls: dict[str, str] = {}

    def __enter__(self) -> Service:
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.services", *self._arguments],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._stop()
            raise RuntimeError("the fake services did not start; stderr says why")
        self.urls = json.loads(line)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            crashes = self.log()["crashes"]
        finally:
            self._stop()
        if crashes and error is None:
            raise RuntimeError("the fake itself crashed:\n" + "\n".join(crashes))

    def _stop(self) -> None:
        self._process.kill()
        self._process.communicate()

    def environment(self) -> dict[str, str]:
        """Return the variables that point the commands here, with credentials that work."""
        return {
            f"AUDIOGENRE_{name.upper()}_URL": url
            for name, url in self.urls.items()
            if name != "control"
        } | {
            "AUDIOGENRE_JAMENDO_CLIENT_ID": CLIENT_ID,
            "SPOTIPY_CLIENT_ID": CLIENT_ID,
            "SPOTIPY_CLIENT_SECRET": CLIENT_SECRET,
        }

    def set(self, **state: Any) -> dict[str, Any]:
        """Change settings; return all of them."""
        return self._control("", "POST", state)

    def state(self) -> dict[str, Any]:
        """Return the settings."""
        return self._control("")

    def log(self) -> dict[str, Any]:
        """Return what was asked since the start or the last `clear_log`."""
        return self._control("/log")

    def clear_log(self) -> None:
        """Start the log anew."""
        self._control("/log", "DELETE")

    def catalogue(self) -> list[dict[str, Any]]:
        """Return the truth: every song that is there tonight."""
        songs: list[dict[str, Any]] = self._control("/catalogue")
        return songs

    def playlists(self) -> dict[str, dict[str, str]]:
        """Return the ids of Spotify's playlists by genre and kind: own, foreign, editorial."""
        known: dict[str, dict[str, str]] = self._control("/playlists")
        return known

    def library(self, **change: Any) -> dict[str, Any]:
        """Change what Spotify's user has (`spotify_user.Library.change`); return it."""
        state: dict[str, Any] = self._control("/library", "POST", change)
        return state

    def _control(self, path: str, method: str = "GET", body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.urls["control"] + path, data, method=method)
        request.add_header("Content-Type", "application/json")
        with urlopen(request, timeout=60) as answer:
            return json.load(answer)
