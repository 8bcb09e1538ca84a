"""The fake services, calm, and how a test asks them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from services import CLIENT_ID, CLIENT_SECRET, ROOT, Service
from services.shapes import shape

PER_GENRE = 40
CALM: dict[str, Any] = {
    "faults": {},
    "base": PER_GENRE,
    "growth": 4,
    "night": 0,
    "worse_nights": [],
    "latency": 0,
    "lifetime": 900,
    "rate": {"limit": 100_000, "seconds": 5},
    "down": False,
    "slow": 2,
    "spotify_app": "new",
    "spotify_token": "ok",
}
Get = Callable[..., requests.Response]


@pytest.fixture(scope="package")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="package")
def running(clips: Path) -> Iterator[Service]:
    with Service(clips, tracks_per_genre=PER_GENRE, pool=1, latency=0) as service:
        yield service


@pytest.fixture
def service(running: Service) -> Service:
    """Return the fake with nothing wrong and nothing logged."""
    running.set(**CALM)
    running.clear_log()
    return running


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["User-Agent"] = "audiogenre-tests/1"
        yield session


@pytest.fixture
def get(service: Service, session: requests.Session) -> Get:
    """Return a function that asks a service for a path, or for an address as it is."""

    def ask(name: str, path: str = "", **options: Any) -> requests.Response:
        return session.get(service.urls.get(name, name) + path, **{"timeout": 10} | options)

    return ask


@pytest.fixture
def jazz(service: Service) -> list[dict[str, Any]]:
    return [song for song in service.catalogue() if song["genre"] == "Jazz"]


@pytest.fixture
def song(jazz: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a song that every service has, with a preview."""
    return jazz[0]


def log_in(service: Service, session: requests.Session, *, user: bool = False) -> None:
    grant = (
        {"grant_type": "refresh_token", "refresh_token": "any"}
        if user
        else {"grant_type": "client_credentials"}
    )
    answer = session.post(
        service.urls["spotify_token"], data=grant, auth=(CLIENT_ID, CLIENT_SECRET), timeout=10
    )
    session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


def previews(answer: requests.Response) -> list[str]:
    return [row["preview"] for row in answer.json()["data"] if row["preview"]]


def recorded(name: str) -> Any:
    shared = Path(os.environ.get("AUDIOGENRE_SHARED") or ROOT.parent / "shared")
    path = shared / "api" / "fixtures" / f"{name}.json"
    if not path.is_file():
        pytest.skip(f"no recorded answer {path} (AUDIOGENRE_SHARED says where they are)")
    return shape(json.loads(path.read_text()))
