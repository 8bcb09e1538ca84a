"""The reference of the command line, from the parsers that read it."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from audiogenre.__main__ import COMMANDS

_COMMON = "common options"
_PIPELINES = Path(__file__).resolve().parent.parent


def parsers() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of every command and of every pipeline, by what a person types."""
    found = {f"audiogenre {name}": f"audiogenre.{name}" for name in COMMANDS}
    for path in sorted(_PIPELINES.glob("*/__main__.py")):
        name = f"pipelines.{path.parent.name}"
        found[f"python -m {name}"] = f"{name}.__main__"
    modules = {typed: import_module(module) for typed, module in found.items()}
    return {typed: each.parser() for typed, each in modules.items() if hasattr(each, "parser")}


def reference() -> str:
    """Return a section for each command: what it does, its options, an example."""
    first, *_ = found = parsers()
    common = next(each for each in _groups(found[first]) if each.title == _COMMON)
    parts = ["## Options of every command", "", *_table(common._group_actions), ""]
    parts += ["The commands that begin with `audiogenre` have these; the others have those listed."]
    for typed, parser in found.items():
        parts += ["", f"## {typed}", "", _sentence(parser.description), ""]
        shared = any(each.title == _COMMON for each in _groups(parser))
        for group in _groups(parser):
            actions = [each for each in group._group_actions if not _is_everywhere(each)]
            if not actions or group.title == _COMMON:
                continue
            if group.title not in ("positional arguments", "options"):
                parts += [f"**{_capital(group.title)}**", ""]
            parts += [*_table(actions), ""]
        if shared:
            parts += ["And the [options of every command](#options-of-every-command).", ""]
        example = (parser.epilog or "").removeprefix("example:\n")
        lines = [line.strip() for line in example.splitlines()]
        parts += ["```sh", *lines, "```"]
    return "\n".join(parts)


def _groups(parser: argparse.ArgumentParser) -> list[argparse._ArgumentGroup]:
    return list(parser._action_groups)


def _is_everywhere(action: argparse.Action) -> bool:
    return isinstance(action, argparse._HelpAction | argparse._VersionAction)


def _table(actions: Iterable[argparse.Action]) -> list[str]:
    rows = [f"| {_typed(each)} | {_help(each)} |" for each in actions]
    return ["| option | what it does |", "|---|---|", *rows]


def _typed(action: argparse.Action) -> str:
    """Return an option as it is typed, with what has to follow it."""
    choices = ",".join(map(str, action.choices)) if action.choices else ""
    values = str(action.metavar or (choices and f"{{{choices}}}") or action.dest.upper())
    if action.nargs == 0:
        values = ""
    if not action.option_strings:
        return _code(values)
    return _code(", ".join(action.option_strings) + (f" {values}" if values else ""))


def _help(action: argparse.Action) -> str:
    text = (action.help or "") % {**vars(action), "prog": ""} if action.help else ""
    return text.replace("|", r"\|").replace("*", r"\*").replace("<", "&lt;")


def _code(text: str) -> str:
    return f"`{text}`".replace("|", r"\|")


def _sentence(text: str | None) -> str:
    return (text or "").replace("<", "&lt;")


def _capital(text: str | None) -> str:
    return (text or "")[:1].upper() + (text or "")[1:]
