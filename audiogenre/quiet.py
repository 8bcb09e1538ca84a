"""The C library's stderr, held back while a decoder is at work."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_users = 0
_saved = -1


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Send the C library's stderr nowhere: libmpg123 reports damage there, not to its caller.

    Several threads may be inside; the first one in redirects, the last one out restores.
    """
    global _users, _saved
    with _lock:
        if _users == 0:
            _saved = _silence()
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0 and _saved >= 0:
                os.dup2(_saved, 2)
                os.close(_saved)


def _silence() -> int:
    """Point file descriptor 2 nowhere; return a duplicate of what it was, -1 if it was closed."""
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:
        return -1
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return saved
