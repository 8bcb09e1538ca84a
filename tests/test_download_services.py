"""``download`` from services that fail in every way: nothing is lost, and nothing asked twice."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import termios
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from conftest import Downloads, environment
from mutagen.id3 import ID3
from scripted import Scripted, answer, audio, hang
from services import Service
from services.faults import NAMES
from services.world import TWIN, draw
from tenacity import wait_random

from audiogenre import net
from audiogenre.acquisition import download
from audiogenre.catalog import Catalog
from audiogenre.errors import LoginError
from audiogenre.sources.base import BaseSource
from audiogenre.sources.deezer import DeezerSource
from audiogenre.typing import Track

HOUR, DAY = 3600, 86_400
LONG = 8 * DAY  # longer than any patience
TWO = ("--genre", "rock", "--genre", "jazz")
SHARE = 0.05
Start = Callable[..., subprocess.Popen[str]]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for less between attempts, and for a silent server, than a real service needs."""
    monkeypatch.setattr(net, "BACKOFF", wait_random(max=0.1))
    monkeypatch.setattr(net, "TIMEOUT", (2.0, 1.0))


def partials(data: Path) -> list[Path]:
    return [each for each in (data / "raw").rglob("*") if ".part" in str(each) and each.is_file()]


def assert_files_are_those_recorded(downloads: Downloads) -> None:
    recorded = {each.path for each in downloads.previews().values()}
    files = [each for each in (downloads.data / "raw").rglob("*") if each.is_file()]
    assert {str(each.relative_to(downloads.data)) for each in files} == recorded


def songs_of(service: Service, *genres: str) -> dict[str, dict[str, Any]]:
    """Return what Deezer lists under genres, by the id of the track."""
    return {
        f"deezer:{each['deezer']}": each
        for each in service.catalogue()
        if each["deezer"] and each["genre"] in genres
    }


def requests_of(service: Service) -> int:
    """Return how many requests there were, for lists, links and audio."""
    kinds = service.log()["requests"].values()
    return sum(sum(each.values()) for kind in kinds for each in kind.values())


def asked_about(service: Service) -> set[str]:
    return {f"deezer:{key}" for key in service.log()["tracks"].get("deezer", {})}


# everything that goes wrong


def assert_every_song_is_accounted_for(downloads: Downloads, items: set[str]) -> None:
    previews, ledger = downloads.previews(), downloads.ledger()
    known = downloads.known()
    names = {(known[item].artist, known[item].title) for item in previews}
    for item in items - previews.keys() - ledger.keys():
        # What is neither there nor failed is there under another id.
        assert (known[item].artist, known[item].title) in names, item
    assert not previews.keys() & ledger.keys()
    assert all(each.reason and each.detail for each in ledger.values())


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_whatever_goes_wrong_everything_is_fetched_in_the_end(
    services: Service, downloads: Downloads
) -> None:
    passing = set(NAMES) - {"long_wait", "no_data", "null_tracks"}
    services.set(
        faults=dict.fromkeys(passing, SHARE), rate={"limit": 50, "seconds": 5}, latency=0.01
    )
    songs = songs_of(services, "Rock", "Jazz")
    misses = {item for item, each in songs.items() if not each["has_preview"]}
    wanted = songs.keys() - misses
    for _ in range(6):
        previews, ledger = downloads.previews(), downloads.ledger()
        services.clear_log()
        code, _ = downloads.run("deezer", *TWO)
        assert code in (0, 1), downloads.err
        log = services.log()
        assert log["busiest_5s"] <= 50
        assert log["quota_hits"] == 0
        final = {item for item, each in ledger.items() if each.next_try is None}
        # A twin and its song are one song to the log.
        assert not asked_about(services) & (previews.keys() | final)
        for item, preview in previews.items():
            assert downloads.previews()[item] == preview
        assert not partials(downloads.data)
        downloads.let_time_pass(LONG)
        if {each.reason for each in downloads.ledger().values()} == {"no preview"}:
            break
    assert_every_song_is_accounted_for(downloads, wanted)
    assert {each.reason for each in downloads.ledger().values()} == {"no preview"}
    by_song = {int(each["deezer"]) % TWIN: each for each in services.catalogue() if each["deezer"]}
    for item in downloads.ledger():
        assert not by_song[int(item.partition(":")[2]) % TWIN]["has_preview"]
    assert len(downloads.previews()) > 0.9 * len(wanted)
    assert_files_are_those_recorded(downloads)


