"""Spotify, for an app that still has the rights: tracks, previews and measured attributes.

An app registered since November 2024 gets neither previews nor attributes, and no playlists but
its owner's; each such refusal is said once, with what to use instead.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeGuard

import requests
import spotipy
from spotipy.cache_handler import MemoryCacheHandler
from spotipy.oauth2 import SpotifyClientCredentials, SpotifyOauthError

from audiogenre.errors import (
    FetchError,
    HostBusyError,
    LoginError,
    ThrottledError,
    TransientError,
    UsageError,
)
from audiogenre.net import host_of, retry_after
from audiogenre.sources.reccobeats import attributes
from audiogenre.sources.remote import RemoteSource, number, rows, text
from audiogenre.typing import Label, Problem, Track

TOKEN_VARIABLE = "AUDIOGENRE_SPOTIFY_TOKEN_URL"
ID_VARIABLE, SECRET_VARIABLE = "SPOTIPY_CLIENT_ID", "SPOTIPY_CLIENT_SECRET"
_PAGE, _SEARCH_PAGE, _FEATURES_PAGE = 50, 10, 50
DEAD = ("invalid_client", "invalid_grant", "unauthorized_client", "invalid_request")

_RETIRED = {
    "features": "Spotify gives this app no audio features: take --source reccobeats for measured "
    "ones, or extract --attributes for estimated ones",
    "previews": "Spotify gives this app no previews: take audio from --source deezer, jamendo or "
    "fma, or from a folder of your own",
    "playlist": "Spotify shows this app only playlists of its owner, and none of its own: take "
    "--source deezer --playlist, or --genre",
}


@dataclass(kw_only=True)
class SpotifySource(RemoteSource):
    """Tracks of playlists, or of a search for genres, at Spotify.

    Parameters
    ----------
    genre : sequence of str
        Genres to search for, or the one genre of all playlists.
    playlist : sequence of str
        Ids or links.
    per_genre : int > 0
        Tracks listed a genre, at most.
    """

    genre: tuple[str, ...] = ()
    playlist: tuple[str, ...] = ()
    per_genre: int = 200

    name: ClassVar[str] = "spotify"
    terms: ClassVar[str] = (
        "Spotify's terms forbid training a model on its content or feeding its content to one: "
        "previews, attributes, names and playlists alike, and they allow keeping them only as far "
        "as strictly necessary. This source is for holders of an app that has been granted more, "
        "in writing; everybody else builds models from other sources."
    )
    restricted: ClassVar[bool] = True
    API: ClassVar[str] = "https://api.spotify.com/v1"
    URL_VARIABLE: ClassVar[str] = "AUDIOGENRE_SPOTIFY_URL"
    VERSION: ClassVar[str] = "/v1"
    RATE: ClassVar[tuple[int, float]] = (5, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.genre and not self.playlist:
            raise UsageError("the source 'spotify' needs --genre GENRE or --playlist ID")
        if self.playlist and len(self.genre) != 1:
            raise UsageError("name the one genre of all tracks of --playlist with --genre")
        self._playlists = [_playlist_id(each) for each in self.playlist]
        self._local = threading.local()
        self._said: set[str] = set()
        self._total = self._silent = 0  # tracks, and those without a preview
        # It logs every refusal as an error; they are said in a sentence each.
        logging.getLogger("spotipy").setLevel(logging.CRITICAL)

    def _listed(self) -> Iterator[Track | Problem]:
        batch: list[Any] = []
        for item in self._items():
            if isinstance(item, Problem):
                yield item
                continue
            batch.append(item)
            if len(batch) == _FEATURES_PAGE:
                yield from self._tracks(batch)
                batch = []
        yield from self._tracks(batch)
        if self._silent and self._silent == self._total:
            self.notes.append(_RETIRED["previews"])
        elif self._silent:
            self.notes.append(f"{self._silent} of {self._total} tracks have no preview")

    def _items(self) -> Iterator[tuple[dict[str, Any], Label] | Problem]:
        """Yield tracks as Spotify describes them, with the label that their place gives them."""
        for playlist in self._playlists:
            label = Label("genre", self.genre[0].casefold(), f"spotify:playlist/{playlist}")
            for each in self._playlist(playlist):
                yield each if isinstance(each, Problem) else (each, label)
        for genre in () if self.playlist else self.genre:
            label = Label("genre", genre.casefold(), "spotify:search")
            for each in self._search(genre):
                yield each if isinstance(each, Problem) else (each, label)

    def _playlist(self, playlist: str) -> Iterator[dict[str, Any] | Problem]:
        offset = 0
        while True:
            try:
                page = self._call("playlist_items", playlist, None, _PAGE, offset)
            except FetchError as error:
                if error.reason == "refused":
                    self._say("playlist")
                yield self.trouble(f"playlist/{playlist}", error)
                return
            for entry in rows(page, "items"):
                named = entry if isinstance(entry, dict) else {}
                track = named.get("item") or named.get("track")
                if _is_song(track):
                    yield track
                else:
                    self.leave_out("local files, episodes and empty entries were left out")
            offset += _PAGE
            if not page.get("next"):
                return

    def _search(self, genre: str) -> Iterator[dict[str, Any] | Problem]:
        for offset in range(0, min(self.per_genre, 1000), _SEARCH_PAGE):
            size = min(_SEARCH_PAGE, self.per_genre - offset)
            query = f'genre:"{genre}"'
            try:
                page = self._call("search", query, size, offset, "track")
            except FetchError as error:
                yield self.trouble(f"search/{genre}", error)
                return
            yield from (each for each in rows(page, "tracks", "items") if _is_song(each))
            if not text(page, "tracks", "next"):
                return

    def _tracks(self, batch: list[tuple[dict[str, Any], Label]]) -> Iterator[Track]:
        measured = self._features([each["id"] for each, _ in batch])
        for entry, label in batch:
            link = text(entry, "preview_url")
            track_id = f"spotify:{entry['id']}"
            self._total += 1
            self._silent += link is None
            if link is not None:
                self._links[track_id] = link
            values = measured.get(entry["id"], {})
            yield Track(
                id=track_id,
                source="spotify",
                labels=(label,),
                title=text(entry, "name"),
                artist="; ".join(filter(None, (text(a, "name") for a in rows(entry, "artists")))),
                album=text(entry, "album", "name"),
                isrc=text(entry, "external_ids", "isrc"),
                duration=number(entry, "duration_ms", unit=1000),
                features={"spotify": values} if values else {},
                audio=link is not None,
            )

    def _features(self, ids: list[str]) -> dict[str, dict[str, float]]:
        if not ids or "features" in self._said:
            return {}
        try:
            answer = self._call("audio_features", ids)
        except HostBusyError:
            raise
        except FetchError as error:
            if error.reason == "refused":
                self._say("features")
            else:
                self.notes.append(f"the attributes of {len(ids)} tracks did not come ({error})")
            return {}
        measured = answer if isinstance(answer, list) else []
        return {each["id"]: attributes(each) for each in measured if text(each, "id")}

    def _link(self, track: Track) -> str:
        entry = self._call("track", track.id.partition(":")[2])
        link = text(entry, "preview_url")
        if link is None:
            raise FetchError("no preview", _RETIRED["previews"], final=True)
        return link

    def _say(self, what: str) -> None:
        if what not in self._said:
            self._said.add(what)
            self.notes.append(_RETIRED[what])

    @cached_property
    def _credentials(self) -> SpotifyClientCredentials:
        if not (os.environ.get(ID_VARIABLE) and os.environ.get(SECRET_VARIABLE)):
            raise LoginError(
                f"the source 'spotify' needs an app's {ID_VARIABLE} and {SECRET_VARIABLE} "
                "(https://developer.spotify.com/dashboard)"
            )
        manager = SpotifyClientCredentials(
            os.environ[ID_VARIABLE],
            os.environ[SECRET_VARIABLE],
            requests_session=self.client.session(),
            requests_timeout=10,
            cache_handler=MemoryCacheHandler(),
        )
        manager.OAUTH_TOKEN_URL = os.environ.get(TOKEN_VARIABLE) or manager.OAUTH_TOKEN_URL
        return manager

    def _call(self, method: str, *arguments: Any) -> Any:
        """Call a method of spotipy; what goes wrong is told apart as for every other service."""

        def once() -> Any:
            try:
                return ask(getattr(self._spotify(), method), *arguments)
            except SpotifyOauthError as error:
                if error.error not in DEAD:
                    raise TransientError("bad answer", "no token from Spotify") from error
                raise LoginError(
                    f"Spotify refuses the login ({error.error}); look at {ID_VARIABLE} and "
                    f"{SECRET_VARIABLE}"
                ) from error

        return self.client.attempt(host_of(self._base), once)

    def _spotify(self) -> spotipy.Spotify:
        """Return this thread's client; with a session given, spotipy repeats nothing itself."""
        found: spotipy.Spotify | None = getattr(self._local, "spotify", None)
        if found is None:
            found = self._local.spotify = spotipy.Spotify(
                auth_manager=self._credentials,
                requests_session=self.client.session(),
                requests_timeout=10,
            )
            found.prefix = self._base + "/"
        return found


