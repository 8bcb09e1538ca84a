"""A running server, a browser, and clips that are good, bad or meant to hurt."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import numpy as np
import pytest
import soundfile as sf
from conftest import PATIENCE, SAMPLE_GENRES, start_command

from audiogenre import champions

T = TypeVar("T")
MODEL = "extracted-full"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def running(*arguments: object) -> Iterator[str]:
    """Run ``audiogenre serve`` as a process of its own; give its address."""
    process = start_command("serve", "--json", "--port", "0", *arguments)
    assert process.stdout is not None
    line = process.stdout.readline()
    try:
        assert line, process.communicate()[1]
        address = json.loads(line)["url"]
        httpx.get(address, timeout=120)  # answers once the model and its workers are ready
        yield address
    finally:
        process.terminate()
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    assert "Traceback" not in err, err


@pytest.fixture(scope="session")
def url(sample_data: Path, sample_models: Path) -> Iterator[str]:
    """Return the address of a server with a model of four genres."""
    with running(
        "--data", sample_data, "--models", sample_models, "--model", MODEL, "--jobs", "2"
    ) as address:
        yield address


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    """Return a client with a session of its own."""
    with httpx.Client(base_url=url, timeout=60) as client:
        yield client


@pytest.fixture
def token(client: httpx.Client) -> str:
    """Return the token of the client's session."""
    return find_token(client.get("/").text)


def find_token(page: str) -> str:
    return page.split('name="csrf" content="')[1].split('"')[0]


@pytest.fixture
def serve_here() -> Iterator[Callable[..., str]]:
    """Return a function that serves an application without a model from a thread."""
    uvicorn = pytest.importorskip("uvicorn")
    from audiogenre.web.app import make_app
    from audiogenre.web.settings import Settings

    started: list[tuple[Any, threading.Thread]] = []

    def serve(folder: Path, **settings: Any) -> str:
        app = make_app(Settings(folder / "data", folder / "models", **settings), None)
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="on"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        started.append((server, thread))
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    yield serve
    for server, thread in started:
        server.should_exit = True
        thread.join()


def written(y: np.ndarray, sr: int = 22_050, kind: str = "WAV", **options: Any) -> bytes:
    file = io.BytesIO()
    sf.write(file, y, sr, format=kind, **options)
    return file.getvalue()


@pytest.fixture(scope="session")
def noise() -> bytes:
    """Return a clip unlike any music: white noise."""
    y = np.random.default_rng(0).uniform(-0.9, 0.9, 12 * 22_050).astype(np.float32)
    return written(y, kind="FLAC")


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory, mp3_bytes: bytes, noise: bytes) -> Path:
    """Return a folder with files to choose: two songs, noise, and what is no music."""
    from audiogenre.sources.synth import render

    folder = tmp_path_factory.mktemp("clips")
    (folder / "waltz.mp3").write_bytes(mp3_bytes)
    stomp = render(SAMPLE_GENRES[1], artist=1, track=1)
    (folder / "stomp.mp3").write_bytes(written(stomp, kind="MP3"))
    (folder / "noise.flac").write_bytes(noise)
    (folder / "page.mp3").write_text("<html><body>not here</body></html>")
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Return a browser; without one the tests that need it are skipped, and say so."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no chromium (on Debian: apt-get install chromium)")
    options = ["--no-sandbox", "--disable-background-networking", "--mute-audio"]
    options.append("--autoplay-policy=no-user-gesture-required")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Return a function that opens a page; nothing may go wrong on it but what a test expects."""
    contexts: list[Any] = []
    troubles: list[str] = []  # errors of script, breaches of policy, failed requests

    def open_page(
        address: str, *, width: int = 1280, expected: str | None = None, **options: Any
    ) -> Any:
        def note(trouble: str) -> None:
            if expected is None or expected not in trouble:
                troubles.append(trouble)

        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: note(str(error)))
        page.on("console", lambda said: note(said.text) if said.type == "error" else None)
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture(scope="session")
def check_access(browser: Any) -> Callable[[Any], None]:
    """Return a function that finds no serious violation of accessibility on a page."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is missing")

    def check(page: Any) -> None:
        found = axe.Axe().run(page).response["violations"]
        serious = [each for each in found if each["impact"] in ("serious", "critical")]
        assert not serious, "\n".join(
            f"{each['id']}: {each['help']}: {[node['html'][:200] for node in each['nodes'][:3]]}"
            for each in serious
        )

    return check


@pytest.fixture(scope="session")
def check_page(check_access: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return a function that finds a page no wider than its window, and open to anybody."""

    def check(page: Any) -> None:
        width = page.viewport_size["width"]
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
        small = page.locator("button:visible, a.play:visible, summary:visible, select:visible")
        low = "(all) => all.filter((each) => each.getBoundingClientRect().height < 44).length"
        assert small.evaluate_all(low) == 0
        check_access(page)

    return check


@dataclass(frozen=True)
class Shelf:
    """A running server whose data and models a test may change."""

    url: str
    data: Path
    models: Path


@pytest.fixture(scope="session")
def shelf(
    sample_data: Path, sample_models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shelf]:
    """Return a server on copies of the sample and its models, with a champion's history."""
    folder = tmp_path_factory.mktemp("shelf")
    data, models = folder / "data", folder / "models"
    shutil.copytree(sample_data, data)
    shutil.copytree(sample_models, models)
    for day in (1, 2, 3):
        score = {"name": f"m{day}", "accuracy": 0.5 + day / 20, "interval": [0.4, 0.8], "n": 40}
        other = {"name": "m0", "accuracy": 0.5, "interval": [0.4, 0.7], "n": 40}
        decision = "rejected" if day == 2 else "promoted"
        entry = {"time": f"2026-01-0{day}T03:00:00+00:00", "decision": decision, "rows": 60}
        champions.record(models, {**entry, "challenger": score, "champion": other})
    options = ("--data", data, "--models", models, "--model", MODEL, "--jobs", "1")
    with running(*options) as address:
        yield Shelf(address, data, models)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a thread of its own: in this one a browser's loop may be at work."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
