"""The command: what it says when it starts, and why it does not."""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audiogenre.web.listening import choose_model

from .conftest import MODEL

Main = Callable[..., int]


@pytest.fixture
def refused(
    run_main: Main, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., str]:
    """Return a function that starts a server that does not start, and what it says."""

    def refused(*arguments: object) -> str:
        common = ("--data", tmp_path, "--models", tmp_path)
        assert run_main("serve", *common, *arguments) == 2
        said = capsys.readouterr().err
        assert "Traceback" not in said
        return said

    return refused


def test_a_port_that_is_taken_is_said_so(refused: Callable[..., str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused("--port", port)
    assert f"cannot listen on 127.0.0.1, port {port} (Address already in use)" in said


@pytest.mark.parametrize("port", ["70000", "-1", "http"])
def test_a_port_that_is_none(refused: Callable[..., str], port: str) -> None:
    assert "is not a port from 0 to 65535" in refused(f"--port={port}")


def test_a_model_that_there_is_not(refused: Callable[..., str], tmp_path: Path) -> None:
    assert f"there is no model in {tmp_path / 'nobody'}" in refused("--model", "nobody")


def test_without_the_extra_it_says_how_to_get_it(
    refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec

    def find_spec(name: str, *rest: Any) -> Any:
        return None if name == "fastapi" else find(name, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    assert "pip install 'audiogenre[web]'" in refused()


def test_the_champion_listens_else_the_newest_that_hears(
    sample_models: Path, tmp_path: Path
) -> None:
    assert choose_model(tmp_path, None) is None
    models = tmp_path / "models"
    models.mkdir()
    for name in ("extracted-full-majority", "extracted-baseline"):
        (models / name).mkdir()
        for file in (sample_models / name).iterdir():
            (models / name / file.name).symlink_to(file)
    newest = choose_model(models, None)
    assert newest is not None and newest.name == "extracted-baseline"
    (models / "current").symlink_to("extracted-full-majority")
    champion = choose_model(models, None)
    assert champion is not None and champion.name == "extracted-full-majority"
    named = choose_model(models, str(sample_models / MODEL))
    assert named is not None and named.name == MODEL
