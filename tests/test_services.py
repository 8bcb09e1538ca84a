"""The fake services themselves: a fake that lies is worse than none."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest
import requests
import soundfile as sf
from services import CLIENT_ID, CLIENT_SECRET, ROOT, Service
from services.shapes import lacking, shape
from services.world import GENRES, World

from audiogenre import decode
from audiogenre.errors import AudioError

PER_GENRE = 40
CALM: dict[str, Any] = {
    "faults": {},
    "base": PER_GENRE,
    "growth": 4,
    "night": 0,
    "worse_nights": [],
    "latency": 0,
    "lifetime": 900,
    "rate": {"limit": 100_000, "seconds": 5},
    "down": False,
    "slow": 2,
    "spotify_app": "new",
    "spotify_token": "ok",
    "spotify_consent": "given",
}

Get = Callable[..., requests.Response]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def running(clips: Path) -> Iterator[Service]:
    with Service(clips, tracks_per_genre=PER_GENRE, pool=1, latency=0) as service:
        yield service


@pytest.fixture
def service(running: Service) -> Service:
    """Return the fake with nothing wrong and nothing logged."""
    running.set(**CALM)
    running.clear_log()
    return running


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["User-Agent"] = "audiogenre-tests/1"
        yield session


@pytest.fixture
def get(service: Service, session: requests.Session) -> Get:
    """Return a function that asks a service for a path, or for an address as it is."""

    def ask(name: str, path: str = "", **options: Any) -> requests.Response:
        return session.get(service.urls.get(name, name) + path, **{"timeout": 10} | options)

    return ask


@pytest.fixture
def jazz(service: Service) -> list[dict[str, Any]]:
    return [song for song in service.catalogue() if song["genre"] == "Jazz"]


@pytest.fixture
def song(jazz: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a song that every service has, with a preview."""
    return jazz[0]


def log_in(service: Service, session: requests.Session, *, user: bool = False) -> None:
    grant = (
        {"grant_type": "refresh_token", "refresh_token": "any"}
        if user
        else {"grant_type": "client_credentials"}
    )
    answer = session.post(
        service.urls["spotify_token"], data=grant, auth=(CLIENT_ID, CLIENT_SECRET), timeout=10
    )
    session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


