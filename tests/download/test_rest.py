"""A service that wants to be left alone is, and the others still work."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from conftest import Downloads
from scripted import Scripted, answer
from services import Service

from download.conftest import (
    DAY,
    asked_about,
    songs_of,
)


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
