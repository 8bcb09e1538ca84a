"""How fast ``download`` is, and how politely it asks, through a fake of Deezer on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from audiogenre.catalog import Catalog
from audiogenre.sources.deezer import DeezerSource

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
            seconds, megabytes = _run(here / "data", genres, environment, limit=per_genre)
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
        ("previews", count / seconds, "a second"),
        ("requests to the API", requests / seconds, "a second"),
        ("share of the pace", 100 * requests / seconds / (allowed / interval), "%"),
        ("most requests in 5 s (50 are allowed)", log["busiest_5s"], ""),
        ("peak memory", megabytes, "MB"),
    )
    return [
        {"what": what, "value": float(value), "unit": unit, "protocol": protocol}
        for what, value, unit in found
    ]


def _run(
    data: Path, genres: list[str], environment: dict[str, str], *, limit: int
) -> tuple[float, float]:
    """Run the command; return how long it took (s) and its peak resident size (MB)."""
    named = [part for each in genres for part in ("--genre", each)]
    options = ["--per-genre", str(limit), "--accept-terms", "--quiet", "--data", str(data)]
    command = [sys.executable, "-m", "audiogenre.download", "--source", "deezer", *named, *options]
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment)
    peak = 0.0
    while process.poll() is None:
        # The kernel's own high-water mark: what wait4 tells includes this process, before exec.
        peak = max(peak, high_water(process.pid))
        time.sleep(0.05)
    if process.returncode not in (0, 1):  # 1: some songs have no preview
        raise SystemExit(process.returncode)
    return time.perf_counter() - started, peak


def high_water(pid: int | str) -> float:
    """Return the largest resident size of a process so far, in MB; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    found = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(found[0]) / 1024 if found else 0.0
