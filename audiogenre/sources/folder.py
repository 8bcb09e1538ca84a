"""Audio on disk, read in place and never copied."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, cast

from audiogenre import tagging
from audiogenre.audio import SUFFIXES, SUFFIXES_PYAV, reachable
from audiogenre.cli import counted
from audiogenre.errors import AudioError, UsageError
from audiogenre.sources.base import BaseSource
from audiogenre.tags import of_the_system
from audiogenre.typing import LABEL_KINDS, Label, LabelKind, Problem, Track

MANIFEST = "manifest.csv"
LABELS_FROM = ("folder", "manifest", "tags")
_FRAMES = {"title": "TIT2", "artist": "TPE1", "album": "TALB", "genre": "TCON", "isrc": "TSRC"}


@dataclass
class FolderSource(BaseSource):
    """Audio files below a folder.

    Parameters
    ----------
    path : Path
    labels : {"folder", "manifest", "tags"}, optional
        Where labels come from: the name of the folder a file lies in, ``manifest.csv`` (columns
        file, genre or mood, and optionally artist, album, title, isrc, licence), or the files'
        own tags. By default the manifest if there is one, else the folder.
    label : {"genre", "mood"}
        What a folder's name or a genre tag stands for.
    """

    path: Path | None = None
    labels: str | None = None
    label: LabelKind = "genre"

    name: ClassVar[str] = "folder"
    terms: ClassVar[str] = (
        "Your own files are read where they lie; nothing of them is copied or sent anywhere. What "
        "you may do with them, and with what is learned from them, is between you and whoever made "
        "them."
    )

    def __post_init__(self) -> None:
        if self.path is None:
            raise UsageError("the source 'folder' needs --path FOLDER")
        self.path = Path(self.path).expanduser().resolve()
        if not self.path.is_dir():
            raise UsageError(f"{self.path} is not a folder; --path is the one your music lies in")
        manifest = self.path / MANIFEST
        self.labels = self.labels or ("manifest" if manifest.is_file() else "folder")
        if self.labels not in LABELS_FROM:
            raise UsageError(f"--labels is one of {', '.join(LABELS_FROM)}, not {self.labels!r}")
        if self.labels == "manifest" and not manifest.is_file():
            raise UsageError(
                f"{manifest} does not exist; write one with the columns file, genre and artist, "
                "or take --labels folder or --labels tags"
            )
        if self.label not in LABEL_KINDS:
            raise UsageError(f"--label is one of {', '.join(LABEL_KINDS)}, not {self.label!r}")
        self._root = self.path

    def tracks(self) -> Iterator[Track | Problem]:
        """List the audio files in the order of their paths, with what is known about them."""
        manifest = self._read_manifest() if self.labels == "manifest" else None
        other = unlisted = unlabelled = seen = 0
        for folder, folders, files in os.walk(self._root):
            folders[:] = sorted(each for each in folders if not each.startswith("."))
            for file in sorted(files):
                path = Path(folder) / file
                if path.suffix.lower() not in SUFFIXES | SUFFIXES_PYAV or file.startswith("."):
                    other += file != MANIFEST
                elif not _is_text(path):
                    name = os.fsencode(path).decode(errors="replace")
                    yield Problem(_identify(path), f"name: {name} is not UTF-8: rename it")
                elif path.exists() and not path.is_file():  # a pipe, which would never end
                    yield Problem(_identify(path), f"unreadable: {path} is no regular file")
                elif manifest is not None and _below(path, self._root) not in manifest:
                    unlisted += 1
                else:
                    row = manifest and manifest.pop(_below(path, self._root))
                    try:
                        with reachable():
                            track = self._track(path, row or self._from_file(path))
                    except AudioError as error:  # else it would lose the labels it has
                        yield Problem(_identify(path), f"{error}: {path}", passing=True)
                        continue
                    seen, unlabelled = seen + 1, unlabelled + (not track.labels)
                    yield track
        for file in manifest or ():
            yield Problem(
                _identify(self._root / file), f"missing: {file} is in manifest.csv and not there"
            )
        if other:
            self.notes.append(f"{counted(other, 'file')} not audio, left alone")
        if unlisted:
            self.notes.append(f"{counted(unlisted, 'audio file')} not in {MANIFEST}, left out")
        if unlabelled:
            self.notes.append(
                f"{counted(unlabelled, 'track')} without a label, so nothing can be learned from "
                f"them: put files into a folder for each {self.label}, write {MANIFEST}, or take "
                "--labels tags"
            )
        if not seen:
            self.notes.append(f"there is no audio in {self._root} that could be taken")

    def fetch(self, track: Track) -> bytes:
        """Return the file's bytes; the audio of a folder is otherwise read in place."""
        return cast(Path, track.path).read_bytes()

    def _track(self, path: Path, row: dict[str, str]) -> Track:
        labels = [
            Label(kind, name, cast(str, self.labels))
            for kind in LABEL_KINDS
            for each in row.get(kind, "").split(";")
            if (name := each.strip().casefold())
        ]
        known = {key: row.get(key) or None for key in ("title", "artist", "album", "isrc")}
        return Track(
            id=_identify(path),
            source="folder",
            labels=tuple(dict.fromkeys(labels)),
            licence=row.get("licence") or None,
            path=path,
            **cast(Any, known),
        )

    def _read_manifest(self) -> dict[str, dict[str, str]]:
        manifest = self._root / MANIFEST
        try:
            with manifest.open(newline="", encoding="utf-8-sig") as file:
                rows = [
                    {str(k).strip().lower(): v or "" for k, v in row.items() if k}
                    for row in csv.DictReader(file)
                ]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise UsageError(f"{manifest} cannot be read as CSV in UTF-8: {error}") from error
        if not rows or "file" not in rows[0] or not set(LABEL_KINDS) & set(rows[0]):
            raise UsageError(f"{manifest} needs a column 'file' and a column 'genre' or 'mood'")
        files: dict[str, dict[str, str]] = {}
        for row in rows:
            name = Path(row["file"].strip()).as_posix()
            if name in files:  # listed again under another label: it keeps both
                for kind in LABEL_KINDS:
                    files[name][kind] = f"{files[name].get(kind, '')};{row.get(kind, '')}"
            elif row["file"].strip():
                files[name] = row
        return files

    def _from_file(self, path: Path) -> dict[str, str]:
        """Read a file's tags; its label is the folder's name unless tags were asked for."""
        row = read_tags(path)
        genre = row.pop("genre", "")
        if self.labels == "tags":  # what a model has written there is no label to learn from
            kept = tagging.original(path, "genre")
            row[self.label] = genre if kept is None else ";".join(kept)
        elif path.parent != self._root:
            row[self.label] = path.parent.name.replace(";", ",")
        return row


def _below(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _is_text(path: Path) -> bool:
    """Tell whether a path can be written down, as the catalogue has to."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def read_tags(source: str | os.PathLike[str] | BinaryIO) -> dict[str, str]:
    """Return a file's title, artist, album, genre and isrc tags, several values joined by ``;``.

    A file without readable tags has none: whether its audio is whole is another question.

    Raises
    ------
    OSError
        If the system does not give the file.
    """
    import mutagen

    try:
        tags = mutagen.File(source, easy=True)
    except Exception as error:  # mutagen raises whatever damaged bytes provoke, IndexError too
        if said := of_the_system(error):
            raise said from error
        return {}
    if tags is None:
        return {}
    found = {}
    for name, frame in _FRAMES.items():
        # WAV and AIFF hold bare ID3 frames, all other formats answer to plain names.
        values = tags.get(name) or getattr(tags.get(frame), "text", None) or []
        found[name] = ";".join(str(each) for each in values)
    return {name: text for name, text in found.items() if text}


def _identify(path: Path) -> str:
    """Return an id that stays the same for a path; what lies there is told apart by its hash."""
    return f"folder:{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}"
