"""What is written reads back, and what was there before comes back."""

from __future__ import annotations

import os
from pathlib import Path

import mutagen
import numpy as np
import pytest
from mutagen.id3 import APIC, ID3, TCON, TXXX, TYER

from audiogenre import tagging
from audiogenre.audio import decode
from audiogenre.sources.folder import read_tags
from tagging.clips import GENRES, OLD, tag, tags_of, values_of, write_clip


@pytest.mark.parametrize(
    ("genre", "mood"), [([], []), (GENRES, []), (["Rock"], ["calm", "Größe"])], ids=str
)
def test_tags_are_written_and_given_back(clip: Path, genre: list[str], mood: list[str]) -> None:
    tag(clip, genre, mood)
    before, (y, _) = tags_of(clip), decode(clip)
    change = tagging.write(clip, "genre", ["drum & bass", "ジャズ"])
    assert (change.before, change.after) == (tuple(genre), ("drum & bass", "ジャズ"))
    assert values_of(clip, "GENRE") == ["drum & bass", "ジャズ"]
    tagging.write(clip, "mood", ["sad"])
    assert values_of(clip, "MOOD") == ["sad"]
    assert read_tags(clip)["title"] == "Wave"
    assert np.array_equal(decode(clip)[0], y)
    assert tagging.original(clip, "genre") == genre
    assert tagging.original(clip, "mood") == mood
    given = {each.tag: list(each.after) for each in tagging.undo(clip)}
    assert given == {"genre": genre, "mood": mood}
    assert tags_of(clip) == before
    assert np.array_equal(decode(clip)[0], y)
    assert list(clip.parent.iterdir()) == [clip]


def test_a_file_without_tags_has_none_again(clip: Path) -> None:
    before = tags_of(clip) if clip.suffix != ".mp3" else {}
    tagging.write(clip, "genre", ["jazz"])
    tagging.undo(clip)
    assert clip.suffix == ".mp3" or tags_of(clip) == before
    if clip.suffix == ".mp3":
        with pytest.raises(mutagen.id3.ID3NoHeaderError):
            ID3(clip)


def test_writing_again_keeps_what_was_there_first(clip: Path) -> None:
    tag(clip, GENRES, [])
    before = tags_of(clip)
    for each in ("jazz", "pop", "jazz"):
        tagging.write(clip, "genre", [each])
    assert tagging.original(clip, "genre") == GENRES
    tagging.undo(clip)
    assert tags_of(clip) == before
    assert tagging.undo(clip) == []


def test_what_is_right_already_is_left_as_it_is(clip: Path) -> None:
    tag(clip, ["Hip-Hop"], [])
    whole = clip.read_bytes()
    change = tagging.write(clip, "genre", ["hip-hop"])
    assert not change.changed
    assert str(change) == "genre: Hip-Hop already"
    assert clip.read_bytes() == whole
    assert tagging.original(clip, "genre") is None


def test_a_dry_run_tells_the_same_and_writes_nothing(clip: Path) -> None:
    tag(clip, ["Rock"], [])
    whole = clip.read_bytes()
    planned = tagging.write(clip, "genre", ["jazz"], dry_run=True)
    assert clip.read_bytes() == whole
    assert tagging.write(clip, "genre", ["jazz"]) == planned
    whole = clip.read_bytes()
    planned_back = tagging.undo(clip, dry_run=True)
    assert clip.read_bytes() == whole
    assert tagging.undo(clip) == planned_back


def test_mode_and_owner_stay_and_the_time_of_change_is_new(clip: Path) -> None:
    if os.getuid() == 0:
        os.chown(clip, 1234, 2345)
    clip.chmod(0o640)
    os.utime(clip, (OLD, OLD))
    before = clip.stat()
    tagging.write(clip, "genre", ["jazz"])
    after = clip.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode,
        before.st_uid,
        before.st_gid,
    )
    assert after.st_mtime > OLD  # else a player would not look again


def test_a_link_stays_a_link_and_its_file_is_written(clip: Path) -> None:
    link = clip.parent / "linked" / f"b{clip.suffix}"
    link.parent.mkdir()
    link.symlink_to(Path("..") / clip.name)
    tagging.write(link, "genre", ["jazz"])
    assert link.is_symlink()
    assert values_of(clip, "GENRE") == ["jazz"]
    assert list(link.parent.iterdir()) == [link]


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("encoding", [0, 1, 3])
def test_the_very_bytes_of_a_frame_come_back(mp3: Path, version: int, encoding: int) -> None:
    tags = ID3()
    tags.add(TCON(encoding=encoding, text=["(17)Grüße"]))
    tags.add(TYER(encoding=0, text=["1999"]))
    tags.add(APIC(encoding=0, mime="image/png", type=3, desc="", data=b"picture" * 99))
    tags.add(TXXX(encoding=1, desc="mine", text=["日本"]))
    tags.save(mp3, v2_version=version, v23_sep=None)
    whole = mp3.read_bytes()
    tagging.write(mp3, "genre", ["jazz", "ジャズ"])
    written = ID3(mp3, translate=False)
    assert written.version == (2, version, 0)  # and so the frames of the other version stay
    assert "TYER" in written
    assert mp3.read_bytes() != whole
    tagging.undo(mp3)
    assert mp3.read_bytes() == whole


def test_an_old_tag_at_the_end_of_a_file_is_left_alone(mp3: Path) -> None:
    old = b"TAG" + b"".join(
        each.ljust(size, b"\0")
        for each, size in [(b"Wave", 30), (b"Reverbs", 30), (b"Sea", 30), (b"1999", 4)]
    )
    old += b"a comment that mutagen drops".ljust(30, b"\0") + bytes([17])
    assert len(old) == 128
    mp3.write_bytes(mp3.read_bytes() + old)
    change = tagging.write(mp3, "genre", ["jazz"])
    assert change.before == ("Rock",)
    assert mp3.read_bytes().endswith(old)
    # The new tag would hide the old one's title, had it none.
    assert read_tags(mp3) == {
        "title": "Wave",
        "artist": "Reverbs",
        "album": "Sea",
        "genre": "jazz",
    }
    tagging.undo(mp3)
    assert read_tags(mp3)["genre"] == "Rock"
    assert mp3.read_bytes().endswith(old)


def test_a_tag_of_version_2_2_is_written_as_2_3(mp3: Path) -> None:
    text = b"TT2" + (5).to_bytes(3) + b"\0Wave" + b"TCO" + (5).to_bytes(3) + b"\0Rock"
    mp3.write_bytes(b"ID3\2\0\0" + bytes([0, 0, 0, len(text)]) + text + mp3.read_bytes())
    tagging.write(mp3, "genre", ["jazz"])
    assert read_tags(mp3) == {"title": "Wave", "genre": "jazz"}
    assert ID3(mp3).version == (2, 3, 0)
    tagging.undo(mp3)
    assert read_tags(mp3) == {"title": "Wave", "genre": "Rock"}


def test_a_nameless_text_does_not_decide_how_others_are_encoded(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp3")
    tags = ID3()
    tags.add(TXXX(encoding=0, desc="", text=["plain"]))
    tags.save(clip)
    tagging.write(clip, "genre", ["шансон"])
    assert values_of(clip, "GENRE") == ["шансон"]
