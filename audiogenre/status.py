"""``audiogenre status``: what the catalogue and the store hold, what failed and why."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from audiogenre.arguments import make_parser
from audiogenre.cli import Output, printable, run
from audiogenre.errors import EXIT_DONE


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    return make_parser(
        "status",
        "Show tracks by source, label and stage, and failures by reason; -v lists every one.",
        "  audiogenre status\n  audiogenre status --json",
    )


def command(args: argparse.Namespace, out: Output) -> int:
    """Run the command."""
    from audiogenre.catalog import Catalog
    from audiogenre.genres import FILE, GenreTree
    from audiogenre.store import FeatureStore

    store = FeatureStore.of(args.data)
    database = args.data / "catalog.db"
    if not database.is_file():
        out.say(f"there is no catalogue in {args.data} yet")
        out.say("next: audiogenre download")
        parts = ("sources", "labels", "sets", "failures", "items", "unmapped")
        out.result({part: [] for part in parts})
        return EXIT_DONE
    with Catalog(database) as catalog:
        counts = catalog.counts()
        counts["items"] = catalog.failed_items() if args.json or args.verbose else []
    tree = GenreTree.load(args.data / FILE)
    genres = [name for kind, name, _, _ in counts["labels"] if kind == "genre"]
    unmapped = [each for each in genres if not tree.is_known(each)]
    sets = [(name, store.count(name)) for name in store.sets()]
    keys = {
        "sources": ("source", "tracks", "previews"),
        "labels": ("kind", "label", "tracks", "previews"),
        "failures": ("stage", "reason", "count", "example"),
        "items": ("stage", "reason", "item", "detail", "attempts", "next_try"),
    }
    out.result(
        {name: [dict(zip(keys[name], row, strict=True)) for row in counts[name]] for name in keys}
        | {"sets": [{"set": name, "tracks": count} for name, count in sets], "unmapped": unmapped}
    )
    out.say("tracks by source")
    for source, tracks, previews in counts["sources"]:
        out.say(f"  {source}: {tracks}, {previews} with a preview")
    out.say("tracks by label")
    for kind, label, n_tracks, n_previews in counts["labels"]:
        counts_as = tree.label(label) if kind == "genre" else label
        other = f" (counts as {counts_as})" if counts_as != label else ""
        out.say(f"  {kind} {printable(label)}{other}: {n_tracks}, {n_previews} with a preview")
    if unmapped:
        out.say(f"genres that the tree does not know ({args.data / FILE} can place them)")
        out.say(f"  {printable(', '.join(unmapped))}")
    out.say("tracks by feature set")
    for name, n_rows in sets:
        out.say(f"  {name}: {n_rows}")
    if not sets:
        out.say("  none; next: audiogenre extract")
    out.say("failures")
    for stage, reason, count, example in counts["failures"]:
        out.say(f"  {stage}, {reason}: {count} (for example: {printable(example)})")
    for _, _, item, detail, attempts, _ in counts["items"] if args.verbose else ():
        out.say(f"    {item}, tried {attempts} times: {printable(detail)}")
    if not counts["failures"]:
        out.say("  none")
    return EXIT_DONE


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``audiogenre status``; return the exit code."""
    return run(command, parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
