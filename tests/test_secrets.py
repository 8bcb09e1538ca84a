"""What is secret stays out of all that is shown and kept, whatever a service does."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from scripted import Scripted, Step, answer, drop
from services import CLIENT_ID, CLIENT_SECRET, Service

from audiogenre.errors import FetchError
from audiogenre.net import Client

SECRET = "a-secret-0123456789"
Run = Callable[..., CompletedProcess[str]]


def garbled(handler: Any) -> None:
    """Answer with a line among the headers that is none: urllib3 warns of it, with the URL."""
    body = b'{"headers": {"status": "success"}, "results": []}'
    handler.wfile.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
        b"nonsense\r\n\r\n%b" % (len(body), body)
    )


def back_again(scheme: str) -> Step:
    """Redirect to what was asked for, secrets included."""

    def step(handler: Any) -> None:
        host = handler.headers["Host"]
        answer(b"", 302, Location=f"{scheme}://{host}{handler.path}")(handler)

    return step


STEPS: dict[str, Step] = {
    "garbled headers": garbled,
    "401": answer({}, 401),
    "500": answer("", 500),
    "no JSON": answer("<html>"),
    "a closed connection": drop,
    "a redirect to no web address": back_again("ftp"),
    "a redirect in circles": back_again("http"),
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_key_in_a_query_is_in_no_message_and_in_no_file(
    step: Step,
    script: Scripted,
    run_command: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script.on("/v3.0/tracks/", step)
    monkeypatch.setenv("AUDIOGENRE_JAMENDO_CLIENT_ID", SECRET)
    monkeypatch.setenv("AUDIOGENRE_JAMENDO_URL", script.url)
    options = ("--source", "jamendo", "--genre", "rock", "--max-wait", 0, "--accept-terms", "-v")
    done = run_command("download", *options, "--data", tmp_path)
    assert any(SECRET in each for each in script.asked), "it was not even used"
    assert SECRET not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not holding(tmp_path, SECRET)


@pytest.mark.parametrize("fault", [{}, {"html": 1.0}, {"error_500": 1.0}, {"reset": 1.0}], ids=str)
@pytest.mark.parametrize("token", ["ok", "invalid"])
def test_an_apps_secret_is_in_no_message_and_in_no_file(
    fault: dict[str, float], token: str, services: Service, run_command: Run, tmp_path: Path
) -> None:
    services.set(faults=fault, spotify_token=token)
    genre = services.catalogue()[0]["genre"]
    options = ("--source", "spotify", "--genre", genre, "--max-wait", 0, "--accept-terms", "-v")
    done = run_command("download", *options, "--data", tmp_path)
    basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
    for secret in (CLIENT_SECRET, basic, "Bearer "):
        assert secret not in done.stdout + done.stderr
        assert not holding(tmp_path, secret)


def test_a_password_in_the_address_of_a_mirror_is_not_quoted(script: Scripted) -> None:
    script.on("/a", answer({}, 429, Retry_After="86400"))
    url = script.url.replace("://", f"://me:{SECRET}@") + "/a"
    client = Client(url, (1000, 1.0), max_wait=0)
    with pytest.raises(FetchError) as caught:
        client.json(url)
    client.close()
    assert SECRET not in str(caught.value)
    assert client.blocked.keys() == {script.host}


@pytest.mark.parametrize("link", [f"http://[{SECRET}", f"http://me:{SECRET}\u2100@x/"])
def test_a_link_that_is_none_is_not_quoted(link: str, script: Scripted) -> None:
    client = Client(script.url, (1000, 1.0), max_wait=0)
    with pytest.raises(FetchError) as caught:
        client.media(link)
    client.close()
    assert caught.value.reason == "bad address"
    assert SECRET not in str(caught.value)


def holding(folder: Path, secret: str) -> list[Path]:
    """Return the files below a folder that hold a secret."""
    return [
        each
        for each in folder.rglob("*")
        if each.is_file() and secret.encode() in each.read_bytes()
    ]
