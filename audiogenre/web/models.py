"""The page Models: how good each one is, any two side by side, and the champion's history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from audiogenre import champions
from audiogenre.bundles import read_metadata
from audiogenre.errors import AudiogenreError
from audiogenre.sidebyside import read_entry, side_by_side
from audiogenre.web import cards, reign
from audiogenre.web.listening import newest_first
from audiogenre.web.pages import page
from audiogenre.web.schemas import Problem

router = APIRouter()
_SHOWN = 100


class Model(BaseModel):
    """A model, and how good it is on what it has not learned from."""

    name: str
    created: str
    label_kind: str
    labels: list[str]
    several: bool = Field(description="Whether it answers several labels a track.")
    features: str
    sets: list[str]
    family: str
    metric: str
    score: float
    interval: list[float] = Field(description="95 %, over artists.")
    chance: float = Field(description="The score of answering without listening.")
    n_train: int
    n_test: int
    protocol: str = Field(description="On which tracks it was measured, in words.")
    flattered: bool = Field(description="Whether that flatters it.")
    champion: bool = Field(description="Whether it is the one in use.")


class Models(BaseModel):
    """Every model there is, and those that cannot be read."""

    models: list[Model]
    damaged: dict[str, str] = Field(description="Reasons by name.")


class Comparison(BaseModel, extra="allow"):
    """Two models on the same tracks."""

    n: int
    protocol: str
    models: list[dict[str, Any]]
    difference: float = Field(description="Of the first less the second.")
    difference_interval: list[float]
    p_value: float


def read_models(models: Path) -> dict[str, Any]:
    """Return what the list shows: the one in use first, then by score, flattered ones last."""
    in_use = champions.current(models)
    found, damaged = [], {}
    for folder in newest_first(models)[:_SHOWN]:
        try:
            metadata = read_metadata(folder)
            shown = cards.summary(metadata)
        except AudiogenreError as error:
            damaged[folder.name] = str(error)
        except (KeyError, TypeError, ValueError):
            damaged[folder.name] = "it was written by another version; fit it again"
        else:
            is_champion = in_use is not None and in_use.name == folder.name
            found.append({**shown, "name": folder.name, "champion": is_champion})
    found.sort(key=lambda x: (not x["champion"], x["flattered"], x["several"], -x["score"]))
    return {"models": found, "damaged": damaged}


def find(models: Path, name: str) -> Path:
    """Return the folder of a model that is there; a name leads nowhere else.

    Raises
    ------
    HTTPException
        404.
    """
    for folder in newest_first(models):
        if folder.name == name:
            return folder
    raise HTTPException(404, "there is no model of that name")


def compare(models: Path, first: str, second: str) -> dict[str, Any]:
    """Return two models side by side.

    Raises
    ------
    AudiogenreError
        If they cannot be compared.
    """
    entries = [read_entry(find(models, each)) for each in (first, second)]
    return side_by_side(entries)


@router.get("/models", include_in_schema=False)
def show_models(request: Request, first: str = "", second: str = "") -> Response:
    """Show every model, two side by side if they are named, and the history."""
    models: Path = request.app.state.settings.models
    listed = read_models(models)
    names = [each["name"] for each in listed["models"]]
    compared, trouble = None, ""
    if first and first == second:
        trouble = "That is twice the same model: choose two."
    elif first and second:
        try:
            compared = compare(models, first, second)
        except AudiogenreError as error:
            trouble = f"{str(error)[0].upper()}{str(error)[1:]}."
    try:
        runs = champions.history(models)
    except AudiogenreError:
        runs = []
    desk = request.app.state.desk
    return page(
        request,
        "models.html",
        **listed,
        first=first or next(iter(names), ""),
        second=second or next((each for each in names[1:]), ""),
        compared=compared,
        trouble=trouble,
        reign=reign.line(runs),
        size=(reign.WIDTH, reign.HEIGHT),
        listening=desk.listener.bundle.path.name if desk else None,
        folder=models.name,
    )


@router.get("/models/{name}", include_in_schema=False)
def show_model(request: Request, name: str) -> Response:
    """Show the card of a model."""
    folder = find(request.app.state.settings.models, name)
    metadata = read_metadata(folder)
    try:
        card = cards.card(metadata)
    except (KeyError, TypeError, ValueError) as error:
        detail = f"the card of {name!r} was written by another version: fit the model again"
        raise HTTPException(422, detail) from error
    return page(
        request,
        "model.html",
        card=card | {"name": name},
        size=(cards.WIDTH, cards.HEIGHT),
        files=[each.name for each in _figures(folder)],
    )


@router.get("/models/{name}/figures/{file}", include_in_schema=False)
def figure(request: Request, name: str, file: str) -> FileResponse:
    """Return a figure as it lies in a model's folder."""
    for each in _figures(find(request.app.state.settings.models, name)):
        if each.name == file:
            return FileResponse(each, media_type="image/png")
    raise HTTPException(404, "the model has no such figure")


def _figures(folder: Path) -> list[Path]:
    return sorted((folder / "figures").glob("*.png"))


@router.get("/api/models", response_model=Models, tags=["models"], summary="How good are they?")
def list_models(request: Request) -> dict[str, Any]:
    """List every model with its score, the protocol in words."""
    return read_models(request.app.state.settings.models)


@router.get("/api/models/{name}", tags=["models"], responses={404: {"model": Problem}})
def model_card(request: Request, name: str) -> dict[str, Any]:
    """Return a model's metadata: scores, confusion, reliability, candidates, importance."""
    return read_metadata(find(request.app.state.settings.models, name))


@router.get(
    "/api/compare",
    response_model=Comparison,
    tags=["models"],
    responses={404: {"model": Problem}, 422: {"model": Problem}},
    summary="Two models on the same test tracks.",
)
def compare_models(request: Request, first: str, second: str) -> dict[str, Any]:
    """Compare two models with a paired test; the interval resamples artists."""
    return compare(request.app.state.settings.models, first, second)


@router.get("/api/champions", tags=["models"], summary="The champion's history.")
def champion_history(request: Request) -> list[dict[str, Any]]:
    """Return what is recorded of every refresh, the first one first."""
    return champions.history(request.app.state.settings.models)