STICKY_SHARE = 0.06
# What a fault that stays with a song makes of it, by where it happens.
STICKY = {
    "deezer": {
        "quota": "rate limit",
        "busy": "busy",
        "no_data": "not found",
        "half_json": "bad answer",
        "expired": "no audio",
    },
    "media": {
        "rate_limited_bare": "rate limit",
        "error_500": "server error",
        "error_503": "server error",
        "hanging": "timeout",
        "reset": "connection",
        "html": "not audio",
        "html_as_audio": "not audio",
        "redirect_loop": "redirects",
        "short_body": "truncated",
        "wrong_length": "connection",
    },
}


def true_reason(song: dict[str, Any]) -> str | None:
    """Return what must become of a song, by the dice of the fake; None if it is fetched."""
    if not song["has_preview"]:
        return "no preview"
    for place in ("deezer", "media"):
        for name in NAMES:  # the first that is drawn happens
            if name in STICKY[place] and draw(0, name, song["isrc"]) < STICKY_SHARE:
                return STICKY[place][name]
    return None


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_what_never_heals_is_in_the_ledger_with_its_true_reason(
    services: Service, downloads: Downloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where nearly all that is asked for fails, it looks like a host that is down.
    monkeypatch.setattr(net, "_DOWN_AFTER", 1000)
    services.set(
        faults={
            name: {"share": STICKY_SHARE, "sticky": True, "on": [place]}
            for place, names in STICKY.items()
            for name in names
        }
    )
    songs = songs_of(services, "Rock", "Jazz")
    expected = {item: true_reason(each) for item, each in songs.items()}
    reasons = {item: reason for item, reason in expected.items() if reason}
    assert len(set(reasons.values())) > 5, "the dice show too few faults"
    code, result = downloads.run("deezer", *TWO)
    assert (code, result["failed"]) == (1, len(reasons))
    assert {item: each.reason for item, each in downloads.ledger().items()} == reasons
    assert downloads.previews().keys() == expected.keys() - reasons.keys()

    final = {item for item, each in reasons.items() if each in ("no preview", "not found")}
    services.clear_log()
    code, result = downloads.run("deezer", *TWO)
    assert asked_about(services) == reasons.keys() - final, "only what may have healed"
    assert {item: each.reason for item, each in downloads.ledger().items()} == reasons
    attempts = {item: each.attempts for item, each in downloads.ledger().items()}
    assert attempts == {item: 1 if item in final else 2 for item in reasons}
    services.clear_log()
    assert downloads.run("deezer", *TWO)[0] == 0
    assert asked_about(services) == set(), "an hour has not passed yet"

    services.set(faults={})
    downloads.let_time_pass(HOUR)
    assert downloads.run("deezer", *TWO)[0] == 0
    assert downloads.ledger().keys() == final
    assert downloads.run("deezer", *TWO, "--retry-failed")[0] == 1
    assert {each.reason for each in downloads.ledger().values()} == {"no preview"}
    assert_files_are_those_recorded(downloads)


# a service that wants to be left alone


def test_a_service_that_wants_a_day_of_rest_gets_it(
    services: Service, downloads: Downloads
) -> None:
    services.set(faults={"long_wait": {"share": 1, "on": ["deezer"]}})
    code, result = downloads.run("deezer", "--genre", "rock")
    assert (code, result["seen"]) == (1, 0)
    (sentence,) = [each for each in downloads.err.splitlines() if "left alone" in each]
    assert sentence.startswith("audiogenre download: deezer: ")
    assert sum(services.log()["requests"]["api"]["deezer"].values()) == 1
    with downloads.catalog() as catalog:
        (until,) = catalog.blocked().values()
    assert until == pytest.approx(time.time() + DAY, abs=60)

    services.set(faults={})
    services.clear_log()
    assert downloads.run("deezer", "--genre", "rock")[0] == 1
    assert services.log()["requests"]["api"] == {}, "it was not left alone"
    downloads.let_time_pass(DAY + 1)
    code, result = downloads.run("deezer", "--genre", "rock", "--per-genre", 3)
    assert (code, result["fetched"]) == (0, 3)
    with downloads.catalog() as catalog:
        assert catalog.blocked() == {}


def test_a_rest_in_the_middle_keeps_what_was_done(services: Service, downloads: Downloads) -> None:
    services.set(faults={"long_wait": {"share": 0.1, "on": ["deezer"]}})
    code, result = downloads.run("deezer", "--genre", "rock")
    assert code == 1
    before = downloads.previews()
    assert result["fetched"] == len(before)
    services.set(faults={})
    services.clear_log()
    downloads.let_time_pass(DAY + 1)
    # 1 if a song without a preview was not listed before: then it is new to the ledger.
    assert downloads.run("deezer", "--genre", "rock")[0] in (0, 1)
    assert not asked_about(services) & before.keys()
    wanted = {k for k, v in songs_of(services, "Rock").items() if v["has_preview"]}
    assert downloads.previews().keys() == wanted
    assert {each.reason for each in downloads.ledger().values()} == {"no preview"}


def test_another_service_of_the_same_run_still_works(
    services: Service, downloads: Downloads, script: Scripted, tmp_path: Path
) -> None:
    script.on("/genre", answer({}, 429, Retry_After=str(DAY)))
    config = tmp_path / "sources.toml"
    config.write_text(
        f"""
        [[source]]
        name = "deezer"
        api-url = "{script.url}"
        genre = "rock"
        accept_terms = true

        [[source]]
        name = "jamendo"
        genre = ["rock"]
        per_genre = 2
        """
    )
    code, result = downloads.run("", "--config", config, accept=False)
    assert (code, result["source"], result["fetched"]) == (1, "deezer,jamendo", 2)
    assert {each.source for each in downloads.known().values()} == {"jamendo"}
    assert len(script.asked) == 1


# kills, Ctrl-C, two at once


@pytest.mark.slow
def test_kills_leave_the_catalogue_of_an_undisturbed_run(
    services: Service,
    downloads: Downloads,
    tmp_path: Path,
    start_command: Start,
    run_command: Run,
) -> None:
    arguments = ("--source", "deezer", "--genre", "rock", "--accept-terms", "-q", "--data")
    calm = Downloads(tmp_path / "calm", downloads._capsys)
    done = run_command("download", *arguments, calm.data)
    assert (done.returncode, done.stderr) == (1, ""), "some songs have no preview"
    rng = np.random.default_rng(3)
    for requests in (0, *rng.integers(5, 40, 4)):  # of 50
        services.clear_log()
        process = start_command("download", *arguments, downloads.data)
        while requests_of(services) < requests:
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.1))
        process.kill()
        assert process.wait() == -signal.SIGKILL
    stray = downloads.data / "raw" / "deezer" / ".part" / "1.mp3"
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_bytes(b"half a previ")
    assert run_command("download", *arguments, downloads.data).returncode in (0, 1)
    assert downloads.known() == calm.known()
    found, expected = downloads.previews(), calm.previews()
    assert {k: (v.path, v.sha256) for k, v in found.items()} == {
        k: (v.path, v.sha256) for k, v in expected.items()
    }
    assert {k: v.reason for k, v in downloads.ledger().items()} == {
        k: v.reason for k, v in calm.ledger().items()
    }
    assert_files_are_those_recorded(downloads)


