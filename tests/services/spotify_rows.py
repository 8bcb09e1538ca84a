"""Spotify's objects as a new app or an old one gets them: tracks, playlists, features."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from flask import request

from .world import PER_ALBUM, Genre, Song, World, draw, spotify_id

if TYPE_CHECKING:
    from .app import Fake

SITE = "https://open.spotify.com"
USER = "fakeuser"
MARKETS = ["DE", "FR", "GB", "US"]
KINDS = ("own", "foreign", "editorial")

Row = dict[str, Any]


def here(path: str) -> str:
    """Return an address on this server."""
    return f"{request.host_url}spotify/v1/{path}"


def _object(kind: str, key: str) -> Row:
    """Return what every object has."""
    return {
        "external_urls": {"spotify": f"{SITE}/{kind}/{key}"},
        "href": here(f"{kind}s/{key}"),
        "id": key,
        "type": kind,
        "uri": f"spotify:{kind}:{key}",
    }


def images(key: str) -> list[Row]:
    """Return the addresses of a picture in three sizes."""
    image = f"https://i.scdn.co/image/{int(draw('image', key) * 2**64):040x}"
    return [{"height": size, "width": size, "url": image} for size in (640, 300, 64)]


def playlists(world: World) -> dict[str, tuple[Genre, str]]:
    """Return the playlists by id: the user's own, another user's and Spotify's of each genre."""
    found = {}
    for genre in world.genres:
        for kind in KINDS:
            key = spotify_id("playlist", world.seed, genre.name, kind)
            found[f"37i9dQZF1{key[9:]}" if kind == "editorial" else key] = (genre, kind)
    return found


def members(world: World, genre: Genre, kind: str) -> list[Song]:
    """Return the songs of a playlist: own and another user's hold all of the genre together."""
    songs = world.songs(genre, "spotify")
    if kind == "editorial":
        return songs[:50]
    return [song for song in songs if (song.index % 3 == 0) == (kind == "own")]


