"""What cannot be written is told and left as it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from mutagen.flac import FLAC
from mutagen.id3 import ID3, TXXX
from mutagen.mp4 import MP4

from audiogenre import tagging
from audiogenre.errors import TagError
from audiogenre.sources.folder import read_tags
from tagging.clips import FREE, tag, tags_of, values_of, write_clip


def assert_refused(path: Path, why: str) -> None:
    whole = path.read_bytes()
    for dry_run in (True, False):
        with pytest.raises(TagError, match=why):
            tagging.write(path, "genre", ["jazz"], dry_run=dry_run)
    assert path.read_bytes() == whole
    assert not list(path.parent.glob(".*"))


def test_a_read_only_file_stays_as_it_is(clip: Path) -> None:
    tag(clip, ["Rock"], [])
    tagging.write(clip, "genre", ["pop"])
    clip.chmod(0o444)
    assert_refused(clip, "the file is read-only")
    whole = clip.read_bytes()
    with pytest.raises(TagError, match="the file is read-only"):
        tagging.undo(clip)
    assert clip.read_bytes() == whole


def test_a_file_of_another_format_says_what_can_be_written(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.wav")
    assert_refused(clip, "tags go into MP3, FLAC, OGG and M4A, not into .wav")
    assert tagging.undo(clip) == []
    assert tagging.original(clip, "genre") is None


def test_a_wav_that_is_called_mp3_gets_no_tag_before_it(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.wav").rename(tmp_path / "a.mp3")
    assert_refused(tmp_path / "a.mp3", "cannot be read|tags go into")


def test_damaged_files_are_refused_or_written_whole(clip: Path) -> None:
    tag(clip, ["Rock"], ["calm"])
    whole = clip.read_bytes()
    refused = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        damaged = bytearray(whole)
        for position in rng.integers(0, 600, rng.integers(1, 12)):
            damaged[position] = int(rng.integers(256))
        clip.write_bytes(damaged[: int(rng.integers(1, len(whole)))] if seed % 5 == 0 else damaged)
        there = clip.read_bytes()
        try:
            tagging.write(clip, "genre", ["jazz"])
        except TagError:
            refused += 1
            assert clip.read_bytes() == there, f"seed {seed}"
        else:
            assert values_of(clip, "GENRE") == ["jazz"], f"seed {seed}"
        assert list(clip.parent.iterdir()) == [clip], f"seed {seed}"
    assert refused


def test_comments_that_are_not_utf8_are_not_lost(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.flac")
    tags = FLAC(clip)
    tags["ARTIST"] = "Bj?rk"
    tags.save()
    clip.write_bytes(clip.read_bytes().replace(b"Bj?rk", b"Bj\xf6rk"))
    assert_refused(clip, "not UTF-8")


def test_what_was_kept_and_changed_by_somebody_is_told(mp3: Path) -> None:
    tagging.write(mp3, "genre", ["jazz"])
    for text in ("Rock", "{}", "[1]", "[" * 100_000):
        tags = ID3(mp3)
        tags.add(TXXX(encoding=3, desc="AUDIOGENRE_PREVIOUS_GENRE", text=[text]))
        tags.save(mp3)
        with pytest.raises(TagError, match="what was kept of its genre cannot be read"):
            tagging.undo(mp3)
        assert tagging.original(mp3, "genre") is None
        assert values_of(mp3, "GENRE") == ["jazz"]


def test_bytes_that_are_no_text_come_back(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.m4a")
    tags = MP4(clip)
    tags[f"{FREE}MOOD"] = [b"caf\xe9"]
    tags.save()
    before = tags_of(clip)
    tagging.write(clip, "mood", ["sad"])
    tagging.undo(clip)
    assert tags_of(clip) == before


def test_what_the_system_does_not_give_is_not_taken_for_no_tags(tmp_path: Path) -> None:
    song = tmp_path / "a.mp3"
    song.symlink_to(song)  # opening it fails, as on a disk that does
    for read in (lambda: tagging.original(song, "genre"), lambda: read_tags(song)):
        with pytest.raises(OSError, match="symbolic links"):
            read()


def test_a_damaged_file_whose_sound_would_be_gone_with_tags_is_left_as_it_is(
    tmp_path: Path,
) -> None:
    # Found by fuzzing: FFmpeg reads past the damage, and no longer once there are tags before it.
    clip = shutil.copy(Path(__file__).parent / "found" / "hidden-sound.m4a", tmp_path / "a.m4a")
    before = clip.read_bytes()
    with pytest.raises(TagError, match="its sound would be gone"):
        tagging.write(clip, "genre", ["rock"])
    assert clip.read_bytes() == before
    assert list(tmp_path.iterdir()) == [clip]
