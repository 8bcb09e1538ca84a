"""ReccoBeats: measured attributes of songs that the catalogue knows, by Spotify id or ISRC.

It gives numbers, no audio. Its rows come in any order and unknown songs are left out without a
word, so rows are joined by the id they name, never by their place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from audiogenre.errors import FetchError
from audiogenre.sources.remote import RemoteSource, rows, text
from audiogenre.sources.table import ATTRIBUTES
from audiogenre.typing import Memory, Problem, Track

_AT_ONCE = 40
_SPOTIFY_ID = re.compile(r"[0-9A-Za-z]{22}")


@dataclass(kw_only=True)
class ReccobeatsSource(RemoteSource):
    """Attributes of the tracks in the catalogue that have none."""

    name: ClassVar[str] = "reccobeats"
    terms: ClassVar[str] = (
        "ReccoBeats gives attributes of songs without a key, in the manner of Spotify's; where its "
        "numbers come from it does not say, and some (tempo, energy) are known to be odd. Take "
        "them to compare with, and mind that Spotify forbids training models on its content."
    )
    API: ClassVar[str] = "https://api.reccobeats.com/v1"
    URL_VARIABLE: ClassVar[str] = "AUDIOGENRE_RECCOBEATS_URL"
    VERSION: ClassVar[str] = "/v1"
    RATE: ClassVar[tuple[int, float]] = (2, 1.0)

    _memory: Memory | None = field(default=None, init=False)

    def begin(self, memory: Memory) -> None:
        """Keep what the catalogue knows: its tracks are what is asked for."""
        super().begin(memory)
        self._memory = memory

    def _listed(self) -> Iterator[Track | Problem]:
        wanted = self._wanted()
        keys = sorted(wanted)
        for start in range(0, len(keys), _AT_ONCE):
            batch = keys[start : start + _AT_ONCE]
            try:
                answer = self.ask("audio-features", ids=",".join(batch))
            except FetchError as error:
                yield self.trouble(batch[0], error)
                continue
            found = self._by_key(rows(answer, "content"))
            for key in batch:
                for track in wanted[key]:
                    if key in found:
                        yield replace(track, features={"spotify": found[key]}, audio=False)
                    else:
                        item = f"reccobeats:{track.id}"
                        yield Problem(item, "unknown: ReccoBeats does not know this song")

    def _wanted(self) -> dict[str, list[Track]]:
        """Return the tracks that lack attributes, by the id to ask with."""
        wanted: dict[str, list[Track]] = {}
        if self._memory is None:
            return wanted
        measured, failed, without = self._memory.measured(), self._memory.failed(), 0
        for track in self._memory.tracks().values():
            if track.id in measured or f"reccobeats:{track.id}" in failed:
                continue
            own = track.id.partition(":")[2]
            isrc = (track.isrc or "").upper().replace("-", "")
            if _SPOTIFY_ID.fullmatch(own):
                wanted.setdefault(own, []).append(track)
            elif isrc:
                wanted.setdefault(isrc, []).append(track)
            else:
                without += 1
        if without:
            self.notes.append(f"{without} tracks have neither an ISRC nor a Spotify id")
        return wanted

    @staticmethod
    def _by_key(answered: list[Any]) -> dict[str, Mapping[str, float]]:
        """Return attributes by Spotify id and ISRC; of several rows of an ISRC the first id's."""
        found: dict[str, Mapping[str, float]] = {}
        usable = [each for each in answered if isinstance(each, dict) and text(each, "href")]
        for row in sorted(usable, key=lambda each: str(each["href"])):
            values = attributes(row)
            if values:
                found[str(row["href"]).rstrip("/").rpartition("/")[2]] = values
                found.setdefault((text(row, "isrc") or "").upper(), values)
        return found


def attributes(row: Mapping[str, Any]) -> dict[str, float]:
    """Return the attributes in an answer that lie in their ranges; empty if one does not."""
    values = {}
    for name, (low, high) in ATTRIBUTES.items():
        value = row.get(name)
        if value is None:
            continue
        if not isinstance(value, int | float) or not low <= value <= high:
            return {}
        values[name] = float(value)
    return values
