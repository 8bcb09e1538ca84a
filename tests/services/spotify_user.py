"""Spotify's user: a login with PKCE, liked songs, and playlists that can be written."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, jsonify, redirect, request

from . import CLIENT_ID
from .faults import hang
from .spotify_rows import USER, Rows, playlists
from .world import spotify_id

if TYPE_CHECKING:
    from .app import Fake

MOST = 100  # songs of one write
USER_TOKEN = "fake-user-token"  # what an app with a secret gets for any refresh token
USER_SCOPE = "user-library-read playlist-read-private"
Paged = Callable[[Sequence[Any], Callable[[Any], Any], int, int], dict[str, Any] | None]


def error(status: int, message: str, **headers: str) -> Response:
    """Return an error as the API sends it."""
    response = jsonify(error={"status": status, "message": message})
    response.status_code = status
    response.headers.update(headers)
    return response


def refuse(refusal: dict[str, Any]) -> Response:
    """Return the answer that a refusal says, or none."""
    if not refusal["status"]:
        return hang()
    return error(refusal["status"], "Forbidden", **refusal.get("headers", {}))


def token_error(kind: str, description: str) -> Response:
    """Return an error as the token endpoint sends it."""
    response = jsonify(error=kind, error_description=description)
    response.status_code = 400
    return response


@dataclass
class Written:
    """A playlist that was written here; its songs by Spotify's ids."""

    name: str
    description: str
    owner: str
    songs: list[str] = field(default_factory=list)


class Library:
    """What the user has, the tokens that are good, and which requests are refused."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Begin anew: nothing liked, no playlist written, nobody logged in."""
        with self.lock:
            self.user = USER
            self.liked: list[str | None] = []
            self.playlists: dict[str, Written] = {}
            self.codes: dict[str, dict[str, str]] = {}
            self.access = {USER_TOKEN: USER_SCOPE}
            self.refresh: dict[str, str] = {}
            self.rotates = True
            self.refusals: list[dict[str, Any]] = []
            self._met: Counter[int] = Counter()

    def report(self) -> dict[str, Any]:
        """Return the playlists that were written, and how many logins are good."""
        with self.lock:
            written = {key: asdict(each) for key, each in self.playlists.items()}
            return {"playlists": written, "logins": len(self.refresh)}

    def change(self, state: dict[str, Any]) -> None:
        """Do what a person does in Spotify's own program, what time does, or refuse requests.

        ``liked``: ids, None for an entry that is gone. ``playlists``: what to change of which; None
        deletes one. ``expire``, ``revoke``: end the tokens, the login. ``rotates``: whether the
        token for renewing is good for once. ``refusals``: objects of
        ``on`` (an expression for "METHOD path"), ``after`` (how many such requests pass first),
        ``times`` (how many do not), ``done`` (whether what was asked is done all the same) and
        ``status`` with ``headers``; with status 0 no answer comes.
        """
        if state.get("reset"):
            self.reset()
        with self.lock:
            self.user = state.get("user", self.user)
            self.rotates = state.get("rotates", self.rotates)
            self.liked = list(state.get("liked", self.liked))
            if "refusals" in state:
                self.refusals = state["refusals"]
                self._met.clear()
            if state.get("expire") or state.get("revoke"):
                self.access.clear()
            if state.get("revoke"):
                self.refresh.clear()
            for key, changes in state.get("playlists", {}).items():
                if changes is None:
                    del self.playlists[key]
                for name, value in (changes or {}).items():
                    setattr(self.playlists[key], name, value)

    def refusal(self) -> dict[str, Any] | None:
        """Return what was written down for this request, None if it may pass."""
        named = f"{request.method} {request.path.removeprefix('/spotify/v1/')}"
        with self.lock:
            for number, each in enumerate(self.refusals):
                if re.match(each["on"], named):
                    self._met[number] += 1
                    if 0 < self._met[number] - each.get("after", 0) <= each.get("times", 1_000):
                        return each
        return None

    def grant(self, given: Any) -> Response:
        """Answer the token endpoint for a user: a code with its verifier, or a renewal."""
        with self.lock:
            if given.get("client_id") != CLIENT_ID:
                return token_error("invalid_client", "Invalid client")
            if given.get("grant_type") == "authorization_code":
                asked = self.codes.pop(given.get("code", ""), None)
                digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
                challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
                if asked is None:
                    return token_error("invalid_grant", "Invalid authorization code")
                if asked["redirect_uri"] != given.get("redirect_uri"):
                    return token_error("invalid_grant", "Invalid redirect URI")
                if asked["code_challenge"] != challenge:
                    return token_error("invalid_grant", "code_verifier was incorrect")
                scope = asked.get("scope", "")
            else:
                scope = self.refresh.get(given.get("refresh_token", ""), "")
                if not scope:
                    return token_error("invalid_grant", "Refresh token revoked")
            tokens = {"access_token": secrets.token_urlsafe(16), "scope": scope}
            self.access[tokens["access_token"]] = scope
            if self.rotates or "code" in given:
                self.refresh.pop(given.get("refresh_token", ""), None)
                tokens["refresh_token"] = secrets.token_urlsafe(16)
                self.refresh[tokens["refresh_token"]] = scope
        return jsonify(token_type="Bearer", expires_in=3600, **tokens)

    def scope(self) -> set[str] | None:
        """Return what the request's token allows, None if it is not a user's."""
        token = request.headers.get("Authorization", "").partition(" ")[2]
        return set(self.access[token].split()) if token in self.access else None


