"""The fake Jamendo, Spotify and ReccoBeats: pages, errors and refusals of their own."""

from __future__ import annotations

from typing import Any

import requests
from services import CLIENT_ID, CLIENT_SECRET, Service
from services.shapes import lacking, shape

from audiogenre import decode
from fakes.conftest import Get, log_in, recorded


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
