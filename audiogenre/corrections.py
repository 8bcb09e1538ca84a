"""Corrections of labels: which track is meant, what changes, and what is written."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from audiogenre.catalog import USER, Catalog
from audiogenre.errors import UsageError
from audiogenre.genres import FILE, GenreTree
from audiogenre.songs import plain
from audiogenre.spreadsheets import cell, restored
from audiogenre.typing import Label, LabelKind, Track

_SHOWN = 5


@dataclass(frozen=True)
class Correction:
    """A wish of a person's: a track's label is another one; None takes the last wish back."""

    track_id: str
    label: str | None
    note: str | None = None


@dataclass(frozen=True)
class Change:
    """What a correction has changed: the label that counted before, and the one that does now.

    Either is None where there is none.
    """

    track_id: str
    before: str | None
    after: str | None


def find_track(tracks: Mapping[str, Track], paths: Mapping[str, str], data: Path, said: str) -> str:
    """Return the id of the track that a person means.

    Parameters
    ----------
    tracks : mapping
        Every track by id.
    paths : mapping
        Track id to the path of its preview, as the catalogue has it.
    data : Path
        What relative paths of previews start from.
    said : str
        An id, the path of an audio file, or a part of artist and title that fits one track only;
        case, accents and punctuation make no difference.

    Raises
    ------
    UsageError
        If no track or more than one fits.
    """
    if said in tracks:
        return said
    there = Path(said).expanduser().resolve()
    found = [key for key, path in paths.items() if path and (data / path).resolve() == there]
    if not found:
        part = plain(said)
        found = [
            key
            for key, each in tracks.items()
            if part and part in plain(f"{each.artist or ''} {each.title or ''}")
        ]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(f"no track has the id, the file, or the part of artist and title {said!r}")
    shown = "; ".join(f"{key} ({named(tracks[key])})" for key in sorted(found)[:_SHOWN])
    raise UsageError(f"{len(found)} tracks fit {said!r}, name one by its id: {shown}")


def named(track: Track) -> str:
    """Return what a track is called, for a person."""
    return f"{track.artist or 'unknown artist'}: {track.title or 'untitled'}"


def read_csv(path: Path, known: Mapping[str, Track]) -> list[Correction]:
    """Read corrections from a file with the columns track_id, label and, if you like, note.

    It may be ``suspects.csv``, in which ids and labels are written as `spreadsheets.cell` does.

    Raises
    ------
    UsageError
        If it cannot be read, lacks a column, or a row has no known track or no label.
    """
    ids = {each: each for each in known} | {cell(each): each for each in known}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = {"track_id", "label"} - set(reader.fieldnames or ())
            if missing:
                raise UsageError(f"{path} has no column {min(missing)!r}; it needs track_id, label")
            return [_row(path, reader.line_num, row, ids) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read as CSV: {error}") from error


def _row(
    path: Path, line: int, row: Mapping[str, str | None], ids: Mapping[str, str]
) -> Correction:
    track_id, label = ((row[key] or "").strip() for key in ("track_id", "label"))
    if track_id not in ids:
        raise UsageError(f"{path}, line {line}: there is no track {track_id!r}; nothing was done")
    if not label:
        raise UsageError(f"{path}, line {line}: {track_id} has no label; nothing was done")
    note = (row.get("note") or "").strip()
    return Correction(ids[track_id], restored(label), restored(note) or None)


class Relabeller:
    """Applies corrections to a catalogue.

    Parameters
    ----------
    catalog : Catalog
    kind : {"genre", "mood"}
    """

    def __init__(self, catalog: Catalog, kind: LabelKind) -> None:
        self._catalog, self._kind = catalog, kind
        self._tree = GenreTree.load(catalog.path.with_name(FILE))
        self._said: dict[str, str] = {}  # the label that counts, by track id
        self._first: dict[str, str] = {}  # what counts without corrections
        self._names: dict[str, str] = {}  # every label there, in its spelling, by a plain one
        self._by_user = {each[0] for each in catalog.corrections() if each[1] == kind}
        for track_id, name, *_ in catalog.labelled(kind):
            counts = track_id not in self._said
            self._said.setdefault(track_id, name)
            if not (counts and track_id in self._by_user):
                self._first.setdefault(track_id, name)
            self._names.setdefault(plain(name), name)

    def spelling(self, label: str) -> str:
        """Return a label as the catalogue spells it, else the genre tree, else as it was said.

        Raises
        ------
        UsageError
            If there is nothing in it.
        """
        label = " ".join(label.split())
        if not label:
            raise UsageError(f"the {self._kind} is empty")
        known = self._names.get(plain(label), label)
        return self._tree.label(known) if self._kind == "genre" else known

    def is_known(self, label: str) -> bool:
        """Tell whether a track has the label, or the genre tree knows it."""
        genre = self._kind == "genre" and self._tree.is_known(label)
        return genre or plain(label) in self._names

    def alike(self, label: str) -> str | None:
        """Return the label there whose spelling is the nearest, None if none is near."""
        return next(iter(get_close_matches(label, self._names.values(), n=1)), None)

    def apply(self, corrections: Iterable[Correction]) -> list[Change]:
        """Record corrections, all or none; return what has changed by them."""
        changes = []
        with self._catalog.transaction():
            for each in corrections:
                before = self._said.get(each.track_id)
                if each.label is None:
                    if each.track_id not in self._by_user:
                        continue
                    self._catalog.uncorrect(each.track_id, self._kind)
                    after = self._first.get(each.track_id)
                else:
                    after = self.spelling(each.label)
                    if before is not None and self.spelling(before) == after and not each.note:
                        continue
                    self._catalog.correct(each.track_id, Label(self._kind, after, USER), each.note)
                changes.append(Change(each.track_id, before, after))
        return changes