def test_ctrl_c_brings_what_is_in_flight_to_its_end(
    services: Service, downloads: Downloads, start_command: Start
) -> None:
    services.set(latency=0.2)
    arguments = (
        "--source",
        "deezer",
        "--genre",
        "rock",
        "--accept-terms",
        "-q",
        "--data",
        downloads.data,
    )
    process = start_command("download", *arguments)
    deadline = time.monotonic() + 60
    while not list((downloads.data / "raw").rglob("*.mp3")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert len(err.splitlines()) == 1
    assert err.startswith("audiogenre download: interrupted")
    assert downloads.previews()
    assert_files_are_those_recorded(downloads)
    before = downloads.previews()
    services.set(latency=0)
    services.clear_log()
    downloads.run("deezer", "--genre", "rock")
    assert not asked_about(services) & before.keys()
    wanted = {k for k, v in songs_of(services, "Rock").items() if v["has_preview"]}
    assert downloads.previews().keys() == wanted


@pytest.mark.slow
@pytest.mark.parametrize("where", ["/playlist/7/tracks", "/track/1"])
@pytest.mark.parametrize("how", ["waits", "hangs"])
def test_ctrl_c_is_heard_while_a_service_is_waited_for(
    where: str, how: str, script: Scripted, downloads: Downloads, start_command: Start
) -> None:
    script.on("/playlist/7/tracks", answer({"data": [{"id": 1}]}))
    script.on(where, answer({}, 429, Retry_After="55") if how == "waits" else hang)
    options = ("--source", "deezer", "--genre", "rock", "--playlist", "7", "--accept-terms", "-q")
    process = start_command("download", *options, "--api-url", script.url, "--data", downloads.data)
    deadline = time.monotonic() + 60
    while not script.count(where):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=45)
    assert process.returncode == 130, err
    assert len(err.splitlines()) == 1
    assert script.count(where) <= 2


