"""The tags of audio files in memory, behind one page: fields with lists of values."""

from __future__ import annotations

import errno
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Self

from audiogenre.errors import TagError

_ID3V1 = 128  # bytes, at the end of a file


class Tags(ABC):
    """The tags of one file in memory: fields with lists of values, whatever the format calls them.

    Parameters
    ----------
    path : Path
    kind : type
        mutagen's type of file.
    """

    def __init__(self, path: Path, kind: Any) -> None:
        self._path, self._kind = path, kind

    def of(self, copy: Path) -> Self:
        """Return the tags of a copy of the file."""
        return type(self)(copy, self._kind)

    @abstractmethod
    def read(self, field: str) -> list[str]:
        """Return the values of a field, none if there is no such field."""

    @abstractmethod
    def write(self, field: str, values: Sequence[str], *, like: str = "") -> None:
        """Put values into a field, encoded as those of the field `like`; no values remove it."""

    @abstractmethod
    def save(self, copy: BinaryIO) -> None:
        """Write all fields into a copy of the file, which is open for it."""

    def sound(self) -> str:
        """Return what tells apart the audio of files whose tags may stand in between."""
        return ""


class _ID3(Tags):
    """Text frames of MP3, in the version of ID3 that the file has: converting it loses frames."""

    def __init__(self, path: Path, kind: Any) -> None:
        from mutagen.id3 import ID3, ID3NoHeaderError

        super().__init__(path, kind)
        try:
            self._tags = ID3(path, translate=False, load_v1=False)
        except ID3NoHeaderError:
            try:
                self._tags = ID3(path)  # an old ID3v1 tag: its title goes into the new one, too
            except ID3NoHeaderError:
                self._tags = ID3()
        if self._tags.version[:2] == (2, 2):  # it can be read, and not written
            self._tags.update_to_v23()
        self._version = 3 if self._tags.version[:2] in ((2, 2), (2, 3)) else 4

    def read(self, field: str) -> list[str]:
        frame = self._tags.get(self._key(field))
        return list(frame.text) if str(frame or "") else []  # an empty frame is none when written

    def write(self, field: str, values: Sequence[str], *, like: str = "") -> None:
        from mutagen import id3

        model = self._tags.get(self._key(like)) if like else None
        encoding = model.encoding if model else id3.Encoding.UTF8
        key = self._key(field)
        self._tags.pop(key, None)
        if values:
            name, _, desc = key.partition(":")
            own = {"desc": desc} if desc else {}
            self._tags.add(getattr(id3, name)(encoding=encoding, text=list(values), **own))

    def save(self, copy: BinaryIO) -> None:
        if not self._tags and not self._tags.unknown_frames:
            self._tags.delete(copy, delete_v1=False)
            return
        copy.seek(-_ID3V1, os.SEEK_END)
        end = copy.read()
        copy.seek(0)
        self._tags.save(copy, v2_version=self._version, v23_sep=None)
        if end.startswith(b"TAG"):  # mutagen makes ID3v1 anew, without its comment
            copy.seek(-_ID3V1, os.SEEK_END)
            copy.write(end)

    @staticmethod
    def _key(field: str) -> str:
        return {"GENRE": "TCON", "MOOD": "TMOO"}.get(field, f"TXXX:{field}")


class _Comments(Tags):
    """Vorbis comments, of FLAC and of all that comes in OGG."""

    def __init__(self, path: Path, kind: Any) -> None:
        super().__init__(path, kind)
        self._file = kind(path)
        if self._file.tags is None:
            self._file.add_tags()
        if any("\N{REPLACEMENT CHARACTER}" in value for _, value in self._file.tags):
            raise TagError("some of its tags are not UTF-8, and would be lost by writing others")

    def read(self, field: str) -> list[str]:
        return list(self._file.tags.get(field, []))

    def write(self, field: str, values: Sequence[str], *, like: str = "") -> None:
        if field in self._file.tags:
            del self._file.tags[field]
        if values:
            self._file.tags[field] = list(values)

    def save(self, copy: BinaryIO) -> None:
        self._file.save(copy)


class _Atoms(Tags):
    """Atoms of MP4; what has none of its own is a freeform one."""

    def __init__(self, path: Path, kind: Any) -> None:
        super().__init__(path, kind)
        self._file = kind(path)
        if self._file.tags is None:
            self._file.add_tags()

    def read(self, field: str) -> list[str]:
        values = self._file.tags.get(self._key(field), [])
        return [
            each if isinstance(each, str) else bytes(each).decode("utf-8", "surrogateescape")
            for each in values
        ]

    def write(self, field: str, values: Sequence[str], *, like: str = "") -> None:
        key = self._key(field)
        self._file.tags.pop(key, None)
        if values:
            freeform = [each.encode("utf-8", "surrogateescape") for each in values]
            self._file.tags[key] = freeform if key.startswith("----") else list(values)

    def save(self, copy: BinaryIO) -> None:
        self._file.save(copy)

    def sound(self) -> str:
        """Return a digest of the audio: of a damaged file, mutagen may hide it from its players."""
        from audiogenre.mp4 import fingerprint

        return fingerprint(self._path)

    @staticmethod
    def _key(field: str) -> str:
        return "\xa9gen" if field == "GENRE" else f"----:com.apple.iTunes:{field}"


def open_tags(path: Path) -> Tags | None:
    """Return the tags of a file; None if its format is none of those that are written."""
    import mutagen
    from mutagen.flac import FLAC
    from mutagen.mp3 import MP3
    from mutagen.mp4 import MP4
    from mutagen.ogg import OggFileType

    families: dict[type, Callable[[Path, Any], Tags]] = {
        MP3: _ID3,
        FLAC: _Comments,
        OggFileType: _Comments,
        MP4: _Atoms,
    }
    with in_a_sentence("read"):
        kind = type(mutagen.File(path))
        for each, family in families.items():
            if issubclass(kind, each):
                return family(path, kind)
    return None


def of_the_system(error: BaseException | None) -> OSError | None:
    """Return what the system said of a file where mutagen has wrapped it; None if it said nothing.

    Damaged bytes may send mutagen to a place before the file's beginning (EINVAL): they are damage.
    """
    for each in (error, *(error.args if error else ())):
        if isinstance(each, OSError) and each.errno not in (None, errno.EINVAL):
            return each
    return None


@contextmanager
def in_a_sentence(done: str) -> Iterator[None]:
    """Turn whatever goes wrong while tags are "read" or "written" into a `TagError`."""
    try:
        yield
    except TagError:
        raise
    except OSError as error:
        raise TagError(f"its tags cannot be {done}: {error.strerror or error}") from error
    except Exception as error:  # mutagen raises whatever damaged bytes provoke
        reason = str(error) or "they are damaged"
        raise TagError(f"its tags cannot be {done}: {reason}") from error