def add_pages(own: Blueprint, fake: Fake, rows: Rows, paged: Paged) -> None:
    """Add the pages that a user's token opens."""
    library, world = fake.library, fake.world

    def lacks(scope: str) -> Response | None:
        """Return the refusal of a token that is no user's, or does not allow so much."""
        allowed = library.scope()
        if allowed is None:
            return error(401, "Valid user authentication required")
        return None if scope in allowed else error(403, "Insufficient client scope")

    def described(key: str) -> dict[str, Any]:
        each = library.playlists[key]
        return rows.written(key, each.name, each.description, len(each.songs), each.owner)

    def keys(given: Any, name: str) -> list[str] | Response:
        """Return the ids of the songs that a write names, or what is wrong with it."""
        named = given.get(name) if isinstance(given, dict) else given
        if not isinstance(named, list) or not 1 <= len(named) <= MOST:
            return error(400, "Too many or no items")
        uris = [each["uri"] if isinstance(each, dict) else each for each in named]
        found = [str(each).removeprefix("spotify:track:") for each in uris]
        if any(world.find("spotify", each) is None for each in found):
            return error(400, "Payload contains a non-existing ID")
        return found

    @own.get("/authorize")
    def authorize() -> Any:
        """Let the user agree, or refuse, and send the browser back."""
        given = request.args.to_dict()
        place = urlsplit(given.get("redirect_uri", ""))
        if given.get("client_id") != CLIENT_ID:
            return Response("INVALID_CLIENT: Invalid client", 400, mimetype="text/plain")
        if (place.scheme, place.hostname, place.path) != ("http", "127.0.0.1", "/callback"):
            return Response("INVALID_CLIENT: Insecure redirect URI", 400, mimetype="text/plain")
        if given.get("response_type") != "code" or given.get("code_challenge_method") != "S256":
            return Response("response_type must be code", 400, mimetype="text/plain")
        answer = {"state": given.get("state", "")}
        if fake.settings.spotify_consent == "denied":
            answer["error"] = "access_denied"
        else:
            answer["code"] = secrets.token_urlsafe(16)
            with library.lock:
                library.codes[answer["code"]] = given
        return redirect(f"{given['redirect_uri']}?{urlencode(answer)}")

    @own.get("/v1/me/tracks")
    def liked() -> Response:
        songs = [key and world.find("spotify", key) for key in library.liked]
        page = paged(songs, lambda song: rows.saved(song or None), 20, 50)
        return lacks("user-library-read") or (
            error(400, "Invalid limit") if page is None else jsonify(page)
        )

    @own.get("/v1/me/playlists")
    def own_playlists() -> Response:
        """Answer with what was written, some that are older, and some of other people."""
        older = [(key, *each) for key, each in playlists(world).items() if each[1] != "editorial"]
        entries = [described(key) for key in library.playlists]
        entries += [rows.listed(*each) for each in older]
        page = paged(entries, lambda each: each, 20, 50)
        return lacks("playlist-read-private") or (
            error(400, "Invalid limit") if page is None else jsonify(page)
        )

    @own.post("/v1/me/playlists")
    def create_playlist() -> Any:
        given = request.get_json()
        if refusal := lacks("playlist-modify-" + ("public" if given.get("public") else "private")):
            return refusal
        if not given.get("name") or "\n" in given.get("description", ""):
            return error(400, "Missing required field: name")
        key = spotify_id("written", secrets.token_hex())
        with library.lock:
            written = Written(given["name"], given.get("description", ""), library.user)
            library.playlists = {key: written} | library.playlists
        return jsonify(described(key)), 201

    @own.post("/v1/playlists/<key>/items")
    def add_items(key: str) -> Any:
        if refusal := lacks("playlist-modify-private"):
            return refusal
        if key not in library.playlists:
            return error(403, "Forbidden")
        songs = keys(request.get_json(), "uris")
        if isinstance(songs, Response):
            return songs
        with library.lock:
            written = library.playlists[key]
            place = request.args.get("position", len(written.songs), int)
            written.songs[place:place] = songs
        return jsonify(snapshot_id=secrets.token_urlsafe(24)), 201

    @own.delete("/v1/playlists/<key>/items")
    def remove_items(key: str) -> Response:
        if refusal := lacks("playlist-modify-private"):
            return refusal
        if key not in library.playlists:
            return error(403, "Forbidden")
        songs = keys(request.get_json(), "items")
        if isinstance(songs, Response):
            return songs
        with library.lock:
            written = library.playlists[key]
            written.songs = [each for each in written.songs if each not in songs]
        return jsonify(snapshot_id=secrets.token_urlsafe(24))
