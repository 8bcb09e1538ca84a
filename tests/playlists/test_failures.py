"""What goes wrong at Spotify, and kills: nothing is lost, and nothing written twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import environment
from services import CLIENT_ID

from audiogenre.catalog import Catalog
from audiogenre.liked.session import Session
from playlists.conftest import ELECTRO, GENRES, MODEL, ROCK, Person


@pytest.mark.parametrize("done", [True, False])
def test_a_write_that_gets_no_clear_answer_is_looked_at_and_not_repeated(
    person: Person, done: bool
) -> None:
    refusals = [
        {"on": "POST playlists/", "after": 1, "times": 1, "status": 500, "done": done},
        {"on": "DELETE playlists/", "times": 1, "status": 502, "done": done},
    ]
    person.service.library(refusals=refusals)
    code, told = person.run("apply")
    assert (code, told["failures"]) == (0, [])
    person.assert_correct()
    person.like([each for each in person.songs if each not in person.wanted(ROCK)[:3]])
    code, told = person.run("apply")
    assert (code, told["failures"]) == (0, [])
    assert person.written()[f"Liked: {ROCK}"] == person.wanted(ROCK)[3:]


@pytest.mark.parametrize("done", [True, False])
def test_a_playlist_is_not_made_twice(person: Person, done: bool) -> None:
    refusal = {"on": "POST me/playlists", "times": 1, "status": 500, "done": done}
    person.service.library(refusals=[refusal])
    code, told = person.run("apply")
    if done:  # it turned out to be there
        assert (code, told["failures"]) == (0, [])
    else:
        assert code == 1 and "apply again" in told["failures"][0]
        assert set(person.written()) == {f"Liked: {ELECTRO}"}
        assert person.run("apply")[0] == 0
    person.assert_correct()


def test_a_playlist_in_trouble_does_not_keep_the_others_from_being_written(
    person: Person,
) -> None:
    person.service.library(refusals=[{"on": "POST playlists/", "times": 1, "status": 403}])
    code, told = person.run("apply")
    assert code == 1
    assert "'Liked: iron stomp': refused: Spotify: Forbidden (HTTP 403)" in told["failures"][0]
    assert person.written() == {f"Liked: {ROCK}": [], f"Liked: {ELECTRO}": person.wanted(ELECTRO)}
    assert person.run("apply")[0] == 0
    person.assert_correct()


def test_a_short_wait_is_waited_for(person: Person) -> None:
    wait = {"on": "(GET|POST)", "times": 2, "status": 429, "headers": {"Retry-After": "1"}}
    write = wait | {"on": "POST playlists/", "times": 1}
    person.service.library(refusals=[write, wait])
    assert person.run("apply", "--max-wait", "30")[0] == 0
    person.assert_correct()


def test_a_long_wait_is_remembered_and_the_work_gone_on_with(person: Person) -> None:
    day = {"status": 429, "headers": {"Retry-After": "86400"}}
    person.service.library(refusals=[{"on": "POST playlists/", "after": 1, **day}])
    code, told = person.run("apply", "--max-wait", "5")
    assert (code, told) == (1, None)
    assert "left alone until" in person.err
    begun = sum(map(len, person.written().values()))
    assert begun == 100 < len(person.wanted(ROCK))
    person.service.library(refusals=[])
    person.service.clear_log()
    assert person.run("apply")[0] == 1  # and Spotify is not asked at all
    assert person.service.log()["requests"]["api"] == {}
    with Catalog(person.data / "catalog.db") as catalog, catalog.transaction():
        (host,) = catalog.blocked()
        catalog.block({host: time.time() - 1})
    code, told = person.run("apply")
    assert (code, told["added"]) == (0, sum(map(len, person.written().values())) - begun)
    person.assert_correct()


def test_a_login_that_ends_in_the_middle_is_gone_on_with_after_a_new_one(person: Person) -> None:
    person.service.library(refusals=[{"on": "POST playlists/", "after": 1, "status": 401}])
    code, told = person.run("apply")
    assert (code, told) == (3, None)
    assert "run 'audiogenre playlists login'" in person.err
    assert person.run("plan")[0] == 3
    person.service.library(refusals=[])
    person.log_in()
    assert person.run("apply")[0] == 0
    person.assert_correct()


@pytest.mark.parametrize("action", ["plan", "apply"])
def test_a_dead_login_is_exit_code_3_and_says_what_to_do(person: Person, action: str) -> None:
    person.service.library(revoke=True)
    assert person.run(action) == (3, None)
    assert "no longer good" in person.err and "audiogenre playlists login" in person.err
    assert person.run(action) == (3, None)
    assert "not logged in" in person.err


@pytest.mark.parametrize("fault", ["error_503", "html", "half_json", "reset"])
def test_reading_is_repeated_until_it_succeeds(person: Person, fault: str) -> None:
    person.service.set(faults={fault: {"share": 0.3, "on": ["spotify"]}})
    code, told = person.run("plan", "--max-wait", "60")
    assert code == 0, person.err
    assert len(told["placements"]) == len(person.songs)


def test_two_at_once_do_not_write_over_each_other(person: Person) -> None:
    with Session(person.data, CLIENT_ID):
        assert person.run("apply") == (2, None)
        assert "worked on already" in person.err
    assert person.run("apply")[0] == 0


SLOWLY = (
    "import sys; from audiogenre.sources.spotify import SpotifySource; "
    "SpotifySource.RATE = (1000, 1.0); from audiogenre.playlists import main; sys.exit(main())"
)


@pytest.mark.slow
def test_killed_in_the_middle_of_any_write_it_goes_on_without_a_duplicate(person: Person) -> None:
    options = ["--genres", GENRES, "--library-only", "--yes", "--quiet", *MODEL]
    command = [sys.executable, "-c", SLOWLY, "apply", *options]
    command += ["--data", str(person.data), "--models", str(person.models)]
    points = [("POST me/playlists", True), ("POST playlists/", True), ("POST playlists/", False)]
    for on, done in points:
        refusal = {"on": on, "status": 0, "done": done}
        person.service.library(refusals=[refusal])
        person.service.clear_log()
        endpoint = "create_playlist" if "me" in on else "add_items"
        with subprocess.Popen(command, env=environment()) as process:
            while not person.service.log()["requests"]["api"].get("spotify", {}).get(endpoint):
                assert process.poll() is None
                time.sleep(0.05)
            time.sleep(0.2)  # Spotify has done it, and says nothing
            os.kill(process.pid, signal.SIGKILL)
    person.service.library(refusals=[])
    assert subprocess.run(command, env=environment(), check=False).returncode == 0
    person.assert_correct()
    assert person.run("apply")[1]["added"] == 0
