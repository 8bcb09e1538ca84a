"""The Python of README and docs is executed, and the worked example is followed word for word."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from docs.blocks import PAGES, ROOT, Block, blocks, commands

EXTEND = "docs/howto/extend.md"


def snippets(page: str) -> list[Block]:
    return [each for each in blocks(page) if each.language == "python"]


@pytest.mark.slow
@pytest.mark.parametrize("page", [each for each in PAGES if each != EXTEND and snippets(each)])
def test_the_python_of_a_page_runs(page: str, reader: Path) -> None:
    names: dict[str, object] = {}
    for each in snippets(page):
        exec(compile(each.text, page, "exec"), names)


@pytest.mark.slow
def test_the_worked_example_of_extending_works(reader: Path) -> None:
    shutil.copytree(ROOT / "audiogenre", reader / "audiogenre")
    environment = os.environ | {"PYTHONPATH": str(reader)}
    for each in blocks(EXTEND):
        if each.language == "diff":
            assert each.title is not None
            change(reader / each.title, each.text)
        elif each.language == "python" and each.title:
            assert not (reader / each.title).exists()
            (reader / each.title).write_text(each.text)
    typed = [each.text for each in commands(EXTEND)]
    checks = [f"python -c '{each.text}'" for each in snippets(EXTEND) if not each.title]
    assert len(typed) > 3 and checks
    for line in (*typed, *checks):
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=reader,
            env=environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, f"{line}: {done.stderr}"
    for style in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *style, "--config", str(ROOT / "pyproject.toml"), "."],
            cwd=reader / "audiogenre",
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout


def change(path: Path, diff: str) -> None:
    """Make the change that a block shows: its old lines stand in the file exactly once."""
    lines = diff.splitlines(keepends=True)
    old = "".join(each[1:] for each in lines if each[0] != "+")
    new = "".join(each[1:] for each in lines if each[0] != "-")
    text = path.read_text()
    assert text.count(old) == 1, f"{path.name} does not have, once:\n{old}"
    path.write_text(text.replace(old, new))
