"""HTTP as the services want it: paced for each host, patient within a budget, told apart why not.

`Client.attempt` is the one place that repeats a request. Whoever calls it says, by the exception
raised, whether asking again may help.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests_ratelimiter import LimiterAdapter
from tenacity import (
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_attempt,
    stop_after_delay,
    stop_when_event_set,
    wait_random_exponential,
)

from audiogenre import __version__
from audiogenre.errors import (
    FetchError,
    HostBusyError,
    LinkError,
    ThrottledError,
    TransientError,
)

T = TypeVar("T")

MAX_WAIT = 60.0  # s
ATTEMPTS = 5
BACKOFF = wait_random_exponential(multiplier=0.5, max=8)
TIMEOUT = (5.0, 10.0)  # s to connect, s without a byte
_LONGEST = 120.0  # s for one answer
_LARGEST = 64 << 20  # bytes of one answer
_CONNECTIONS = 32
_TURN = 0.02  # s between two looks whether a request may be sent
_SIGNS_OF_DOWN = ("connection", "timeout", "server error")
_DOWN_AFTER = 8  # requests in a row that were given up with one of them
_DOWN_FOR = 300.0  # s
_LONGEST_REST = 30 * 86_400.0  # s that a host is left alone, whatever it asks for
_AUDIO_TYPES = ("audio/", "video/mp4", "application/octet-stream", "binary/octet-stream")


class Client:
    """Requests to one service and to whatever hosts its audio, from several threads.

    Parameters
    ----------
    api : str
        Base URL of the service; its host is the one that is paced.
    rate : (int, float)
        Requests allowed in so many seconds.
    max_wait : float, s
        How long one request may go on waiting; a host that wants more is left alone.
    blocked : dict
        Hosts that want to be left alone, and until when; kept up to date.
    throttles : sequence of int
        Status codes by which the service says that it is asked too often.
    """

    def __init__(
        self,
        api: str,
        rate: tuple[int, float],
        max_wait: float = MAX_WAIT,
        blocked: dict[str, float] | None = None,
        throttles: Sequence[int] = (429,),
    ) -> None:
        self.max_wait = max_wait
        self.blocked = {} if blocked is None else blocked
        self._throttles = throttles
        self._misses: dict[str, int] = {}
        self._stopped = threading.Event()
        self._local = threading.local()
        count, seconds = rate
        self._paced = _Paced(
            self._stopped,
            per_second=count / seconds,
            burst=seconds,
            limit_statuses=(),
            pool_maxsize=_CONNECTIONS,
        )
        self._plain = HTTPAdapter(pool_maxsize=_CONNECTIONS)
        parts = urlsplit(api)
        self._prefix = f"{parts.scheme}://{parts.netloc}/"

    def session(self) -> requests.Session:
        """Return this thread's session; all of them share the connections and the pace."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            session.headers["User-Agent"] = f"audiogenre/{__version__}"
            session.max_redirects = 5
            session.mount("http://", self._plain)
            session.mount("https://", self._plain)
            session.mount(self._prefix, self._paced)
        return session

    def stop(self) -> None:
        """Wait and repeat no more: whatever is under way ends with its present attempt."""
        self._stopped.set()

    def close(self) -> None:
        """Close the connections."""
        self._paced.close()
        self._plain.close()

    def attempt(self, host: str, once: Callable[[], T]) -> T:
        """Call a function that makes a request, and again with jitter while that may help.

        Raises
        ------
        HostBusyError
            If the host wants to be left alone for longer than the budget.
        FetchError
            What the last attempt raised.
        """
        deadline = time.time() + self.max_wait
        retrying = Retrying(
            retry=retry_if_exception_type(TransientError),
            wait=BACKOFF,
            stop=stop_after_attempt(ATTEMPTS)
            | stop_after_delay(self.max_wait)
            | stop_when_event_set(self._stopped),
            sleep=sleep_using_event(self._stopped),
            reraise=True,
        )
        try:
            result: T = retrying(self._unless_busy, host, deadline, once)
        except TransientError as error:
            if error.reason in _SIGNS_OF_DOWN:
                self._misses[host] = self._misses.get(host, 0) + 1
            if self._misses.get(host, 0) >= _DOWN_AFTER:
                self._block(host, _DOWN_FOR)
            raise
        self._misses[host] = 0
        return result

    def json(
        self,
        url: str,
        params: Mapping[str, Any] | None = None,
        *,
        check: Callable[[Any], None] = lambda answer: None,
    ) -> Any:
        """Get a JSON answer.

        Parameters
        ----------
        url : str
        params : mapping, optional
        check : callable
            Raises if the answer is an error in disguise.
        """

        def once() -> Any:
            response, content = self._read(url, params)
            if response.status_code in (400, 401, 403, 404, 410, 422):
                raise FetchError("refused", _answered(response), final=response.status_code != 401)
            try:
                answer = json.loads(content)
            except ValueError as error:
                raise TransientError("bad answer", f"no JSON from {_place(url)}") from error
            check(answer)
            return answer

        return self.attempt(host_of(url), once)

    def media(self, url: str) -> bytes:
        """Get a piece of audio: complete as far as HTTP can tell.

        Raises
        ------
        LinkError
            If the link is not valid, or no longer.
        """

        def once() -> bytes:
            response, content = self._read(url, None)
            if response.status_code in (401, 403, 404, 410):
                raise LinkError("link", _answered(response))
            kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            if kind and not kind.startswith(_AUDIO_TYPES):
                raise TransientError("not audio", f"{kind} from {_place(url)}")
            return content

        return self.attempt(host_of(url), once)

    def _unless_busy(self, host: str, deadline: float, once: Callable[[], T]) -> T:
        until = self.blocked.get(host, 0.0)
        wait = until - time.time()
        if wait > 0 and (until > deadline or self._stopped.wait(wait)):
            raise HostBusyError(host, until)
        try:
            return once()
        except ThrottledError as error:
            if error.seconds is not None:
                self._block(host, error.seconds)
                if self.blocked[host] > deadline:
                    raise HostBusyError(host, self.blocked[host]) from error
            raise

    def _block(self, host: str, seconds: float) -> None:
        until = time.time() + min(seconds, _LONGEST_REST)
        self.blocked[host] = max(self.blocked.get(host, 0.0), until)

    def _read(self, url: str, params: Mapping[str, Any] | None) -> tuple[requests.Response, bytes]:
        place = _place(url)
        try:
            with self.session().get(url, params=params, timeout=TIMEOUT, stream=True) as response:
                status = response.status_code
                if status in self._throttles:
                    raise ThrottledError(_answered(response), retry_after(response.headers))
                if status == 503 and (seconds := retry_after(response.headers)) is not None:
                    raise ThrottledError(_answered(response), seconds)
                if status >= 500 or status in (408, 425):
                    raise TransientError("server error", _answered(response))
                return response, b"".join(_pieces(response))
        except requests.TooManyRedirects as error:
            raise TransientError("redirects", f"{place} leads in circles") from error
        except (requests.Timeout, urllib3.exceptions.ReadTimeoutError) as error:
            raise TransientError("timeout", f"{place} does not answer") from error
        except (
            requests.ConnectionError,
            urllib3.exceptions.HTTPError,
        ) as error:
            raise TransientError("connection", f"{place}: {_cause(error)}") from error
        except requests.RequestException as error:
            why = "it leads to what is no web address"  # which may hold the query: not quoted
            raise FetchError("bad address", f"{place}: {why}", final=True) from error


