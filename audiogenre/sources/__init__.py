"""Where tracks come from: one module a source, all the same page.

`make_source` turns a name and options, from the command line or from ``audiogenre.toml``, into a
`Source`. The options of a source are the fields of its class.
"""

from __future__ import annotations

from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

from audiogenre.errors import UsageError
from audiogenre.typing import Source

SOURCES: dict[str, str] = {
    "sample": "SampleSource",
    "folder": "FolderSource",
    "table": "TableSource",
}
_NUMBERS = {"per_genre": 1, "seed": 0}  # options that are numbers, and their least values


def make_source(name: str, options: dict[str, Any]) -> Source:
    """Make a source.

    Parameters
    ----------
    name : str
        A key of `SOURCES`.
    options : dict
        Option names as on the command line, without dashes.

    Raises
    ------
    UsageError
        If there is no such source, or an option is missing, wrong or not one of its own.
    """
    if name not in SOURCES:
        raise UsageError(f"there is no source {name!r}; the sources are {', '.join(SOURCES)}")
    cls = getattr(import_module(f"audiogenre.sources.{name}"), SOURCES[name])
    own = {field.name for field in fields(cls) if field.init}
    for option in options:
        if option not in own:
            flags = ", ".join("--" + each.replace("_", "-") for each in sorted(own)) or "none"
            raise UsageError(
                f"the source {name!r} has no option --{option.replace('_', '-')} (it has {flags})"
            )
    for option, value in options.items():
        kind = int if option in _NUMBERS else (str, Path, tuple)
        if not isinstance(value, kind) or isinstance(value, bool):
            wanted = "a number" if option in _NUMBERS else "a text"
            raise UsageError(f"the option {option!r} of source {name!r} is not {wanted}: {value!r}")
        if isinstance(value, int) and value < _NUMBERS[option]:
            raise UsageError(f"the option {option!r} is at least {_NUMBERS[option]}, not {value}")
    source: Source = cls(**options)
    return source
