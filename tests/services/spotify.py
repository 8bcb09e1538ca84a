"""Spotify's pages: tokens, searches, playlists, tracks, features; what new apps lost is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import Blueprint, Response, g, jsonify, request

from . import CLIENT_ID, CLIENT_SECRET
from .spotify_rows import USER, Rows, here, images, members, playlists
from .spotify_user import USER_SCOPE, USER_TOKEN, add_pages, error, refuse, token_error
from .world import Song

if TYPE_CHECKING:
    from .app import Fake

APP_TOKEN = "fake-app-token"
RETIRED = {  # what an app registered since the end of 2024 gets
    r"audio-features|audio-analysis/|recommendations$|artists/[^/]+/related-artists": 403,
    r"recommendations/available-genre-seeds": 404,
    r"playlists/[^/]+/tracks": 403,
    r"(tracks|artists|albums)$": 403,
    r"playlists/37i9dQZF1": 404,
    r"browse/|artists/[^/]+/top-tracks|users/|markets$": 403,
}
FILTERS = "artist|track|album|isrc|genre|year"


def _matches(song: Song, query: str) -> bool:
    """Tell whether a song has what a query's filters and free words ask for."""
    free, *filters = re.split(rf"\b({FILTERS}):", query.casefold())
    values = (value.strip().strip('"') for value in filters[1::2])
    wanted = dict(zip(filters[::2], values, strict=True))
    first, _, last = wanted.pop("year", "0-9999").partition("-")
    has = {
        "artist": song.artist,
        "track": song.title,
        "album": song.album,
        "isrc": song.isrc,
        "genre": f"{song.genre.name} {song.genre.tag}",
    }
    return (
        all(value in has[name].casefold() for name, value in wanted.items())
        and all(word in song.words for word in free.split())
        and int(first) <= int(song.released[:4]) <= int(last or first)
    )