def ask(method: Callable[..., Any], *arguments: Any) -> Any:
    """Call a method of spotipy once; what goes wrong is told apart as for every other service.

    Raises
    ------
    FetchError
        As `audiogenre.net.Client.attempt` wants it.
    LoginError
        If Spotify refuses the token.
    """
    try:
        with warnings.catch_warnings():  # it remarks on every retired call
            warnings.simplefilter("ignore", DeprecationWarning)
            answer = method(*arguments)
    except spotipy.SpotifyException as error:
        raise _translated(error) from error
    except (TypeError, AttributeError) as error:  # it looks into an answer that is none
        raise TransientError("bad answer", "no JSON from Spotify") from error
    except requests.RequestException as error:
        raise TransientError("connection", f"Spotify: {type(error).__name__}") from error
    if not isinstance(answer, dict | list):
        raise TransientError("bad answer", "no JSON from Spotify")
    return answer


def _translated(error: spotipy.SpotifyException) -> Exception:
    """Say by which of our errors a refusal is told."""
    status, said = error.http_status, str(error.msg).rpartition("\n ")[2] or "no reason given"
    headers = error.headers or {}
    if status == 429:
        return ThrottledError(f"Spotify: {said}", retry_after(headers))
    if status >= 500:
        return TransientError("server error", f"HTTP {status} from Spotify")
    if status == 401:
        return LoginError(f"Spotify refuses the login ({said}); log in again")
    return FetchError("refused", f"Spotify: {said} (HTTP {status})", final=status != 400)


def _playlist_id(given: str) -> str:
    """Return the id in a playlist's id, link or URI."""
    found = re.search(r"(?:^|playlist[/:])([0-9A-Za-z]{22})(?:[/?#]|$)", given.strip())
    if found is None:
        raise UsageError(f"{given!r} is neither the id nor the link of a Spotify playlist")
    return found[1]


def _is_song(entry: Any) -> TypeGuard[dict[str, Any]]:
    """Tell whether an entry is a song that Spotify knows: no episode, no local file, not gone."""
    if not isinstance(entry, dict) or entry.get("is_local"):
        return False
    return entry.get("type", "track") == "track" and isinstance(entry.get("id"), str)
