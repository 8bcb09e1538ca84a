"""What a download from the fake services has asked for, and what it has left behind."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Downloads
from services import Service
from tenacity import wait_random

from audiogenre import net

HOUR, DAY = 3600, 86_400
TWO = ("--genre", "rock", "--genre", "jazz")
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
