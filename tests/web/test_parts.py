"""Parts of the page on their own, without a server: what is told last, names, lines, sentences."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

from fastapi import FastAPI, Request

from audiogenre.catalog import Catalog, Failure
from audiogenre.typing import Track
from audiogenre.web import playlists, reign
from audiogenre.web.app import make_app
from audiogenre.web.background import Background, Task
from audiogenre.web.desk import Clip, Desk, Job
from audiogenre.web.library import Library
from audiogenre.web.listening import Listener
from audiogenre.web.pages import TEMPLATES
from audiogenre.web.playlisting import Playlister, Work
from audiogenre.web.settings import Settings
from audiogenre.web.uploads import _received

from .conftest import find_token


def app_of(folder: Path, **settings: Any) -> FastAPI:
    app = make_app(Settings(folder / "data", folder / "models", **settings), None)
    app.state.background = Background()
    return app


class Visitor:
    """Somebody who asks an application that is not served, in one session."""

    def __init__(self, app: FastAPI, address: str = "http://127.0.0.1") -> None:
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=address)

    def get(self, path: str) -> httpx.Response:
        return asyncio.run(self._client.get(path))

    def post(self, path: str, **sent: Any) -> httpx.Response:
        return asyncio.run(self._client.post(path, **sent))


async def told_after_the_first(told: AsyncIterator[Any], move: Any) -> list[Any]:
    """Let something move while the first thing told is on its way; return what is told then."""
    await anext(told)
    move()
    return [each async for each in told]


def test_a_job_that_ends_while_one_event_is_sent_is_told() -> None:
    async def watch() -> list[Any]:
        desk = Desk(Settings(Path(), Path()), cast(Listener, SimpleNamespace(jobs=1)))
        job = Job("1", "a.mp3", "", -1)
        return await told_after_the_first(desk.watch(job), lambda: setattr(job, "error", "x"))

    assert [each.status for each in asyncio.run(watch())] == ["failed"]


def test_work_that_ends_while_one_event_is_sent_is_told() -> None:
    task = Task("map")

    def end() -> None:
        task.status, task.number = "done", 1

    async def watch() -> list[Any]:
        return await told_after_the_first(Background().watch(task), end)

    assert [each.status for each in asyncio.run(watch())] == ["done"]


def test_playlists_that_are_done_while_one_event_is_sent_are_told(tmp_path: Path) -> None:
    app = app_of(tmp_path)
    work = app.state.playlister.work = Work("applying")

    def end() -> None:
        work.log.append("rock: the playlist was made")
        work.finished = True

    async def watch() -> list[Any]:
        told = playlists.events(Request({"type": "http", "app": app}))
        return await told_after_the_first(told, end)

    (last,) = [each.data for each in asyncio.run(watch())]
    assert last["finished"] and last["log"] == ["rock: the playlist was made"]


def test_a_song_cannot_be_moved_while_the_plan_is_carried_out(tmp_path: Path) -> None:
    app = app_of(tmp_path)
    playlister: Playlister = app.state.playlister
    playlister.work = Work("applying")
    client = Visitor(app)
    token = find_token(client.get("/dataset").text)
    answer = client.post("/playlists/move", data={"csrf": token, "song": "x", "to": ""})
    assert answer.status_code == 409
    assert playlister.moves == {}


@pytest.mark.parametrize("host", ["127.0.0.2", "127.0.0.1", "::1", "localhost"])
def test_a_server_is_called_by_the_name_it_was_given(tmp_path: Path, host: str) -> None:
    app = app_of(tmp_path, host=host)
    address = f"http://[{host}]" if ":" in host else f"http://{host}"
    assert Visitor(app, address).get("/login").status_code == 200
    assert Visitor(app, "http://evil.example").get("/login").status_code == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-csrf-token": "\u00e9"}, 403),
        ({"Origin": "http://[x"}, 403),
        ({"Authorization": "Basic \u00e9"}, 401),
    ],
)
def test_headers_that_nobody_sends_by_chance_are_refused(
    tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    app = app_of(tmp_path, password="open sesame" if status == 401 else "")
    client = Visitor(app)
    client.get("/")  # for a session
    sent = {name: value.encode("latin-1") for name, value in headers.items()}
    assert client.post("/api/review", data={"decision": "keep"}, headers=sent).status_code == status


def test_the_line_of_a_champion_that_is_always_right_has_a_height() -> None:
    score = {"name": "m", "accuracy": 1.0, "interval": [1.0, 1.0], "n": 9}
    run = {"time": "2026-01-01T03:00:00+00:00", "decision": "promoted", "challenger": score}
    assert [each["y"] for each in reign.line([run])["points"]] == [0.0]


def test_the_history_says_the_range_and_the_number_of_tracks(tmp_path: Path) -> None:
    from audiogenre import champions

    (tmp_path / "models").mkdir()
    score = {"name": "m", "accuracy": 0.8, "interval": [0.61, 0.92], "n": 43}
    common = {"time": "2026-01-01T03:00:00+00:00", "decision": "promoted"}
    champions.record(tmp_path / "models", {**common, "challenger": score, "champion": None})
    older = {"name": "old", "accuracy": 0.7, "interval": [0.5, 0.9]}
    champions.record(tmp_path / "models", {**common, "challenger": older, "champion": None})
    page = Visitor(app_of(tmp_path)).get("/models").text
    page = page.replace("\N{NO-BREAK SPACE}", " ")
    assert "(61 % to 92 %, 43 tracks) m<" in page
    assert "(50 % to 90 %) old<" in page


@pytest.mark.parametrize(("kind", "words"), [("f1", "test of exact matches: p"), ("", "test: p")])
def test_a_comparison_says_what_its_test_is_of(kind: str, words: str) -> None:
    label = {"f1": 0.5, "error_rate": 0.5}
    models = [{"name": x, "accuracy": 0.5, "per_label": {"rock": label}} for x in "ab"]
    compared = {
        "models": models,
        "labels": ["rock"],
        "difference": 0.0,
        "difference_interval": [-0.1, 0.1],
        "p_value": 1.0,
        "n": 9,
        "n_groups": 3,
        "protocol": "artist split",
    } | ({"multilabel": {}} if kind else {})
    template = TEMPLATES.env.get_template("comparison.html")
    assert words in template.render(compared=compared, size=(640, 200), colour=lambda _: 0)


@pytest.mark.parametrize(
    ("split", "words"),
    [("artist", "on artists it has never heard"), ("random", "which flatters it")],
)
def test_the_page_listen_says_what_a_score_was_measured_on(
    tmp_path: Path, split: str, words: str
) -> None:
    app = app_of(tmp_path)
    scores = {"accuracy": 0.8, "interval": [0.6, 0.9], "n": 43, "protocol": f"{split} split"}
    metadata = {"scores": scores, "split": {"kind": split}, "n_train": 100}
    bundle = SimpleNamespace(
        name="m", labels=["rock", "pop"], metadata=metadata, is_multilabel=False
    )
    listener = cast(Listener, SimpleNamespace(jobs=1, bundle=bundle))
    app.state.desk = Desk(app.state.settings, listener)
    page = Visitor(app).get("/").text
    said = " ".join(page.replace("\N{NO-BREAK SPACE}", " ").split())
    assert f"{words} (60 % to 90 %, 43 tracks)" in said


def test_the_name_of_a_track_is_no_path(tmp_path: Path) -> None:
    clip = tmp_path / "previews" / "a.mp3"
    clip.parent.mkdir()
    clip.write_bytes(b"abc")
    with Catalog(tmp_path / "catalog.db") as catalog, catalog.transaction():
        catalog.add(Track("a", "t", (), artist="AC/DC", title="Thunder\\struck"), None)
    library = Library(tmp_path)
    library.audio = lambda _: clip  # type: ignore[method-assign]
    from starlette.datastructures import FormData

    received = asyncio.run(_received(FormData([("track", "a")]), library, 100))
    assert received.clips == [Clip("AC/DC: Thunder\\struck", b"abc", "a")]


def test_the_page_dataset_promises_only_what_its_button_does(tmp_path: Path) -> None:
    with Catalog(tmp_path / "data" / "catalog.db") as catalog, catalog.transaction():
        catalog.fail(Failure("fma:1", "download", "not audio", "a web page"))
    page = Visitor(app_of(tmp_path)).get("/dataset").text
    assert "each can be tried again" not in page
    assert "what comes from files is read again by" in page
    assert "audiogenre download --source fma --retry-failed" in page
