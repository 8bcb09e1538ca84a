"""The page Playlists: connect, plan, apply."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.datastructures import FormData

from audiogenre.bundle import Bundle
from audiogenre.errors import AudiogenreError, UsageError
from audiogenre.liked.login import CALLBACK
from audiogenre.liked.records import PREFIX, UNKNOWN, Wishes
from audiogenre.sources.deezer import Deezer
from audiogenre.web.pages import page
from audiogenre.web.playlisting import Audio, Playlister, rows
from audiogenre.web.security import TOKEN_FIELD, TOKEN_HEADER, check_token
from audiogenre.web.settings import is_loopback
from audiogenre.web.uploads import read_form

router = APIRouter()
_STATE = "spotify_state"
_LONGEST_PREFIX = 60
_PAUSE = 0.2  # s between looks at how far the work is


@router.get("/playlists", include_in_schema=False)
async def show(request: Request, all: str | None = None, move: str | None = None) -> Response:
    """Show the step that it is time for."""
    return _page(request, all=all, move=move)


def _page(
    request: Request,
    *,
    status: int = 200,
    all: str | None = None,
    move: str | None = None,
    trouble: str = "",
    deleted: list[str] | None = None,
) -> Response:
    playlister, bundle = _playlister(request), _bundle(request)
    plan = playlister.plan
    songs = rows(plan, playlister.moves) if plan else {}
    moving = next((x for each in songs.values() for x in each if x["id"] == move), None)
    return page(
        request,
        "playlists.html",
        status,
        labels=bundle.labels if bundle else [],
        client_id=playlister.client_id(),
        connected=playlister.is_connected(),
        redirect=_registered_uri(request),
        work=playlister.work,
        plan=plan,
        songs=songs,
        applied=playlister.applied,
        moves=playlister.moves,
        moving=moving,
        notes=playlister.notes,
        terms=Deezer.terms,
        unknown=UNKNOWN,
        prefix=PREFIX,
        show_all=all,
        trouble=trouble,
        deleted=deleted,
    )


@router.get("/playlists/connect", include_in_schema=False)
async def connect(request: Request) -> Response:
    """Send the person to Spotify."""
    if is_loopback(request.url.hostname or "") and request.url.hostname != "127.0.0.1":
        # Spotify sends people back to 127.0.0.1 only, and the session has to be the same there.
        return RedirectResponse(str(request.url.replace(hostname="127.0.0.1")), 303)
    pending = _playlister(request).connect(_redirect_uri(request))
    request.session[_STATE] = pending.state
    return RedirectResponse(pending.url, 303)


@router.get(CALLBACK, include_in_schema=False)
async def come_back(request: Request) -> Response:
    """Take the person back from Spotify."""
    state = request.session.pop(_STATE, "")
    try:
        await to_thread.run_sync(_playlister(request).come_back, state, str(request.url))
    except AudiogenreError as error:
        return _page(request, status=403, trouble=_without_command(str(error)))
    return RedirectResponse("/playlists", 303)


@router.post("/playlists/plan", include_in_schema=False)
async def plan(request: Request) -> Response:
    """Begin a plan."""
    form = await _form(request)
    bundle = _needed_bundle(request)
    try:
        wishes = _wishes(form, bundle)
        audio = Audio(form.get("audio") == "deezer", form.get("accept") == "yes")
        _playlister(request).start_plan(bundle, wishes, audio)
    except UsageError as error:
        return _page(request, status=422, trouble=str(error))
    return RedirectResponse("/playlists", 303)


@router.post("/playlists/move", include_in_schema=False)
async def move(request: Request) -> Response:
    """Remember where a song shall go."""
    form = await _form(request)
    playlister = _playlister(request)
    song, to = str(form.get("song", "")), str(form.get("to", ""))
    if playlister.is_busy:
        raise HTTPException(409, "playlists are being worked on: move the song when that is done")
    if playlister.plan is None or all(x.song.id != song for x in playlister.plan.placements):
        raise HTTPException(404, "that song is not in the plan")
    if to and to not in playlister.plan.wishes.playlists:
        raise HTTPException(422, "there is no such playlist in the plan")
    playlister.move(song, to or None)
    return RedirectResponse("/playlists", 303)


@router.post("/playlists/apply", include_in_schema=False)
async def apply(request: Request) -> Response:
    """Begin to write."""
    await _form(request)
    try:
        _playlister(request).start_apply(_needed_bundle(request))
    except UsageError as error:
        return _page(request, status=422, trouble=str(error))
    return RedirectResponse("/playlists", 303)


@router.post("/playlists/again", include_in_schema=False)
async def again(request: Request) -> Response:
    """Put the plan away."""
    await _form(request)
    if not _playlister(request).is_busy:
        _playlister(request).forget_plan()
    return RedirectResponse("/playlists", 303)


@router.post("/playlists/disconnect", include_in_schema=False)
async def disconnect(request: Request) -> Response:
    """Forget everything."""
    await _form(request)
    try:
        deleted = await to_thread.run_sync(_playlister(request).disconnect)
    except UsageError as error:
        return _page(request, status=422, trouble=str(error))
    return _page(request, deleted=deleted)


@router.get("/api/playlists", tags=["playlists"], summary="How far it is, and the plan.")
async def state(request: Request) -> dict[str, Any]:
    """Return what is being done, the plan, and what was written."""
    playlister = _playlister(request)
    return {
        "connected": playlister.is_connected(),
        "work": asdict(playlister.work) if playlister.work else None,
        "plan": playlister.plan.as_json() if playlister.plan else None,
        "moves": playlister.moves,
        "applied": asdict(playlister.applied) if playlister.applied else None,
    }


@router.get("/api/playlists/events", response_class=EventSourceResponse, tags=["playlists"])
async def events(
    request: Request, seen: Annotated[int, Query(ge=0)] = 0
) -> AsyncIterator[ServerSentEvent]:
    """Tell how the work goes on, with the sentences of its log from `seen` on."""
    work = _playlister(request).work
    if work is None:
        return
    told: dict[str, Any] | None = None
    finished = False
    while not finished:
        # The end is looked for first: what a thread says before it must not be missed.
        finished, log = work.finished, list(work.log)
        now = {"text": work.text, "done": work.done, "total": work.total, "finished": finished}
        if now | {"log": len(log)} != told:
            told = now | {"log": len(log)}
            yield ServerSentEvent(data=now | {"log": log[seen:]})
            seen = max(seen, len(log))
        if not finished:
            await asyncio.sleep(_PAUSE)


def _playlister(request: Request) -> Playlister:
    found: Playlister = request.app.state.playlister
    return found


def _bundle(request: Request) -> Bundle | None:
    desk = request.app.state.desk
    return desk.listener.bundle if desk else None


def _needed_bundle(request: Request) -> Bundle:
    bundle = _bundle(request)
    if bundle is None:
        raise HTTPException(409, "there is no model yet: run 'audiogenre fit' first")
    return bundle


async def _form(request: Request) -> FormData:
    form = await read_form(request, seconds=request.app.state.settings.receive_seconds)
    check_token(request, request.headers.get(TOKEN_HEADER) or form.get(TOKEN_FIELD))
    return form


def _redirect_uri(request: Request) -> str:
    return str(request.url.replace(path=CALLBACK, query=""))


def _registered_uri(request: Request) -> str:
    """Return what the person's app has to allow; of this machine it is without a port."""
    if is_loopback(request.url.hostname or ""):
        return f"http://127.0.0.1{CALLBACK}"
    return _redirect_uri(request)


def _wishes(form: FormData, bundle: Bundle) -> Wishes:
    genres = [str(each) for each in form.getlist("genre")]
    if not genres or not set(genres) <= set(bundle.labels):
        raise UsageError("choose a genre or more")
    try:
        least = float(str(form.get("least", "0")))
    except ValueError:
        least = -1.0
    if not 0 <= least <= 1:
        raise UsageError("how sure it has to be is a number from 0 to 1")
    return Wishes(
        genres=tuple(genres),
        min_probability=least,
        unknown=form.get("unknown") == "yes",
        prefix=str(form.get("prefix", PREFIX))[:_LONGEST_PREFIX],
        recreate=form.get("recreate") == "yes",
    )


def _without_command(sentence: str) -> str:
    """Return a sentence without the command that it advises: here there is a button."""
    return sentence.partition("; run '")[0]
