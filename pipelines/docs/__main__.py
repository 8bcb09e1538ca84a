"""``python -m pipelines.docs``: draw the figures of the gallery by the commands that draw them."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

GENRES = ("lantern waltz", "iron stomp", "velvet drift", "neon relay", "tin carnival")
PER_GENRE = 24
MODEL = "extracted-full"
COMMANDS: tuple[tuple[str, ...], ...] = (
    (
        "download",
        "--source",
        "sample",
        "--per-genre",
        str(PER_GENRE),
        *(each for genre in GENRES for each in ("--genre", genre)),
    ),
    ("extract",),
    ("fit", "--features", "extracted"),
    ("explore", "--suspects", "--set", "baseline"),
)


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    p = argparse.ArgumentParser(
        prog="python -m pipelines.docs",
        description="Draw the figures of the documentation's gallery: a sample, its features, a "
        "model and what explore finds, by the commands themselves. 'make docs' does it.",
        epilog="example:\n  python -m pipelines.docs --out build/docs",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument(
        "--out",
        type=Path,
        default=Path("build/docs"),
        metavar="DIR",
        help="where data, models and figures go (%(default)s)",
    )
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Run the commands and collect their figures; return the exit code."""
    out = parser().parse_args(argv).out
    common = ("--data", str(out / "data"), "--models", str(out / "models"), "--quiet")
    for command, *options in COMMANDS:
        code = int(import_module(f"audiogenre.{command}").main([*options, *common]))
        if code:
            return code
    figures = out / "figures"
    shutil.rmtree(figures, ignore_errors=True)
    figures.mkdir(parents=True)
    for path in sorted((out / "models").rglob("*.png")):
        part = "explore" if path.parent.name.startswith("explore") else "fit"
        shutil.copy(path, figures / f"{part}-{path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
