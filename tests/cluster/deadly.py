"""Loaded by a worker (``--preload``): the clip that ``DEADLY`` names ends whoever computes it."""

from __future__ import annotations

import os
import signal

from audiogenre import cluster
from audiogenre.parts import Part, Report, extract_part


def deadly(part: Part) -> Report:
    if os.environ["DEADLY"] in [item.track_id for item in part.items]:
        os.kill(os.getpid(), signal.SIGKILL)
    return extract_part(part)


cluster.extract_part = deadly
