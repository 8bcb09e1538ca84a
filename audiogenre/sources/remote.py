"""What the sources behind an HTTP service share: where it is, how it is asked, how audio comes."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import urlsplit

from audiogenre.errors import FetchError, HostBusyError, LinkError, UsageError
from audiogenre.net import MAX_WAIT, Client
from audiogenre.sources.base import BaseSource
from audiogenre.typing import LISTING, Problem, Track


@dataclass(kw_only=True)
class RemoteSource(BaseSource, ABC):
    """A service that is asked over HTTP.

    Parameters
    ----------
    api_url : str, optional
        Base URL; by default the environment variable `URL_VARIABLE`, else the service's own.
    max_wait : float >= 0, s
        How long a request may wait for a service that wants patience.
    """

    api_url: str | None = None
    max_wait: float = MAX_WAIT

    name: ClassVar[str]
    partial: ClassVar[bool] = True
    seconds: ClassVar[float] = 30.0
    API: ClassVar[str]
    URL_VARIABLE: ClassVar[str]
    RATE: ClassVar[tuple[int, float]]  # requests in so many seconds
    THROTTLES: ClassVar[tuple[int, ...]] = (429,)  # status codes that say: too often
    VERSION: ClassVar[str] = ""  # a last part of the path that a base URL may leave out

    def __post_init__(self) -> None:
        base = (self.api_url or os.environ.get(self.URL_VARIABLE) or self.API).rstrip("/")
        if not _is_address(base):
            raise UsageError(f"{base!r} is not the base URL of a service (--api-url)")
        self._base = base if base.endswith(self.VERSION) else base + self.VERSION
        self._links: dict[str, str] = {}
        self._left_out: dict[str, int] = {}

    @cached_property
    def client(self) -> Client:
        """The connections to the service; made when it is first asked."""
        return Client(self._base, self.RATE, self.max_wait, self.blocked, self.THROTTLES)

    def stop(self) -> None:
        """Let no request wait or be repeated from now on."""
        self.client.stop()

    def end(self) -> None:
        """Close the connections."""
        self.client.close()
        del self.client

    def tracks(self) -> Iterator[Track | Problem]:
        """List the tracks that were asked for."""
        self._left_out.clear()
        yield from self._listed()
        for what, count in self._left_out.items():
            self.notes.append(f"{count} {what}")

    def fetch(self, track: Track) -> bytes:
        """Get a preview through its link, and once more through a new one if that has expired.

        Raises
        ------
        FetchError
        """
        link = self._links.pop(track.id, None) or self._link(track)
        try:
            return self.client.media(link)
        except LinkError:
            link = self._link(track)
        try:
            return self.client.media(link)
        except LinkError as error:
            raise FetchError("no audio", f"a new link does not help: {error.detail}") from error

    def ask(self, path: str, **parameters: Any) -> Any:
        """Get an answer of the service."""
        return self.client.json(f"{self._base}/{path}", parameters, check=self._check)

    def trouble(self, path: str, error: FetchError) -> Problem:
        """Return what is to be noted of a listing that did not come; raise if none will come."""
        if isinstance(error, HostBusyError):
            raise error
        return Problem(f"{self.name}:{path}", f"{LISTING}: {error}", passing=not error.final)

    def leave_out(self, what: str) -> None:
        """Count an entry of a listing that is of no use; `notes` tell how many there were."""
        self._left_out[what] = self._left_out.get(what, 0) + 1

    @abstractmethod
    def _listed(self) -> Iterator[Track | Problem]:
        """List what was asked for."""

    def _link(self, track: Track) -> str:
        """Return a link to a track's preview that is valid now."""
        raise FetchError("no audio", f"{self.name} has none", final=True)

    def _check(self, answer: Any) -> None:
        """Raise if an answer is an error in disguise."""
        if not isinstance(answer, dict):
            raise FetchError("bad answer", f"the service answered with {type(answer).__name__}")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def text(entry: Mapping[str, Any], *path: str) -> str | None:
    """Return a text inside an answer, None where any part of the way is missing.

    Examples
    --------
    >>> text({"artist": {"name": " Foxes "}}, "artist", "name")
    'Foxes'
    """
    found: Any = entry
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return str(found).strip() or None if isinstance(found, str | int) else None


def rows(entry: Any, *path: str) -> list[Any]:
    """Return a list inside an answer, an empty one where any part of the way is missing.

    Examples
    --------
    >>> rows({"tracks": {"items": [1, None]}}, "tracks", "items"), rows({"tracks": 5}, "tracks")
    ([1, None], [])
    """
    found: Any = entry
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, list) else []


def number(entry: Mapping[str, Any], key: str, *, unit: float = 1.0) -> float | None:
    """Return a positive number of an answer, divided by a unit; None if there is none.

    Examples
    --------
    >>> number({"duration_ms": 181500}, "duration_ms", unit=1000), number({}, "duration_ms")
    (181.5, None)
    """
    found = entry.get(key)
    return found / unit if isinstance(found, int | float) and found > 0 else None
