"""The page Dataset: what came from where, what failed, and doubtful labels one by one."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any, cast, get_args

from anyio import to_thread
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field
from starlette.datastructures import FormData

from audiogenre.catalog import Catalog
from audiogenre.errors import UsageError
from audiogenre.retry import retry
from audiogenre.review import Decision, Review, Suspect, search
from audiogenre.store import FeatureStore
from audiogenre.web.atlas import labels_of
from audiogenre.web.library import Library
from audiogenre.web.pages import fragment, page
from audiogenre.web.schemas import Problem
from audiogenre.web.security import TOKEN_FIELD, TOKEN_HEADER, check_token
from audiogenre.web.uploads import read_form

router = APIRouter()
RETRY, SEARCH = "retry", "suspects"
_SHOWN = 50  # failures of a reason
_ADVICE = {
    "folder": "put the files right, then run 'audiogenre download --source folder --path FOLDER'",
    "sample": "run 'audiogenre download --source sample --retry-failed'",
    "fma": "run 'audiogenre download --source fma --retry-failed'",
}
_OUTCOMES = {"keep": "kept", "change": "changed", "unsure": "left open"}


class Doubt(BaseModel):
    """A doubtful label."""

    track_id: str
    title: str
    artist: str
    label: str
    suggestion: str
    probability: float = Field(description="Of the suggestion, not having heard the artist.")
    label_probability: float
    audio: bool


class Doubts(BaseModel):
    """The doubtful labels that nobody has said anything of."""

    found_at: str = Field(description="When they were looked for; empty if never.")
    waiting: list[Doubt]
    decided: int


class Moved(BaseModel):
    """What came of a decision, and the next card."""

    said: str
    waiting: int
    card: str = Field(description="HTML")


def contents(library: Library) -> dict[str, Any]:
    """Return what a data folder holds: sources with licences, labels, feature sets, failures."""
    tracks, labels = library.tracks(), labels_of(library.database)
    with Catalog(library.database) as catalog:
        failed, previews = catalog.failed_items(), set(catalog.previews())
        corrections = len(catalog.corrections())
    store = FeatureStore.of(library.data)
    sets = [(name, store.count(name)) for name in store.sets()]
    by_source: dict[tuple[str, str], Counter[str]] = {}
    for track in tracks.values():
        count = by_source.setdefault((track.source, track.licence or ""), Counter())
        count["tracks"] += 1
        count["audio"] += track.id in previews
        count["labelled"] += track.id in labels
    failures: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for stage, reason, item, detail, attempts, next_try in failed:
        source = item.partition(":")[0]
        shown = tracks.get(item)
        failures.setdefault((stage, reason), []).append(
            {
                "item": item,
                "name": f"{shown.artist or 'unknown artist'}: {shown.title or 'untitled'}"
                if shown
                else item,
                "detail": detail,
                "attempts": attempts,
                "next_try": time.strftime("%-d %B %Y, %H:%M", time.localtime(next_try))
                if next_try
                else "",
                "advice": _ADVICE.get(source, "") if stage == "download" else "",
            }
        )
    return {
        "tracks": len(tracks),
        "audio": len(previews & set(tracks)),
        "sources": sorted(
            ({"source": key[0], "licence": key[1], **count} for key, count in by_source.items()),
            key=lambda each: -each["tracks"],
        ),
        "labels": Counter(labels.values()).most_common(),
        "unlabelled": len(tracks) - len(labels),
        "sets": sets,
        "failures": sorted(failures.items(), key=lambda each: -len(each[1])),
        "failed": sum(map(len, failures.values())),
        "corrections": corrections,
    }


def reviewed(library: Library) -> dict[str, Any]:
    """Return what the card of the next doubtful label shows."""
    review = Review(library.data)
    waiting, decided = review.waiting(), review.decided()
    last = decided[-1] if decided else None
    tracks = library.tracks()
    return {
        "found_at": review.found_at,
        "suspect": _shown(library, waiting[:1])[0] if waiting else None,
        "upcoming": _shown(library, waiting[1:4]),
        "waiting": len(waiting),
        "done": len(decided),
        "choices": sorted(set(labels_of(library.database).values())),
        "last": last
        and {
            "title": (tracks[last.track_id].title if last.track_id in tracks else "") or "untitled",
            "outcome": _OUTCOMES[last.decision],
            "label": last.label,
            "decision": last.decision,
        },
    }


def _shown(library: Library, suspects: list[Suspect]) -> list[dict[str, Any]]:
    described = library.describe((each.track_id, each.label) for each in suspects)
    return [vars(each) | shown for each, shown in zip(suspects, described, strict=True)]


@router.get("/dataset", include_in_schema=False)
async def show_dataset(request: Request) -> Response:
    """Show what is there, what is not, and the next doubtful label."""
    library: Library = request.app.state.library
    if not library.is_there:
        return page(request, "dataset.html", there=False)
    found = await to_thread.run_sync(contents, library)
    background = request.app.state.background
    return page(
        request,
        "dataset.html",
        there=True,
        **found,
        review=await to_thread.run_sync(reviewed, library),
        retried=background.find(RETRY),
        searched=background.find(SEARCH),
        most=_SHOWN,
    )


async def _checked_form(request: Request) -> FormData:
    form = await read_form(request, seconds=request.app.state.settings.receive_seconds)
    check_token(request, request.headers.get(TOKEN_HEADER) or form.get(TOKEN_FIELD))
    if not request.app.state.library.is_there:
        raise HTTPException(409, "there is no catalogue yet: run 'audiogenre download' first")
    return form


@router.post("/dataset/retry", include_in_schema=False)
async def try_again(request: Request) -> Response:
    """Try again what has failed."""
    await _checked_form(request)
    request.app.state.background.start(RETRY, retry, request.app.state.library.data)
    return RedirectResponse("/dataset#failures", 303)


@router.post("/dataset/suspects", include_in_schema=False)
async def look_for_doubts(request: Request) -> Response:
    """Look for doubtful labels."""
    await _checked_form(request)
    request.app.state.background.start(SEARCH, search, request.app.state.library.data)
    return RedirectResponse("/dataset#review", 303)


@router.post("/dataset/review", include_in_schema=False)
async def decide_by_form(request: Request) -> Response:
    """Take a decision where there is no script."""
    form = await _checked_form(request)
    await to_thread.run_sync(_decide, request.app.state.library.data, form)
    return RedirectResponse("/dataset#review", 303)


@router.post(
    "/api/review",
    response_model=Moved,
    responses={403: {"model": Problem}, 409: {"model": Problem}, 422: {"model": Problem}},
    tags=["library"],
    summary="Keep or change a doubtful label, or leave it open; needs the page's token.",
)
async def decide(request: Request) -> dict[str, Any]:
    """Take ``decision`` (keep, change, unsure or undo), ``track_id`` and perhaps ``label``."""
    form = await _checked_form(request)
    library: Library = request.app.state.library
    said = await to_thread.run_sync(_decide, library.data, form)
    review = await to_thread.run_sync(reviewed, library)
    html = fragment(request, "review.html", review=review)
    return {"said": said, "waiting": review["waiting"], "card": html}


def _decide(data: Path, form: FormData) -> str:
    """Carry out what a form says; return it in words."""
    decision, track_id, label = (str(form.get(x, "")) for x in ("decision", "track_id", "label"))
    review = Review(data)
    if decision == "undo":
        undone = review.undo()
        return "Taken back." if undone else "There is nothing to take back."
    if decision not in get_args(Decision):
        raise UsageError("say keep, change, unsure or undo")
    decided = review.decide(track_id, cast(Decision, decision), label)
    if decided.decision == "unsure":
        return "Left open."
    return f"{_OUTCOMES[decided.decision].capitalize()}: {decided.label}."


@router.get("/api/dataset", tags=["library"], summary="What is there, and what failed.")
def dataset(request: Request) -> dict[str, Any]:
    """Return tracks by source and licence, labels, feature sets and failures."""
    library: Library = request.app.state.library
    if not library.is_there:
        raise UsageError("there is no catalogue yet: run 'audiogenre download' first")
    found = contents(library)
    failures = [
        {"stage": stage, "reason": reason, "items": items}
        for (stage, reason), items in found["failures"]
    ]
    return found | {"failures": failures}


@router.get("/api/review", response_model=Doubts, tags=["library"], summary="Doubtful labels.")
def doubts(request: Request) -> dict[str, Any]:
    """Return the doubtful labels that nobody has said anything of, the most doubtful first."""
    library: Library = request.app.state.library
    review = Review(library.data)
    waiting = _shown(library, review.waiting())
    return {"found_at": review.found_at, "waiting": waiting, "decided": len(review.decided())}
