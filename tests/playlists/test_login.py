"""Logging in through a browser here or elsewhere, and logging out."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from conftest import PATIENCE, run_main
from services import CLIENT_ID

from audiogenre.liked.login import Login
from playlists.conftest import Person


def test_a_login_goes_through_the_browser_and_back(
    person: Person,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    run_command: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    visit = "import sys, urllib.request as r; r.urlopen(sys.argv[1]).read()"
    (tmp_path / "browser.py").write_text(visit)
    browser = f"{sys.executable} {tmp_path / 'browser.py'} %s &"
    monkeypatch.setenv("BROWSER", browser)
    Login(CLIENT_ID).delete()
    process = run_command("playlists", "login", "--json")
    assert (process.returncode, json.loads(process.stdout)["logged_in"]) == (0, True)
    assert "agree in your browser" in process.stderr
    assert person.run("plan")[0] == 0


def test_a_browser_elsewhere_gives_an_address_to_paste(
    person: Person, start_command: Callable[..., subprocess.Popen[str]]
) -> None:
    Login(CLIENT_ID).delete()
    process = start_command(
        "playlists", "login", "--paste", "--port", "9999", stdin=subprocess.PIPE
    )
    assert process.stdin is not None and process.stderr is not None
    url = process.stderr.readline().removeprefix("go to ").strip()
    answer = requests.get(url, allow_redirects=False, timeout=10)
    assert answer.headers["Location"].startswith("http://127.0.0.1:9999/callback?")
    process.communicate(answer.headers["Location"] + "\n", timeout=PATIENCE)
    assert process.returncode == 0
    assert Login(CLIENT_ID).is_there()


def test_logging_out_deletes_everything_and_says_what(person: Person) -> None:
    person.run("apply")
    code, told = person.run("logout")
    assert code == 0
    assert [each.partition(" ")[2][:8] for each in told["deleted"]] == ["login to", "was reme"]
    assert not Login(CLIENT_ID).path.exists()
    assert not list(person.data.glob("playlists-*"))
    assert len(person.written()) == 2
    assert person.run("logout") == (0, {"deleted": []})
    assert person.run("plan")[0] == 3


def test_an_address_is_not_waited_for_where_nothing_can_be_pasted(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)  # as after <&- in a shell
    assert run_main("playlists", "login", "--paste") == 2
    assert "nor without input" in person._capsys.readouterr().err


def test_a_pasted_address_that_is_no_text_is_refused(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe\n"), "utf-8"))
    assert run_main("playlists", "login", "--paste") == 2
    assert "is no address" in person._capsys.readouterr().err
