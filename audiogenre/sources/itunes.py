"""iTunes: half-minute AAC previews without a key; decoding them needs PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from audiogenre.errors import FetchError, UsageError
from audiogenre.genres import GenreTree
from audiogenre.mp4 import pyav
from audiogenre.sources.remote import RemoteSource, number, rows, text
from audiogenre.typing import Label, Problem, Track

_PAGE = 200


@dataclass(kw_only=True)
class ItunesSource(RemoteSource):
    """Songs that a search for a genre finds in the iTunes store.

    Parameters
    ----------
    genre : sequence of str
        Only songs whose primary genre is this one, or a kind of it, are listed.
    per_genre : int > 0
        Songs listed a genre, at most; the store gives 200 to a search.
    country : str
        Two letters: which store.
    """

    genre: tuple[str, ...] = ()
    per_genre: int = 200
    country: str = "US"

    name: ClassVar[str] = "itunes"
    terms: ClassVar[str] = (
        "Apple gives half-minute previews without a key, to promote songs in its store. Its terms "
        "say that previews are streamed only, not downloaded, saved or cached. Take them for "
        "personal research at most, keep the features and delete the audio (extract "
        "--discard-audio), and do not pass previews on."
    )
    restricted: ClassVar[bool] = True
    API: ClassVar[str] = "https://itunes.apple.com"
    URL_VARIABLE: ClassVar[str] = "AUDIOGENRE_ITUNES_URL"
    RATE: ClassVar[tuple[int, float]] = (20, 61.0)
    THROTTLES: ClassVar[tuple[int, ...]] = (403, 429)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.genre:
            raise UsageError("the source 'itunes' needs --genre GENRE")
        if len(self.country) != 2 or not self.country.isalpha():
            raise UsageError(f"--country is two letters, not {self.country!r}")
        pyav()  # without it no preview could be decoded

    def _listed(self) -> Iterator[Track | Problem]:
        tree = GenreTree.load()
        for genre in self.genre:
            wanted = tree.canonical(genre)
            limit = min(_PAGE, self.per_genre)
            try:
                found = self._results(
                    "search", term=genre, media="music", entity="song", limit=limit
                )
            except FetchError as error:
                yield self.trouble(f"search/{genre}", error)
                continue
            for entry in found:
                name = text(entry, "primaryGenreName")
                if name is None or text(entry, "trackId") is None:
                    self.leave_out("entries without an id or a genre were left out")
                elif wanted not in (tree.canonical(name), *tree.parents(name)):
                    self.leave_out(f"songs found for {genre!r} are of another genre")
                else:
                    yield from self._track(entry, name)

    def _track(self, entry: dict[str, Any], genre: str) -> Iterator[Track | Problem]:
        track_id = f"itunes:{text(entry, 'trackId')}"
        link = text(entry, "previewUrl")
        if link is None:
            yield Problem(track_id, "no preview: the store has none of this song")
            return
        self._links[track_id] = link
        yield Track(
            id=track_id,
            source="itunes",
            labels=(Label("genre", genre.casefold(), "itunes:primaryGenreName"),),
            title=text(entry, "trackName"),
            artist=text(entry, "artistName"),
            album=text(entry, "collectionName"),
            duration=number(entry, "trackTimeMillis", unit=1000),
        )

    def _link(self, track: Track) -> str:
        found = self._results("lookup", id=track.id.partition(":")[2])
        link = text(found[0], "previewUrl") if found else None
        if link is None:
            raise FetchError("no preview", "the store has none of this song", final=True)
        return link

    def _results(self, path: str, **parameters: Any) -> list[dict[str, Any]]:
        answer = self.ask(path, country=self.country, **parameters)
        return [each for each in rows(answer, "results") if isinstance(each, dict)]
