"""Genre and mood tags of audio files, written so that what stood there before can be had back.

No file is changed in place: a copy beside it is, and takes its place once it is whole, with its
mode and owner, but the time of the change, by which players and `audiogenre download` notice it.
What stood there before the first writing is kept in a field of the file itself, as JSON.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from audiogenre import partials
from audiogenre.errors import TagError
from audiogenre.tags import Tags, in_a_sentence, of_the_system, open_tags
from audiogenre.typing import LABEL_KINDS, LabelKind

FIELDS: Mapping[LabelKind, str] = {"genre": "GENRE", "mood": "MOOD"}
UNDO = "--undo-tags"
KEPT = "AUDIOGENRE_PREVIOUS_"  # the field's name follows


@dataclass(frozen=True)
class Change:
    """What happens to one tag of a file.

    Attributes
    ----------
    tag : {"genre", "mood"}
    before, after : tuple of str
        Its values; none if there is no such tag.
    changed : bool
        Whether there is anything to do: what is right but for capitals is left as it is.
    error : str or None
        Why it could not be done.
    """

    tag: LabelKind
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    changed: bool = True
    error: str | None = None

    def __str__(self) -> str:
        if self.error:
            return f"{self.tag} not written: {self.error}"
        before, after = ("; ".join(each) or "none" for each in (self.before, self.after))
        return (
            f"{self.tag}: {before} -> {after}" if self.changed else f"{self.tag}: {after} already"
        )


def write(path: Path, tag: LabelKind, values: Sequence[str], *, dry_run: bool = False) -> Change:
    """Write a tag, and keep what stood there before the first time.

    Parameters
    ----------
    path : Path
        MP3 (ID3), FLAC, OGG (Vorbis, Opus and the like: Vorbis comments) or M4A (MP4).
    tag : {"genre", "mood"}
    values : sequence of str
        Written as a list of values, as the format has it.
    dry_run : bool
        Only tell what would happen.

    Raises
    ------
    TagError
        If the file is read-only, of another format, or its tags are damaged.
    """
    with _alone(path):
        tags = open_tags(path)
        if tags is None:
            suffix = path.suffix or "this kind of file"
            raise TagError(f"tags go into MP3, FLAC, OGG and M4A, not into {suffix}")
        field, before = FIELDS[tag], tags.read(FIELDS[tag])
        if [each.casefold() for each in before] == [each.casefold() for each in values]:
            return Change(tag, tuple(before), tuple(before), changed=False)
        if not tags.read(KEPT + field):
            tags.write(KEPT + field, [json.dumps(before)], like=field)
        tags.write(field, values)
        _save(tags, path, dry_run)
        return Change(tag, tuple(before), tuple(values))


def undo(path: Path, *, dry_run: bool = False) -> list[Change]:
    """Give back what stood in the tags before they were first written.

    Returns
    -------
    changes : list of Change
        One for each tag of which something was kept.

    Raises
    ------
    TagError
        If the file is read-only, or its tags are damaged.
    """
    with _alone(path):
        tags = open_tags(path)
        if tags is None:
            return []
        changes = []
        for tag in LABEL_KINDS:
            field, kept = FIELDS[tag], _kept(tags, tag)
            if kept is not None:
                changes.append(Change(tag, tuple(tags.read(field)), tuple(kept)))
                tags.write(field, kept, like=KEPT + field)
                tags.write(KEPT + field, [])
        if changes:
            _save(tags, path, dry_run)
        return changes


def original(path: Path, tag: LabelKind) -> list[str] | None:
    """Return what stood in a tag before it was written here; None if it was not.

    Raises
    ------
    OSError
        If the system does not give the file.
    """
    try:
        tags = open_tags(path)
        return _kept(tags, tag) if tags else None
    except TagError as error:
        if said := of_the_system(error.__cause__):
            raise said from error
        return None


def _kept(tags: Tags, tag: LabelKind) -> list[str] | None:
    found = tags.read(KEPT + FIELDS[tag])
    if not found:
        return None
    try:
        values = json.loads(found[0])
    except (ValueError, RecursionError):  # somebody else's, or changed by hand
        values = None
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise TagError(f"what was kept of its {tag} cannot be read: {found[0][:80]!r}")
    return values


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep others that write tags away from a file, from its tags' reading to their writing.

    Each of them puts another file in its place, so whoever has waited looks which one is there now.
    Where there are no locks, as on some network disks, the last one to write wins.
    """
    while True:
        with in_a_sentence("read"):
            # A network disk locks what is open for writing.
            file = path.open("r+b" if os.access(path, os.W_OK) else "rb")
        with file:
            with suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
            with in_a_sentence("read"):
                replaced = not os.path.samestat(os.fstat(file.fileno()), path.stat())
            if not replaced:
                yield
                return


def _save(tags: Tags, path: Path, dry_run: bool) -> None:
    """Put a copy with other tags into a file's place; only check that this may be, if `dry_run`."""
    with in_a_sentence("written"):
        target = path.resolve(strict=True)  # of a link, the file
        state = target.stat()
        # Whoever may write to the folder could replace it all the same, and root always could.
        if not state.st_mode & 0o222 or not os.access(target, os.W_OK):
            raise TagError("the file is read-only")
        if not os.access(target.parent, os.W_OK | os.X_OK):
            raise TagError("its folder is read-only, and the copy that would replace it lies there")
        if dry_run:
            return
        name = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]
        place = target.with_name(f"audiogenre-{name}")  # the file's own name may be too long
        partials.clear_abandoned(place)
        copy = partials.beside(place)
        try:
            shutil.copy2(target, copy)
            for owner, group in ((-1, state.st_gid), (state.st_uid, -1)):
                with suppress(PermissionError):  # root may give files away, others to their groups
                    os.chown(copy, owner, group)
            with copy.open("r+b") as file:
                tags.save(file)
                file.flush()
                os.fsync(file.fileno())
            _check(tags, tags.of(copy))
            copy.replace(target)
        except BaseException:
            copy.unlink(missing_ok=True)
            raise


def _check(wanted: Tags, written: Tags) -> None:
    """Check that a copy reads as it should, before it may take the file's place."""
    for field in FIELDS.values():
        for each in (field, KEPT + field):
            if written.read(each) != wanted.read(each):
                raise TagError(f"{each} does not read as it was written; the file is as it was")
    if written.sound() != wanted.sound():
        raise TagError("it is damaged, and with tags its sound would be gone; it is as it was")
