"""Kills, Ctrl-C and two downloads at once: nothing is lost, and nothing asked twice."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import PATIENCE, Downloads
from scripted import Scripted, answer, hang
from services import Service

from download.conftest import (
    Run,
    Start,
    asked_about,
    assert_files_are_those_recorded,
    requests_of,
    songs_of,
)


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
    deadline = time.monotonic() + PATIENCE
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
    deadline = time.monotonic() + PATIENCE
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
