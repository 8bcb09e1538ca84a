"""``audiogenre predict --undo-tags``: the other way round, which takes no model."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from audiogenre import tagging
from audiogenre.arguments import audio_files, make_parser
from audiogenre.cli import Output, printable, run
from audiogenre.errors import EXIT_DONE, EXIT_SOME_FAILED, TagError


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    p = make_parser(
        "predict",
        "Give audio files the genre and mood tags back that they had before --write-tags.",
        "  audiogenre predict --undo-tags ~/music --dry-run\n"
        "  audiogenre predict --undo-tags ~/music",
    )
    p.add_argument(tagging.UNDO, action="store_true", required=True, help="instead of a MODEL")
    p.add_argument("path", nargs="+", metavar="PATH", help="audio files, folders or patterns")
    p.add_argument("--dry-run", action="store_true", help="show it and write nothing")
    return p


def command(args: argparse.Namespace, out: Output) -> int:
    """Run the command."""
    files: list[dict[str, Any]] = []
    for path in audio_files(args.path):
        changes, error = [], None
        try:
            changes = tagging.undo(path, dry_run=args.dry_run)
            said = "; ".join(map(str, changes)) or "no earlier tag is kept here: left as it is"
        except TagError as problem:
            said = error = str(problem)
        out.say(printable(f"{path}: {said}"))
        files.append(
            {"path": str(path), "changes": [asdict(each) for each in changes], "error": error}
        )
    if args.dry_run:
        out.note("nothing was written (--dry-run)")
    out.result({"files": files})
    return EXIT_SOME_FAILED if any(each["error"] for each in files) else EXIT_DONE


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``audiogenre predict --undo-tags``; return the exit code."""
    return run(command, parser(), argv, resumes=True)
