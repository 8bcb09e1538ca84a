"""The remote control of the fake: its settings, its log, and the pages that reach them."""

from __future__ import annotations

import copy
import threading
import time
from collections import Counter, defaultdict, deque
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar

from flask import Blueprint, Response, jsonify, request

from .faults import Fault, Faults
from .spotify_rows import playlists
from .world import World

if TYPE_CHECKING:
    from .app import Fake

WINDOW = 5.0  # seconds over which the log counts Deezer's requests


class Log:
    """What was asked of the fake, so that tests can tell what was not."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Forget everything, the requests that count towards the rate limit included."""
        with self._lock:
            self.requests: dict[str, dict[str, Counter[str]]] = {
                kind: defaultdict(Counter) for kind in ("api", "media")
            }
            self.tracks: dict[str, dict[str, Counter[str]]] = defaultdict(
                lambda: defaultdict(Counter)
            )
            self.injected: Counter[str] = Counter()
            self.crashes: list[str] = []
            self.quota_hits = 0
            self.busiest = 0
            self._recent: deque[float] = deque()
            self._admitted: deque[float] = deque()

    def count(self, kind: str, service: str, endpoint: str, tracks: list[str]) -> None:
        """Count a request, and the tracks it is about."""
        with self._lock:
            self.requests[kind][service][endpoint] += 1
            for track in tracks:
                self.tracks[service][track]["media" if kind == "media" else "resolve"] += 1

    def inject(self, fault: str) -> None:
        """Count a fault that was drawn for a request."""
        with self._lock:
            self.injected[fault] += 1

    def crash(self, trace: str) -> None:
        """Keep the traceback of a mistake in the fake."""
        with self._lock:
            self.crashes.append(trace)

    def admit(self, limit: int, seconds: float) -> bool:
        """Take note of a request to Deezer's API; tell whether it is within the rate limit.

        The window slides, and requests that were refused do not count towards it.
        """
        now = time.monotonic()
        with self._lock:
            self._recent.append(now)
            while self._recent[0] <= now - WINDOW:
                self._recent.popleft()
            self.busiest = max(self.busiest, len(self._recent))
            while self._admitted and self._admitted[0] <= now - seconds:
                self._admitted.popleft()
            if len(self._admitted) >= limit:
                self.quota_hits += 1
                return False
            self._admitted.append(now)
            return True

    def report(self) -> dict[str, Any]:
        """Return the log as plain data."""
        with self._lock:
            report = {
                "requests": self.requests,
                "tracks": self.tracks,
                "injected": self.injected,
                "busiest_5s": self.busiest,
                "quota_hits": self.quota_hits,
                "crashes": self.crashes,
            }
            return copy.deepcopy(report)


class Settings:
    """What a test can change while the fake runs; the state of the world is the world's own."""

    OWN = (
        *("latency", "lifetime", "rate", "slow", "down"),
        *("spotify_app", "spotify_token", "spotify_consent"),
    )
    WORLD = ("base", "growth", "night", "worse_nights")
    CHOICES: ClassVar[dict[str, tuple[object, ...]]] = {
        "down": (False, "closed", "503"),
        "spotify_app": ("new", "old"),
        "spotify_token": ("ok", "invalid"),
        "spotify_consent": ("given", "denied"),
    }

    def __init__(self, world: World, faults: Faults, latency: float) -> None:
        self._world, self._faults = world, faults
        self.latency = latency
        self.lifetime = 900.0  # seconds for which a signed link is good
        self.rate: dict[str, float] = {"limit": 50, "seconds": 5.0}
        self.slow = 2.0  # seconds
        self.down: bool | str = False
        self.spotify_app = "new"
        self.spotify_token = "ok"
        self.spotify_consent = "given"

    def set(self, state: dict[str, Any]) -> None:
        """Change what is named; everything is checked before anything is changed."""
        unknown = sorted(set(state) - {*self.OWN, *self.WORLD, "faults"})
        if unknown:
            raise ValueError(f"there is no setting {unknown[0]!r}")
        for name, choices in self.CHOICES.items():
            if name in state and state[name] not in choices:
                raise ValueError(f"{name} is one of {choices}, not {state[name]!r}")
        if "faults" in state:
            faults = {name: Fault.read(name, each) for name, each in state["faults"].items()}
            self._faults.switch(faults)
        for name, value in state.items():
            if name in self.OWN:
                setattr(self, name, value)
            elif name in self.WORLD:
                setattr(self._world, name, value)

    def report(self) -> dict[str, Any]:
        """Return every setting."""
        return (
            {name: getattr(self, name) for name in self.OWN}
            | {name: getattr(self._world, name) for name in self.WORLD}
            | {"faults": {name: asdict(each) for name, each in self._faults.on.items()}}
        )


def blueprint(fake: Fake) -> Blueprint:
    """Return the pages of the control."""
    pages = Blueprint("control", __name__)
    world, settings, log, library = fake.world, fake.settings, fake.log, fake.library

    @pages.get("")
    def state() -> Response:
        return jsonify(settings.report())

    @pages.post("")
    def change() -> Response:
        try:
            settings.set(request.get_json())
        except (TypeError, ValueError) as error:
            response = jsonify(error=str(error))
            response.status_code = 400
            return response
        return jsonify(settings.report())

    @pages.get("/log")
    def show_log() -> Response:
        return jsonify(log.report())

    @pages.delete("/log")
    def clear_log() -> Response:
        log.clear()
        return jsonify(log.report())

    @pages.get("/catalogue")
    def catalogue() -> Response:
        return jsonify(
            [
                asdict(song) | {"genre": song.genre.name, "style": world.style(song)}
                for song in world.all()
            ]
        )

    @pages.get("/library")
    def show_library() -> Response:
        return jsonify(library.report())

    @pages.post("/library")
    def change_library() -> Response:
        library.change(request.get_json())
        return jsonify(library.report())

    @pages.get("/playlists")
    def show_playlists() -> Response:
        """Answer with the ids of Spotify's playlists by genre and kind."""
        known: dict[str, dict[str, str]] = defaultdict(dict)
        for key, (genre, kind) in playlists(world).items():
            known[genre.name][kind] = key
        return jsonify(known)

    return pages
