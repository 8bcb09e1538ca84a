"""How long a model takes to be there, and what predicting adds to computing features."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from audiogenre import fit
from audiogenre.bundles import load_bundle
from audiogenre.measuring import measure_file
from audiogenre.metadata import sets_of

Row = dict[str, Any]
NAME = "predicting"
_LOAD = "from audiogenre.bundles import load_bundle; load_bundle({!r})"
# What a model file needs, whoever reads it.
_LIBRARIES = "import numpy, pandas, sklearn.svm, skops.io"


def predicting(data: Path, clips: Sequence[Path], *, rounds: int = 7) -> list[Row]:
    """Time loading in fresh processes; then the whole way of many clips, with extraction alone."""
    fitted = ["--data", str(data), "--models", str(data / "models"), "--name", NAME, "--quiet"]
    if fit.main([*fitted, "--jobs", "1"]):
        raise SystemExit(1)
    folder = data / "models" / NAME
    codes = ("pass", _LIBRARIES, _LOAD.format(str(folder)))
    for code in codes:
        _run(code)  # bytecode and disk cache
    started, libraries, loaded = np.median(
        [[_run(code) for code in codes] for _ in range(rounds)], axis=0
    )
    bundle = load_bundle(folder)
    chosen = sets_of(bundle.metadata)
    with threadpool_limits(1):
        measure_file(clips[0], chosen, False, False, False, None)
        list(bundle.predict_each(clips[:1]))
        alone, whole = np.sum([_both(bundle, chosen, clips) for _ in range(3)], axis=0)
    fresh = f"median of {rounds} fresh processes in turn, start of Python included"
    many = f"{len(clips)} clips in one process, in turn with extraction alone three times"
    clip = 1e3 / (3 * len(clips))
    return [
        {"what": what, "value": float(value), "unit": unit, "protocol": protocol}
        for what, value, unit, protocol in (
            ("start of Python", started, "s", fresh),
            ("import of pandas, scikit-learn and skops", libraries, "s", fresh),
            ("model loaded", loaded, "s", fresh),
            ("extraction alone", clip * alone, "ms a clip", many),
            ("prediction", clip * whole, "ms a clip", many),
            ("prediction: times extraction alone", whole / alone, "x", many),
        )
    ]


def _both(bundle: Any, chosen: Any, clips: Sequence[Path]) -> tuple[float, float]:
    started = time.perf_counter()
    for clip in clips:
        measure_file(clip, chosen, False, False, False, None)
    between = time.perf_counter()
    list(bundle.predict_each(clips))
    return between - started, time.perf_counter() - between


def _run(code: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started