def blueprint(fake: Fake) -> Blueprint:
    """Return the pages of the service."""
    pages = Blueprint("spotify", __name__)
    world, library, rows = fake.world, fake.library, Rows(fake)

    def listed(song: Song) -> Any:
        return fake.faults.listed(song, rows.track)

    def is_new() -> bool:
        return fake.settings.spotify_app == "new"

    def paged(
        entries: Sequence[Any], make: Callable[[Any], Any], default: int, most: int
    ) -> dict[str, Any] | None:
        """Return a page as limit and offset ask for it, None if they are out of range."""
        limit = request.args.get("limit", default, int)
        offset = request.args.get("offset", 0, int)
        if not 1 <= limit <= most or offset < 0:
            return None

        def page(start: int) -> str:
            query = request.args.to_dict() | {"offset": start, "limit": limit}
            return f"{request.base_url}?{urlencode(query)}"

        return {
            "href": page(offset),
            "items": [make(each) for each in entries[offset : offset + limit]],
            "limit": limit,
            "next": page(offset + limit) if offset + limit < len(entries) else None,
            "offset": offset,
            "previous": page(max(0, offset - limit)) if offset else None,
            "total": len(entries),
        }

    @pages.before_request
    def check() -> Response | None:
        """Refuse who has no token, and what new apps may not do."""
        path = request.path.removeprefix("/spotify/v1/")
        if path == request.path:
            return None
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer":
            return error(401, "No token provided")
        good = token == APP_TOKEN or token in library.access
        if not good or fake.settings.spotify_token == "invalid":
            return error(401, "The access token expired")
        for pattern, status in RETIRED.items() if is_new() else ():
            if re.match(pattern, path):
                return error(status, "Forbidden" if status == 403 else "Resource not found")
        g.refusal = library.refusal()
        return refuse(g.refusal) if g.refusal and not g.refusal.get("done") else None

    @pages.after_request
    def lose(response: Response) -> Response:
        """Answer with a refusal to what was done all the same."""
        refusal = g.get("refusal")
        return refuse(refusal) if refusal and refusal.get("done") else response

    @pages.post("/api/token")
    def token() -> Response:
        """Give a token to an app or, for a refresh token, to a user of it."""
        basic = request.authorization
        if basic is not None and basic.type == "basic":
            given = (basic.username, basic.password)
        else:
            given = (request.form.get("client_id"), request.form.get("client_secret"))
        grant, revoked = request.form.get("grant_type"), fake.settings.spotify_token == "invalid"
        answer: dict[str, Any] = {"token_type": "Bearer", "expires_in": 3600}
        if grant == "client_credentials":
            if revoked or given != (CLIENT_ID, CLIENT_SECRET):
                return token_error("invalid_client", "Invalid client secret")
            return jsonify(access_token=APP_TOKEN, **answer)
        if grant in ("refresh_token", "authorization_code"):
            if revoked:
                return token_error("invalid_grant", "Refresh token revoked")
            if basic is None or basic.type != "basic":  # an app without a secret
                return library.grant(request.form)
            return jsonify(access_token=USER_TOKEN, scope=USER_SCOPE, **answer)
        return token_error("unsupported_grant_type", "grant_type parameter is missing or unknown")

    @pages.get("/v1/me")
    @pages.get("/v1/me/")  # as spotipy writes it
    def me() -> Response:
        if library.scope() is None:
            return error(401, "Valid user authentication required")
        user = rows.user(library.user) | {"display_name": "Fake User", "images": images(USER)}
        if is_new():
            return jsonify(user | {"account_id": "fakeaccount"})
        filters = {"filter_enabled": False, "filter_locked": False}
        return jsonify(
            user
            | {"country": "NL", "product": "premium", "explicit_content": filters}
            | {"followers": {"href": None, "total": 0}}
        )

    @pages.get("/v1/search")
    def search() -> Response:
        query = request.args.get("q", "")
        if not query.strip():
            return error(400, "No search query")
        if request.args.get("type") != "track":
            return error(400, "Only tracks can be searched for here")
        found = [song for song in world.all("spotify") if _matches(song, query)]
        page = paged(found, listed, *((5, 10) if is_new() else (20, 50)))
        return error(400, "Invalid limit") if page is None else jsonify(tracks=page)

    @pages.get("/v1/tracks/<track>")
    def one_track(track: str) -> Response:
        song = world.find("spotify", track)
        return error(404, "Resource not found") if song is None else jsonify(rows.track(song))

    @pages.get("/v1/tracks")
    def tracks() -> Response:
        """Answer an old app with many tracks at once, None for those there are not."""
        keys = request.args.get("ids", "").split(",")
        found = [world.find("spotify", key) for key in keys[:50]]
        return jsonify(tracks=[song and listed(song) for song in found])

    @pages.get("/v1/audio-features/<track>")
    def one_features(track: str) -> Response:
        song = world.find("spotify", track)
        return error(404, "analysis not found") if song is None else jsonify(rows.features(song))

    @pages.get("/v1/audio-features")
    @pages.get("/v1/audio-features/")  # spotipy puts a slash before the query
    def features() -> Response:
        keys = request.args.get("ids", "").split(",")
        found = [world.find("spotify", key) for key in keys[:100]]
        return jsonify(audio_features=[song and rows.features(song) for song in found])

    def contents(key: str) -> dict[str, Any] | Response:
        """Return a page of a playlist's entries, or why not: a new app needs its owner's token."""
        if key in library.playlists and library.scope() is not None:
            entries = [world.find("spotify", each) for each in library.playlists[key].songs]
            page = paged(entries, lambda song: rows.entry(song), 50, 50)
            return error(400, "Invalid limit") if page is None else page
        known = playlists(world).get(key)
        if known is None:
            return error(404, "Resource not found")
        owner = library.scope() is not None and known[1] == "own"
        if is_new() and not owner:
            return error(403, "Forbidden")
        songs: list[Any] = [rows.entry(song) for song in members(world, *known)]
        page = paged(songs + rows.odd_entries(known[0]), lambda each: each, 50, 50)
        return error(400, "Invalid limit") if page is None else page

    @pages.get("/v1/playlists/<key>/items")
    @pages.get("/v1/playlists/<key>/tracks")
    def playlist_items(key: str) -> Response:
        page = contents(key)
        return page if isinstance(page, Response) else jsonify(page)

    @pages.get("/v1/playlists/<key>")
    def one_playlist(key: str) -> Response:
        known = playlists(world).get(key)
        if known is None:
            return error(404, "Resource not found")
        page = contents(key)
        row = rows.playlist(key, *known)
        if not isinstance(page, Response):
            address = here(f"playlists/{key}/items")
            row |= {"tracks": page, "items": page | {"href": address}}
        return jsonify(row)

    add_pages(pages, fake, rows, paged)

    @pages.get("/", defaults={"rest": ""})
    @pages.get("/<path:rest>")
    def unknown(rest: str) -> Response:
        return error(404, "Service not found")

    return pages
