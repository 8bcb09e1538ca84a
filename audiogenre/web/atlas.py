"""The page Map: every track as a point, similar sounds together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, Field

from audiogenre.catalog import Catalog
from audiogenre.errors import UsageError
from audiogenre.exploration.atlas import FOLDER as MAPS
from audiogenre.exploration.atlas import KINDS, find_key, make, read
from audiogenre.genres import FILE, GenreTree
from audiogenre.review import FOLDER as REVIEW
from audiogenre.review import KIND, Review
from audiogenre.songs import plain
from audiogenre.web.background import Background, Task
from audiogenre.web.library import Library, changed
from audiogenre.web.pages import page
from audiogenre.web.security import TOKEN_FIELD, TOKEN_HEADER, check_token
from audiogenre.web.uploads import read_form

router = APIRouter()
TASK = "map"
MOST_DRAWN = 5000  # points of inline SVG; beyond that a canvas is drawn in the browser
LISTED = 60
NO_LABEL = "no label"


class Point(BaseModel):
    """A track and its place in a unit square, from the upper left."""

    track_id: str
    x: float
    y: float
    title: str
    artist: str
    label: str | None
    audio: bool = Field(description="Whether /audio/{track_id} plays it.")
    suggestion: str | None = Field(description="What the model says, if the label is in doubt.")


class Map(BaseModel):
    """Every track of the library, similar ones together."""

    kind: str = Field(description="t-SNE, or two principal components of a very large library.")
    points: list[Point]


def labels_of(database: Path) -> dict[str, str]:
    """Return the genre that counts of each track, by its usual name."""
    tree = GenreTree.load(database.with_name(FILE))
    usual: dict[str, str] = {}
    found: dict[str, str] = {}
    with Catalog(database) as catalog:
        for track_id, name, *_ in catalog.labelled(KIND):
            if name not in usual:
                usual[name] = tree.label(name)
            found.setdefault(track_id, usual[name])
    return found


def points_of(library: Library, places: pd.DataFrame) -> list[dict[str, Any]]:
    """Return what is shown of each track of a map that is still in the catalogue."""
    tracks, labels = library.tracks(), labels_of(library.database)
    doubts = {each.track_id: each.suggestion for each in Review(library.data).waiting()}
    there = [(each, labels.get(each, "")) for each in places.index if each in tracks]
    places = places.loc[[each for each, _ in there]].round(4)
    return [
        {
            **shown,
            "x": x,
            "y": y,
            "label": shown["label"] or None,
            "suggestion": doubts.get(shown["track_id"]),
        }
        for shown, x, y in zip(library.describe(there), places["x"], places["y"], strict=True)
    ]


def matching(
    points: Sequence[dict[str, Any]], genres: Sequence[str], search: str, *, doubtful: bool
) -> list[dict[str, Any]]:
    """Return the points that a filter leaves; the script of the page filters in the same way."""
    words = plain(search)
    return [
        each
        for each in points
        if (not genres or (each["label"] or NO_LABEL) in genres)
        and (not doubtful or each["suggestion"])
        and words in plain(f"{each['artist']} {each['title']}")
    ]


@dataclass(frozen=True)
class Here:
    """What there is of a map.

    Attributes
    ----------
    tracks : int
        How many a map would have now; 0 if there can be none, and `why`.
    fresh : bool
        Whether the map that is there is of these tracks.
    kind : str
        Of the map that is there; empty if there is none.
    """

    tracks: int
    why: str = ""
    fresh: bool = False
    kind: str = ""
    points: tuple[dict[str, Any], ...] = ()


def look(library: Library) -> Here:
    """Return what there is of a map, read again once a file of the data folder has changed."""
    data = library.data
    kept = [data / MAPS, data / REVIEW, data / FILE, data / "features"]
    files = [library.database, Path(f"{library.database}-wal"), *kept]
    files += [*(data / "features").iterdir()] if (data / "features").is_dir() else []
    version = tuple((str(file), changed(file)) for file in files)
    return _look(library, version)


@lru_cache(maxsize=2)
def _look(library: Library, _: tuple[tuple[str, int], ...]) -> Here:
    try:
        key = find_key(library.data)
    except UsageError as error:
        return Here(0, str(error))
    found = read(library.data, key)
    latest = found or read(library.data, None)
    if latest is None:
        return Here(key.tracks)
    points = tuple(points_of(library, latest[1]))
    return Here(key.tracks, "", found is not None, KINDS[latest[0]], points)


@router.get("/map", include_in_schema=False)
async def show_map(
    request: Request,
    genre: Annotated[list[str], Query()] = [],  # noqa: B006
    q: str = "",
    doubtful: bool = False,
) -> Response:
    """Show the map, or how far it is."""
    library: Library = request.app.state.library
    if not library.is_there:
        return page(request, "map.html", state="empty", why="", task=None)
    here = await to_thread.run_sync(look, library)
    if here.why:
        return page(request, "map.html", state="unfit", why=here.why, task=None)
    task = _wanted(request.app.state.background, library.data, here)
    if not here.kind:
        return page(request, "map.html", state="working", why="", task=task, tracks=here.tracks)
    points = here.points
    shown = matching(points, genre, q, doubtful=doubtful)
    counts = Counter(each["label"] or NO_LABEL for each in points)
    return page(
        request,
        "map.html",
        state="ready",
        why="",
        task=task,
        tracks=here.tracks,
        kind=here.kind,
        points=points,
        kept={each["track_id"] for each in shown},
        shown=shown,
        counts=counts.most_common(),
        doubts=sum(each["suggestion"] is not None for each in points),
        chosen=genre,
        q=q,
        doubtful=doubtful,
        drawn=len(points) <= MOST_DRAWN,
        listed=LISTED,
        no_label=NO_LABEL,
    )


def _wanted(background: Background, data: Path, here: Here) -> Task | None:
    """Return the work on a map, begun if the one that is there is not of these tracks.

    What has failed is not tried again by itself.
    """
    if here.fresh:
        return None
    task = background.find(TASK)
    if task is None or task.status == "done":
        return background.start(TASK, make, data)
    return task


@router.post("/map", include_in_schema=False)
async def draw_again(request: Request) -> Response:
    """Draw the map again after it has failed."""
    form = await read_form(request, seconds=request.app.state.settings.receive_seconds)
    check_token(request, request.headers.get(TOKEN_HEADER) or form.get(TOKEN_FIELD))
    request.app.state.background.start(TASK, make, request.app.state.library.data)
    return RedirectResponse("/map", 303)


@router.get(
    "/api/map",
    response_class=JSONResponse,
    responses={200: {"model": Map}, 202: {"description": "It is being drawn."}},
    tags=["library"],
    summary="Where every track lies.",
)
async def map_of(request: Request) -> Response:
    """Return the map; while it is being drawn, 202 and what is being done."""
    library: Library = request.app.state.library
    if not library.is_there:
        raise UsageError("there is no catalogue yet: run 'audiogenre download' first")
    here = await to_thread.run_sync(look, library)
    if here.why:
        raise UsageError(here.why)
    task = _wanted(request.app.state.background, library.data, here)
    if not here.kind:
        assert task is not None
        if task.status == "failed":
            raise UsageError(task.said)
        return JSONResponse({"status": task.status, "said": task.said}, 202)
    return JSONResponse({"kind": here.kind, "points": here.points})
