"""``python -m pipelines.benchmark``: measure, print a table, keep it in ``models/benchmark``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

MEASURES = ("speed", "workers", "memory", "parity", "accuracy")
# Only when asked for: they take long, or need extras, programs of others or the tests.
EXTRA = (
    *("profile", "linear", "peers", "fit", "predict", "catalogue", "cluster", "download"),
    *("musicnn", "attributes", "phone"),
)


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    p = argparse.ArgumentParser(
        prog="python -m pipelines.benchmark",
        description="Measure speed, memory, parity with librosa and nested accuracy in one run, on "
        "a folder of music or on the embedded sample; compare ratios, not times.",
        epilog="example:\n  python -m pipelines.benchmark speed accuracy --music ~/music",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument(
        "measure",
        nargs="*",
        metavar="MEASURE",
        help=f"of {', '.join(MEASURES)} (all), and {', '.join(EXTRA)}",
    )
    p.add_argument("--music", type=Path, metavar="DIR", help="clips to measure on (the sample)")
    p.add_argument("--models", type=Path, default=Path("models"), metavar="DIR")
    p.add_argument("--seeds", type=int, default=5, metavar="N", help="repetitions of accuracy (5)")
    p.add_argument("--quick", action="store_true", help="few clips: tells only whether it works")
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measures asked for; return the exit code."""
    args = parser().parse_args(argv)
    wanted = args.measure or list(MEASURES)
    unknown = sorted(set(wanted) - {*MEASURES, *EXTRA})
    if unknown:
        there = ", ".join(MEASURES + EXTRA)
        print(f"there is no measure {unknown[0]!r}: {there}", file=sys.stderr)
        return 2
    if args.music and not args.music.is_dir():
        print(f"{args.music} is not a folder", file=sys.stderr)
        return 2
    from audiogenre.attributes import attribute_set
    from audiogenre.cluster import Cluster
    from audiogenre.errors import MissingExtraError
    from audiogenre.extraction import stored_set
    from audiogenre.phone import copy_name
    from audiogenre.pool import keep_memory
    from pipelines.benchmark import (
        catalogue,
        cluster,
        downloads,
        fitting,
        measures,
        peers,
        predicting,
        recordings,
        scale,
        stages,
    )

    try:
        if "musicnn" in wanted:
            stored_set("musicnn")
        if "attributes" in wanted:
            attribute_set()
        if "phone" in wanted:
            for name in recordings.SETS:
                stored_set(copy_name(name))
        if "cluster" in wanted:
            Cluster("tcp://127.0.0.1:8786")  # it says what is not installed
    except MissingExtraError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    keep_memory()  # as the workers of extract do
    seeds = 1 if args.quick else args.seeds
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        clips = measures.prepare(data, args.music)
        some = clips[:: max(1, len(clips) // 8)] if args.quick else clips
        run: dict[str, Any] = {
            "speed": lambda: measures.speed(some),
            "workers": lambda: measures.workers(some, rounds=1 if args.quick else 3),
            "memory": lambda: measures.memory(
                some, **({"few": 20, "many": 40} if args.quick else {})
            ),
            "parity": lambda: measures.parity(some),
            "accuracy": lambda: measures.accuracy(data, seeds=seeds),
            "profile": lambda: stages.profile(some, args.models / "benchmark"),
            "linear": lambda: scale.linear(some, sizes=scale.QUICK if args.quick else scale.SIZES),
            "peers": lambda: peers.peers(some),
            "musicnn": lambda: measures.musicnn(data, some, seeds=seeds),
            "attributes": lambda: measures.attributes(data, some, seeds=seeds),
            "phone": lambda: recordings.phone(data, seeds=seeds),
            "fit": lambda: fitting.fitting(**(fitting.QUICK if args.quick else {})),
            "predict": lambda: predicting.predicting(data, clips, rounds=3 if args.quick else 7),
            "catalogue": lambda: catalogue.catalogue(quick=args.quick),
            "cluster": lambda: cluster.cluster(
                some, **({"rounds": 1, "kills": 2} if args.quick else {})
            ),
            "download": lambda: downloads.download(per_genre=20 if args.quick else 120),
        }
        results = {}
        for name in wanted:
            results[name] = run[name]()
            print(_table(name, results[name]), flush=True)
    _write(args.models / "benchmark", results, len(clips), args)
    return 0


def _table(name: str, rows: list[dict[str, Any]]) -> str:
    width = max(len(row["what"]) for row in rows)
    lines = [name, f"  ({rows[0]['protocol']})"]
    for row in rows:
        more = ""
        if "decode_only" in row:
            more = f"  {row['decode_only']:5.2f} x decode only"
        if "share" in row:
            more = f"  {row['share']:5.1f} %"
        if "interval" in row:
            more = f"  (95 % interval {row['interval'][0]:.1f} to {row['interval'][1]:.1f})"
        lines.append(f"  {row['what']:<{width}}  {row['value']:9.4g} {row['unit']}{more}")
    return "\n".join(lines)


def _write(folder: Path, results: dict[str, Any], n_clips: int, args: argparse.Namespace) -> None:
    """Keep what this run measured; measures of other runs stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in results.items():
        record = {
            "measured": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "clips": n_clips,
            "music": "a folder" if args.music else "the sample",
            "quick": args.quick,
            "rows": rows,
        }
        (folder / f"{name}.json").write_text(json.dumps(record, indent=2) + "\n")
    tables = []
    for path in sorted(folder.glob("*.json")):
        record = json.loads(path.read_text())
        on = ", ".join(f"{key} {value}" for key, value in record["machine"].items())
        tables.append(f"{record['measured']}, {record['clips']} clips of {record['music']}; {on}")
        tables.append(_table(path.stem, record["rows"]) + "\n")
    text = "# Benchmark\n\n```\n" + "\n".join(tables) + "```\n"
    text += "".join(f"\n![{each.stem}]({each.name})\n" for each in sorted(folder.glob("*.png")))
    (folder / "README.md").write_text(text)
    print(f"kept in {folder}")


def machine() -> dict[str, Any]:
    """Return what measurements depend on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "scipy", "librosa", "soundfile")},
    }


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    sys.exit(main())
