"""How ``fit`` grows with the tracks, and what it costs that many are not learned from exactly.

The rows are made in the run: labels of several styles each, artists who lie somewhere in a style,
tracks who lie around their artist, in few dimensions that many columns show with noise.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from audiogenre import approximation
from audiogenre.catalog import Catalog
from audiogenre.classifiers.mapped import MappedSvcClassifier
from audiogenre.classifiers.svc import EXACT_ROWS
from audiogenre.dataset import load_dataset
from audiogenre.store import FeatureStore, write_part
from audiogenre.typing import Label, Track

Row = dict[str, Any]
LABELS = ("blues", "classical", "country", "disco", "folk", "jazz", "metal", "pop", "rock", "soul")
SET = "made"
DIMENSIONS, STYLES, FAMILIES = 10, 5, 8
TRACKS_AN_ARTIST = 10
PART = 2000  # rows


def fitting(*, sizes: tuple[int, ...], columns: int = 400, jobs: int = 2) -> list[Row]:
    """Run the real command on stores of growing size, each in a process of its own.

    Returns
    -------
    rows : list of dict
        Minutes, peak memory and accuracy of each size, SVC and logistic regression, and the
        exponent of growth between sizes that are learned from in the same way.
    """
    rows, found = [], []
    for n in sizes:
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder)
            make_store(data, n, columns)
            protocol = (
                f"audiogenre fit on {columns} made columns and {len(LABELS)} labels, {jobs} "
                "processes, one run; memory is the largest sum over them"
            )
            seconds, megabytes, result = _fit(data, "svc", jobs)
            found.append((n, seconds))
            kind = "mapped" if result["approximation"] else "exact"
            values = [
                (f"{n} tracks ({kind})", seconds / 60, "minutes"),
                (f"{n} tracks ({kind}): peak memory", megabytes / 1024, "GB"),
                (f"{n} tracks ({kind}): test accuracy", 100 * result["test_accuracy"], "%"),
            ]
            if n == sizes[0]:
                straight = _fit(data, "linear", jobs)[2]["test_accuracy"]
                values.append((f"{n} tracks (linear): test accuracy", 100 * straight, "%"))
            rows += [_row(*each, protocol) for each in values]
    return rows + _growth(found, protocol)


def approximated(*, n_train: int = 20_000, columns: int = 400) -> list[Row]:
    """Compare the exact SVC with the mapped one, learned from the same rows, on the same tracks."""


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
