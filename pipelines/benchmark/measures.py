"""What is measured. Each function returns rows of ``{what, value, unit, protocol}``."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from joblib import parallel_config
from threadpoolctl import threadpool_limits

from audiogenre import attributes as estimates
from audiogenre import download as download_command
from audiogenre import evaluation
from audiogenre.audio import decode
from audiogenre.candidates import nested_predictions
from audiogenre.catalog import Catalog
from audiogenre.classifiers import CLASSIFIERS
from audiogenre.dataset import load_dataset
from audiogenre.extraction import default_fingerprints, feature_set
from audiogenre.features import BASELINE, FULL, MUSICNN
from audiogenre.parts import Item, Part, cut_up, extract_part, plan, run_parts
from audiogenre.pool import keep_memory
from audiogenre.splits import grouped_folds
from audiogenre.store import FeatureStore
from pipelines.benchmark import recipes

Row = dict[str, Any]
SETS = ("baseline", "full")


def _row(what: str, value: float, unit: str, protocol: str, **more: Any) -> Row:
    return {"what": what, "value": float(value), "unit": unit, "protocol": protocol, **more}


def speed(clips: Sequence[Path]) -> list[Row]:
    """Time each route on every clip, in turn, on one core; ratios are medians over clips."""

    def ours(*compute: Callable[..., Any]) -> Callable[[Path], None]:
        def work(path: Path) -> None:
            y, sr = decode(path)
            for each in compute:
                each(y, sr)

        return work

    routes: dict[str, Callable[[Path], Any]] = {
        "decode only (soundfile.read)": recipes.decode_only,
        "decode, mono, resample": decode,
        "baseline": ours(BASELINE.compute),
        "full": ours(FULL.compute),
        "baseline and full, one decode": ours(BASELINE.compute, FULL.compute),
        "baseline by plain librosa": recipes.plain_librosa_file,
        "baseline by the earlier work's recipe": recipes.earlier_work,
    }
    with threadpool_limits(1):
        for work in routes.values():
            work(clips[0])
        times = np.array([[seconds(work, clip) for work in routes.values()] for clip in clips])
    protocol = f"CPU time, one core, every route in turn on each of {len(clips)} clips, median"
    rows = []
    for place, name in enumerate(routes):
        share = np.median(times[:, place] / times[:, 0])
        milliseconds = 1e3 * np.median(times[:, place])
        rows.append(_row(name, milliseconds, "ms a clip", protocol, decode_only=float(share)))
    names = list(routes)
    for slow in ("baseline by plain librosa", "baseline by the earlier work's recipe"):
        ratio = np.median(times[:, names.index(slow)] / times[:, names.index("baseline")])
        rows.append(_row(f"{slow}: times baseline", ratio, "x", protocol))
    return rows


def seconds(work: Callable[[Path], Any], clip: Path) -> float:
    """Time the processor's work, which depends little on what else the machine does."""
    started = time.process_time()
    work(clip)
    return time.process_time() - started


def workers(clips: Sequence[Path], *, rounds: int = 3) -> list[Row]:
    """Extract both sets with one worker and with two, in turn; the pool is warm."""
    items = [item(clip, number) for number, clip in enumerate(clips)]
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(rounds):
        for jobs, found in rates.items():
            with tempfile.TemporaryDirectory() as folder, parallel_config(backend="loky"):
                store = FeatureStore(Path(folder))
                warm = [Part((item,), SETS, store.root) for item in items[:jobs]]
                run_parts(warm * 2, jobs=jobs, store=store, handle=lambda report: None)
                parts = [Part(tuple(cut), SETS, store.root) for cut in cut_up(items, jobs)]
                started = time.perf_counter()
                run_parts(parts, jobs=jobs, store=store, handle=lambda report: None)
                found.append(len(items) / (time.perf_counter() - started))
    protocol = f"{len(items)} clips, both sets, warm pool, one and two in turn {rounds} times"
    ratio = np.median(np.array(rates[2]) / np.array(rates[1]))
    return [
        _row("one worker", float(np.median(rates[1])), "clips a second", protocol),
        _row("two workers", float(np.median(rates[2])), "clips a second", protocol),
        _row("two workers: times one worker", float(ratio), "x", protocol),
    ]


def item(clip: Path, number: int) -> Item:
    """Return a clip as the unit of extraction, under a number instead of a hash."""
    stat = clip.stat()
    return Item(f"clip:{number:06d}", str(clip), "", stat.st_size, stat.st_mtime_ns)


def memory(clips: Sequence[Path], *, few: int = 300, many: int = 3000) -> list[Row]:
    """Peak memory of one worker process after few and after many clips."""
    rows = []
    for count in (few, many):
        code = (
            "import sys; from pathlib import Path; from pipelines.benchmark import measures; "
            "print(measures.peak_after([Path(p) for p in sys.argv[2:]], int(sys.argv[1])))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(count), *map(str, clips)],
            check=True,
            capture_output=True,
            text=True,
        )
        protocol = "peak resident size of a process that extracts both sets, parts of 20 clips"
        rows.append(_row(f"after {count} clips", float(done.stdout), "MB", protocol))
    return rows


