"""Tables of what the program knows: sources, feature sets, settings, failures."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, Field, fields
from importlib import import_module
from pathlib import Path
from typing import Any

import audiogenre
from audiogenre.config import RefreshSettings
from audiogenre.features import FEATURE_SETS, Column
from audiogenre.sources import SOURCES

_RAISED = {
    "AudioError": "a clip",
    "FetchError": "a service",
    "TransientError": "a service",
    "LinkError": "a service",
    "Problem": "a list of tracks",
}
_OF_THEIR_OWN = [  # their reason is no argument of theirs
    ("a service", "rate limit", "the service was asked too often"),
    ("a service", "host busy", "it is left alone until a stated time"),
]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, *[[cell.replace("|", r"\|") for cell in row] for row in rows]]
    written = ["| " + " | ".join(each) + " |" for each in lines]
    return "\n".join([written[0], "|" + "---|" * len(head), *written[1:]])


def feature_sets() -> str:
    """Return the families of each set, with how many columns they have and what the first is."""
    rows = []
    for name, each in FEATURE_SETS.items():
        families: dict[str, list[Column]] = {}
        for column in each.columns:
            families.setdefault(column.family, []).append(column)
        for family, columns in families.items():
            first = columns[0]
            unit = "" if first.unit in ("", "1") else f" ({first.unit})"
            what = f"`{first.name}`: {first.description}{unit}"
            rows.append([f"`{name}`", f"`{family}`", str(len(columns)), what])
    return table(["set", "family", "columns", "the first of them"], rows)


def refresh_settings() -> str:
    """Return the keys of ``[refresh]`` with their defaults."""
    rows = [
        [f"`{each.name}`", f"`{_toml(each.default)}`" if each.default is not None else "every core"]
        for each in fields(RefreshSettings)
    ]
    return table(["key", "if it is left out"], rows)


def source_options() -> str:
    """Return the options of each source with their defaults."""
    rows = []
    for name, cls in SOURCES.items():
        own = fields(getattr(import_module(f"audiogenre.sources.{name}"), cls))
        options = [_option(each) for each in own if each.init]
        rows.append([f"`{name}`", ", ".join(options) or "none"])
    return table(["`name`", "keys, and what they are if left out"], rows)


def failures() -> str:
    """Return every reason that the ledger can have, from the places where it is given."""
    found: dict[tuple[str, str], list[str]] = {}
    for where, reason, detail in [*_raised(), *_OF_THEIR_OWN]:
        details = found.setdefault((where, reason), [])
        if detail and detail not in details:
            details.append(detail)
    order = list(dict.fromkeys(_RAISED.values()))
    rows = [
        [where, f"`{reason}`", "; or ".join(details)]
        for (where, reason), details in sorted(
            found.items(), key=lambda item: (order.index(item[0][0]), item[0][1])
        )
    ]
    return table(["about", "reason", "what it says"], rows)


def _raised() -> Iterator[tuple[str, str, str]]:
    """Find where reasons are given: (about what, reason, detail)."""
    root = Path(audiogenre.__file__).parent
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            about = _RAISED.get(node.func.id)
            if about is None or len(node.args) < 2:
                continue
            texts = [_text(each) for each in node.args[:2]]
            if node.func.id == "Problem":
                texts = list(texts[1].partition(": ")[::2])
            if texts[0] and "…" not in texts[0]:
                yield about, texts[0], texts[1]


def _text(node: ast.expr) -> str:
    """Return a text of the program, with dots for what is only known when it runs."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(each) for each in node.values)
    return "…"


def _option(field: Field[Any]) -> str:
    value = field.default_factory() if field.default_factory is not MISSING else field.default
    shown = "" if value is None or value == () or value == "" else f" (`{_toml(value)}`)"
    return f"`{field.name}`{shown}"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)
