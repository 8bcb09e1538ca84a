"""The audio that the fakes serve: its sound, length and kind."""

from __future__ import annotations

import io

import pytest
import soundfile as sf
from services import CLIENT_ID

from audiogenre import decode
from fakes.conftest import Get, previews


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