def test_two_downloads_at_once_ask_for_nothing_twice(
    services: Service, downloads: Downloads, start_command: Start
) -> None:
    options = ("--source", "deezer", "--genre", "rock", "--per-genre", 12, "--accept-terms")
    both = [start_command("download", *options, "--data", downloads.data) for _ in range(2)]
    ends = [process.communicate(timeout=60) for process in both]
    assert {each.returncode for each in both} <= {0, 1}, ends
    assert len(downloads.previews()) == 12
    counts = services.log()["tracks"]["deezer"].values()
    assert [set(each.values()) for each in counts] == [{1}] * 12
    assert sum("waiting for it" in err for _, err in ends) == 1


# labels


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


# the ledger over time


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


# memory


@dataclass(kw_only=True)
class Heavy(BaseSource):
    """A source of previews that are heavier than they need be."""

    content: bytes
    count: int = 80
    fetched: int = field(default=0, init=False)

    name: ClassVar[str] = "heavy"
    partial: ClassVar[bool] = True
    seconds: ClassVar[float] = 30.0

    def tracks(self) -> Iterator[Track]:
        for number in range(self.count):
            yield Track(f"heavy:{number}", "heavy")

    def fetch(self, track: Track) -> bytes:
        self.fetched += 1
        return self.content + bytes(1)  # a copy


def test_previews_are_not_held_in_memory(tmp_path: Path, mp3_bytes: bytes) -> None:
    tag = tmp_path / "tag"
    ID3().save(tag, padding=lambda info: 3 << 20)
    source = Heavy(content=tag.read_bytes() + mp3_bytes)
    with Catalog(tmp_path / "catalog.db") as catalog:
        tracemalloc.start()
        outcome = download(source, catalog, tmp_path, jobs=2)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert (outcome.fetched, source.fetched) == (80, 80), outcome.reasons
    assert peak < 80 * len(source.content) / 4


@dataclass(kw_only=True)
class Expiring(Heavy):
    """A source whose login expires with one of its tracks."""

    at: str

    def fetch(self, track: Track) -> bytes:
        if track.id == self.at:
            raise LoginError("log in again")
        return super().fetch(track)


@pytest.mark.parametrize("at", ["heavy:0", "heavy:20", "heavy:39"])
def test_what_was_fetched_when_a_login_expires_is_recorded_once(
    tmp_path: Path, mp3_bytes: bytes, at: str
) -> None:
    source = Expiring(content=mp3_bytes, count=40, at=at)
    with Catalog(tmp_path / "catalog.db") as catalog:
        outcome = download(source, catalog, tmp_path, jobs=2)
        previews = catalog.previews()
    assert isinstance(outcome.stopped, LoginError)
    assert at not in previews
    assert outcome.fetched == source.fetched == len(previews)


# terms


def test_terms_are_shown_once_and_have_to_be_accepted(
    services: Service, downloads: Downloads
) -> None:
    arguments = ("--genre", "rock", "--per-genre", 1)
    for _ in range(2):
        assert downloads.run("deezer", *arguments, accept=False) == (2, {})
        terms, sentence = downloads.err.splitlines()
        assert terms == f"deezer: {DeezerSource.terms}"
        assert sentence.startswith("audiogenre download: the terms of 'deezer'")
        assert "--accept-terms" in sentence
    assert services.log()["requests"]["api"] == {}
    assert downloads.run("deezer", *arguments)[0] == 0
    assert DeezerSource.terms in downloads.err
    assert downloads.run("deezer", *arguments, accept=False)[0] == 0
    assert downloads.err == ""
    downloads.change("UPDATE consents SET terms = 'what they were before'")
    assert downloads.run("deezer", *arguments, accept=False)[0] == 2, "they have changed"
    assert DeezerSource.terms in downloads.err


