"""Terms of use are shown and have to be accepted: by an option, a file or a person."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from conftest import Downloads, environment
from services import Service

from audiogenre.sources.deezer import DeezerSource


def test_terms_are_shown_once_and_have_to_be_accepted(
    services: Service, downloads: Downloads
) -> None:
    arguments = ("--genre", "rock", "--per-genre", 1)
    for _ in range(2):
        assert downloads.run("deezer", *arguments, accept=False) == (2, {})
        terms, sentence = downloads.err.splitlines()
        assert terms == f"deezer: {DeezerSource.terms}"
        assert sentence.startswith("audiogenre download: the terms of 'deezer'")
        assert "--accept-terms" in sentence
    assert services.log()["requests"]["api"] == {}
    assert downloads.run("deezer", *arguments)[0] == 0
    assert DeezerSource.terms in downloads.err
    assert downloads.run("deezer", *arguments, accept=False)[0] == 0
    assert downloads.err == ""
    downloads.change("UPDATE consents SET terms = 'what they were before'")
    assert downloads.run("deezer", *arguments, accept=False)[0] == 2, "they have changed"
    assert DeezerSource.terms in downloads.err


def test_terms_that_restrict_nothing_are_only_shown(
    services: Service,
    downloads: Downloads,
    run_main: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ("--source", "jamendo", "--genre", "rock", "--per-genre", 1)
    for shown in (True, False):
        assert run_main("download", *arguments, "--data", downloads.data) == 0
        assert ("jamendo: Jamendo gives whole songs" in capsys.readouterr().out) == shown


@pytest.mark.parametrize(
    ("value", "code"), [("true", 0), ("false", 2), ('"no"', 2), ('"yes"', 2), ("1", 2)]
)
def test_terms_are_accepted_in_the_configuration(
    value: str, code: int, services: Service, downloads: Downloads, tmp_path: Path
) -> None:
    config = tmp_path / "sources.toml"
    config.write_text(
        '[[source]]\nname = "deezer"\ngenre = "rock"\nper-genre = 1\n' + f"accept_terms = {value}\n"
    )
    assert downloads.run("", "--config", config, accept=False)[0] == code
    if code:
        assert services.log()["requests"]["api"] == {}


def on_terminal(answer_: bytes, *arguments: object) -> tuple[int, str]:
    """Run the command on a terminal of its own; return its exit code and what is seen there."""
    mine, its = pty.openpty()
    termios.tcsetwinsize(its, (24, 200))
    process = subprocess.Popen(
        [sys.executable, "-m", "audiogenre.download", *map(str, arguments)],
        env=environment(),
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    )
    os.close(its)
    os.write(mine, answer_)
    seen = b""
    with suppress(OSError):  # the terminal's end is an error on Linux
        while piece := os.read(mine, 4096):
            seen += piece
    os.close(mine)
    return process.wait(timeout=60), seen.decode()


@pytest.mark.parametrize(("typed", "code"), [(b"y\n", 0), (b"n\n", 2), (b"\n", 2), (b"\x04", 2)])
def test_a_person_is_asked_on_a_terminal_and_sees_what_becomes_of_tracks(
    typed: bytes, code: int, services: Service, downloads: Downloads
) -> None:
    options = ("--source", "deezer", "--genre", "rock", "--per-genre", 4)
    found, seen = on_terminal(typed, *options, "--data", downloads.data)
    assert found == code, seen
    assert "Do you accept these terms? [y/N]" in seen
    assert "Traceback" not in seen
    if code == 0:
        assert "fetched=" in seen, "no progress by outcome"
        assert "4 previews added" in seen
        assert len(downloads.previews()) == 4
        found, seen = on_terminal(b"", *options, "--data", downloads.data)
        assert found == 0
        assert "Do you accept" not in seen
        assert "nothing to do" in seen
    else:
        assert services.log()["requests"]["api"] == {}
