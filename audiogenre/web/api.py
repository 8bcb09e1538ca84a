"""The JSON API: the same functions as the pages, without the pages."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from audiogenre.answers import certainty, write_csv
from audiogenre.web.desk import Desk, Job
from audiogenre.web.library import MEDIA_TYPES, Library
from audiogenre.web.pages import fragment
from audiogenre.web.schemas import Prediction, Predictions, Problem
from audiogenre.web.uploads import submitted

router = APIRouter()
_UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "anyOf": [{"required": ["file"]}, {"required": ["track"]}],
                    "properties": {
                        "file": {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "string", "format": "binary"},
                            "description": "Clips: mp3, wav, flac, ogg, m4a ...",
                        },
                        "track": {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "string"},
                            "description": "Ids of tracks of the catalogue.",
                        },
                    },
                }
            }
        },
    }
}
_Responses = dict[int | str, dict[str, Any]]
_PROBLEMS: _Responses = {
    400: {"model": Problem, "description": "Not a form, or too many files."},
    404: {"model": Problem, "description": "There is no such track."},
    408: {"model": Problem, "description": "The upload took too long."},
    409: {"model": Problem, "description": "There is no model yet."},
    413: {"model": Problem, "description": "Too large."},
    503: {"model": Problem, "description": "No room now; Retry-After says for how long."},
}
_FORGOTTEN: _Responses = {404: {"model": Problem, "description": "It is not kept any more."}}


def describe(job: Job, library: Library) -> dict[str, Any]:
    """Return one answer as JSON, and as the templates read it."""
    found: dict[str, Any] = {
        "id": job.id,
        "path": job.name,
        "status": job.status,
        "before": max(job.before, 0),
        "label": None,
        "known": None,
        "probability": None,
        "probabilities": {},
        "error": job.error or None,
    }
    if job.answer is None:
        return found
    return found | {
        **job.answer.record,
        "seconds": job.answer.heard.seconds,
        "certainty": certainty(job.answer.record["probability"]),
        "why": job.answer.why,
        "nearest_tracks": library.describe(job.answer.nearest),
    }


def _job(request: Request, job_id: str) -> Job:
    desk: Desk | None = request.app.state.desk
    job = desk.find(job_id) if desk else None
    if job is None:
        raise HTTPException(404, "that answer is not kept any more")
    return job


JobOf = Annotated[Job, Depends(_job)]


@router.post(
    "/api/predict",
    response_model=Predictions,
    response_model_exclude_unset=True,
    openapi_extra=_UPLOAD,
    responses=_PROBLEMS,
    tags=["predict"],
    summary="What genre are these clips?",
)
async def predict(request: Request) -> dict[str, Any]:
    """Wait for the answers; a clip that is refused has its reason in `error`."""
    jobs = await submitted(request, with_token=False)
    desk: Desk = request.app.state.desk
    await desk.finished(jobs)
    found = [describe(each, request.app.state.library) for each in jobs]
    return {"model": desk.listener.bundle.name, "predictions": found}


@router.post(
    "/api/jobs",
    response_model=list[Prediction],
    response_model_exclude_unset=True,
    status_code=202,
    openapi_extra=_UPLOAD,
    responses=_PROBLEMS | {403: {"model": Problem, "description": "The token is missing."}},
    tags=["predict"],
    summary="Queue clips; needs the page's token.",
)
async def queue(request: Request) -> list[dict[str, Any]]:
    """Return at once; `/api/jobs/{id}` and its events tell how it goes on."""
    jobs = await submitted(request)
    return [describe(each, request.app.state.library) for each in jobs]


@router.get(
    "/api/jobs/{job_id}",
    response_model=Prediction,
    response_model_exclude_unset=True,
    responses=_FORGOTTEN,
    tags=["predict"],
)
async def job_of(job: JobOf, request: Request, download: bool = False) -> Response:
    """Return one answer, as a file to keep if `download`."""
    headers = {"Content-Disposition": 'attachment; filename="genre.json"'} if download else None
    return JSONResponse(describe(job, request.app.state.library), headers=headers)


@router.get(
    "/api/jobs/{job_id}/events",
    response_class=EventSourceResponse,
    responses=_FORGOTTEN,
    tags=["predict"],
)
async def events(job: JobOf, request: Request) -> AsyncIterator[ServerSentEvent]:
    """Tell how a job goes on; the last event has its card."""
    desk: Desk = request.app.state.desk
    async for each in desk.watch(job):
        said: dict[str, Any] = {"status": each.status, "before": max(each.before, 0)}
        if each.status in ("done", "failed"):
            found = describe(each, request.app.state.library)
            said["card"] = fragment(request, "card.html", **card(each, found))
        yield ServerSentEvent(data=said)


def card(job: Job, found: dict[str, Any]) -> dict[str, Any]:
    """Return what the template of a card reads."""
    return {"answer": found, "heard": job.answer.heard if job.answer else None, "job": job}


@router.get(
    "/api/jobs/{job_id}/csv", response_class=Response, responses=_FORGOTTEN, tags=["predict"]
)
async def as_csv(job: JobOf, request: Request) -> Response:
    """Return one answer as CSV, with a row for every five seconds."""
    labels = request.app.state.desk.listener.bundle.labels
    file = io.StringIO()
    write_csv(file, [describe(job, request.app.state.library)], labels, {})
    headers = {"Content-Disposition": 'attachment; filename="genre.csv"'}
    return Response(file.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get(
    "/api/jobs/{job_id}/spectrogram",
    response_class=Response,
    responses=_FORGOTTEN,
    tags=["predict"],
)
async def spectrogram(job: JobOf) -> Response:
    """Return the mel spectrogram of a clip as PNG."""
    if job.answer is None:
        raise HTTPException(404, "there is no answer yet")
    headers = {"Cache-Control": "private, max-age=3600"}
    return Response(job.answer.heard.spectrogram, media_type="image/png", headers=headers)


@router.get(
    "/audio/{track_id}",
    response_class=FileResponse,
    responses={404: {"description": "There is no such track, or its audio is gone."}},
    tags=["library"],
)
def audio(track_id: str, request: Request) -> FileResponse:
    """Return the audio of a track of the catalogue."""
    path = request.app.state.library.audio(track_id)
    if path is None:
        raise HTTPException(404, "that track is not in the catalogue, or its audio is gone")
    return FileResponse(
        path,
        media_type=MEDIA_TYPES.get(path.suffix.lower(), "application/octet-stream"),
        headers={"Cache-Control": "private, max-age=3600"},
    )
