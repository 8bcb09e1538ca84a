"""What comes in: files of a form, their number and size bounded, and never a path."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import PurePath

from fastapi import HTTPException, Request
from starlette.datastructures import FormData, UploadFile

from audiogenre.cli import printable
from audiogenre.web.desk import Clip, Desk, FullError, Job
from audiogenre.web.library import Library
from audiogenre.web.security import TOKEN_FIELD, TOKEN_HEADER, check_token
from audiogenre.web.settings import MEGABYTE

_LONGEST_NAME = 120
_FIELDS, _FIELD_BYTES = 20, 4096


@dataclass
class Received:
    """Files and tracks of one request, and what had to be refused.

    Attributes
    ----------
    refused : list of (name, why)
    """

    clips: list[Clip] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


async def read_form(request: Request, *, seconds: float, files: int = 0) -> FormData:
    """Return a form of bounded size.

    Raises
    ------
    HTTPException
        If it is too much or too slow.
    """
    try:
        async with asyncio.timeout(seconds):
            return await request.form(
                max_files=files, max_fields=_FIELDS, max_part_size=_FIELD_BYTES
            )
    except TimeoutError as error:
        raise HTTPException(408, "the upload took too long") from error


async def submitted(request: Request, *, with_token: bool = True) -> list[Job]:
    """Take the clips of a request to the desk.

    Parameters
    ----------
    with_token : bool
        Whether the request has to carry the session's token.

    Raises
    ------
    HTTPException
        If the request is refused as a whole.
    FullError
        If there is no room for it now.
    """
    desk: Desk | None = request.app.state.desk
    if desk is None:
        raise HTTPException(409, "there is no model yet: run 'audiogenre fit' first")
    with desk.receiving():
        seconds = desk.settings.receive_seconds
        form = await read_form(request, seconds=seconds, files=desk.settings.max_files)
        try:
            if with_token:
                check_token(request, request.headers.get(TOKEN_HEADER) or form.get(TOKEN_FIELD))
            received = await _received(form, request.app.state.library, desk.settings.max_file)
        finally:
            await form.close()
    if not received.clips and not received.refused:
        raise HTTPException(422, "no clip was sent: choose a file")
    refused = [desk.refused(name, why) for name, why in received.refused]
    return [*desk.submit(received.clips), *refused]


async def _received(form: FormData, library: Library, max_file: int) -> Received:
    found = Received()
    for each in form.getlist("file"):
        if not isinstance(each, UploadFile) or not (each.filename or each.size):
            continue  # what a browser sends of an empty file field
        name = plain_name(each.filename or "")
        if (each.size or 0) > max_file:
            limit = f"files may have {max_file // MEGABYTE} MB; half a minute is enough"
            found.refused.append((name, f"too large: {limit}"))
        else:
            found.clips.append(Clip(name, await each.read()))
    for track_id in form.getlist("track"):
        path = library.audio(track_id) if isinstance(track_id, str) else None
        if path is None or not isinstance(track_id, str):
            raise HTTPException(404, "that track is not in the catalogue, or its audio is gone")
        track = library.tracks()[track_id]
        name = f"{track.artist or 'unknown artist'}: {track.title or 'untitled'}"
        found.clips.append(Clip(shown_name(name), path.read_bytes(), track_id))
    return found


def plain_name(name: str) -> str:
    """Return the name of a file without folders, control characters and excess.

    Examples
    --------
    >>> plain_name("../../etc/passwd"), plain_name("")
    ('passwd', 'a clip without a name')
    """
    return shown_name(PurePath(name.replace("\\", "/")).name)


def shown_name(name: str) -> str:
    """Return a name, which may have slashes, without control characters and excess.

    Examples
    --------
    >>> shown_name("AC/DC: Thunderstruck")
    'AC/DC: Thunderstruck'
    """
    return printable(name)[:_LONGEST_NAME] or "a clip without a name"


__all__ = ["FullError", "plain_name", "read_form", "shown_name", "submitted"]
