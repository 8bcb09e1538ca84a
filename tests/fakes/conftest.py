"""The fake services, calm, and how a test asks them."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

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
    "spotify_consent": "given",
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


def log_in_to_write(service: Service, session: requests.Session) -> None:
    """Log in as an app without a secret does, for liked songs and playlists."""
    verifier = "v" * 43
    digest = hashlib.sha256(verifier.encode()).digest()
    form = {"client_id": CLIENT_ID, "redirect_uri": "http://127.0.0.1:1/callback"}
    asked = form | {
        "response_type": "code",
        "code_challenge_method": "S256",
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "scope": "playlist-read-private playlist-modify-private",
    }
    page = service.urls["spotify_token"].replace("/api/token", "/authorize")
    back = session.get(page, params=asked, allow_redirects=False, timeout=10).headers["Location"]
    code = parse_qs(urlsplit(back).query)["code"][0]
    form |= {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
    tokens = session.post(service.urls["spotify_token"], data=form, timeout=10).json()
    session.headers["Authorization"] = f"Bearer {tokens['access_token']}"


def previews(answer: requests.Response) -> list[str]:
    return [row["preview"] for row in answer.json()["data"] if row["preview"]]


def recorded(name: str) -> Any:
    shared = Path(os.environ.get("AUDIOGENRE_SHARED") or ROOT.parent / "shared")
    path = shared / "api" / "fixtures" / f"{name}.json"
    if not path.is_file():
        pytest.skip(f"no recorded answer {path} (AUDIOGENRE_SHARED says where they are)")
    return shape(json.loads(path.read_text()))
