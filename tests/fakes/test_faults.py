"""Faults of the fakes: each does what its name says, where and as often as asked."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from services import Service

from audiogenre import decode
from audiogenre.errors import AudioError
from fakes.conftest import Get, previews


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
    service.set(faults={"error_503": 0.4})  # whatever was asked before
    assert (failing(), failing()) == (one, two)
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
