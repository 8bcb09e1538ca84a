"""Who may ask, from where, and what a page may do: headers, tokens, the password."""

from __future__ import annotations

import asyncio
import base64
import secrets
from urllib.parse import urlsplit

from fastapi import HTTPException, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN_FIELD, TOKEN_HEADER = "csrf", "x-csrf-token"
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_OPEN = ("/login", "/static/")
_SAFE = ("GET", "HEAD", "OPTIONS")


class SecurityHeaders:
    """Sends with every answer what a browser is to forbid."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if not scope["path"].startswith("/static/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app(scope, receive, guarded)


class SameOrigin:
    """Refuses what another page sends here, whatever it is."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http" and scope["method"] not in _SAFE:
            headers = Headers(scope=scope)
            origin = headers.get("origin")
            foreign = origin is not None and _host(origin) != headers.get("host")
            if foreign or headers.get("sec-fetch-site") in ("cross-site", "same-site"):
                refusal = JSONResponse({"detail": "this was sent by another page"}, 403)
                await refusal(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _host(origin: str) -> str | None:
    """Return the host of an origin, None if there is none in it."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


class Doorkeeper:
    """Takes one wrong try at the password a second, from everybody together.

    The right one has to wait for its turn, too: else whoever tries many at once sees which one is
    answered first.
    """

    def __init__(self, password: str) -> None:
        self._password = password.encode()
        self._turn = asyncio.Lock()

    async def lets_in(self, said: bytes) -> bool:
        """Tell whether this is the password, compared in a time that tells nothing."""
        async with self._turn:
            if secrets.compare_digest(said, self._password):
                return True
            await asyncio.sleep(1)
            return False


class PasswordWall:
    """Asks for the password, once a session; programs send it as HTTP Basic, with any name."""

    def __init__(self, app: ASGIApp, doorkeeper: Doorkeeper) -> None:
        self.app, self._doorkeeper = app, doorkeeper

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        path = scope.get("path", "")
        if scope["type"] != "http" or path.startswith(_OPEN) or await self._is_let_in(scope):
            await self.app(scope, receive, send)
            return
        response: Response = RedirectResponse("/login", 303)
        if path.startswith("/api/"):
            response = JSONResponse(
                {"detail": "the password is needed (HTTP Basic, any user name)"},
                401,
                {"WWW-Authenticate": 'Basic realm="audiogenre"'},
            )
        await response(scope, receive, send)

    async def _is_let_in(self, scope: Scope) -> bool:
        if scope["session"].get("in"):
            return True
        kind, _, code = Headers(scope=scope).get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return False
        try:
            said = base64.b64decode(code, validate=True).partition(b":")[2]
        except ValueError:  # no base64, or not even ASCII
            return False
        return await self._doorkeeper.lets_in(said)


def token(request: Request) -> str:
    """Return the session's token, which has to come back with whatever changes something."""
    found: str = request.session.setdefault(TOKEN_FIELD, secrets.token_urlsafe(24))
    return found


def check_token(request: Request, given: object) -> None:
    """Refuse what does not carry the session's token.

    Raises
    ------
    HTTPException
        403.
    """
    expected = request.session.get(TOKEN_FIELD)
    said = given.encode() if isinstance(given, str) else b""
    if not (expected and secrets.compare_digest(said, expected.encode())):
        raise HTTPException(403, "this page is too old or was not ours: load it again")
