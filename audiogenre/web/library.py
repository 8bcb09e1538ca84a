"""The tracks of the data folder, for pages that name and play them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from audiogenre.audio import SUFFIXES, SUFFIXES_PYAV
from audiogenre.catalog import Catalog, Preview
from audiogenre.songs import plain
from audiogenre.typing import Track

MEDIA_TYPES = {
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".m4a": "audio/mp4",
    ".mp4": "audio/mp4",
    ".aac": "audio/aac",
    ".webm": "audio/webm",
}


class Library:
    """What the catalogue of a data folder says, read again once it has changed.

    Parameters
    ----------
    data : Path
    """

    def __init__(self, data: Path) -> None:
        self.data = data
        self.database = data / "catalog.db"
        self._version: tuple[int, ...] = ()
        self._tracks: dict[str, Track] = {}
        self._previews: dict[str, Preview] = {}

    @property
    def is_there(self) -> bool:
        """Whether there is a catalogue."""
        return self.database.is_file()

    def tracks(self) -> dict[str, Track]:
        """Return every track by id."""
        self._refresh()
        return self._tracks

    def audio(self, track_id: str) -> Path | None:
        """Return where a track's audio lies, None if it has none (any more).

        Only the catalogue says where: an id that it does not know leads nowhere.
        """
        self._refresh()
        preview = self._previews.get(track_id)
        if preview is None or not preview.path:
            return None
        path = self.data / preview.path
        known = path.suffix.lower() in SUFFIXES | SUFFIXES_PYAV
        return path if known and path.is_file() else None

    def find(self, text: str, n: int = 12) -> list[tuple[str, str]]:
        """Return tracks that play and have a text in artist or title, with their first label."""
        part = plain(text)
        found = (
            (each.id, each.labels[0].name if each.labels else "")
            for each in self.tracks().values()
            if part and part in plain(f"{each.artist or ''} {each.title or ''}")
        )
        return list(islice((each for each in found if self.audio(each[0])), n))

    def describe(self, labelled: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
        """Return what is shown of tracks, given with their labels."""
        tracks = self.tracks()
        return [
            {
                "track_id": track_id,
                "title": (tracks[track_id].title if track_id in tracks else None) or "untitled",
                "artist": (tracks[track_id].artist if track_id in tracks else None)
                or "unknown artist",
                "label": label,
                "audio": self.audio(track_id) is not None,
            }
            for track_id, label in labelled
        ]

    def _refresh(self) -> None:
        files = (self.database, self.database.with_name(f"{self.database.name}-wal"))
        version = tuple(map(changed, files))
        if version != self._version and self.is_there:
            with Catalog(self.database) as catalog:
                self._tracks, self._previews = catalog.known(), catalog.previews()
            self._version = version


def changed(file: Path) -> int:
    """Return when a file or folder has last changed, in nanoseconds; 0 if it is not there."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0
