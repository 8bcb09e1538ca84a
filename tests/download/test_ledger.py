"""The ledger over time: when a failure is tried again, and when it is struck off."""

from __future__ import annotations

import time
from typing import Any

import pytest
from conftest import Downloads
from scripted import Scripted, answer, audio
from services import Service

from download.conftest import (
    DAY,
    HOUR,
    asked_about,
)


def scripted_deezer(script: Scripted, *rows: dict[str, Any]) -> tuple[str, ...]:
    """Write down a playlist of songs and where their audio is; return the command's options."""
    script.on("/playlist/7/tracks", answer({"data": list(rows)}))
    for each in rows:
        link = f"{script.url}/{each['id']}.mp3"
        script.on(f"/track/{each['id']}", answer({"id": each["id"], "preview": link}))
    return ("--genre", "rock", "--playlist", "7", "--api-url", script.url)


@pytest.mark.usefixtures("impatient")
def test_patience_grows_and_a_person_may_be_impatient(
    script: Scripted, downloads: Downloads, mp3_bytes: bytes
) -> None:
    arguments = scripted_deezer(script, {"id": 1, "title": "Tide"})
    script.on("/1.mp3", answer("oops", 500))
    for attempt, wait in ((1, 0), (2, HOUR), (3, 2 * HOUR), (4, 4 * HOUR)):
        code, result = downloads.run("deezer", *arguments)
        assert (code, result["failed"]) == (1, 1)
        (failure,) = downloads.ledger().values()
        assert (failure.item, failure.reason) == ("deezer:1", "server error")
        assert failure.attempts == attempt
        assert failure.next_try is not None
        assert failure.next_try - time.time() == pytest.approx(wait, abs=60)
        asked = script.count("/1.mp3")
        if wait:
            assert downloads.run("deezer", *arguments)[0] == 0
        assert script.count("/1.mp3") == asked, "it was not due"
        downloads.let_time_pass(wait + 60)
    script.on("/1.mp3", audio(mp3_bytes))
    downloads.let_time_pass(-DAY)
    assert downloads.run("deezer", *arguments)[1]["fetched"] == 0
    assert downloads.run("deezer", *arguments, "--retry-failed")[1]["fetched"] == 1
    assert downloads.ledger() == {}


@pytest.mark.usefixtures("impatient")
def test_what_is_no_longer_listed_is_tried_again_when_due(
    script: Scripted, downloads: Downloads, mp3_bytes: bytes
) -> None:
    arguments = scripted_deezer(script, {"id": 1}, {"id": 2})
    script.on("/1.mp3", answer("oops", 500))
    script.on("/2.mp3", audio(mp3_bytes))
    assert downloads.run("deezer", *arguments)[0] == 1
    script.on("/playlist/7/tracks", answer({"data": [{"id": 3, "preview": ""}]}))
    script.on("/1.mp3", audio(mp3_bytes))
    asked = script.count("/track/1")
    downloads.run("deezer", *arguments, "--limit", 1)
    assert script.count("/track/1") == asked, "a limit is a limit"
    code, result = downloads.run("deezer", *arguments)
    assert (code, result["fetched"]) == (0, 1)
    assert downloads.previews().keys() == {"deezer:1", "deezer:2"}
    assert downloads.ledger().keys() == {"deezer:3"}
    assert downloads.labels("deezer:1") == {("rock", "deezer:playlist/7")}


@pytest.mark.usefixtures("impatient")
def test_a_listing_that_has_healed_leaves_the_ledger(
    script: Scripted, downloads: Downloads, mp3_bytes: bytes
) -> None:
    arguments = scripted_deezer(script, {"id": 1})
    script.on("/1.mp3", audio(mp3_bytes))
    script.on("/playlist/7/tracks", answer("oops", 500))
    assert downloads.run("deezer", *arguments)[0] == 1
    (failure,) = downloads.ledger().values()
    assert (failure.item, failure.reason) == ("deezer:playlist/7/tracks", "listing")
    script.on("/playlist/7/tracks", answer({"data": [{"id": 1}]}))
    assert downloads.run("deezer", *arguments)[0] == 0
    assert downloads.ledger() == {}


def test_a_preview_that_is_there_is_no_failure_once_the_service_has_none(
    script: Scripted, downloads: Downloads, mp3_bytes: bytes
) -> None:
    arguments = scripted_deezer(script, {"id": 1})
    script.on("/1.mp3", audio(mp3_bytes))
    assert downloads.run("deezer", *arguments)[0] == 0
    script.on("/playlist/7/tracks", answer({"data": [{"id": 1, "preview": ""}]}))
    assert downloads.run("deezer", *arguments)[0] == 0
    assert downloads.ledger() == {}
    assert downloads.previews().keys() == {"deezer:1"}


def test_half_a_song_is_known_by_the_length_of_the_song(
    script: Scripted, downloads: Downloads, mp3_bytes: bytes
) -> None:
    untagged = mp3_bytes[mp3_bytes.index(b"\xff\xf3", 4) :]
    half = untagged[: untagged.index(b"\xff\xf3", len(untagged) // 2)]
    rows = ({"id": 1, "duration": 200}, {"id": 2, "duration": 15}, {"id": 3, "duration": None})
    arguments = scripted_deezer(script, *rows)
    for each in rows:
        script.on(f"/{each['id']}.mp3", audio(half))
    assert downloads.run("deezer", *arguments)[0] == 1
    assert {k: v.reason for k, v in downloads.ledger().items()} == {
        "deezer:1": "truncated",
        "deezer:3": "truncated",
    }
    assert downloads.previews().keys() == {"deezer:2"}


def test_a_dry_run_lists_and_writes_nothing(services: Service, downloads: Downloads) -> None:
    code, result = downloads.run(
        "deezer", "--genre", "rock", "--per-genre", 5, "--dry-run", accept=False
    )
    assert (code, result["new"], result["fetched"]) == (0, 5, 5)
    assert asked_about(services) == set()
    assert not downloads.data.exists()
