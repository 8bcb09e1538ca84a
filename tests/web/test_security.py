"""Who may ask and what a page may do: tokens, origins, policy, the password, the address."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from .conftest import find_token

Serve = Callable[..., str]


def test_every_answer_forbids_scripts_from_elsewhere(client: httpx.Client) -> None:
    for address in ("/", "/static/style.css", "/nothing", "/api/openapi.json"):
        headers = client.get(address).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "script-src 'self';" in policy
        assert "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_no_page_has_inline_script_or_style(client: httpx.Client, mp3_bytes: bytes) -> None:
    found = client.post("/api/predict", files={"file": ("a.mp3", mp3_bytes)}).json()
    page = client.get("/", params={"show": found["predictions"][0]["id"]}).text
    assert "How likely is each?" in page
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", page)
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', page)


def test_the_session_cookie_is_signed_and_same_site(client: httpx.Client, token: str) -> None:
    client.cookies.clear()
    said = client.get("/").headers["set-cookie"]
    assert "httponly" in said.lower() and "samesite=lax" in said.lower()
    forged = {"session": "eyJjc3JmIjogImEifQ==.AAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAA"}
    answer = httpx.post(
        client.base_url.join("/theme"), data={"csrf": "a", "theme": "dark"}, cookies=forged
    )
    assert answer.status_code == 403


@pytest.mark.parametrize("address", ["/", "/api/jobs", "/theme", "/logout"])
@pytest.mark.parametrize("given", ["", "wrong"])
def test_what_changes_something_needs_the_token(
    client: httpx.Client, mp3_bytes: bytes, token: str, address: str, given: str
) -> None:
    files = {"file": ("a.mp3", mp3_bytes)} if address in ("/", "/api/jobs") else None
    answer = client.post(address, data={"csrf": given, "theme": "dark"}, files=files)
    assert answer.status_code == 403
    assert client.post("/theme", data={"csrf": token, "theme": "dark"}).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}],
)
def test_another_page_cannot_send_anything(
    client: httpx.Client, mp3_bytes: bytes, token: str, headers: dict[str, str]
) -> None:
    files = {"file": ("a.mp3", mp3_bytes)}
    sent = headers | {"x-csrf-token": token}
    for address in ("/api/predict", "/api/jobs"):
        assert client.post(address, files=files, headers=sent).status_code == 403


def test_a_foreign_name_for_this_machine_is_refused(client: httpx.Client) -> None:
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400


def test_going_back_after_the_theme_stays_here(client: httpx.Client, token: str) -> None:
    for back, expected in (("/models", "/models"), ("//evil.example", "/"), ("https://x", "/")):
        answer = client.post("/theme", data={"csrf": token, "theme": "dark", "back": back})
        assert answer.headers["location"] == expected


def test_the_password_is_asked_for_before_anything_is_shown(
    serve_here: Serve, tmp_path: Path
) -> None:
    url = serve_here(tmp_path, password="open sesame", host="0.0.0.0")
    with httpx.Client(base_url=url) as client:
        assert client.get("/").headers["location"] == "/login"
        refused = client.get("/api/openapi.json")
        assert refused.status_code == 401 and "Basic" in refused.headers["www-authenticate"]
        login = {"csrf": find_token(client.get("/login").text), "password": "sesame"}
        wrong = client.post("/login", data=login)
        assert wrong.status_code == 403 and "That is not it" in wrong.text
        right = client.post("/login", data=login | {"password": "open sesame"})
        assert (right.status_code, right.headers["location"]) == (303, "/")
        page = client.get("/")
        assert page.status_code == 200
        client.post("/logout", data={"csrf": find_token(page.text)})
        assert client.get("/").headers["location"] == "/login"


def test_a_program_sends_the_password_as_basic(serve_here: Serve, tmp_path: Path) -> None:
    url = serve_here(tmp_path, password="open sesame", host="0.0.0.0")
    address = f"{url}/api/openapi.json"
    assert httpx.get(address, auth=("", "open sesame")).status_code == 200
    assert httpx.get(address, auth=("", "wrong")).status_code == 401
    assert httpx.get(address, headers={"Authorization": "Basic !"}).status_code == 401


def test_wrong_tries_are_one_a_second_whichever_way_they_come() -> None:
    from starlette.middleware.sessions import SessionMiddleware
    from starlette.responses import PlainTextResponse

    from audiogenre.web.security import Doorkeeper, PasswordWall

    doorkeeper, order = Doorkeeper("open sesame"), []
    wall = PasswordWall(PlainTextResponse("inside"), doorkeeper)
    transport = httpx.ASGITransport(SessionMiddleware(wall, secret_key="key"))

    async def by_form(said: bytes) -> None:
        order.append(("form", await doorkeeper.lets_in(said)))

    async def by_program(said: str) -> None:
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            answer = await client.get("/api/", auth=("", said))
        order.append(("program", answer.status_code == 200))

    async def together() -> None:
        # The first one takes a turn; the right ones do not overtake it.
        await asyncio.gather(by_form(b"wrong"), by_form(b"open sesame"), by_program("open sesame"))
        turn = asyncio.create_task(by_program("wrong"))
        while not doorkeeper._turn.locked() and not turn.done():
            await asyncio.sleep(0)
        await asyncio.gather(turn, by_form(b"open sesame"))

    asyncio.run(together())
    assert order[:3] == [("form", False), ("form", True), ("program", True)]
    assert order[3:] == [("program", False), ("form", True)]


def test_another_host_demands_a_password(
    run_main: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AUDIOGENRE_PASSWORD", raising=False)
    common = ("--data", tmp_path, "--models", tmp_path)
    assert run_main("serve", "--host", "0.0.0.0", "--port", "0", *common) == 2
    assert "set a password in AUDIOGENRE_PASSWORD" in capsys.readouterr().err


def test_without_a_model_the_page_says_what_to_run(serve_here: Serve, tmp_path: Path) -> None:
    url = serve_here(tmp_path)
    page = httpx.get(url)
    assert page.status_code == 200 and "audiogenre fit" in page.text
    answer = httpx.post(f"{url}/api/predict", files={"file": ("a.mp3", b"abc")})
    assert answer.status_code == 409 and "no model yet" in answer.json()["detail"]
