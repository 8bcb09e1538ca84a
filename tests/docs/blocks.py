"""What README and docs tell a reader to type: fenced blocks, and commands in them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = ("README.md", *sorted(str(each.relative_to(ROOT)) for each in ROOT.glob("docs/**/*.md")))
SHELL = ("sh", "console")
_FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OURS = re.compile(r"(?:^|[ /])(?:audiogenre|python -m (?:audiogenre|pipelines)\.)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    title: str | None
    text: str


@dataclass(frozen=True)
class Command:
    """What a reader types at a prompt, until the shell answers.

    Attributes
    ----------
    ours : tuple of tuples
        Our own commands in it: module and arguments.
    plain : bool
        Whether it is nothing else, so that no shell is needed.
    """

    text: str
    ours: tuple[tuple[str, tuple[str, ...]], ...]
    plain: bool


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@cache
def blocks(page: str) -> list[Block]:
    found = []
    for language, info, text in _FENCE.findall(read(page)):
        title = re.search(r'title="([^"]*)"', info)
        found.append(Block(language, title[1] if title else None, text))
    return found


def prose(page: str) -> str:
    """Return a page without its blocks."""
    return _FENCE.sub("", read(page))


@cache
def commands(page: str) -> list[Command]:
    """Return the commands of a page's shell blocks, in order."""
    return [
        command(text)
        for block in blocks(page)
        if block.language in SHELL
        for text in _split(block.text)
    ]


def command(text: str) -> Command:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = "#"
    words = list(lexer)
    parts: list[list[str]] = [[]]
    plain = not re.search(r"[$`]", text)
    for word in words:
        if set(word) <= set("();<>|&"):
            plain &= word == "&&"
            parts.append([])
        else:
            parts[-1].append(word)
    found = [module(part) for part in parts]
    ours = tuple(each for each in found if each)
    return Command(text.strip(), ours, plain and len(ours) == len(found))


def module(words: list[str]) -> tuple[str, tuple[str, ...]] | None:
    """Return the module that a command line of ours runs, and its arguments."""
    match words:
        case [program, name, *rest] if Path(program).name == "audiogenre":
            return f"audiogenre.{name}", tuple(rest)
        case [program, "-m", name, *rest] if Path(program).name == "python" and "." in name:
            return name, tuple(rest)
    return None


def elsewhere(page: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return our commands in a page's other blocks: crontabs, units, containers."""
    found = []
    for block in blocks(page):
        if block.language == "dockerfile":
            stated = dict(re.findall(r"^(ENTRYPOINT|CMD) (\[.*\])$", block.text, re.MULTILINE))
            found.append(module([word for each in stated.values() for word in json.loads(each)]))
        elif block.language in ("crontab", "ini"):
            for line in block.text.splitlines():
                words = re.split(r"[ =](?=\S*python -m)", line)[-1].split()
                if _OURS.search(line):
                    found.append(module(words))
    return [each for each in found if each]


def _split(text: str) -> list[str]:
    """Cut a block where a shell would begin to work."""
    found, pending = [], ""
    for line in text.splitlines(keepends=True):
        pending += line
        if line.endswith("\\\n") or not _is_complete(pending):
            continue
        if re.sub(r"^\s*#.*$", "", pending, flags=re.MULTILINE).strip():
            found.append(pending)
        pending = ""
    assert not pending, f"a block ends in the middle of a command: {pending}"
    return found


def _is_complete(text: str) -> bool:
    return subprocess.run(["bash", "-n", "-c", text], capture_output=True).returncode == 0
