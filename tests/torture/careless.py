"""A command as it should not be: it writes in place, and an error of the disk is a traceback."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str]) -> int:
    path = Path(arguments[0])
    with path.open("w", buffering=1) as file:
        file.write("half\n")
        time.sleep(0.5)
        file.write("and half\n")
    return 0
