"""Playlists of files: one M3U8 for each label, written whole or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from audiogenre import partials
from audiogenre.audio import PASSING, probe, reachable
from audiogenre.errors import AudioError, StoreError, UsageError
from audiogenre.sources.folder import read_tags

SUFFIX = ".m3u8"

_MARK = "#AUDIOGENRE:"  # in a list's second line: only a list that has it is ever replaced
_PARTIAL = "audiogenre-list"  # what a list that is being written is called
_LONGEST = 50  # characters of a name: at most 200 bytes of the 255 that a file's name may have
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f"*/:<>?\\|]')  # on a player's card as well


def file_names(labels: Iterable[str]) -> dict[str, str]:
    """Return the file of each label's list; no two of them are the same but for capitals.

    Examples
    --------
    >>> file_names(["rock", "rap/hip-hop", "rap:hip-hop"])
    {'rock': 'rock.m3u8', 'rap/hip-hop': 'rap-hip-hop.m3u8', 'rap:hip-hop': 'rap-hip-hop 2.m3u8'}
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for label in dict.fromkeys(labels):
        stem = _FORBIDDEN.sub("-", label)[:_LONGEST].strip(" .") or "-"
        name, number = stem, 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem} {number}"
        taken.add(name.casefold())
        names[label] = name + SUFFIX
    return names


def prepare(folder: Path, names: Iterable[str], *, dry_run: bool = False) -> None:
    """Make the folder, and check that lists may be written there, before the work that fills them.

    Raises
    ------
    UsageError
        If the folder is none, or has a list of that name which is somebody else's.
    StoreError
        If it cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is not a folder")
    try:
        if not dry_run:
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError("it is not yours to change")
    except OSError as error:
        raise StoreError(f"cannot write to {folder}: {error.strerror or error}") from error
    for name in names:
        if (folder / name).exists() and _written_for(folder / name) is None:
            raise UsageError(
                f"{folder / name} is there already and no list of audiogenre's; move it, or give "
                "--m3u another folder"
            )


def write(
    folder: Path,
    model: str,
    lists: Mapping[str, Sequence[Path]],
    names: Mapping[str, str],
    *,
    dry_run: bool = False,
) -> set[Path]:
    """Write the lists, and remove those of an earlier run of the model that have no songs any more.

    Parameters
    ----------
    folder : Path
        As `prepare` left it.
    model : str
    lists : mapping of label to songs
    names : mapping of label to file name
        As `file_names` returns them.
    dry_run : bool
        Only tell what is left out.

    Returns
    -------
    left_out : set of Path
        Songs whose path a list in UTF-8 with a line for each cannot hold.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    """
    home = folder.resolve()
    left_out = {song for songs in lists.values() for song in songs if not location(song, home)}
    if dry_run:
        return left_out
    partial = partials.beside(home / _PARTIAL)
    try:
        partials.clear_abandoned(home / _PARTIAL)
        for label, songs in lists.items():
            lines = ["#EXTM3U", f"{_MARK}{_plain(model)}", f"#PLAYLIST:{_plain(label)}"]
            for song in songs:
                if song not in left_out:
                    lines += [_described(song), location(song, home)]
            try:
                partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
                partial.replace(home / names[label])
            finally:
                partial.unlink(missing_ok=True)
        written = {names[label] for label in lists}
        for old in home.glob(f"*{SUFFIX}"):
            if old.name not in written and _written_for(old) == _plain(model):
                old.unlink()
    except OSError as error:
        raise StoreError(f"cannot write to {folder}: {error.strerror or error}") from error
    return left_out


def location(song: Path, home: Path) -> str:
    """Return how a list in a folder names a song; "" if it cannot.

    Relative where they have a folder in common, so that both can be moved with it.

    Examples
    --------
    >>> location(Path("/music/rock/a.mp3"), Path("/music/lists"))
    '../rock/a.mp3'
    >>> location(Path("/mnt/card/a.mp3"), Path("/home/me/lists"))
    '/mnt/card/a.mp3'
    """
    place = str(song.parent.resolve() / song.name)
    if os.path.commonpath([place, home]) != os.path.sep:
        place = os.path.relpath(place, home)
    try:
        place.encode("utf-8")
    except UnicodeEncodeError:
        return ""
    if "\n" in place or "\r" in place:
        return ""
    return place if place[0] not in "# " else f"./{place}"  # not a comment


def _described(song: Path) -> str:
    """Return the line about a song: its length, and by whom it is.

    Raises
    ------
    StoreError
        If the system does not give the file, which was there a moment ago.
    """
    seconds = -1  # not known
    try:
        with reachable():
            tags = read_tags(song)
        seconds = round(probe(song))
    except AudioError as error:
        if error.reason in PASSING:
            raise StoreError(f"{song} cannot be read: {error.detail}") from error
    title = tags.get("title") or song.stem
    artist = tags.get("artist", "").replace(";", ", ")
    return f"#EXTINF:{seconds},{_plain(f'{artist} - {title}' if artist else title)}"


def _plain(text: str) -> str:
    """Return a text on one line, whatever bytes were in it."""
    return " ".join(text.encode("utf-8", "replace").decode("utf-8").split())


def _written_for(path: Path) -> str | None:
    """Return the model that a list was written for; None if it is no list of ours."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            first, second = file.readline(1000), file.readline(1000).rstrip("\n")
    except OSError:
        return None
    return second.removeprefix(_MARK) if first and second.startswith(_MARK) else None
