"""Answers of the fakes have the keys of recorded ones."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests
from services import Service
from services.shapes import lacking, shape

from fakes.conftest import Get, log_in, recorded

# Which recorded answer the fake gives the like of where, and what it may have besides.
# Deezer was recorded from 2019 to 2022; lists have the ISRC and the image's hash since then, and
# artists, albums and tracks had a field more or less from one page to the next.
DEEZER = r"\.((picture|cover)\w*|share|link|radio|md5_image|readable|title_version|isrc|prev)"
SHAPES = {
    "deezer_genre_list": ("deezer", "/genre"),
    "deezer_genre_106": ("deezer", "/genre/106"),
    "deezer_genre_artists": ("deezer", "/genre/129/artists"),
    "deezer_genre_radios": ("deezer", "/genre/129/radios"),
    "deezer_radio_tracks": ("deezer", "/radio/30100/tracks"),
    "deezer_chart_tracks_genre": ("deezer", "/chart/129/tracks"),
    "deezer_chart_playlists_genre": ("deezer", "/chart/129/playlists"),
    "deezer_playlist": ("deezer", "/playlist/908000100"),
    "deezer_playlist_tracks": ("deezer", "/playlist/908000100/tracks?limit=2"),
    "deezer_search": ("deezer", "/search?q=a&limit=2"),
    "deezer_search_signed_preview_2025": ("deezer", "/search?q=past+morning&limit=100"),
    "deezer_search_playlist": ("deezer", "/search/playlist?q=jazz&limit=2"),
    "deezer_track": ("deezer", "/track/{deezer}"),
    "deezer_album": ("deezer", "/album/200000"),
    "deezer_error_no_data": ("deezer", "/track/1"),
    "deezer_error_404": ("deezer", "/nothing/here"),
    "jamendo_tracks": ("jamendo", "/tracks/?client_id=fake-client&include=musicinfo"),
    "itunes_search_song": ("itunes", "/search?term=jazz"),
    "itunes_search_empty": ("itunes", "/search?term=nothing"),
    "spotify_search_tracks": ("spotify", "/search?q=genre:jazz&type=track"),
    "spotify_playlist_items": ("spotify", "/playlists/{own}/items?limit=5"),
    "spotify_playlist_new_shape": ("spotify", "/playlists/{own}?limit=5"),
    "spotify_me": ("spotify", "/me"),
    "spotify_me_playlists_page1": ("spotify", "/me/playlists?limit=48"),
    "spotify_saved_tracks": ("spotify", "/me/tracks?limit=48"),
    "spotify_audio_features": ("spotify", "/audio-features/{spotify}"),
    "spotify_error_404": ("spotify", "/tracks/nothing"),
    "reccobeats_audio_features": ("reccobeats", "/audio-features?ids={spotify}"),
    "reccobeats_audio_features_none": ("reccobeats", "/audio-features?ids=nothing"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_answers_have_the_keys_of_recorded_ones(
    name: str, service: Service, session: requests.Session, get: Get, song: dict[str, Any]
) -> None:
    expected = recorded(name)
    if name.startswith("spotify"):
        service.set(spotify_app="old")
        log_in(service, session, user=True)
        service.library(reset=True, liked=[song["spotify"]])
    place, path = SHAPES[name]
    found = shape(get(place, path.format(**song, **service.playlists()["Jazz"])).json())
    assert lacking(expected, found) == set()
    more = {each for each in lacking(found, expected) if not re.search(f"({DEEZER})$", each)}
    # A playlist's tracks of an old app were recorded without it.
    assert {each for each in more if not each.endswith("is_playable")} == set()


def test_refusals_have_the_keys_of_recorded_ones(service: Service, get: Get) -> None:
    service.set(faults={"quota": 1})
    assert shape(get("deezer", "/genre").json()) == recorded("deezer_error_quota")
    service.set(faults={"rate_limited": 1})
    assert shape(get("spotify", "/me").json()) == recorded("spotify_error_429")
