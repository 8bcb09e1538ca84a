"""The fake Deezer: lists that overlap, signed links, the quota and the known traps."""

from __future__ import annotations

import re
import time
from typing import Any

from services import Service

from fakes.conftest import Get


def test_the_playlists_of_a_genre_hold_all_of_it_and_overlap(
    get: Get, jazz: list[dict[str, Any]]
) -> None:
    found: list[int] = []
    for playlist in get("deezer", "/search/playlist?q=JAZZ").json()["data"]:
        page = get("deezer", f"/playlist/{playlist['id']}/tracks?limit=3").json()
        rows = page["data"]
        while "next" in page:
            page = get(page["next"]).json()
            rows += page["data"]
        keys = [row["id"] for row in rows]
        assert len(set(keys)) == len(keys) == page["total"] == playlist["nb_tracks"]
        whole = get("deezer", f"/playlist/{playlist['id']}").json()["tracks"]["data"]
        assert [row["id"] for row in whole] == keys
        found += keys
    assert set(found) == {int(song["deezer"]) for song in jazz if song["deezer"]}
    assert len(found) > len(set(found))


def test_a_radio_answers_differently_each_time_and_stays_with_its_genre(
    get: Get, jazz: list[dict[str, Any]]
) -> None:
    (first, *_) = get("deezer", "/genre/129/radios").json()["data"]
    answers = [get("deezer", f"/radio/{first['id']}/tracks").json() for _ in range(2)]
    one, two = ([row["id"] for row in answer["data"]] for answer in answers)
    assert one != two
    assert set(one + two) <= {int(song["deezer"]) for song in jazz if song["deezer"]}
    assert "isrc" not in answers[0]["data"][0]


def test_a_chart_has_as_many_as_are_asked_for_by_position(get: Get) -> None:
    rows = get("deezer", "/chart/129/tracks").json()["data"]
    assert [row["position"] for row in rows] == list(range(1, 11))
    assert len(get("deezer", "/chart/129/tracks?limit=100").json()["data"]) > 10


def test_deezer_has_the_traps_it_is_known_for(get: Get, jazz: list[dict[str, Any]]) -> None:
    artists = [get("deezer", f"/genre/{key}/artists").json() for key in (129, 152)]
    assert artists[0] == artists[1]
    keys = [song["deezer"] for song in jazz if song["deezer"]]
    tracks = [get("deezer", f"/track/{key}").json() for key in keys]
    assert 0 < sum(track["preview"] == "" for track in tracks) < 8
    assert 0 < sum(not track["readable"] for track in tracks) < 8
    listed = get("deezer", "/search", params={"q": f'artist:"{jazz[0]["artist"]}"'}).json()["data"]
    assert {row["artist"]["name"] for row in listed} == {jazz[0]["artist"]}
    assert not {"bpm", "gain", "release_date"} & set(listed[0])
    albums = {track["album"]["id"] for track in tracks}
    genres = [get("deezer", f"/album/{key}").json()["genres"]["data"] for key in albums]
    assert {each[0]["id"] for each in genres if each} == {129}
    assert [] in genres


def test_a_signed_link_expires_and_cannot_be_forged(
    service: Service, get: Get, song: dict[str, Any]
) -> None:
    service.set(lifetime=1)
    link = get("deezer", f"/track/{song['deezer']}").json()["preview"]
    until = int(re.search(r"exp=(\d+)", link)[1])  # type: ignore[index]
    for forged in (
        link.replace(f"exp={until}", f"exp={until + 99}"),
        link.replace(f"{song['deezer']}.mp3?", f"{int(song['deezer']) + 1}.mp3?"),
        link.partition("?")[0],
    ):
        assert get(forged).status_code == 403
    time.sleep(max(0.0, until - time.time()) + 0.01)
    assert get(link).status_code == 403
    service.set(lifetime=900)
    link = get("deezer", f"/track/{song['deezer']}").json()["preview"]
    assert get(link).status_code == 200
    service.set(faults={"expired": 1})
    assert get(get("deezer", f"/track/{song['deezer']}").json()["preview"]).status_code == 403


def test_the_quota_slides_over_all_requests_and_is_counted(service: Service, get: Get) -> None:
    service.set(rate={"limit": 3, "seconds": 1.0})
    codes = [
        get("deezer", path).json().get("error", {}).get("code")
        for path in ("/genre", "/track/1", "/chart/129/tracks", "/genre", "/track/1")
    ]
    assert codes == [None, 800, None, 4, 4]
    assert service.log()["quota_hits"] == 2
    assert service.log()["busiest_5s"] == 5
    time.sleep(1.05)
    assert "error" not in get("deezer", "/genre").json()
