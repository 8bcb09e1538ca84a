"""How ``fit`` grows with the tracks, and what it costs that many are not learned from exactly.

The rows are made in the run: labels of several styles each, artists who lie somewhere in a style,
tracks who lie around their artist, in few dimensions that many columns show with noise.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from audiogenre import approximation
from audiogenre.catalog import Catalog
from audiogenre.classifiers.svc import EXACT_ROWS
from audiogenre.store import FeatureStore, write_part
from audiogenre.typing import Label, Track

Row = dict[str, Any]
LABELS = ("blues", "classical", "country", "disco", "folk", "jazz", "metal", "pop", "rock", "soul")
SET = "made"
DIMENSIONS, STYLES, FAMILIES = 10, 5, 8
TRACKS_AN_ARTIST = 10
PART = 2000  # rows
QUICK: dict[str, Any] = {
    "sizes": (300, 600),
    "columns": 24,
    "n_train": 2000,
    "n_test": 500,
    "jobs": 1,
}
SIZES = (1000, 3000, 10_000, 30_000, 100_000)


def fitting(
    sizes: Sequence[int] = SIZES,
    *,
    columns: int = 400,
    n_train: int = EXACT_ROWS,
    n_test: int = 5000,
    jobs: int = 2,
) -> list[Row]:
    """Run the real command on stores of growing size, then compare exact and mapped SVC.

    Returns
    -------
    rows : list of dict
        Minutes, peak memory and accuracy of each size, the exponent of growth from one size to the
        next if both learn in the same way, and what the map costs.
    """
    protocol = (
        f"audiogenre fit on {columns} made columns and {len(LABELS)} labels, {jobs} processes, one "
        "run; memory is the largest sum over them"
    )
    rows: list[Row] = []
    before: tuple[str, int, float] | None = None
    for n in sizes:
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder)
            make_store(data, n, columns)
            seconds, megabytes, result = _fit(data, "svc", jobs)
            kind = "mapped" if result["approximation"] else "exact"
            what = f"{n} tracks ({kind})"
            rows += [
                _row(what, seconds / 60, "minutes", protocol),
                _row(f"{what}: peak memory", megabytes / 1024, "GB", protocol),
                _row(f"{what}: test accuracy", 100 * result["test_accuracy"], "%", protocol),
            ]
            if before and before[0] == kind:
                exponent = np.log(seconds / before[2]) / np.log(n / before[1])
                rows.append(_row(f"{what}: exponent of time", exponent, "", protocol))
            before = kind, n, seconds
            if n == sizes[0]:
                straight = 100 * _fit(data, "linear", jobs)[2]["test_accuracy"]
                rows.append(_row(f"{n} tracks (linear): test accuracy", straight, "%", protocol))
    return rows + approximated(n_train, n_test, columns=columns)


def approximated(n_train: int, n_test: int, *, columns: int = 400) -> list[Row]:
    """Compare the mapped SVC with the exact one, learned from the same rows, on the same tracks."""
    X, codes, artist = made(max(6 * n_test, round(1.3 * n_train)), columns, seed=1)
    found = approximation.compare(
        X.astype(np.float64),
        np.array(LABELS)[codes],
        artist,
        tuple(f"{SET}/{i * FAMILIES // columns}" for i in range(columns)),
        gamma=1.0,
        n_train=n_train,
        n_test=n_test,
    )
    protocol = (
        f"learned from the same {found['n_train']} made rows, asked about the same "
        f"{found['n_test']} of other artists, gamma 1, penalties chosen on a fifth of those learned"
    )
    interval = [100 * bound for bound in found["interval"]]
    return [
        _row("exact SVC", 100 * found["exact"], "%", protocol),
        _row("mapped SVC", 100 * found["mapped"], "%", protocol),
        _row("mapped less exact", 100 * found["difference"], "points", protocol, interval=interval),
    ]


def _row(what: str, value: float, unit: str, protocol: str, **more: Any) -> Row:
    return {"what": what, "value": float(value), "unit": unit, "protocol": protocol, **more}


def make_store(data: Path, n: int, columns: int, *, seed: int = 0) -> None:
    """Write a catalogue and a feature store of made tracks.

    Parameters
    ----------
    data : Path
        A new data folder.
    n : int
        Tracks.
    """
    X, y, artist = made(n, columns, seed=seed)
    names = [f"f{i * FAMILIES // columns}_{i:04d}" for i in range(columns)]
    ids = [f"made:{i:07d}" for i in range(n)]
    with Catalog(data / "catalog.db") as catalog, catalog.transaction():
        for track_id, label, by in zip(ids, y, artist, strict=True):
            said = (Label("genre", LABELS[label], "made"),)
            song = f"Song {track_id}"
            catalog.add(Track(track_id, "made", said, title=song, artist=f"Artist {by}"), None)
    directory = FeatureStore(data / "features").directory(SET, "0" * 12)
    for start in range(0, n, PART):
        own = slice(start, start + PART)
        metadata = {"name": SET, "parameters": {"version": 1}}
        write_part(directory, ids[own], [""] * len(ids[own]), names, X[own], metadata)


def made(
    n: int, columns: int, *, seed: int = 0
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return rows, labels and artists of a problem that no straight line solves.

    Returns
    -------
    X : ndarray, shape (n, columns)
    y, artist : ndarray, shape (n,)
    """
    rng = np.random.default_rng(seed)
    styles = rng.normal(size=(len(LABELS) * STYLES, DIMENSIONS))
    shown = rng.normal(size=(DIMENSIONS, columns)) / np.sqrt(DIMENSIONS)
    n_artists = max(n // TRACKS_AN_ARTIST, 3 * len(styles))
    style = np.arange(n_artists) % len(styles)
    place = styles[style] + 0.4 * rng.normal(size=(n_artists, DIMENSIONS))
    artist = rng.integers(n_artists, size=n)
    X = np.empty((n, columns), dtype=np.float32)
    for start in range(0, n, PART):
        own = artist[start : start + PART]
        hidden = place[own] + 0.55 * rng.normal(size=(len(own), DIMENSIONS))
        X[start : start + PART] = hidden @ shown + 0.5 * rng.normal(size=(len(own), columns))
    return X, style[artist] // STYLES, artist


def _fit(data: Path, model: str, jobs: int) -> tuple[float, float, dict[str, Any]]:
    """Run the command; return how long it took (s), its peak memory (MB) and what it said."""
    command = [sys.executable, "-m", "audiogenre.fit", "--json", "--model", model, "--set", SET]
    command += ["--data", str(data), "--models", str(data / "models"), "--jobs", str(jobs)]
    started = time.perf_counter()
    with (data / "result.json").open("w+") as file:
        process = subprocess.Popen(command, stdout=file)
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, _resident(process.pid))
            time.sleep(0.2)
        seconds = time.perf_counter() - started
        if process.returncode:
            raise SystemExit(process.returncode)
        file.seek(0)
        return seconds, peak, json.load(file)


def _resident(pid: int) -> float:
    """Return the memory of a process and its children, in MB: what they share counts once."""
    own, shared = [], [0.0]
    waiting = [pid]
    while waiting:
        each = waiting.pop()
        try:
            children = Path(f"/proc/{each}/task/{each}/children").read_text().split()
            lines = Path(f"/proc/{each}/status").read_text().splitlines()
        except OSError:  # it is gone
            continue
        waiting += [int(child) for child in children]
        sizes = {line.split()[0]: line.split()[1] for line in lines if line.startswith("Rss")}
        own.append(int(sizes.get("RssAnon:", 0)) / 1024)
        shared.append(int(sizes.get("RssShmem:", 0)) / 1024)
    return sum(own) + max(shared)
