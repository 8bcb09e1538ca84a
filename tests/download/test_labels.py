"""Every label of a song is kept with who said so, from one service or from several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import Downloads
from scripted import Scripted, answer, audio
from services import Service

from download.conftest import (
    TWO,
    songs_of,
)


def page(*ids: int) -> Any:
    return answer({"data": [{"id": each} for each in ids]})


def test_a_track_under_two_genres_keeps_both_labels_and_who_said_so(
    script: Scripted, downloads: Downloads, mp3_bytes: bytes
) -> None:
    names = [{"id": 5, "name": "Rock"}, {"id": 6, "name": "Jazz"}]
    script.on("/genre", answer({"data": names}))
    script.on("/chart/5/tracks", page(1, 2))
    script.on("/chart/6/tracks", page(2))
    script.on("/search/playlist", page(8))
    script.on("/playlist/8/tracks", page(1, 3))
    script.on("/genre/5/radios", page(9))
    script.on("/genre/6/radios", page())
    script.on("/radio/9/tracks", page(4))
    for number in range(1, 5):
        link = f"{script.url}/{number}.mp3"
        script.on(f"/track/{number}", answer({"id": number, "preview": link}))
        script.on(f"/{number}.mp3", audio(mp3_bytes))
    options = ("--api-url", script.url)
    assert downloads.run("deezer", *TWO, *options)[1]["fetched"] == 4
    expected = {
        "deezer:1": {("rock", "deezer:chart/5"), ("jazz", "deezer:playlist/8")},
        "deezer:2": {("rock", "deezer:chart/5"), ("jazz", "deezer:chart/6")},
        "deezer:3": {("rock", "deezer:playlist/8"), ("jazz", "deezer:playlist/8")},
        "deezer:4": {("rock", "deezer:radio/9")},
    }
    assert {item: downloads.labels(item) for item in expected} == expected
    before = downloads.known()
    for arguments in (TWO, TWO[2:], TWO[:2], (*TWO[2:], *TWO[:2])):
        code, result = downloads.run("deezer", *arguments, *options)
        assert (code, result["new"], result["fetched"]) == (0, 0, 0)
        assert downloads.known() == before, "labels flip"
    # What is listed under one genre today and under another tomorrow is of both.
    script.on("/chart/6/tracks", page(2, 4))
    downloads.run("deezer", *TWO[2:], *options)
    assert downloads.labels("deezer:4") == {("rock", "deezer:radio/9"), ("jazz", "deezer:chart/6")}


def test_a_song_of_two_sources_is_fetched_once_and_labelled_by_both(
    services: Service, downloads: Downloads
) -> None:
    pytest.importorskip("av", reason="iTunes gives m4a, which needs the extra 'm4a'")
    assert downloads.run("deezer", "--genre", "rock", "--per-genre", 8)[0] in (0, 1)
    there = downloads.previews().keys()
    code, result = downloads.run("itunes", "--genre", "rock")
    truth = {f"itunes:{e['itunes']}": e for e in songs_of(services, "Rock").values() if e["itunes"]}
    same = {item for item, each in truth.items() if f"deezer:{each['deezer']}" in there}
    assert same
    assert not downloads.previews().keys() & same, "it is there already"
    for item in same:
        assert downloads.labels(item) == {("rock", "itunes:primaryGenreName")}
    fetched = downloads.previews().keys() - there
    assert len(fetched) == result["fetched"] > 0, "what was not taken from Deezer"
    assert {Path(downloads.previews()[item].path).suffix for item in fetched} == {".m4a"}
    # By ISRC, where the titles differ: Spotify knows it.
    services.set(spotify_app="old")
    downloads.change("UPDATE tracks SET title = 'another name', artist = 'somebody else'")
    own = services.playlists()["Rock"]["own"]
    code, result = downloads.run("spotify", "--genre", "rock", "--playlist", own)
    assert code == 0
    known, previews = downloads.known(), downloads.previews()
    isrcs = {known[item].isrc for item in there}
    for item, track in known.items():
        if item.startswith("spotify:") and track.isrc in isrcs:
            assert item not in previews
            assert downloads.labels(item) == {("rock", f"spotify:playlist/{own}")}