def log_in_to_write(service: Service, session: requests.Session) -> None:
    """Log in as an app without a secret does, for liked songs and playlists."""
    verifier = "v" * 43
    digest = hashlib.sha256(verifier.encode()).digest()
    form = {"client_id": CLIENT_ID, "redirect_uri": "http://127.0.0.1:1/callback"}
    asked = form | {
        "response_type": "code",
        "code_challenge_method": "S256",
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "scope": "playlist-read-private playlist-modify-private",
    }
    page = service.urls["spotify_token"].replace("/api/token", "/authorize")
    back = session.get(page, params=asked, allow_redirects=False, timeout=10).headers["Location"]
    code = parse_qs(urlsplit(back).query)["code"][0]
    form |= {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
    tokens = session.post(service.urls["spotify_token"], data=form, timeout=10).json()
    session.headers["Authorization"] = f"Bearer {tokens['access_token']}"


def previews(answer: requests.Response) -> list[str]:
    return [row["preview"] for row in answer.json()["data"] if row["preview"]]


# Which recorded answer the fake gives the like of where, and what it may have besides.
# Deezer was recorded from 2019 to 2022; lists have the ISRC and the image's hash since then, and
# artists, albums and tracks had a field more or less from one page to the next.
DEEZER = r"\.((picture|cover)\w*|share|link|radio|md5_image|readable|title_version|isrc|prev)"
# What is said no more of a playlist to an app that is new.
OF_AN_OLD_APP = {".followers", ".tracks.limit", ".tracks.next", ".tracks.offset"} | {
    ".tracks.previous",
    ".tracks.items",
}
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


def recorded(name: str) -> Any:
    shared = Path(os.environ.get("AUDIOGENRE_SHARED") or ROOT.parent / "shared")
    path = shared / "api" / "fixtures" / f"{name}.json"
    if not path.is_file():
        pytest.skip(f"no recorded answer {path} (AUDIOGENRE_SHARED says where they are)")
    return shape(json.loads(path.read_text()))


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


# the world


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


# Deezer


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


# audio


def test_previews_are_unlike_in_bytes_and_alike_in_sound(get: Get) -> None:
    links = previews(get("deezer", "/playlist/908000100/tracks?limit=100"))
    one, two = (get(link) for link in links[:2])
    assert one.headers["Content-Type"] == "audio/mpeg"
    assert one.content != two.content
    (y, sr), (z, _) = decode(one.content), decode(two.content)
    assert sr == 22_050 and y.size == 30 * sr
    assert (y == z).all()


def test_jamendo_serves_whole_tracks_of_the_length_it_says(get: Get) -> None:
    answer = get("jamendo", "/tracks/?tags=jazz&limit=200", params={"client_id": CLIENT_ID})
    rows = answer.json()["results"]
    assert 60 <= rows[0]["duration"] <= 90
    audio = io.BytesIO(get(rows[0]["audiodownload"]).content)
    assert sf.info(audio).duration == rows[0]["duration"]
    forbidden = [row for row in rows if not row["audiodownload_allowed"]]
    assert forbidden and {row["audiodownload"] for row in forbidden} == {""}
    guess = rows[0]["audiodownload"].replace(rows[0]["id"], forbidden[0]["id"])
    assert get(guess).status_code == 403


def test_itunes_serves_m4a_and_its_json_is_called_javascript(get: Get) -> None:
    answer = get("itunes", "/search?term=jazz&limit=200")
    assert answer.headers["Content-Type"].startswith("text/javascript")
    rows = answer.json()["results"]
    assert {row["primaryGenreName"] for row in rows} == {"Jazz"}
    assert 0 < sum("previewUrl" not in row for row in rows) < len(rows) / 2
    one, two = (get(row["previewUrl"]).content for row in rows[:2])
    assert one != two
    y, sr = decode(one)
    assert y.size / sr == pytest.approx(30, abs=0.1)
    assert get("itunes", f"/lookup?id={rows[0]['trackId']}").json()["results"] == rows[:1]


# Jamendo, Spotify, ReccoBeats


def test_jamendo_pages_through_every_track_once_and_puts_errors_in_headers(
    get: Get, jazz: list[dict[str, Any]]
) -> None:
    def ask(**query: Any) -> Any:
        return get("jamendo", "/tracks/", params={"client_id": CLIENT_ID} | query).json()

    pages = [ask(tags="jazz", limit=7, offset=offset)["results"] for offset in range(0, 28, 7)]
    keys = [row["id"] for page in pages for row in page]
    assert keys == [song["jamendo"] for song in jazz if song["jamendo"]]
    assert "musicinfo" not in pages[0][0]
    info = ask(id=keys[0], include="musicinfo licenses")["results"][0]
    assert info["musicinfo"]["tags"]["genres"] == ["jazz"] and info["licenses"]
    both = ask(fuzzytags="jazz rock", limit=200)["results"]
    assert len(both) == 2 * len(keys) and ask(tags="jazz rock")["results"] == []
    for code, query in ((5, {"client_id": "nobody"}), (4, {"client_id": ""}), (3, {"limit": 201})):
        headers = ask(**query)["headers"]
        assert (headers["status"], headers["code"]) == ("failed", code)


def test_spotify_refuses_a_new_app_what_it_gave_an_old_one(
    service: Service, session: requests.Session, get: Get, song: dict[str, Any]
) -> None:
    lists, key = service.playlists()["Jazz"], song["spotify"]
    paths = {
        f"/audio-features/{key}": 403,
        f"/audio-features?ids={key}": 403,
        f"/tracks?ids={key}": 403,
        f"/playlists/{lists['own']}/tracks": 403,
        f"/playlists/{lists['foreign']}/items": 403,
        f"/playlists/{lists['editorial']}": 404,
        "/search?q=genre:jazz&type=track&limit=11": 400,
    }
    assert get("spotify", "/me").status_code == 401
    log_in(service, session)
    assert get("spotify", "/me").status_code == 401
    log_in(service, session, user=True)
    assert {path: get("spotify", path).status_code for path in paths} == paths
    new = get("spotify", f"/tracks/{key}").json()
    assert new["preview_url"] is None
    service.set(spotify_app="old")
    assert {get("spotify", path).status_code for path in paths} == {200}
    old = get("spotify", f"/tracks/{key}").json()
    assert lacking(shape(old), shape(new)) == {
        ".available_markets",
        ".popularity",
        ".album.available_markets",
    }
    assert decode(get(old["preview_url"]).content)[0].size == 30 * 22_050


def test_spotify_pages_through_every_track_once(
    service: Service, session: requests.Session, get: Get, jazz: list[dict[str, Any]]
) -> None:
    log_in(service, session)
    page = get("spotify", "/search?q=genre:jazz&type=track&limit=10").json()["tracks"]
    keys = [row["id"] for row in page["items"]]
    while page["next"]:
        page = get(page["next"]).json()["tracks"]
        keys += [row["id"] for row in page["items"]]
    assert keys == [song["spotify"] for song in jazz if song["spotify"]]
    found = get("spotify", f"/search?q=isrc:{jazz[0]['isrc']}&type=track").json()["tracks"]
    assert [row["id"] for row in found["items"]] == keys[:1]


def test_spotify_playlists_have_odd_entries(
    service: Service, session: requests.Session, get: Get
) -> None:
    log_in(service, session, user=True)
    path = f"/playlists/{service.playlists()['Jazz']['own']}/items?limit=50"
    entries = get("spotify", path).json()["items"]
    assert all(entry["item"] == entry["track"] for entry in entries)
    assert [entry["item"] and entry["item"]["type"] for entry in entries[-3:]] == [
        None,
        "track",
        "episode",
    ]
    assert entries[-2]["is_local"] and entries[-2]["item"]["id"] is None
    service.set(faults={"local_files": 0.4, "null_tracks": 0.4})
    entries = get("spotify", path).json()["items"]
    assert sum(entry["is_local"] for entry in entries) > 1
    assert sum(entry["item"] is None for entry in entries) > 1


def test_spotify_tokens_can_be_refused(service: Service, session: requests.Session) -> None:
    def ask(secret: str, **form: str) -> requests.Response:
        url = service.urls["spotify_token"]
        return session.post(url, data=form, auth=(CLIENT_ID, secret), timeout=10)

    app = {"grant_type": "client_credentials"}
    assert ask(CLIENT_SECRET, **app).json()["token_type"] == "Bearer"
    assert ask("wrong", **app).json()["error"] == "invalid_client"
    log_in(service, session)
    service.set(spotify_token="invalid")
    answer = ask(CLIENT_SECRET, grant_type="refresh_token", refresh_token="any")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    search = f"{service.urls['spotify']}/search?q=a&type=track"
    assert session.get(search, timeout=10).status_code == 401
    assert shape(answer.json()) == recorded("spotify_token_error_invalid_grant")


def test_spotify_takes_playlists_from_who_may_write_them(
    service: Service, session: requests.Session, get: Get, jazz: list[dict[str, Any]]
) -> None:
    service.library(reset=True)
    base = service.urls["spotify"]
    log_in(service, session, user=True)  # whose token is for reading
    named = {"name": "Mine", "description": "a/b", "public": False}
    assert session.post(f"{base}/me/playlists", json=named, timeout=10).status_code == 403
    log_in_to_write(service, session)
    made = session.post(f"{base}/me/playlists", json=named, timeout=10)
    assert made.status_code == 201
    assert lacking(recorded("spotify_new_playlist"), shape(made.json())) <= OF_AN_OLD_APP
    assert made.json()["description"] == "a&#x2F;b"
    address = f"{base}/playlists/{made.json()['id']}/items"
    keys = [each["spotify"] for each in jazz if each["spotify"]]
    uris = [f"spotify:track:{key}" for key in keys]
    answer = session.post(address, json={"uris": uris[:3]}, timeout=10)
    assert (answer.status_code, shape(answer.json())) == (201, recorded("spotify_snapshot_id"))
    assert session.post(address, json=uris[2:4], timeout=10).status_code == 201
    entries = get("spotify", f"/playlists/{made.json()['id']}/items").json()["items"]
    assert [each["item"]["id"] for each in entries] == [*keys[:3], *keys[2:4]]
    gone = {"items": [{"uri": uris[2]}]}
    assert session.delete(address, json=gone, timeout=10).status_code == 200
    (written,) = service.library()["playlists"].values()
    assert written["songs"] == [*keys[:2], keys[3]]
    for wrong in (uris[:1] * 101, [], ["spotify:track:nothing"]):
        assert session.post(address, json={"uris": wrong}, timeout=10).status_code == 400
    foreign = service.playlists()["Jazz"]["foreign"]
    answer = session.post(f"{base}/playlists/{foreign}/items", json=uris[:1], timeout=10)
    assert answer.status_code == 403


def test_reccobeats_omits_reorders_doubles_and_wants_a_name(
    service: Service, get: Get, jazz: list[dict[str, Any]]
) -> None:
    def ask(keys: list[str], **headers: str) -> requests.Response:
        return get("reccobeats", f"/audio-features?ids={','.join(keys)}", headers=headers)

    keys = [song["spotify"] for song in jazz if song["spotify"]][:39]
    rows = ask([*keys, "nothing"]).json()["content"]
    found = [row["href"].rpartition("/")[2] for row in rows]
    assert set(found) < set(keys) and len(set(found)) == len(found) > 20
    assert found != [key for key in keys if key in found]
    isrcs = ask([song["isrc"] for song in jazz]).json()["content"]
    assert len({row["isrc"] for row in isrcs}) < len(isrcs)
    assert ask(["a"] * 41).status_code == 400
    agents = ("", "python-requests/2.34.2", "Python-urllib/3.11")
    assert {ask(keys, **{"User-Agent": agent}).status_code for agent in agents} == {403}
    assert service.log()["tracks"]["reccobeats"]["nothing"] == {"resolve": 1}


# faults


def test_answers_that_are_refused(service: Service, get: Get, song: dict[str, Any]) -> None:
    track = f"/track/{song['deezer']}"
    link = get("deezer", track).json()["preview"]

    def both(fault: str) -> list[requests.Response]:
        service.set(faults={fault: 1})
        return [get("deezer", track), get(link)]

    for fault, wait in (("rate_limited", "1"), ("rate_limited_bare", None)):
        for answer in both(fault):
            assert (answer.status_code, answer.headers.get("Retry-After")) == (429, wait)
    api, media = both("long_wait")
    assert (api.status_code, api.headers["Retry-After"]) == (429, "86400")
    assert media.status_code == 200
    for code in (500, 503):
        assert [answer.status_code for answer in both(f"error_{code}")] == [code, code]
    for fault, code in (("quota", 4), ("busy", 700), ("no_data", 800)):
        api, media = both(fault)
        assert (api.status_code, api.json()["error"]["code"]) == (200, code)
        assert media.status_code == 200
    for answer in both("html"):
        assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html")
    service.set(faults={"redirect_loop": 1})
    for where in (service.urls["deezer"] + track, link):
        with pytest.raises(requests.TooManyRedirects):
            get(where)


def test_bodies_that_are_damaged(service: Service, get: Get, song: dict[str, Any]) -> None:
    track = f"/track/{song['deezer']}"
    link = get("deezer", track).json()["preview"]
    whole = get(link).content
    service.set(faults={"short_body": 1})
    short = get(link)
    assert int(short.headers["Content-Length"]) == len(short.content) == len(whole) // 2
    with pytest.raises(AudioError, match="decode"):
        decode(short.content)
    service.set(faults={"html_as_audio": 1})
    page = get(link)
    assert page.headers["Content-Type"] == "audio/mpeg" and page.content.startswith(b"<!DOCTYPE")
    service.set(faults={"wrong_length": 1})
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        get(link)
    service.set(faults={"reset": 1})
    for where in (service.urls["deezer"] + track, link):
        with pytest.raises(requests.RequestException, match="reset by peer"):
            get(where)
    service.set(faults={"half_json": 1})
    with pytest.raises(requests.JSONDecodeError):
        get("deezer", track).json()


def test_answers_that_are_late_or_never_come(
    service: Service, get: Get, song: dict[str, Any]
) -> None:
    link = get("deezer", f"/track/{song['deezer']}").json()["preview"]
    for fault in ("slow", "hanging"):
        service.set(faults={fault: 1}, slow=0.3)
        for where in (f"{service.urls['deezer']}/genre", link):
            with pytest.raises(requests.ReadTimeout):
                get(where, timeout=0.1)
    service.set(faults={"slow": 1}, slow=0.1)
    assert get(link).status_code == 200


def test_rows_that_lack_something(service: Service, get: Get) -> None:
    def rows() -> list[Any]:
        data: list[Any] = get("deezer", "/playlist/908000100/tracks?limit=100").json()["data"]
        return data

    before = rows()
    service.set(faults={"null_tracks": 0.3})
    assert 0 < rows().count(None) < len(before)
    service.set(faults={"missing_fields": 1})
    fields = ("title", "artist", "isrc", "duration")
    assert all(sum(row.get(field) is None for field in fields) == 1 for row in rows())
    service.set(faults={"twins": 0.5})
    after = rows()
    assert 0 < len({row["id"] for row in after} - {row["id"] for row in before}) < len(before)
    assert [row["isrc"] for row in after] == [row["isrc"] for row in before]
    assert get("deezer", f"/track/{after[0]['id']}").json()["isrc"] == before[0]["isrc"]
    service.set(faults={"strays": 0.2})
    albums = [row["album"]["id"] for row in rows()]
    genres = [get("deezer", f"/album/{key}").json()["genre_id"] for key in albums]
    assert {129, 106} <= set(genres) <= {129, 106, -1}


def test_a_fault_heals_on_asking_again_unless_it_is_sticky(
    service: Service, get: Get, jazz: list[dict[str, Any]]
) -> None:
    def failing() -> set[str]:
        keys = [song["deezer"] for song in jazz if song["deezer"]]
        return {key for key in keys if get("deezer", f"/track/{key}").status_code == 503}

    service.set(faults={"error_503": 0.4})
    one, two = failing(), failing()
    assert one and two and one != two
    service.set(faults={"error_503": {"share": 0.4, "sticky": True}})
    one, two = failing(), failing()
    assert 0 < len(one) < len(jazz) and one == two
    assert get("deezer", "/genre").status_code == 200
    assert service.log()["injected"]["error_503"] > 0


def test_a_fault_can_be_kept_to_one_place(service: Service, get: Get, song: dict[str, Any]) -> None:
    link = get("deezer", f"/track/{song['deezer']}").json()["preview"]
    service.set(faults={"error_500": {"share": 1, "on": ["media", "deezer"]}})
    assert (get(link).status_code, get("deezer", "/genre").status_code) == (500, 200)
    service.set(faults={"error_500": {"share": 1, "on": ["itunes"]}})
    assert (get(link).status_code, get("itunes", "/search").status_code) == (200, 500)


@pytest.mark.parametrize(("how", "error"), [("closed", requests.ConnectionError), ("503", None)])
def test_everything_can_be_down_but_the_control(
    how: str, error: type[Exception] | None, service: Service, get: Get
) -> None:
    link = previews(get("deezer", "/playlist/908000100/tracks"))[0]
    service.set(down=how)
    for where in (f"{service.urls['deezer']}/genre", f"{service.urls['itunes']}/search", link):
        if error is None:
            assert get(where).status_code == 503
        else:
            with pytest.raises(error, match="closed connection without response"):
                get(where)
    assert service.state()["down"] == how


# the control and the process


def test_the_control_refuses_what_it_does_not_know(service: Service) -> None:
    before = service.state()
    for state in (
        {"nights": 1},
        {"down": "maybe"},
        {"faults": {"plague": 1}},
        {"faults": {"slow": {"share": 1, "often": True}}},
        {"faults": {"slow": {"share": 1, "on": ["moon"]}}},
    ):
        answer = requests.post(service.urls["control"], json={"latency": 1} | state, timeout=10)
        assert answer.status_code == 400 and answer.json()["error"]
        assert service.state() == before


def test_the_log_tells_what_was_asked(service: Service, get: Get, song: dict[str, Any]) -> None:
    get(get("deezer", f"/track/{song['deezer']}").json()["preview"])
    get("deezer", f"/track/isrc:{song['isrc']}")
    get("deezer", "/track/1")
    get("itunes", f"/lookup?id={song['itunes']},2")
    log = service.log()
    assert log["requests"]["api"] == {"deezer": {"track": 3}, "itunes": {"lookup": 1}}
    assert sum(log["requests"]["media"]["deezer"].values()) == 1
    assert log["tracks"] == {
        "deezer": {song["deezer"]: {"media": 1, "resolve": 2}, "1": {"resolve": 1}},
        "itunes": {song["itunes"]: {"resolve": 1}, "2": {"resolve": 1}},
    }
    service.clear_log()
    assert service.log()["tracks"] == {}


def test_connections_are_used_again(service: Service, get: Get, session: requests.Session) -> None:
    for _ in range(5):
        get("deezer", "/genre")
    pools = session.get_adapter(service.urls["deezer"]).poolmanager.pools  # type: ignore[attr-defined]
    (pool,) = map(pools.get, pools.keys())
    assert (pool.num_connections, pool.num_requests) == (1, 5)


def test_many_clients_at_once_all_get_answers(service: Service, song: dict[str, Any]) -> None:
    def ask(_: int) -> int:
        with requests.Session() as session:
            url = f"{service.urls['deezer']}/track/{song['deezer']}"
            links = [session.get(url, timeout=30).json()["preview"] for _ in range(5)]
            return sum(session.get(link, timeout=30).status_code == 200 for link in links)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(8))) == [5] * 8
    assert service.log()["tracks"]["deezer"][song["deezer"]] == {"resolve": 40, "media": 40}


def test_a_new_process_starts_calm_and_draws_the_same_faults(clips: Path) -> None:
    drawn = []
    for _ in range(2):
        with Service(clips, tracks_per_genre=4, pool=1, latency=0) as service:
            assert service.state()["rate"] == {"limit": 50, "seconds": 5.0}
            assert service.environment()["AUDIOGENRE_DEEZER_URL"] == service.urls["deezer"]
            service.set(faults={"error_503": 0.5})
            url = f"{service.urls['deezer']}/genre"
            drawn.append([requests.get(url, timeout=10).status_code for _ in range(20)])
    assert drawn[0] == drawn[1] and set(drawn[0]) == {200, 503}


def test_the_fake_does_not_outlive_who_started_it(clips: Path) -> None:
    script = (
        "import os, sys; from services import Service; "
        "service = Service(sys.argv[1]).__enter__(); "
        "print(service._process.pid, flush=True); os._exit(0)"
    )
    where = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), str(ROOT)])}
    told = subprocess.run(
        [sys.executable, "-c", script, str(clips)], env=where, stdout=subprocess.PIPE, check=True
    )
    try:
        psutil.Process(int(told.stdout)).wait(timeout=10)
    except psutil.NoSuchProcess:
        return
