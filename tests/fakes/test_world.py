"""The world behind the fakes: one seed, one world, on every service, growing by night."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import requests
from services import Service
from services.world import GENRES, World

from fakes.conftest import PER_GENRE, Get, log_in


def test_the_same_seed_makes_the_same_world_and_a_later_night_only_adds_to_it() -> None:
    world, same, other = World(5, 20, 1), World(5, 20, 1), World(5, 20, 2)
    first = world.all()
    assert first == same.all()
    assert not {song.spotify for song in first} & {song.spotify for song in other.all()} - {None}
    world.night = 2
    for genre in world.genres:
        assert len(world.songs(genre)) == 20 + 2 * world.growth
        assert world.songs(genre)[:20] == same.songs(genre)


def test_most_songs_are_on_several_services_under_one_isrc(
    service: Service, session: requests.Session, get: Get, jazz: list[dict[str, Any]]
) -> None:
    assert len({song["isrc"] for song in service.catalogue()}) == 5 * PER_GENRE
    shared = [song for song in jazz if song["deezer"] and song["spotify"]]
    assert len(shared) > len(jazz) / 2
    log_in(service, session)
    for song in shared[:3]:
        track = get("spotify", f"/tracks/{song['spotify']}").json()
        assert track["external_ids"]["isrc"] == song["isrc"]
        found = get("deezer", f"/track/isrc:{song['isrc']}").json()
        assert (found["id"], found["title"]) == (int(song["deezer"]), track["name"])
        assert len(song["spotify"]) == 22


def test_a_bad_night_brings_tracks_that_sound_like_another_genre(
    service: Service, get: Get, clips: Path
) -> None:
    service.set(night=1, growth=1, worse_nights=[1])
    old, new = (song for song in service.catalogue()[PER_GENRE - 1 : PER_GENRE + 1])
    assert (old["genre"], new["genre"]) == ("Rock", "Rock")
    assert (old["style"], new["style"]) == (GENRES[0].style, GENRES[1].style)
    audio = get(get("deezer", f"/track/{new['deezer']}").json()["preview"]).content
    kept = clips / f"{GENRES[1].style.replace(' ', '-')}-00000-30s-seed0.mp3"
    assert audio.endswith(kept.read_bytes())


def test_a_track_of_a_later_night_is_not_there_yet(service: Service, get: Get) -> None:
    service.set(night=1)
    new = service.catalogue()[PER_GENRE]["deezer"]
    assert get("deezer", f"/track/{new}").json()["id"] == int(new)
    service.set(night=0)
    assert get("deezer", f"/track/{new}").json()["error"]["code"] == 800
