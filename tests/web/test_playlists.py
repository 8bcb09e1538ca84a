"""The page Playlists in a browser, against a Spotify over HTTP: connect, plan, apply, forget."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import CALM
from services import Service

from .conftest import MODEL, find_token, running

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def connected_to(
    running_services: Service,
    sample_data: Path,
    sample_models: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """Return the address of a server whose services are fakes."""
    folder = tmp_path_factory.mktemp("playlists")
    shutil.copytree(sample_data, folder / "data")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in running_services.environment().items():
            patch.setenv(name, value)
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        common = ("--data", folder / "data", "--models", sample_models, "--model", MODEL)
        with running(*common, "--jobs", "1") as address:
            yield address


@pytest.fixture
def spotify(running_services: Service) -> Service:
    """Return the fake with somebody who likes twelve songs, one of which is gone."""
    running_services.set(**CALM)
    running_services.library(reset=True)
    songs = [each for each in running_services.catalogue() if each["spotify"] and each["deezer"]]
    liked = [each["spotify"] for each in songs[:: len(songs) // 11][:11]]
    running_services.library(liked=[*liked, None])
    return running_services


@pytest.fixture
def page(connected_to: str, spotify: Service, open_page: Open) -> Iterator[Any]:
    """Return the page of somebody who is connected; at the end nothing is remembered."""
    page = open_page(f"{connected_to}/playlists")
    page.get_by_role("link", name="Connect Spotify").click()
    page.get_by_role("button", name="Make the plan").wait_for()
    yield page
    disconnect(page)


def home(page: Any) -> str:
    return str(page.url.partition("/playlists")[0])


def disconnect(page: Any) -> None:
    page.goto(f"{home(page)}/playlists")
    page.get_by_text("Disconnect", exact=True).click()
    page.get_by_role("button", name="Disconnect and forget").click()
    page.get_by_text("Disconnected. Deleted from this machine:").wait_for()


def make_plan(page: Any) -> None:
    page.get_by_label("How sure does it have to be?").select_option("0")
    page.get_by_label("At Deezer").check()
    page.get_by_label("I accept these terms").check()
    page.get_by_role("button", name="Make the plan").click()
    page.locator(".plan").wait_for()


def apply(page: Any) -> None:
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("heading", name="Done").wait_for()


def planned(page: Any) -> int:
    """Return how many songs the plan adds."""
    plan = page.request.get(f"{home(page)}/api/playlists").json()["plan"]
    return sum(len(each["add"]) for each in plan["changes"])


def playlists(spotify: Service) -> dict[str, list[str]]:
    return {each["name"]: each["songs"] for each in spotify.library()["playlists"].values()}


def test_the_whole_way(page: Any, spotify: Service, check_access: Callable[[Any], None]) -> None:
    check_access(page)
    make_plan(page)
    assert "The plan for 11 liked songs" in page.locator("#plan-title").inner_text()
    count = planned(page)
    assert count >= 8  # of eleven; the model may not know one
    check_access(page)

    page.locator("article.panel details summary").first.click()
    title = page.locator(".songs .cut").first.inner_text()
    page.locator(".songs").first.get_by_role("link", name="Move").first.click()
    dialog = page.get_by_role("dialog")
    assert title.split()[0] in dialog.inner_text()
    check_access(page)
    dialog.get_by_role("button", name="In none of them").click()
    page.get_by_role("button", name="Apply, with 1 moved by hand").wait_for()

    apply(page)
    written = playlists(spotify)
    assert all(name.startswith("Liked: ") for name in written)
    assert sum(map(len, written.values())) == count - 1  # one goes nowhere
    said = page.locator(".panel").first.inner_text()
    assert f"{len(written)} playlists made, {count - 1} songs added, 0 removed." in said

    page.get_by_role("button", name="Make another plan").click()
    make_plan(page)
    assert page.get_by_role("button", name="Nothing to change").is_disabled()
    assert playlists(spotify) == written


def test_a_refusal_in_the_middle_is_told_and_repeated_safely(page: Any, spotify: Service) -> None:
    make_plan(page)
    count = planned(page)
    refusal = {"on": "POST .*", "status": 403, "after": 1, "times": 1}
    spotify.library(refusals=[refusal])
    page.get_by_role("button", name="Apply").click()
    page.locator(".refused").first.wait_for()
    spotify.library(refusals=[])
    page.goto(page.url)
    page.get_by_role("button", name="Make another plan").click()
    make_plan(page)
    apply(page)
    songs = [each for songs in playlists(spotify).values() for each in songs]
    assert len(songs) == len(set(songs)) == count


def test_a_login_that_has_ended_is_said_so(page: Any, spotify: Service) -> None:
    spotify.library(revoke=True)
    page.get_by_role("button", name="Make the plan").click()
    page.get_by_role("link", name="Connect").last.wait_for()
    page.goto(page.url)
    page.get_by_role("link", name="Connect").first.click()
    page.get_by_role("button", name="Make the plan").wait_for()


def test_somebody_who_does_not_agree_is_told(
    connected_to: str, spotify: Service, open_page: Open
) -> None:
    spotify.set(spotify_consent="denied")
    page = open_page(f"{connected_to}/playlists", expected="403")
    page.get_by_role("link", name="Connect Spotify").click()
    assert "The permission was not given" in page.get_by_role("alert").inner_text()


def test_an_answer_with_another_state_is_refused(connected_to: str) -> None:
    with httpx.Client(base_url=connected_to) as client:
        assert client.get("/playlists/connect").status_code == 303
        answer = client.get("/callback", params={"code": "stolen", "state": "another"})
        assert answer.status_code == 403
        assert "another state" in answer.text
        again = client.get("/callback", params={"code": "stolen", "state": "another"})
        assert "not begun here" in again.text


@pytest.mark.parametrize("action", ["plan", "move", "apply", "again", "disconnect"])
def test_nothing_happens_without_the_token(connected_to: str, action: str) -> None:
    address = f"{connected_to}/playlists/{action}"
    assert httpx.post(address, data={"genre": "iron stomp"}).status_code == 403


def test_wishes_that_cannot_be(connected_to: str) -> None:
    with httpx.Client(base_url=connected_to) as client:
        token = find_token(client.get("/playlists").text)
        for wish in ({}, {"genre": "polka"}, {"genre": "iron stomp", "least": "7"}):
            answer = client.post("/playlists/plan", data={"csrf": token} | wish)
            assert answer.status_code == 422
        song = client.post("/playlists/move", data={"csrf": token, "song": "x", "to": "y"})
        assert song.status_code == 404