class _Paced(LimiterAdapter):
    """An adapter that waits for its turn, unless nothing is to be waited for any more."""

    def __init__(self, stopped: threading.Event, **options: Any) -> None:
        super().__init__(**options)
        self._stopped = stopped

    def send(self, request: requests.PreparedRequest, *rest: Any, **more: Any) -> requests.Response:
        """Send a request when its turn has come."""
        name = urlsplit(request.url or "").netloc
        while not self.limiter.try_acquire(name, blocking=False):
            if self._stopped.wait(_TURN):
                raise FetchError("interrupted", "while waiting for its turn")
        return HTTPAdapter.send(self, request, *rest, **more)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds an answer's ``Retry-After`` asks for; None if it does not.

    Examples
    --------
    >>> retry_after({"Retry-After": "7"}), retry_after({})
    (7.0, None)
    """
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _pieces(response: requests.Response) -> Iterator[bytes]:
    """Read a body that may be too large, or come too slowly to ever end."""
    size, end = 0, time.monotonic() + _LONGEST
    # What has come so far, however little: a full buffer might be waited for without end.
    while piece := response.raw.read1(1 << 16, decode_content=True):
        size += len(piece)
        if size > _LARGEST:
            raise FetchError("too large", f"more than {_LARGEST >> 20} MB", final=True)
        if time.monotonic() > end:
            raise requests.Timeout
        yield piece


def host_of(url: str) -> str:
    """Return a URL's host and port, without the user and password that may stand before them.

    Raises
    ------
    FetchError

    Examples
    --------
    >>> host_of("https://me:secret@mirror.example:8443/deezer?key=1")
    'mirror.example:8443'
    """
    try:
        host = urlsplit(url).netloc.rpartition("@")[2]
        if any(each.isspace() for each in host):  # not every version of urllib3 minds
            raise ValueError("a space in the host")
    except ValueError as error:
        raise FetchError("bad address", "a link that cannot be read", final=True) from error
    return host


def _place(url: str) -> str:
    """Return host and path: what a query holds may be a secret or a signature."""
    return host_of(url) + urlsplit(url).path


def _answered(response: requests.Response) -> str:
    return f"HTTP {response.status_code} from {_place(response.url)}"


def _cause(error: BaseException) -> str:
    """Return in a few words what broke a connection."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror:
            return seen.strerror
        seen = seen.__cause__ or seen.__context__
    return "the connection broke off"
