"""How fast ``download`` is, and how politely it asks, through a fake of Deezer on this machine."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from audiogenre.catalog import Catalog
from audiogenre.sources.deezer import DeezerSource
from pipelines.benchmark.processes import Cost, watched

Row = dict[str, Any]
LATENCY = 0.05  # s before the fake answers


def download(*, per_genre: int = 120) -> list[Row]:
    """Download four genres in a process of its own; the fake has rendered its audio before."""
    try:
        from tests.services import Service
    except ImportError as error:
        raise SystemExit(
            "the measure 'download' needs the fake services in tests/: run it in a checkout, with "
            "the packages of the extra 'dev'"
        ) from error
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        options = {"tracks_per_genre": per_genre, "genres": 4, "pool": 2, "latency": LATENCY}
        with Service(here / "clips", **options) as service:
            genres = sorted({each["genre"] for each in service.catalogue()})
            environment = os.environ | service.environment()
            _run(here / "warm", genres, environment, limit=10)
            time.sleep(5)  # until what was asked no longer counts towards the limit
            service.clear_log()
            cost = _run(here / "data", genres, environment, limit=per_genre)
            log = service.log()
        with Catalog(here / "data" / "catalog.db") as catalog:
            count = len(catalog.previews())
    requests = sum(log["requests"]["api"]["deezer"].values())
    allowed, interval = DeezerSource.RATE
    protocol = (
        f"{count} previews in {len(genres)} genres from a fake Deezer with {1e3 * LATENCY:.0f} ms "
        "of latency, listing and start of Python included"
    )
    found = (
        ("previews", count / cost.seconds, "a second"),
        ("requests to the API", requests / cost.seconds, "a second"),
        ("share of the pace", 100 * requests / cost.seconds / (allowed / interval), "%"),
        ("most requests in 5 s (50 are allowed)", log["busiest_5s"], ""),
        ("peak memory", cost.megabytes, "MB"),
    )
    return [
        {"what": what, "value": float(value), "unit": unit, "protocol": protocol}
        for what, value, unit in found
    ]


def _run(data: Path, genres: list[str], environment: dict[str, str], *, limit: int) -> Cost:
    """Run the command; return what it took."""
    named = [part for each in genres for part in ("--genre", each)]
    options = ["--per-genre", str(limit), "--accept-terms", "--quiet", "--data", str(data)]
    command = [sys.executable, "-m", "audiogenre.download", "--source", "deezer", *named, *options]
    # 1: some songs have no preview
    return watched(command, environment=environment, allowed=(0, 1))
