"""How far work is that takes minutes, as events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from audiogenre.web.background import Background, Task
from audiogenre.web.schemas import Problem

router = APIRouter()


def _task(request: Request, name: str) -> Task:
    background: Background = request.app.state.background
    task = background.find(name)
    if task is None:
        raise HTTPException(404, "nothing of that name is being done")
    return task


@router.get(
    "/api/work/{name}/events",
    response_class=EventSourceResponse,
    responses={404: {"model": Problem, "description": "Nothing of that name is being done."}},
    tags=["library"],
)
async def events(
    request: Request, task: Annotated[Task, Depends(_task)]
) -> AsyncIterator[ServerSentEvent]:
    """Tell how far a map, a search for doubtful labels or a retry is; the last one how it ended."""
    background: Background = request.app.state.background
    async for each in background.watch(task):
        yield ServerSentEvent(data={"status": each.status, "said": each.said})
