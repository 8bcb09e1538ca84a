"""The application: what is put together when the server starts."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio import to_thread
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware import Middleware
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware.sessions import SessionMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from audiogenre import __version__
from audiogenre.bundle import Bundle
from audiogenre.errors import AudiogenreError
from audiogenre.web import api, atlas, dataset, listen, models, playlists, work
from audiogenre.web.background import Background
from audiogenre.web.colours import Colours
from audiogenre.web.desk import Desk, FullError
from audiogenre.web.library import Library
from audiogenre.web.listen import choose_samples
from audiogenre.web.listening import Listener
from audiogenre.web.pages import STATIC, THEMES, page
from audiogenre.web.playlisting import Playlister
from audiogenre.web.schemas import Problem
from audiogenre.web.security import (
    TOKEN_FIELD,
    Doorkeeper,
    PasswordWall,
    SameOrigin,
    SecurityHeaders,
    check_token,
)
from audiogenre.web.settings import Settings
from audiogenre.web.uploads import read_form

_ROUTERS = (
    api.router,
    listen.router,
    models.router,
    atlas.router,
    playlists.router,
    dataset.router,
    work.router,
)
_TITLES = {
    403: "Not from this page",
    404: "Not here",
    405: "Not that way",
    408: "Too slow",
    409: "Not yet",
    413: "Too large",
    422: "Not understood",
    503: "No room just now",
}


def make_app(settings: Settings, bundle: Bundle | None) -> FastAPI:
    """Return the application.

    Parameters
    ----------
    settings : Settings
    bundle : Bundle or None
        The model that listens, if there is one.
    """

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        app.state.background = Background()
        listener = Listener(settings, bundle) if bundle else None
        try:
            if listener:
                await listener.start()
                app.state.desk = Desk(settings, listener)
                samples = await to_thread.run_sync(choose_samples, listener, app.state.library)
                app.state.samples = samples
            yield
        finally:
            app.state.background.stop()
            if listener:
                listener.stop()

    doorkeeper = Doorkeeper(settings.password)
    app = FastAPI(
        title="audiogenre",
        version=__version__,
        summary="Genre and mood of audio clips, with calibrated probabilities.",
        openapi_url="/api/openapi.json",
        docs_url=None,  # they would fetch scripts from elsewhere
        redoc_url=None,
        max_body_size=settings.max_body,
        lifespan=running,
        middleware=_middleware(settings, doorkeeper),
        exception_handlers={
            HTTPException: _refuse,
            FullError: _no_room,
            AudiogenreError: _explain,
            RequestValidationError: _misunderstand,
        },
        responses={422: {"model": Problem, "description": "Not understood."}},
    )
    app.state.settings = settings
    app.state.library = Library(settings.data)
    app.state.colours = Colours(bundle.labels if bundle else [])
    app.state.playlister = Playlister(settings.data)
    app.state.doorkeeper = doorkeeper
    app.state.desk, app.state.samples = None, []
    app.mount("/static", StaticFiles(directory=STATIC))
    for each in _ROUTERS:
        app.include_router(each)
    app.post("/theme", include_in_schema=False)(_set_theme)
    app.get("/login", include_in_schema=False)(_ask_password)
    app.post("/login", include_in_schema=False)(_log_in)
    app.post("/logout", include_in_schema=False)(_log_out)
    return app


def _middleware(settings: Settings, doorkeeper: Doorkeeper) -> list[Middleware]:
    found = [
        Middleware(SecurityHeaders),
        Middleware(TrustedHostMiddleware, allowed_hosts=settings.hosts, www_redirect=False),
        Middleware(SameOrigin),
        # A key of its own for every run: sessions end with the server.
        Middleware(SessionMiddleware, secret_key=secrets.token_hex(32), max_age=None),
    ]
    if settings.password:
        found.append(Middleware(PasswordWall, doorkeeper=doorkeeper))
    return found


async def _set_theme(request: Request) -> Response:
    form = await read_form(request, seconds=request.app.state.settings.receive_seconds)
    check_token(request, form.get(TOKEN_FIELD))
    theme, back = form.get("theme"), form.get("back")
    inside = isinstance(back, str) and back.startswith("/") and not back.startswith(("//", "/\\"))
    response = RedirectResponse(str(back) if inside else "/", 303)
    if theme in THEMES:
        response.set_cookie("theme", str(theme), max_age=365 * 86_400, samesite="strict")
    return response


async def _ask_password(request: Request) -> Response:
    return page(request, "login.html", wrong=False)


async def _log_in(request: Request) -> Response:
    form = await read_form(request, seconds=request.app.state.settings.receive_seconds)
    check_token(request, form.get(TOKEN_FIELD))
    said = str(form.get("password", "")).encode()
    if not await request.app.state.doorkeeper.lets_in(said):
        return page(request, "login.html", 403, wrong=True)
    request.session.clear()
    request.session["in"] = True
    return RedirectResponse("/", 303)


async def _log_out(request: Request) -> Response:
    form = await read_form(request, seconds=request.app.state.settings.receive_seconds)
    check_token(request, form.get(TOKEN_FIELD))
    request.session.clear()
    return RedirectResponse("/login", 303)


def _answer(request: Request, status: int, detail: str, headers: Any = None) -> Response:
    """Say what went wrong, in the way that was asked in."""
    if request.url.path.startswith("/api/") or "session" not in request.scope:
        return JSONResponse({"detail": detail}, status, headers)
    title = _TITLES.get(status, "That did not work")
    response = page(request, "error.html", status, title=title, detail=detail)
    response.headers.update(headers or {})
    return response


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = error.detail
    if error.status_code == 404 and detail == "Not Found":
        detail = "There is no such page."
    return _answer(request, error.status_code, detail, error.headers)


async def _no_room(request: Request, error: Exception) -> Response:
    assert isinstance(error, FullError)
    detail = f"so many clips are waiting that there is no room: try again in {error.seconds} s"
    return _answer(request, 503, detail, {"Retry-After": str(error.seconds)})


async def _explain(request: Request, error: Exception) -> Response:
    return _answer(request, 422, str(error))


async def _misunderstand(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = " ".join(str(each) for each in first["loc"])
    return _answer(request, 422, f"{where}: {first['msg']}")
