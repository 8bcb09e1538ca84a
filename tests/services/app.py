"""The two applications, API and media, and the server that runs them."""

from __future__ import annotations

import re
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Flask, Response, g, request
from werkzeug.exceptions import InternalServerError
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.test import run_wsgi_app

from . import control, deezer, itunes, jamendo, media, reccobeats, spotify
from . import faults as trouble
from .audio import Clips
from .control import Log, Settings
from .faults import Faults
from .links import Links
from .spotify_user import Library
from .world import Song, World

SERVICES = {
    "/deezer": deezer.blueprint,
    "/jamendo/v3.0": jamendo.blueprint,
    "/itunes": itunes.blueprint,
    "/spotify": spotify.blueprint,
    "/reccobeats/v1": reccobeats.blueprint,
}
ADDRESSES = {
    "deezer": "/deezer",
    "jamendo": "/jamendo/v3.0",
    "itunes": "/itunes",
    "spotify": "/spotify/v1",
    "spotify_token": "/spotify/api/token",
    "reccobeats": "/reccobeats/v1",
    "control": "/_control",
}


class Handler(WSGIRequestHandler):
    """Keeps connections alive, which werkzeug's own does not, and lets answers break off."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        """Answer one request."""
        try:
            body, status, headers = run_wsgi_app(self.server.app, self.make_environ())
            code, _, phrase = status.partition(" ")
            self.send_response(int(code), phrase)
            headers.remove("Date")  # the line above sends it
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            for part in body:
                self.wfile.write(part)
        except ConnectionError:
            self.close_connection = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the control has a log."""


@dataclass
class Fake:
    """Everything behind the services' pages."""

    world: World
    clips: Clips
    faults: Faults
    settings: Settings
    log: Log
    links: Links
    library: Library

    def drew(self, name: str) -> bool:
        """Tell whether a fault was drawn for the request being answered."""
        return bool(g.get("fault") == name)


def _about(world: World, service: str) -> tuple[list[str], Song | None]:
    """Return the keys of the tracks a request asks for, and the song if it is a single one.

    A key is the id of the service asked; what no service knows stays as it was written.
    """
    arguments = request.view_args or {}
    asked = arguments.get("track") or request.args.get("id") or request.args.get("ids") or ""
    name = "spotify" if service == "reccobeats" else service
    keys, song = [], None
    for written in re.split(r"[ ,]", asked) if asked else ():
        song = world.find(name, written) or world.find("isrc", written.removeprefix("isrc:"))
        keys.append(getattr(song, name, None) or written)
    return keys, song if len(keys) == 1 else None


def _application(fake: Fake, kind: str, pages: dict[str, Blueprint]) -> Flask:
    """Return an application whose every answer is counted, delayed and perhaps spoiled."""
    app = Flask(f"services.{kind}")
    app.json.sort_keys = False  # type: ignore[attr-defined]
    for prefix, each in pages.items():
        app.register_blueprint(each, url_prefix=prefix)
    app.add_url_rule("/_loop", "loop", trouble.loop)

    @app.before_request
    def before() -> Response | None:
        request.get_data()  # a connection can only be used again once the request is read
        if request.blueprint in (None, "control"):
            return None
        service = (request.view_args or {}).get("service") or request.blueprint or ""
        keys, song = _about(fake.world, service)
        fake.log.count(kind, service, (request.endpoint or "").rpartition(".")[2], keys)
        if fake.settings.down:
            closed = fake.settings.down == "closed"
            return trouble.close() if closed else trouble.INSTEAD["error_503"]()
        time.sleep(fake.settings.latency)
        if kind == "api" and service == "deezer" and not fake.log.admit(**fake.settings.rate):
            return trouble.INSTEAD["quota"]()
        g.fault = fake.faults.of_request(kind, service, song)
        if g.fault is not None:
            fake.log.inject(g.fault)
        if g.fault == "slow":
            time.sleep(fake.settings.slow)
        return trouble.INSTEAD[g.fault]() if g.fault in trouble.INSTEAD else None

    @app.after_request
    def after(response: Response) -> Response:
        return trouble.spoil(g.get("fault"), response)

    @app.errorhandler(500)
    def crash(error: InternalServerError) -> tuple[str, int]:
        fake.log.crash("".join(traceback.format_exception(error.original_exception or error)))
        return "the fake itself crashed", 500

    return app


def serve(
    clips: Path, *, genres: int, base: int, seed: int, latency: float, pool: int | None
) -> tuple[list[ThreadedWSGIServer], dict[str, str]]:
    """Open both servers on free ports; return them and the addresses of the services."""
    world = World(genres, base, seed)
    faults = Faults(seed)
    log = Log()
    settings = Settings(world, faults, latency)
    links = Links(seed, settings)
    fake = Fake(world, Clips(clips, world, pool), faults, settings, log, links, Library())
    pages = {prefix: make(fake) for prefix, make in SERVICES.items()}
    pages["/_control"] = control.blueprint(fake)
    apps = (
        _application(fake, "api", pages),
        _application(fake, "media", {"/media": media.blueprint(fake)}),
    )
    servers = [ThreadedWSGIServer("127.0.0.1", 0, app, handler=Handler) for app in apps]
    api, links.media = (f"http://127.0.0.1:{each.port}" for each in servers)
    return servers, {name: api + path for name, path in ADDRESSES.items()}
