"""What is asked of a Spotify account, and what is written to it: liked songs and own playlists."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import spotipy

from audiogenre.errors import FetchError, LoginError, ThrottledError, TransientError
from audiogenre.liked.login import AGAIN, Login
from audiogenre.liked.records import Liked, Playlist, Song, User
from audiogenre.net import MAX_WAIT, Client, host_of
from audiogenre.sources.remote import number, rows, text
from audiogenre.sources.spotify import SpotifySource, ask

BATCH = 100  # songs of one write
_PAGE = 50
_READINGS = 3  # of a list that changes while it is read
_LOCAL, _GONE, _OTHER = "local files", "empty entries", "episodes and other entries"


class UncertainError(FetchError):
    """Spotify did not say whether it has done what it was told: look before telling it again."""


class Account:
    """One account behind a login.

    Parameters
    ----------
    login : Login
    max_wait : float, s
        How long a request may go on waiting.
    blocked : dict
        Hosts that want to be left alone, and until when; kept up to date.
    """

    def __init__(
        self, login: Login, *, max_wait: float = MAX_WAIT, blocked: dict[str, float] | None = None
    ) -> None:
        base = (os.environ.get(SpotifySource.URL_VARIABLE) or SpotifySource.API).rstrip("/")
        self._base = base if base.endswith("/v1") else base + "/v1"
        self._host = host_of(self._base)
        self._login = login
        self._client = Client(self._base, SpotifySource.RATE, max_wait, blocked)
        self._spotify = spotipy.Spotify(
            auth="not yet", requests_session=self._client.session(), requests_timeout=10
        )
        self._spotify.prefix = self._base + "/"
        self._token: str | None = None
        # It logs every refusal as an error; they are said in a sentence each.
        logging.getLogger("spotipy").setLevel(logging.CRITICAL)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def user(self) -> User:
        """Ask whose account it is."""
        answer = self._read("current_user")
        found = text(answer, "id")
        if found is None:
            raise FetchError("bad answer", "Spotify does not say whose account this is")
        return User(found, text(answer, "display_name") or found)

    def liked(self, progress: Callable[[int, int], None] = lambda done, total: None) -> Liked:
        """Read the liked songs.

        Parameters
        ----------
        progress : callable
            Told how many entries of how many are there.

        Raises
        ------
        FetchError
            If they do not come, or change all the time.
        """
        skipped: Counter[str] = Counter()
        songs: dict[str, Song] = {}
        for entry in self._all("current_user_saved_tracks", progress=progress):
            song = _song(entry, "track")
            if isinstance(song, str):
                skipped[song] += 1
            else:
                songs.setdefault(song.id, song)
        return Liked(tuple(songs.values()), skipped)

    def playlists(self, owner: User) -> list[Playlist]:
        """Read the playlists that a user has and owns."""
        return [
            Playlist(key, text(each, "name") or "", text(each, "description") or "")
            for each in self._all("current_user_playlists")
            if isinstance(each, dict)
            and (key := text(each, "id"))
            and text(each, "owner", "id") == owner.id
        ]

    def songs(self, playlist: str) -> list[Song]:
        """Read the songs of a playlist; whatever else is in it is left alone."""
        found = (
            _song(each, "item", "track") for each in self._all("playlist_items", playlist, None)
        )
        return [each for each in found if isinstance(each, Song)]

    def create(self, name: str, description: str) -> Playlist:
        """Make a private playlist.

        Raises
        ------
        UncertainError
            If Spotify did not say whether it has.
        """
        answer = self._write("current_user_playlist_create", name, False, False, description)
        key = text(answer, "id")
        if key is None:
            raise UncertainError("bad answer", "Spotify does not name the playlist it has made")
        return Playlist(key, text(answer, "name") or name, description)

    def add(self, playlist: str, songs: Sequence[Song]) -> None:
        """Add songs, at most `BATCH`, to the end of a playlist.

        Raises
        ------
        UncertainError
            If Spotify did not say whether it has.
        """
        self._write("playlist_add_items", playlist, [each.uri for each in songs])

    def remove(self, playlist: str, songs: Sequence[Song]) -> None:
        """Remove songs, at most `BATCH`, from a playlist, however often they are in it.

        Raises
        ------
        UncertainError
            If Spotify did not say whether it has.
        """
        uris = [each.uri for each in songs]
        self._write("playlist_remove_all_occurrences_of_items", playlist, uris)

    def _all(
        self,
        method: str,
        *arguments: Any,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> list[Any]:
        """Read a list to its end; one that has changed meanwhile is read again.

        Pages are counted from the front: what leaves the list would make another entry be missed.
        """
        for _ in range(_READINGS):
            entries: list[Any] = []
            totals = set()
            for page in self._pages(method, *arguments):
                entries += rows(page, "items")
                total = int(number(page, "total") or 0)
                totals.add(total)
                progress(len(entries), total)
            if len(totals) == 1:
                return entries
        raise FetchError("bad answer", f"a list at Spotify changes while it is read ({method})")

    def _pages(self, method: str, *arguments: Any) -> Iterator[Any]:
        offset = 0
        while True:
            page = self._read(method, *arguments, _PAGE, offset)
            items = page.get("items") if isinstance(page, dict) else None
            if not isinstance(items, list) or (page.get("next") and not items):
                # What is missing would count as liked no more, and leave the playlists.
                raise FetchError(
                    "bad answer", f"Spotify breaks off in the middle of a list ({method})"
                )
            yield page
            offset += len(items)
            if not page.get("next"):
                return

    def _read(self, method: str, *arguments: Any) -> Any:
        return self._client.attempt(self._host, lambda: self._once(method, *arguments))

    def _write(self, method: str, *arguments: Any) -> Any:
        """Tell Spotify something, and again only if it is certain that it has not been done."""

        def once() -> Any:
            try:
                return self._once(method, *arguments)
            except (ThrottledError, _NoTokenError):
                raise
            except TransientError as error:
                raise UncertainError(error.reason, error.detail) from error

        return self._client.attempt(self._host, once)

    def _once(self, method: str, *arguments: Any) -> Any:
        """Call a method of spotipy; if Spotify refuses the token, once more with a new one."""
        call = getattr(self._spotify, method)
        self._renew()
        try:
            return ask(call, *arguments)
        except LoginError:
            self._renew(instead_of=self._token)
        try:
            return ask(call, *arguments)
        except LoginError as error:
            self._login.delete()
            raise LoginError(f"the login to Spotify is no longer good; {AGAIN}") from error

    def _renew(self, *, instead_of: str | None = None) -> None:
        try:
            self._token = self._login.token(self._client, instead_of=instead_of)
        except TransientError as error:
            raise _NoTokenError(error.reason, error.detail) from error
        self._spotify.set_auth(self._token)


class _NoTokenError(TransientError):
    """Nothing was asked yet: there was no token to ask with."""


def _song(entry: Any, *places: str) -> Song | str:
    """Return the song in an entry of a list, or what it is instead."""
    there = entry if isinstance(entry, dict) else {}
    found = next((there[each] for each in places if there.get(each)), None)
    if not isinstance(found, dict):
        return _GONE
    if found.get("is_local") or there.get("is_local"):
        return _LOCAL
    if found.get("type", "track") != "track":
        return _OTHER
    key = text(found, "id")
    if key is None:
        return _GONE
    return Song(
        id=key,
        uri=text(found, "uri") or f"spotify:track:{key}",
        title=text(found, "name") or "",
        artist="; ".join(filter(None, (text(each, "name") for each in rows(found, "artists")))),
        album=text(found, "album", "name") or "",
        isrc=(text(found, "external_ids", "isrc") or "").upper().replace("-", ""),
        duration=number(found, "duration_ms", unit=1000),
    )
