"""The user's side of the fake Spotify: who may write playlists, and what is taken."""

from __future__ import annotations

from typing import Any

import requests
from services import Service
from services.shapes import lacking, shape

from fakes.conftest import Get, log_in, log_in_to_write, recorded

# What is said no more of a playlist to an app that is new.
OF_AN_OLD_APP = {".followers", ".tracks.limit", ".tracks.next", ".tracks.offset"} | {
    ".tracks.previous",
    ".tracks.items",
}


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