def test_terms_that_restrict_nothing_are_only_shown(
    services: Service,
    downloads: Downloads,
    run_main: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ("--source", "jamendo", "--genre", "rock", "--per-genre", 1)
    for shown in (True, False):
        assert run_main("download", *arguments, "--data", downloads.data) == 0
        assert ("jamendo: Jamendo gives whole songs" in capsys.readouterr().out) == shown


@pytest.mark.parametrize(
    ("value", "code"), [("true", 0), ("false", 2), ('"no"', 2), ('"yes"', 2), ("1", 2)]
)
def test_terms_are_accepted_in_the_configuration(
    value: str, code: int, services: Service, downloads: Downloads, tmp_path: Path
) -> None:
    config = tmp_path / "sources.toml"
    config.write_text(
        '[[source]]\nname = "deezer"\ngenre = "rock"\nper-genre = 1\n' + f"accept_terms = {value}\n"
    )
    assert downloads.run("", "--config", config, accept=False)[0] == code
    if code:
        assert services.log()["requests"]["api"] == {}


def on_terminal(answer_: bytes, *arguments: object) -> tuple[int, str]:
    """Run the command on a terminal of its own; return its exit code and what is seen there."""
    mine, its = pty.openpty()
    termios.tcsetwinsize(its, (24, 200))
    process = subprocess.Popen(
        [sys.executable, "-m", "audiogenre.download", *map(str, arguments)],
        env=environment(),
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    )
    os.close(its)
    os.write(mine, answer_)
    seen = b""
    with suppress(OSError):  # the terminal's end is an error on Linux
        while piece := os.read(mine, 4096):
            seen += piece
    os.close(mine)
    return process.wait(timeout=60), seen.decode()


@pytest.mark.parametrize(("typed", "code"), [(b"y\n", 0), (b"n\n", 2), (b"\n", 2), (b"\x04", 2)])
def test_a_person_is_asked_on_a_terminal_and_sees_what_becomes_of_tracks(
    typed: bytes, code: int, services: Service, downloads: Downloads
) -> None:
    options = ("--source", "deezer", "--genre", "rock", "--per-genre", 4)
    found, seen = on_terminal(typed, *options, "--data", downloads.data)
    assert found == code, seen
    assert "Do you accept these terms? [y/N]" in seen
    assert "Traceback" not in seen
    if code == 0:
        assert "fetched=" in seen, "no progress by outcome"
        assert "4 previews added" in seen
        assert len(downloads.previews()) == 4
        found, seen = on_terminal(b"", *options, "--data", downloads.data)
        assert found == 0
        assert "Do you accept" not in seen
        assert "nothing to do" in seen
    else:
        assert services.log()["requests"]["api"] == {}


# what the command says


def test_json_is_one_object_and_nothing_else(services: Service, downloads: Downloads) -> None:
    code, result = downloads.run("deezer", "--genre", "rock", "--per-genre", 4)
    assert code == 0
    assert downloads.out.count("\n") == 1
    assert result == {"source": "deezer", "seen": 4, "new": 4, "fetched": 4, "failed": 0}


def test_a_client_id_that_is_missing_or_wrong_is_a_matter_for_a_person(
    services: Service, downloads: Downloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in ("", "wrong"):
        monkeypatch.setenv("AUDIOGENRE_JAMENDO_CLIENT_ID", value)
        assert downloads.run("jamendo", "--genre", "rock")[0] == 3
        (sentence,) = [each for each in downloads.err.splitlines() if "download: " in each]
        assert "AUDIOGENRE_JAMENDO_CLIENT_ID" in sentence


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("down", ["closed", "503"])
def test_a_service_that_is_down_is_a_sentence(
    down: str, services: Service, downloads: Downloads
) -> None:
    services.set(down=down)
    code, result = downloads.run("deezer", *TWO)
    assert (code, result["fetched"]) == (1, 0)
    assert "Traceback" not in downloads.err
    assert downloads.ledger()
    services.set(down=False)
    downloads.let_time_pass(HOUR)
    code, result = downloads.run("deezer", "--genre", "rock", "--per-genre", 2)
    assert (code, result["fetched"]) == (0, 2)


def test_a_report_for_a_person_counts_by_reason(
    services: Service, run_command: Run, downloads: Downloads
) -> None:
    options = ("--genre", "rock", "--playlist", "908000003", "--accept-terms")
    options = ("--source", "deezer", *options, "--data", downloads.data)
    done = run_command("download", *options)
    misses = len(downloads.ledger())
    assert misses
    assert done.returncode == 1
    assert f"deezer: {misses} failed: no preview" in done.stdout
    assert done.stdout.endswith("next: audiogenre extract\n")
    again = run_command("download", *options)
    assert (again.returncode, again.stderr) == (0, "")
    assert "nothing to do" in again.stdout
    assert f"{misses} failed before and were left alone (--retry-failed)" in again.stdout
