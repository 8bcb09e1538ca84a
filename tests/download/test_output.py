"""What ``download`` says to a script and to a person, also where a service is down."""

from __future__ import annotations

import pytest
from conftest import Downloads
from services import Service

from download.conftest import (
    HOUR,
    TWO,
    Run,
)


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
    assert done.stdout.endswith(f"next: audiogenre extract --data {downloads.data}\n")
    again = run_command("download", *options)
    assert (again.returncode, again.stderr) == (0, "")
    assert "nothing to do" in again.stdout
    assert f"{misses} failed before and were left alone (--retry-failed)" in again.stdout
