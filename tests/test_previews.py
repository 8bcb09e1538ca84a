"""One preview: stored whole, or refused with the reason and the time of the next try."""

from __future__ import annotations

import hashlib
import io
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from audiogenre.catalog import Failure, Preview
from audiogenre.errors import (
    FetchError,
    HostBusyError,
    LoginError,
    StoreError,
    ThrottledError,
    TransientError,
)
from audiogenre.previews import obtain, patience
from audiogenre.sources.base import BaseSource
from audiogenre.sources.synth import render
from audiogenre.typing import Track

RATE = 22_050
HOUR = 3600.0
SONG = Track("shelf:1", "shelf", title="Tide", duration=200.0)


@dataclass(kw_only=True)
class Shelf(BaseSource):
    """A source that hands out what lies on it, one thing after the other, the last for good."""

    things: list[bytes | Exception]
    asked: int = field(default=0, init=False)

    name: ClassVar[str] = "shelf"
    seconds: ClassVar[float] = 30.0

    def fetch(self, track: Track) -> bytes:
        thing = self.things[min(self.asked, len(self.things) - 1)]
        self.asked += 1
        if isinstance(thing, Exception):
            raise thing
        return thing


def mp3(seconds: float, *, tagged: bool = True) -> bytes:
    """Return an MP3; without its first frame, which states the length, a cut goes unnoticed."""
    file = io.BytesIO()
    y = render("iron stomp", artist=0, track=0, seconds=max(seconds, 1))[: int(seconds * RATE)]
    sf.write(file, y, RATE, format="MP3")
    content = file.getvalue()
    return content if tagged else content[content.index(b"\xff\xf3", 4) :]


@pytest.fixture(scope="module")
def whole() -> bytes:
    return mp3(30)


@pytest.fixture(scope="module")
def half() -> bytes:
    """Half a minute cut off between two frames: it decodes without any remark."""
    return mp3(15, tagged=False)


def get(things: list[Any], data: Path, track: Track = SONG, *, tried: int = 0) -> Any:
    return obtain(Shelf(things=things), track, data, tried=tried)[1]


def refused(things: list[Any], data: Path, **options: Any) -> Failure:
    found = get(things, data, **options)
    assert isinstance(found, Failure)
    assert found.stage == "download"
    assert not [path for path in data.rglob("*") if path.is_file()], "something was left"
    return found


def test_a_preview_is_stored_whole_and_described(whole: bytes, tmp_path: Path) -> None:
    preview = get([whole], tmp_path)
    assert isinstance(preview, Preview)
    path = tmp_path / preview.path
    assert path.read_bytes() == whole
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [path]
    assert preview.sha256 == hashlib.sha256(whole).hexdigest()
    assert (preview.bytes, preview.mtime_ns) == (len(whole), path.stat().st_mtime_ns)
    assert preview.seconds == pytest.approx(30, abs=0.1)


def test_half_a_preview_is_found_by_the_length_it_should_have(half: bytes, tmp_path: Path) -> None:
    failure = refused([half], tmp_path)
    assert failure.reason == "truncated"
    assert "of 30.0 s" in failure.detail
    assert "Tide" in failure.detail


def test_a_song_that_is_short_is_whole_at_its_own_length(half: bytes, tmp_path: Path) -> None:
    song = Track("shelf:2", "shelf", duration=15.0)
    assert isinstance(get([half], tmp_path, song), Preview)
    assert get([half], tmp_path, Track("shelf:3", "shelf", duration=18.0)).reason == "truncated"
    assert get([half], tmp_path, Track("shelf:4", "shelf")).reason == "truncated"


DAMAGED = {
    "half": lambda mp3: mp3[: len(mp3) // 2],
    "a web page": lambda mp3: b"<!DOCTYPE html><html>Sign in</html>",
    "nothing": lambda mp3: b"",
    "noise": lambda mp3: bytes(np.random.default_rng(0).integers(0, 255, 20_000, np.uint8)),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_arrives_damaged_is_fetched_again(name: str, whole: bytes, tmp_path: Path) -> None:
    damaged = DAMAGED[name](whole)
    shelf = Shelf(things=[damaged, damaged, whole])
    assert isinstance(obtain(shelf, SONG, tmp_path)[1], Preview)
    assert shelf.asked == 3
    shelf = Shelf(things=[damaged])
    failure = obtain(shelf, SONG, tmp_path)[1]
    assert isinstance(failure, Failure)
    assert failure.reason in ("truncated", "not audio", "empty", "unreadable")
    assert failure.next_try is not None, "it may be well another day"
    assert shelf.asked == 3, "but not for ever"


def test_what_fetching_cannot_mend_is_fetched_once(tmp_path: Path) -> None:
    file = io.BytesIO()
    sf.write(file, np.zeros(30 * RATE), RATE, format="WAV")
    shelf = Shelf(things=[file.getvalue()])
    failure = obtain(shelf, SONG, tmp_path)[1]
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.next_try, shelf.asked) == ("silent", None, 1)


def test_the_next_try_follows_from_what_went_wrong(tmp_path: Path) -> None:
    until = time.time() + 5 * HOUR
    now = pytest.approx(time.time(), abs=30)
    cases: list[tuple[Exception, str, Any]] = [
        (FetchError("no preview", "none", final=True), "no preview", None),
        (FetchError("no audio", "a new link does not help"), "no audio", now),
        (TransientError("timeout", "no answer"), "timeout", now),
        (ThrottledError("too often"), "rate limit", now),
        (HostBusyError("api", until), "host busy", until),
        (OSError(5, "Input/output error"), "unreachable", now),
    ]
    for error, reason, next_try in cases:
        failure = refused([error], tmp_path)
        assert (failure.reason, failure.next_try) == (reason, next_try)


def test_patience_grows_with_every_failure(tmp_path: Path) -> None:
    waits = []
    for tried in range(12):
        failure = refused([TransientError("timeout", "no answer")], tmp_path, tried=tried)
        assert failure.next_try is not None
        waits.append(round((failure.next_try - time.time()) / 60))
    assert waits[:4] == [0, 60, 120, 240], "minutes"
    assert waits == sorted(waits)
    assert waits[-1] == 7 * 24 * 60


@given(st.integers(0, 2000))
def test_patience_never_ends(tried: int) -> None:
    assert 0 <= patience(tried) <= patience(tried + 1) <= 7 * 24 * HOUR


def test_what_a_person_has_to_mend_is_no_failure_of_the_track(whole: bytes, tmp_path: Path) -> None:
    with pytest.raises(LoginError):
        get([LoginError("log in again")], tmp_path)
    (tmp_path / "raw").write_bytes(b"")
    with pytest.raises(StoreError, match="cannot write"):
        get([whole], tmp_path)
