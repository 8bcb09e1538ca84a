"""Deezer: half-minute MP3 previews without a key.

A genre's tracks come from its chart, from playlists found by its name and from its radios. The
path ``/genre/ID/artists`` is of no use: it answers alike for every genre.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar
from urllib.parse import quote

from audiogenre.errors import FetchError, ThrottledError, TransientError, UsageError
from audiogenre.genres import GenreTree
from audiogenre.sources.remote import RemoteSource, number, rows, text
from audiogenre.typing import Label, Problem, Track

_PAGE = 100
_LONG_PAGE = 1000  # of a playlist, which may be long; a shorter answer is followed as well
_PLAYLISTS = 10  # looked at for a genre
_QUOTA, _BUSY, _NO_DATA = 4, 700, 800

Entry = dict[str, Any]


@dataclass(kw_only=True)
class Deezer(RemoteSource):
    """Deezer, asked for one recording after the other; it lists nothing by itself."""

    name: ClassVar[str] = "deezer"
    terms: ClassVar[str] = (
        "Deezer gives half-minute previews without a key, for personal and non-commercial use. Its "
        "terms do not allow keeping copies of them, and access may end without notice. Use them "
        "for your own research, keep the features and delete the audio (extract --discard-audio), "
        "and do not pass previews on."
    )
    restricted: ClassVar[bool] = True
    API: ClassVar[str] = "https://api.deezer.com"
    URL_VARIABLE: ClassVar[str] = "AUDIOGENRE_DEEZER_URL"
    # Deezer allows 50 in 5 s; evenly spread, so that two runs in a row stay within it, too, and a
    # little slower, as requests may arrive closer together than they were sent.
    RATE: ClassVar[tuple[int, float]] = (10, 1.05)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._isrcs: dict[str, str | None] = {}

    def _listed(self) -> Iterator[Track | Problem]:
        return iter(())

    def recording(self, isrc: str) -> Track:
        """Return the track of a recording, without labels; its audio can be fetched.

        Raises
        ------
        FetchError
            If Deezer does not have it, or no preview of it.
        """
        entry = self.ask(f"track/isrc:{quote(isrc, safe='')}")
        track_id, link = text(entry, "id"), text(entry, "preview")
        if track_id is None:
            raise FetchError("bad answer", "Deezer does not name the track")
        if link is None:
            raise FetchError("no preview", "Deezer has none of this track", final=True)
        self._links[f"deezer:{track_id}"] = link
        return _named(entry, ())

    def _link(self, track: Track) -> str:
        answer = self.ask(f"track/{track.id.partition(':')[2]}")
        link = text(answer, "preview")
        if link is None:
            raise FetchError("no preview", "Deezer has none of this track", final=True)
        self._isrcs[track.id] = text(answer, "isrc")  # charts and radios do not say it
        return link

    def described(self, track: Track) -> Track:
        """Return the track with its ISRC."""
        return replace(track, isrc=self._isrcs.pop(track.id, None) or track.isrc)

    def _check(self, answer: Any) -> None:
        super()._check(answer)
        error = answer.get("error")
        if not error:
            return
        code = error.get("code") if isinstance(error, dict) else None
        said = (text(error, "message") if isinstance(error, dict) else str(error)) or f"code {code}"
        if code == _QUOTA:
            raise ThrottledError(f"Deezer: {said}")
        if code == _BUSY:
            raise TransientError("busy", f"Deezer: {said}")
        if code == _NO_DATA:
            raise FetchError("not found", f"Deezer: {said}", final=True)
        raise FetchError("refused", f"Deezer: {said} (code {code})")


@dataclass(kw_only=True)
class DeezerSource(Deezer):
    """Tracks of genres or of playlists at Deezer.

    Parameters
    ----------
    genre : sequence of str
        Names as Deezer or ``genres.toml`` knows them.
    playlist : sequence of str
        Ids or links. If one genre is given all their tracks are of it, else their albums say.
    per_genre : int > 0
        Tracks listed a genre, at most.
    """

    genre: tuple[str, ...] = ()
    playlist: tuple[str, ...] = ()
    per_genre: int = 200

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.genre and not self.playlist:
            raise UsageError("the source 'deezer' needs --genre GENRE or --playlist ID")
        if self.playlist and len(self.genre) > 1:
            raise UsageError("the tracks of --playlist can be of one --genre only")
        self._playlists = [_playlist_id(each) for each in self.playlist]
        self._albums: dict[str, tuple[Label, ...]] = {}

    def _listed(self) -> Iterator[Track | Problem]:
        for playlist in self._playlists:
            provenance = f"deezer:playlist/{playlist}"
            labels = tuple(Label("genre", each.casefold(), provenance) for each in self.genre)
            for entry in self._entries(f"playlist/{playlist}/tracks", limit=_LONG_PAGE):
                yield from self._track(entry, labels)
        if not self._playlists:
            tree = GenreTree.load()
            there = {
                tree.canonical(text(each, "name") or ""): text(each, "id")
                for each in self._entries("genre")
                if isinstance(each, dict)
            }
            for genre in self.genre:
                yield from self._of_genre(genre, there.get(tree.canonical(genre)))

    def _of_genre(self, genre: str, genre_id: str | None) -> Iterator[Track | Problem]:
        seen: set[str] = set()
        for path in self._places(genre, genre_id):
            if isinstance(path, Problem):
                yield path
                continue
            label = Label("genre", genre.casefold(), f"deezer:{path.removesuffix('/tracks')}")
            for entry in self._entries(path):
                for track in self._track(entry, (label,)):
                    if isinstance(track, Problem):
                        yield track
                    elif track.id not in seen:
                        seen.add(track.id)
                        yield track
                if len(seen) >= self.per_genre:
                    return
        if not seen:
            self.notes.append(f"Deezer has no tracks for the genre {genre!r}")

    def _places(self, genre: str, genre_id: str | None) -> Iterator[str | Problem]:
        """Yield the paths at which tracks of a genre are listed, the surest first."""
        if genre_id is not None:
            yield f"chart/{genre_id}/tracks"
        for count, each in enumerate(self._entries("search/playlist", q=genre)):
            if isinstance(each, Problem):
                yield each
            elif count < _PLAYLISTS:
                yield f"playlist/{text(each, 'id')}/tracks"
            else:
                break
        if genre_id is not None:
            for each in self._entries(f"genre/{genre_id}/radios"):
                yield each if isinstance(each, Problem) else f"radio/{text(each, 'id')}/tracks"

    def _entries(
        self, path: str, *, limit: int = _PAGE, **parameters: str
    ) -> Iterator[Entry | Problem]:
        """Yield the entries of a list, page by page; a page that does not come ends it."""
        index = 0
        while True:
            try:
                page = self.ask(path, **parameters, limit=limit, index=index)
            except FetchError as error:
                yield self.trouble(path, error)
                return
            entries = rows(page, "data")
            for entry in entries:
                if isinstance(entry, dict) and text(entry, "id"):
                    yield entry
                else:
                    self.leave_out("empty entries were left out")
            if not page.get("next") or not entries:
                return
            index += len(entries)

    def _track(
        self, entry: Entry | Problem, labels: tuple[Label, ...]
    ) -> Iterator[Track | Problem]:
        if isinstance(entry, Problem):
            yield entry
            return
        track_id = f"deezer:{text(entry, 'id')}"
        if not labels:
            album = self._album(text(entry, "album", "id"))
            if isinstance(album, Problem):
                yield album
                yield Problem(track_id, "no genre: its album does not tell", passing=True)
                return
            labels = album
        if entry.get("preview") == "":
            yield Problem(track_id, "no preview: Deezer has none of this track")
            return
        yield _named(entry, labels)

    def _album(self, album_id: str | None) -> tuple[Label, ...] | Problem:
        """Return the genres of an album as labels; Deezer knows no genre of a single track."""
        if album_id is None:
            return ()
        if album_id not in self._albums:
            path = f"album/{album_id}"
            try:
                genres = rows(self.ask(path), "genres", "data")
            except FetchError as error:
                return self.trouble(path, error)
            names = [text(each, "name") for each in genres]
            self._albums[album_id] = tuple(
                Label("genre", each.casefold(), f"deezer:{path}") for each in names if each
            )
        return self._albums[album_id]


def _named(entry: Entry, labels: tuple[Label, ...]) -> Track:
    return Track(
        id=f"deezer:{text(entry, 'id')}",
        source="deezer",
        labels=labels,
        title=text(entry, "title"),
        artist=text(entry, "artist", "name"),
        album=text(entry, "album", "title"),
        isrc=text(entry, "isrc"),
        duration=number(entry, "duration"),
    )


def _playlist_id(given: str) -> str:
    """Return the id in a playlist's id or link."""
    found = re.search(r"(?:^|playlist/)(\d+)(?:[/?#]|$)", given.strip())
    if found is None:
        raise UsageError(f"{given!r} is neither the id nor the link of a Deezer playlist")
    return found[1]
