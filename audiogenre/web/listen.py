"""The page Listen: drop a clip, see what it sounds like, and how sure the model is."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from audiogenre.reference import held_out
from audiogenre.web.api import card, describe
from audiogenre.web.cards import protocol
from audiogenre.web.desk import Desk
from audiogenre.web.library import Library
from audiogenre.web.listening import Listener
from audiogenre.web.pages import page
from audiogenre.web.uploads import submitted

router = APIRouter(include_in_schema=False)
_SAMPLES = 4
_MOST_SHOWN = 100  # answers on one page
_LONGEST_SEARCH = 100

Shown = Annotated[list[str] | None, Query()]


@router.get("/")
def listen(
    request: Request,
    show: Shown = None,
    find: Annotated[str, Query(max_length=_LONGEST_SEARCH)] = "",
) -> Response:
    """Show the drop zone, the answers asked for, and the tracks that are looked for."""
    desk: Desk | None = request.app.state.desk
    library: Library = request.app.state.library
    if desk is None:
        return page(request, "listen.html", bundle=None)
    jobs = [desk.find(each) for each in (show or [])[:_MOST_SHOWN]]
    there = [each for each in jobs if each is not None]
    return page(
        request,
        "listen.html",
        bundle=desk.listener.bundle,
        protocol=protocol(desk.listener.bundle.metadata),
        cards=[card(each, describe(each, library)) for each in there],
        gone=len(jobs) - len(there),
        samples=request.app.state.samples,
        find=find,
        found=library.describe(library.find(find)) if find else [],
        has_library=library.is_there,
        settings=desk.settings,
    )


@router.post("/")
async def listen_to(request: Request) -> Response:
    """Take a form's clips where there is no script, and show the answers."""
    jobs = await submitted(request)
    await request.app.state.desk.finished(jobs)
    return RedirectResponse(f"/?{'&'.join(f'show={each.id}' for each in jobs)}#answers", 303)


def choose_samples(listener: Listener, library: Library) -> list[dict[str, Any]]:
    """Return tracks to try: one of each label, none of which the model has learned from."""
    tested = held_out(listener.bundle).sort_values("track_id")
    found: dict[str, str] = {}
    for track_id, label in zip(tested["track_id"], tested["label"], strict=True):
        if label not in found and library.audio(track_id):
            found[label] = track_id
    chosen = [(track_id, label) for label, track_id in sorted(found.items())]
    return library.describe(chosen[:_SAMPLES])