class Rows:
    """Makes the objects that depend on the state of the fake."""

    def __init__(self, fake: Fake) -> None:
        self._fake = fake

    @property
    def _old(self) -> bool:
        return self._fake.settings.spotify_app == "old"

    def track(self, song: Song) -> Row:
        """Return a track; only an old app gets a preview, markets and popularity."""
        artists = [self._artist(song)]
        row = {
            "album": self._album(song),
            "artists": artists,
            "disc_number": 1,
            "duration_ms": song.seconds * 1000 + song.index % 1000,
            "explicit": False,
            "external_ids": {"isrc": song.isrc},
            **_object("track", song.spotify or ""),
            "is_local": False,
            "is_playable": song.readable,
            "name": song.title,
            "preview_url": None,
            "track_number": song.index % PER_ALBUM + 1,
        }
        if self._old:
            path = f"/media/spotify/mp3-preview/{song.spotify}"
            row |= {"available_markets": MARKETS, "popularity": song.rank // 10_000}
            row["preview_url"] = self._fake.links.plain(path) if song.has_preview else None
        fields = ("name", "artists", "external_ids", "duration_ms")
        return self._fake.faults.strip(row, song, fields)

    def features(self, song: Song) -> Row:
        """Return a track's audio features."""
        kept = _object("track", song.spotify or "")
        return self._fake.world.features(song) | {
            "type": "audio_features",
            "id": kept["id"],
            "uri": kept["uri"],
            "track_href": kept["href"],
            "analysis_url": here(f"audio-analysis/{kept['id']}"),
            "duration_ms": song.seconds * 1000,
            "time_signature": 4,
        }

    def entry(self, song: Song) -> Row:
        """Return a track as an entry of a playlist: a few have become local files."""
        if self._fake.faults.of_row("local_files", song.isrc):
            return self._entry(self._local(song), is_local=True)
        track = self._fake.faults.listed(song, self.track)
        return self._entry(track and track | {"episode": False, "track": True})

    def odd_entries(self, genre: Genre) -> list[Row]:
        """Return what ends every playlist: an entry that is gone, a local file, an episode."""
        key = spotify_id("episode", genre.name)
        episode = _object("episode", key) | {
            "audio_preview_url": None,
            "description": "",
            "duration_ms": 1_800_000,
            "episode": True,
            "explicit": False,
            "is_playable": True,
            "name": f"All about {genre.name}",
            "release_date": "2026-01-01",
            "show": _object("show", spotify_id("show", genre.name)) | {"name": "Invented Talk"},
            "track": False,
        }
        song = self._fake.world.songs(genre)[0]
        local = self._entry(self._local(song), is_local=True)
        return [self._entry(None), local, self._entry(episode)]

    def saved(self, song: Song | None) -> Row:
        """Return a track as an entry of the liked songs, or one that is gone."""
        added = {"added_at": "2026-02-23T13:28:26Z"}
        if song is None:
            return added | {"track": None}
        if self._fake.faults.of_row("local_files", song.isrc):
            return added | {"track": self._local(song)}
        return added | {"track": self._fake.faults.listed(song, self.track)}

    def user(self, name: str = USER) -> Row:
        """Return a user as the owner of a playlist."""
        return _object("user", name)

    def playlist(self, key: str, genre: Genre, kind: str) -> Row:
        """Return what is known about a playlist but its contents."""
        row = _object("playlist", key)
        name = {"own": USER, "foreign": "somebody", "editorial": "spotify"}[kind]
        return row | {
            "collaborative": False,
            "description": "",
            "followers": {"href": None, "total": 0},
            "images": images(key)[:1],
            "name": f"{genre.name} ({kind})",
            "owner": _object("user", name) | {"display_name": name},
            "primary_color": None,
            "public": True,
            "snapshot_id": f"AAAA{self._fake.world.size:08d}{key[:8]}",
        }

    def written(self, key: str, name: str, description: str, total: int, owner: str) -> Row:
        """Return what is known about a playlist that was written; its description is HTML."""
        row = _object("playlist", key) | self._contents(key, total)
        return row | {
            "collaborative": False,
            "description": html.escape(description).replace("/", "&#x2F;"),
            "images": images(key)[:1],
            "name": name,
            "owner": self.user(owner) | {"display_name": "Fake User"},
            "primary_color": None,
            "public": False,
            "snapshot_id": f"AAAA{total:08d}{key[:8]}",
        }

    def listed(self, key: str, genre: Genre, kind: str) -> Row:
        """Return a playlist of the world as an entry of the user's list."""
        row = self.playlist(key, genre, kind)
        row.pop("followers")
        return row | self._contents(key, len(members(self._fake.world, genre, kind)))

    @staticmethod
    def _contents(key: str, total: int) -> Row:
        """Return where a list's entry says that the songs are, under the old name and the new."""
        address = here(f"playlists/{key}/")
        return {name: {"href": address + name, "total": total} for name in ("tracks", "items")}

    def _entry(self, track: Row | None, *, is_local: bool = False) -> Row:
        """Return an entry; an old app finds the track under its old name only."""
        entry = {
            "added_at": "2025-07-29T21:11:55Z",
            "added_by": self.user(),
            "is_local": is_local,
            "primary_color": None,
            "track": track,
            "item": track,
            "video_thumbnail": {"url": None},
        }
        if self._old and request.path.endswith("/tracks"):
            entry.pop("item")
        return entry

    @staticmethod
    def _local(song: Song) -> Row:
        empty = {"external_urls": {}, "href": None, "id": None, "uri": None}
        return {
            "album": empty | {"album_type": None, "artists": [], "images": [], "name": song.album},
            "artists": [empty | {"name": song.artist, "type": "artist"}],
            "available_markets": [],
            "disc_number": 0,
            "duration_ms": song.seconds * 1000,
            "explicit": False,
            "external_ids": {},
            "external_urls": {},
            "href": None,
            "id": None,
            "is_local": True,
            "name": song.title,
            "preview_url": None,
            "track_number": 0,
            "type": "track",
            "uri": f"spotify:local:{song.artist}:{song.album}:{song.title}:{song.seconds}",
        }

    @staticmethod
    def _artist(song: Song) -> Row:
        key = spotify_id("artist", song.genre.name, song.artist)
        return _object("artist", key) | {"name": song.artist}

    def _album(self, song: Song) -> Row:
        key = spotify_id("album", song.genre.name, song.album)
        row = _object("album", key) | {
            "album_type": "album",
            "artists": [self._artist(song)],
            "images": images(key),
            "is_playable": True,
            "name": song.album,
            "release_date": song.released,
            "release_date_precision": "day",
            "total_tracks": PER_ALBUM,
        }
        return row | ({"available_markets": MARKETS} if self._old else {})
