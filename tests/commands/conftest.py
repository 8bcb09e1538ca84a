"""Commands on the sample's data and models, and the one JSON object they print."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

GENRES = ["iron stomp", "lantern waltz", "neon relay", "velvet drift"]
Main = Callable[..., int]


@pytest.fixture
def main(run_main: Main, sample_data: Path, sample_models: Path) -> Main:
    """Run a command on the sample's data and models."""

    def run(command: str, *arguments: object) -> int:
        where = ("--data", sample_data, "--models", sample_models)
        chosen = [each for each in ("--data", "--models") if each in arguments]
        own = [x for flag, x in zip(where[::2], where[1::2], strict=True) if flag not in chosen]
        flags = [flag for flag in where[::2] if flag not in chosen]
        common = [x for pair in zip(flags, own, strict=True) for x in pair]
        return run_main(command, *arguments, *common)

    return run


Read = Callable[[], dict[str, Any]]


@pytest.fixture
def result(capsys: pytest.CaptureFixture[str]) -> Read:
    """Return the one JSON object that a command has printed."""

    def read() -> dict[str, Any]:
        out = capsys.readouterr().out
        assert out.count("\n") == 1  # nothing else on stdout
        found = json.loads(out, parse_constant=pytest.fail)  # neither NaN nor Infinity
        assert isinstance(found, dict)
        return found

    return read