def peak_after(clips: Sequence[Path], count: int) -> float:
    """Extract `count` clips in this process and return its peak memory in megabytes."""
    keep_memory()
    items = [item(clips[number % len(clips)], number) for number in range(count)]
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        for start in range(0, count, 20):
            extract_part(Part(tuple(items[start : start + 20]), SETS, Path(folder)))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def parity(clips: Sequence[Path]) -> list[Row]:
    """Compare `baseline` with a plain librosa computation, column by column."""
    differences = []
    for clip in clips:
        y, sr = decode(clip)
        reference = recipes.plain_librosa(y, sr)
        ours = BASELINE.compute(y, sr).astype(np.float64)
        scale = np.maximum(np.abs(reference), np.finfo(np.float32).tiny)
        equal = np.abs(ours - reference) <= np.finfo(np.float32).tiny
        differences.append(np.where(equal, 0.0, np.abs(ours - reference) / scale))
    found = np.array(differences)
    protocol = f"relative difference, {len(clips)} clips x {found.shape[1]} columns"
    return [
        _row("largest", found.max(), "", protocol),
        _row("median", float(np.median(found)), "", protocol),
    ]


def accuracy(data: Path, *, seeds: int = 5, jobs: int = 2) -> list[Row]:
    """Nested artist-grouped accuracy of the SVC, by best score and under the tolerance."""
    return [row for name in SETS for row in _nested(data, name, seeds=seeds, jobs=jobs)]


def musicnn(data: Path, clips: Sequence[Path], *, seeds: int = 5, jobs: int = 2) -> list[Row]:
    """Nested accuracy on what a pretrained network hears, alone and with `full`, and its cost."""
    extract(data, [MUSICNN.name], jobs=jobs)
    names = (MUSICNN.name, f"full+{MUSICNN.name}")
    rows = [row for name in names for row in _nested(data, name, seeds=seeds, jobs=jobs)]
    return [*rows, *_costs(MUSICNN.compute, clips)]


def attributes(data: Path, clips: Sequence[Path], *, seeds: int = 5, jobs: int = 2) -> list[Row]:
    """Nested accuracy of the SVC on estimated attributes alone, and what estimating costs."""
    extract(data, [estimates.NAME], jobs=jobs)
    rows = _nested(data, estimates.NAME, seeds=seeds, jobs=jobs)
    return [*rows, *_costs(estimates.estimate, clips)]


def _costs(compute: Callable[..., Any], clips: Sequence[Path]) -> list[Row]:
    """Time decoding alone, and decoding with computing, clip by clip on one core."""
    with threadpool_limits(1):
        compute(*decode(clips[0]))
        times = [
            (seconds(decode, clip), seconds(lambda path: compute(*decode(path)), clip))
            for clip in clips
        ]
    alone, whole = 1e3 * np.median(times, axis=0)
    protocol = f"CPU time, one core, {len(clips)} clips, median over clips"
    return [
        _row("decode, mono, resample (one core, median)", alone, "ms a clip", protocol),
        _row("decode and compute (one core, median)", whole, "ms a clip", protocol),
    ]


def _nested(data: Path, name: str, *, seeds: int, jobs: int) -> list[Row]:
    with Catalog(data / "catalog.db") as catalog:
        dataset = load_dataset(
            catalog,
            FeatureStore.of(data),
            features="spotify" if name == estimates.NAME else "extracted",
            set_name=name,
            fingerprints=default_fingerprints(),
        )
    rules = {"best score": float("inf"), "tolerance 0.05": 0.05}
    predicted = nested_predictions(
        dataset, CLASSIFIERS["svc"], seeds=range(seeds), tolerances=[*rules.values()], jobs=jobs
    )
    n_folds = len(grouped_folds(dataset.y, dataset.groups, seed=0))
    protocol = (
        f"nested, {n_folds} artist-grouped outer folds x {seeds} seeds, n = {len(dataset.y)}, "
        f"{len(dataset.labels)} labels, interval over artists"
    )
    called = "estimated attributes" if name == estimates.NAME else name
    rows = []
    for rule, tolerance in rules.items():
        right = (predicted[tolerance] == dataset.y).astype(np.float64)
        low, high = evaluation.interval(right.mean(axis=0), dataset.groups)
        rows.append(
            _row(
                f"svc on {called}, {rule}",
                100 * right.mean(),
                "%",
                protocol,
                interval=[100 * low, 100 * high],
                by_seed=[round(100 * each, 1) for each in right.mean(axis=1)],
            )
        )
    costs = rows[0]["value"] - rows[1]["value"]
    return [*rows, _row(f"what the tolerance costs on {called}", costs, "points", protocol)]


def prepare(data: Path, music: Path | None) -> list[Path]:
    """Fill a data folder from a folder of music, or from the sample, and extract it.

    Returns
    -------
    clips : list of Path
        Every preview that has features.
    """
    source = ["--source", "folder", "--path", str(music)] if music else ["--per-genre", "20"]
    if download_command.main(["--data", str(data), "-q", *source]) > 1:
        raise SystemExit(2)
    extract(data, SETS, jobs=2)
    store = FeatureStore.of(data)
    known = store.known(store.directory("full", feature_set("full").fingerprint))
    with Catalog(data / "catalog.db") as catalog:
        previews = catalog.previews()
    return [data / previews[track_id].path for track_id in sorted(known)]


def extract(data: Path, names: Sequence[str], *, jobs: int) -> None:
    """Compute sets where they are not there yet."""
    store = FeatureStore.of(data)
    with Catalog(data / "catalog.db") as catalog:
        planned = plan(catalog, store, data, names, jobs=jobs)
    run_parts(planned.parts, jobs=jobs, store=store, handle=lambda report: None)
