"""Templates, and what every page has: its name, the token, the theme."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from audiogenre import __version__
from audiogenre.answers import certainty
from audiogenre.web import charts
from audiogenre.web.security import token

HERE = Path(__file__).parent
STATIC = HERE / "static"
THEMES = ("light", "dark")
PAGES = (
    ("/", "Listen"),
    ("/models", "Models"),
    ("/map", "Map"),
    ("/playlists", "Playlists"),
    ("/dataset", "Dataset"),
)


def listed(words: list[str]) -> str:
    """Return words as a sentence has them.

    Examples
    --------
    >>> listed(["rock", "pop", "jazz"])
    'rock, pop and jazz'
    """
    *first, last = words or [""]
    return f"{', '.join(first)} and {last}" if first else last


@lru_cache(maxsize=1)
def _version() -> str:
    """Return a name that changes when a file of `STATIC` does, so that browsers fetch it anew."""
    digest = hashlib.sha256()
    for each in sorted(STATIC.iterdir()):
        digest.update(each.read_bytes())
    return digest.hexdigest()[:12]


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    own: dict[str, Callable[..., str]] = {
        "percent": lambda share: f"{100 * share:.0f}\N{NO-BREAK SPACE}%",
        "clock": lambda seconds: f"{int(seconds) // 60}:{int(seconds) % 60:02d}",
        "listed": listed,
        "certainty": certainty,
    }
    made.filters |= own
    made.globals |= {
        "pages": PAGES,
        "version": __version__,
        "static_version": _version(),
        "charts": charts,
    }
    return made


TEMPLATES = Jinja2Templates(env=_environment())


def page(request: Request, name: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page.

    Parameters
    ----------
    name : str
        Of the template.
    values
        What it shows.
    """
    theme = request.cookies.get("theme", "")
    common = {
        "csrf": token(request),
        "theme": theme if theme in THEMES else "",
        "has_password": bool(request.app.state.settings.password),
        "colour": request.app.state.colours.number,
        "path": request.url.path,
    }
    return TEMPLATES.TemplateResponse(request, name, common | values, status_code=status)


def fragment(request: Request, name: str, **values: Any) -> str:
    """Return a part of a page as text."""
    common = {"csrf": token(request), "colour": request.app.state.colours.number}
    return TEMPLATES.env.get_template(name).render(common | values)
