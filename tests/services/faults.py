"""What goes wrong with an answer: which fault is drawn for a request, and what it does."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import Response, jsonify, redirect, request

from .world import Song, draw

EVERYWHERE = ("api", "media")
NAMES: dict[str, tuple[str, ...]] = {  # where each applies unless told otherwise, first drawn first
    "rate_limited": EVERYWHERE,
    "rate_limited_bare": EVERYWHERE,
    "long_wait": ("api",),
    "quota": ("deezer",),
    "busy": ("deezer",),
    "no_data": ("deezer",),
    "error_500": EVERYWHERE,
    "error_503": EVERYWHERE,
    "slow": EVERYWHERE,
    "hanging": EVERYWHERE,
    "reset": EVERYWHERE,
    "html": EVERYWHERE,
    "html_as_audio": ("media",),
    "redirect_loop": EVERYWHERE,
    "short_body": ("media",),
    "wrong_length": ("media",),
    "half_json": ("api",),
    "expired": ("api",),
    "null_tracks": ("rows",),
    "missing_fields": ("rows",),
    "local_files": ("rows",),
    "twins": ("rows",),
    "strays": ("rows",),
}
PLACES = {"api", "media", "deezer", "jamendo", "itunes", "spotify", "reccobeats"}
HTML = (
    "<!DOCTYPE html>\n<html><head><title>Sign in to the network</title></head>"
    "<body><h1>Please accept our terms to go on.</h1></body></html>\n"
)
T = TypeVar("T")
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: drop what is unsent and answer with RST


@dataclass(frozen=True)
class Fault:
    """How often a fault happens, whether it stays with a track, and where it happens."""

    share: float
    sticky: bool = False
    on: tuple[str, ...] = ()

    @classmethod
    def read(cls, name: str, value: Any) -> Fault:
        """Read what the control was told: a share, or an object of share, sticky and on."""
        if name not in NAMES:
            raise ValueError(f"there is no fault {name!r}; there are {', '.join(NAMES)}")
        given = value if isinstance(value, dict) else {"share": value}
        fault = cls(**given | {"on": tuple(given.get("on", ()))})
        if set(fault.on) - PLACES or ("rows" in NAMES[name] and fault.on):
            raise ValueError(f"{name} cannot be on {', '.join(fault.on)}")
        return fault

    def reaches(self, name: str, kind: str, service: str) -> bool:
        """Tell whether it applies to a request of a kind to a service."""
        own = set(NAMES[name])
        if not own & ({kind} | ({service} if kind == "api" else set())):
            return False
        kinds, services = set(self.on) & set(EVERYWHERE), set(self.on) - set(EVERYWHERE)
        return (not kinds or kind in kinds) and (not services or service in services)


class Faults:
    """The faults that are switched on, and the dice, which begin anew with every switch."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.on: dict[str, Fault] = {}
        self._asked: Counter[str] = Counter()
        self._lock = threading.Lock()

    def switch(self, on: dict[str, Fault]) -> None:
        """Switch these on and all others off; what was asked before no longer decides the draws."""
        with self._lock:
            self.on = on
            self._asked.clear()

    def of_request(self, kind: str, service: str, song: Song | None) -> str | None:
        """Draw the fault of this request: by path, query and how often it was asked before.

        A sticky one is drawn by song alone, and so only where a request is about one song.
        Links change their signature at every call, so for media the path stands alone.
        """
        query = "" if kind == "media" else urlencode(sorted(request.args.items(multi=True)))
        key = f"{kind} {request.path}?{query}"
        with self._lock:
            self._asked[key] += 1
            times = self._asked[key]
        for name in NAMES:
            fault = self.on.get(name)
            if fault is None or not fault.reaches(name, kind, service):
                continue
            if fault.sticky or name == "no_data":
                luck = 1.0 if song is None else draw(self.seed, name, song.isrc)
            else:
                luck = draw(self.seed, name, key, times)
            if luck < fault.share:
                return name
        return None

    def of_row(self, name: str, *where: object) -> bool:
        """Tell whether a fault befalls a row of a list; it stays there."""
        fault = self.on.get(name)
        return fault is not None and draw(self.seed, name, *where) < fault.share

    def listed(self, song: Song, make: Callable[[Song], T]) -> T | None:
        """Return a song's row of a list, None if it is one of those that have gone."""
        return None if self.of_row("null_tracks", song.isrc) else make(song)

    def strip(self, row: dict[str, Any], song: Song, fields: tuple[str, ...]) -> dict[str, Any]:
        """Take a field away from a row, or empty it, if the song is one of those."""
        if self.of_row("missing_fields", song.isrc):
            field = fields[int(len(fields) * draw(self.seed, "field", song.isrc))]
            if draw(self.seed, "null", song.isrc) < 0.5:
                row = row | {field: None}
            else:
                row = {key: value for key, value in row.items() if key != field}
        return row


def deezer_error(kind: str, message: str, code: int) -> Response:
    """Return an error as Deezer sends it: a 200."""
    return jsonify(error={"type": kind, "message": message, "code": code})


def _too_many(headers: dict[str, str]) -> Response:
    response = jsonify(error={"status": 429, "message": "API rate limit exceeded"})
    response.status_code = 429
    response.headers.update(headers)
    return response


def hang() -> Response:
    """Return an answer that never comes: the connection is held until the client goes."""
    connection: socket.socket = request.environ["werkzeug.socket"]

    def body() -> Iterator[bytes]:
        connection.recv(1, socket.MSG_PEEK)
        raise ConnectionAbortedError("the client gave up")
        yield b""

    return Response(body())


def close() -> Response:
    """Return an answer that never begins: the connection is closed."""

    def body() -> Iterator[bytes]:
        raise ConnectionAbortedError("closed on purpose")
        yield b""

    return Response(body())


INSTEAD: dict[str, Callable[[], Response]] = {
    "rate_limited": lambda: _too_many({"Retry-After": "1"}),
    "rate_limited_bare": lambda: _too_many({}),
    "long_wait": lambda: _too_many({"Retry-After": "86400"}),
    "quota": lambda: deezer_error("Exception", "Quota limit exceeded", 4),
    "busy": lambda: deezer_error("Exception", "Service busy", 700),
    "no_data": lambda: deezer_error("DataException", "no data", 800),
    "error_500": lambda: Response("Internal Server Error", 500, mimetype="text/plain"),
    "error_503": lambda: Response("Service Unavailable", 503, mimetype="text/plain"),
    "hanging": hang,
    "html": lambda: Response(HTML, mimetype="text/html"),
    "html_as_audio": lambda: Response(HTML, content_type="audio/mpeg"),
    "redirect_loop": lambda: Response(status=302, headers={"Location": "/_loop"}),
}


def spoil(fault: str | None, response: Response) -> Response:
    """Damage an answer on its way out."""
    if fault not in ("short_body", "half_json", "wrong_length", "reset"):
        return response
    data = response.get_data()
    response.set_data(data[: len(data) // 2])
    if fault in ("wrong_length", "reset"):
        response.headers["Content-Length"] = str(len(data))
        response.headers["Connection"] = "close"
    if fault == "reset":
        response.response = _reset(request.environ["werkzeug.socket"], data[: len(data) // 2])
    return response


def _reset(connection: socket.socket, data: bytes) -> Iterator[bytes]:
    yield data
    time.sleep(0.05)  # the client has read what came before the reset
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    socket.close(connection.detach())
    raise ConnectionResetError("reset on purpose")


def loop() -> Any:
    """Redirect to itself."""
    return redirect("/_loop")
