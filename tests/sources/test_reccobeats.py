"""ReccoBeats: rows joined by what they name, in whatever order they come."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import Downloads, listing
from scripted import Handler, Scripted, Step, answer
from services import Service
from tenacity import wait_none

from audiogenre import net
from audiogenre.errors import HostBusyError
from audiogenre.sources.reccobeats import ReccobeatsSource
from audiogenre.store import FeatureStore
from audiogenre.typing import Memory, Track

PATH = "/v1/audio-features"


class Brisk(ReccobeatsSource):
    """ReccoBeats without its pace."""

    RATE = (1000, 1.0)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(net, "BACKOFF", wait_none())


def spotify_id(number: int) -> str:
    return f"{number:022d}"


def ask(
    script: Scripted,
    *tracks: Track,
    failed: Collection[str] = (),
    measured: Collection[str] = (),
) -> Any:
    source = Brisk(api_url=script.url)
    known = {each.id: each for each in tracks}
    source.begin(Memory(lambda: known, lambda: failed, lambda: measured, {}))
    return source, *listing(source)


def row(href: str, isrc: str = "", energy: float = 0.5, **more: Any) -> dict[str, Any]:
    site = "https://open.spotify.com/track/"
    return {"id": "uuid", "href": site + href, "isrc": isrc, "energy": energy, **more}


def energies(tracks: list[Track]) -> dict[str, float]:
    return {each.id: each.features["spotify"]["energy"] for each in tracks}


def knows(odd: Collection[str] = ()) -> Step:
    """Return a step that knows every id but some, and answers backwards."""

    def step(handler: Handler) -> None:
        (ids,) = parse_qs(urlsplit(handler.path).query)["ids"]
        found = [row(key, energy=int(key) / 100) for key in ids.split(",") if key not in odd]
        answer({"content": found[::-1]})(handler)

    return step


def test_rows_are_joined_by_what_they_name(script: Scripted) -> None:
    by_id = Track(f"spotify:{spotify_id(1)}", "spotify")
    by_isrc = Track("deezer:2", "deezer", isrc="zz-fk0-00-00002")
    also = Track("jamendo:2", "jamendo", isrc="ZZFK00000002")
    nameless = Track("deezer:3", "deezer")
    rows = [row("y" * 22, "ZZFK00000002", 0.2), row(spotify_id(1), "ZZFK00000001", 0.1)]
    for content in (rows, rows[::-1]):
        script.on(PATH, answer({"content": content}))
        source, tracks, problems = ask(script, by_id, by_isrc, also, nameless)
        assert energies(tracks) == {by_id.id: 0.1, by_isrc.id: 0.2, also.id: 0.2}
        assert problems == []
        assert not any(each.audio for each in tracks)
        assert source.notes == ["1 tracks have neither an ISRC nor a Spotify id"]


def test_of_several_rows_of_an_isrc_it_is_always_the_same(script: Scripted) -> None:
    rows = [row(letter * 22, "ZZFK00000002", energy) for letter, energy in (("b", 0.2), ("a", 0.1))]
    for content in (rows, rows[::-1]):
        script.on(PATH, answer({"content": content}))
        _, tracks, _ = ask(script, Track("deezer:2", "deezer", isrc="ZZFK00000002"))
        assert energies(tracks) == {"deezer:2": 0.1}


def test_forty_are_asked_for_at_once(script: Scripted) -> None:
    script.on(PATH, knows(odd=[spotify_id(7)]))
    tracks = [Track(f"spotify:{spotify_id(i)}", "spotify") for i in range(95)]
    _, found, problems = ask(script, *tracks)
    assert energies(found) == {f"spotify:{spotify_id(i)}": i / 100 for i in range(95) if i != 7}
    asked = [parse_qs(urlsplit(each).query)["ids"][0].split(",") for each in script.asked]
    assert [len(each) for each in asked] == [40, 40, 15]
    assert [each.item for each in problems] == [f"reccobeats:spotify:{spotify_id(7)}"]
    assert not problems[0].passing


def test_what_is_known_or_not_to_be_had_is_not_asked_for(script: Scripted) -> None:
    script.on(PATH, knows())
    tracks = [Track(f"spotify:{spotify_id(i)}", "spotify") for i in range(3)]
    failed = [f"reccobeats:{tracks[0].id}"]
    _, found, problems = ask(script, *tracks, failed=failed, measured=[tracks[1].id])
    assert ([each.id for each in found], problems) == ([tracks[2].id], [])
    script.asked.clear()
    assert ask(script, tracks[0], failed=failed)[1:] == ([], [])
    assert ask(script)[1:] == ([], [])
    assert script.asked == []


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"content": None},
        {"content": 5},
        {"content": [None, 5, "x", {}, {"href": None}, {"href": 5}]},
        {"content": [row(spotify_id(1), energy=7.0)]},
        {"content": [row(spotify_id(1), energy="high")]},  # type: ignore[arg-type]
        {"content": [row(spotify_id(1), energy=float("nan"))]},
    ],
    ids=str,
)
def test_values_out_of_their_range_are_none(odd: Any, script: Scripted) -> None:
    script.on(PATH, answer(odd))
    _, tracks, problems = ask(script, Track(f"spotify:{spotify_id(1)}", "spotify"))
    assert tracks == []
    assert [each.reason.partition(":")[0] for each in problems] == ["unknown"]


def test_a_batch_that_fails_is_asked_for_again_another_day(script: Scripted) -> None:
    tracks = [Track(f"spotify:{spotify_id(i)}", "spotify") for i in range(50)]
    script.on(PATH, *[answer("", 500)] * net.ATTEMPTS, knows())
    _, found, (problem,) = ask(script, *tracks)
    assert len(found) == 10, "the second batch is there"
    assert problem.passing
    script.on(PATH, answer({}, 429, Retry_After="86400"))
    with pytest.raises(HostBusyError) as caught:
        ask(script, *tracks)
    assert caught.value.until > time.time() + 80_000


def test_attributes_of_what_another_source_gave(services: Service, downloads: Downloads) -> None:
    services.set(spotify_app="new")
    assert downloads.run("spotify", "--genre", "rock", "--per-genre", 50)[0] == 0
    services.clear_log()
    code, result = downloads.run("reccobeats")
    known = downloads.known()
    ledger = downloads.ledger()
    rows = FeatureStore(downloads.data / "features").read("spotify")
    there = {track_id for track_id, _ in rows.index}
    assert (code, len(known), result["failed"]) == (1, 21, len(ledger))
    assert {each.reason for each in ledger.values()} == {"unknown"}
    assert there | {item.removeprefix("reccobeats:") for item in ledger} == known.keys()
    assert len(there) + len(ledger) == len(known)
    truth = {f"spotify:{each['spotify']}": each for each in services.catalogue()}
    for track_id in there:
        tempo, bpm = rows.loc[(track_id, ""), "tempo"], truth[track_id]["bpm"]
        assert min(abs(tempo - bpm * octave) for octave in (0.5, 1, 2)) < 0.01
    assert services.log()["requests"]["api"]["reccobeats"] == {"audio_features": 1}
    services.clear_log()
    assert downloads.run("reccobeats")[0] == 0
    assert services.log()["requests"]["api"] == {}, "nothing is asked twice"
    assert downloads.run("reccobeats", "--retry-failed")[0] == 1
    assert services.log()["requests"]["api"]["reccobeats"] == {"audio_features": 1}
