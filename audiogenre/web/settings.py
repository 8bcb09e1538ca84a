"""What a server is told when it starts, and how much it takes."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Settings:
    """How a server runs.

    Attributes
    ----------
    model : str or None
        A name below `models`; None takes the champion, else the newest that hears audio.
    password : str
        Asked for before anything is shown, if there is one.
    jobs : int
        Processes that decode and measure.
    max_file, max_body : int, bytes
        Of one file, and of everything in one request.
    max_files : int
        In one request.
    max_waiting : int
        Clips that wait or are being worked on; beyond that the answer is 503.
    max_held : int, bytes
        Of all of them.
    max_receiving : int
        Uploads received at once.
    receive_seconds, work_seconds : float
        How long an upload, and the work on one clip, may take.
    kept, kept_seconds
        How many answers are kept, and for how long.
    """

    data: Path
    models: Path
    model: str | None = None
    host: str = "127.0.0.1"
    password: str = ""
    jobs: int = 1
    max_file: int = 32 * MEGABYTE
    max_body: int = 64 * MEGABYTE
    max_files: int = 20
    max_waiting: int = 32
    max_held: int = 256 * MEGABYTE
    max_receiving: int = 8
    receive_seconds: float = 60.0
    work_seconds: float = 60.0
    kept: int = 200
    kept_seconds: float = 3600.0

    @property
    def hosts(self) -> list[str]:
        """Names by which the server may be called; a page elsewhere cannot borrow another one."""
        if is_loopback(self.host):
            own = f"[{self.host}]" if ":" in self.host else self.host
            return sorted({"127.0.0.1", "localhost", "[::1]", own})
        return ["*"]


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine alone.

    Examples
    --------
    >>> is_loopback("127.0.0.1"), is_loopback("0.0.0.0")
    (True, False)
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
