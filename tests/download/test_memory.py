"""Previews are not held in memory, and those in flight are recorded when a login expires."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest
from mutagen.id3 import ID3

from audiogenre.acquisition import download
from audiogenre.catalog import Catalog
from audiogenre.errors import LoginError
from audiogenre.sources.base import BaseSource
from audiogenre.typing import Track


@dataclass(kw_only=True)
class Heavy(BaseSource):
    """A source of previews that are heavier than they need be."""

    content: bytes
    count: int = 80
    fetched: int = field(default=0, init=False)

    name: ClassVar[str] = "heavy"
    partial: ClassVar[bool] = True
    seconds: ClassVar[float] = 30.0

    def tracks(self) -> Iterator[Track]:
        for number in range(self.count):
            yield Track(f"heavy:{number}", "heavy")

    def fetch(self, track: Track) -> bytes:
        self.fetched += 1
        return self.content + bytes(1)  # a copy


def test_previews_are_not_held_in_memory(tmp_path: Path, mp3_bytes: bytes) -> None:
    tag = tmp_path / "tag"
    ID3().save(tag, padding=lambda info: 3 << 20)
    source = Heavy(content=tag.read_bytes() + mp3_bytes)
    with Catalog(tmp_path / "catalog.db") as catalog:
        tracemalloc.start()
        outcome = download(source, catalog, tmp_path, jobs=2)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert (outcome.fetched, source.fetched) == (80, 80), outcome.reasons
    assert peak < 80 * len(source.content) / 4


@dataclass(kw_only=True)
class Expiring(Heavy):
    """A source whose login expires with one of its tracks."""

    at: str

    def fetch(self, track: Track) -> bytes:
        if track.id == self.at:
            raise LoginError("log in again")
        return super().fetch(track)


@pytest.mark.parametrize("at", ["heavy:0", "heavy:20", "heavy:39"])
def test_what_was_fetched_when_a_login_expires_is_recorded_once(
    tmp_path: Path, mp3_bytes: bytes, at: str
) -> None:
    source = Expiring(content=mp3_bytes, count=40, at=at)
    with Catalog(tmp_path / "catalog.db") as catalog:
        outcome = download(source, catalog, tmp_path, jobs=2)
        previews = catalog.previews()
    assert isinstance(outcome.stopped, LoginError)
    assert at not in previews
    assert outcome.fetched == source.fetched == len(previews)
