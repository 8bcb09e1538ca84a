"""``audiogenre relabel``: a correction with its provenance; the first label is kept."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiogenre.arguments import make_parser
from audiogenre.cli import Output, printable, run
from audiogenre.errors import EXIT_DONE, UsageError
from audiogenre.typing import LABEL_KINDS

if TYPE_CHECKING:
    from audiogenre.catalog import Catalog
    from audiogenre.corrections import Change, Correction
    from audiogenre.typing import Track


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    p = make_parser(
        "relabel",
        "Correct the label of a track, or of many from a file. What its source says stays in the "
        "catalogue, and your label counts from the next fit on. Without arguments: list the "
        "corrections that were made.",
        "  audiogenre relabel 'little wing' rock --note 'guitar all through'\n"
        "  audiogenre relabel folder:0099ca86275db6d9 --undo\n"
        "  audiogenre explore --suspects && audiogenre relabel --csv reviewed.csv",
    )
    p.add_argument(
        "track",
        nargs="?",
        metavar="TRACK",
        help="an id, a file, or a part of artist and title that only one track has",
    )
    p.add_argument("label", nargs="?", metavar="LABEL", help="what it is")
    p.add_argument(
        "--kind", choices=LABEL_KINDS, default="genre", help="of the label (%(default)s)"
    )
    p.add_argument("--note", metavar="TEXT", help="why, kept with the label")
    p.add_argument("--undo", action="store_true", help="let the first label count again")
    p.add_argument(
        "--csv",
        type=Path,
        metavar="FILE",
        help="corrections with the columns track_id, label and, if you like, note; all or none",
    )
    return p


def command(args: argparse.Namespace, out: Output) -> int:
    """Run the command."""
    from audiogenre.catalog import Catalog
    from audiogenre.corrections import Relabeller

    _check(args)
    database = args.data / "catalog.db"
    if not database.is_file():
        raise UsageError(f"there is no catalogue in {args.data}; run 'audiogenre download' first")
    with Catalog(database) as catalog:
        tracks = catalog.known()
        if args.track is None and args.csv is None:
            return _list(catalog, tracks, out)
        relabeller = Relabeller(catalog, args.kind)
        wanted = _wanted(args, catalog, tracks)
        for label in sorted({each.label for each in wanted if each.label}):
            if not relabeller.is_known(label):
                alike = relabeller.alike(label)
                meant = f"; did you mean {alike!r}?" if alike else ""
                out.note(f"no other track has the {args.kind} {label!r} yet{meant}")
        changes = relabeller.apply(wanted)
    for each in changes:
        out.say(_sentence(each, tracks))
    unchanged = len(wanted) - len(changes)
    if unchanged:
        out.say(f"{unchanged} of {len(wanted)} as before: nothing to change")
    if changes:
        out.next("fit")
    out.result({"kind": args.kind, "changed": [vars(x) for x in changes], "unchanged": unchanged})
    return EXIT_DONE


def _check(args: argparse.Namespace) -> None:
    if args.csv is not None:
        if args.track is not None or args.undo or args.note:
            raise UsageError("--csv stands alone: the file says which tracks, labels and notes")
    elif args.undo:
        if args.track is None or args.label is not None:
            raise UsageError("--undo takes a TRACK and no LABEL")
    elif args.track is not None and not (args.label or "").strip():
        raise UsageError(f"what is {args.track!r}? Give a LABEL, or --undo")
    elif args.track is None and args.note:
        raise UsageError("--note goes with a TRACK and a LABEL")


def _wanted(
    args: argparse.Namespace, catalog: Catalog, tracks: Mapping[str, Track]
) -> list[Correction]:
    from audiogenre.corrections import Correction, find_track, read_csv

    if args.csv is not None:
        return read_csv(args.csv, tracks)
    paths = {key: each.path for key, each in catalog.previews().items()}
    track_id = find_track(tracks, paths, args.data, args.track)
    return [Correction(track_id, None if args.undo else args.label, args.note)]


def _sentence(change: Change, tracks: Mapping[str, Track]) -> str:
    from audiogenre.corrections import named

    before, after = (each or "no label" for each in (change.before, change.after))
    return printable(f"{change.track_id} ({named(tracks[change.track_id])}): {before} -> {after}")


def _list(catalog: Catalog, tracks: Mapping[str, Track], out: Output) -> int:
    from audiogenre.corrections import named

    rows: list[dict[str, Any]] = [
        {"track_id": track_id, "kind": kind, "label": label, "note": note}
        for track_id, kind, label, note, _ in catalog.corrections()
    ]
    for each in rows:
        note = f" ({each['note']})" if each["note"] else ""
        name = named(tracks[each["track_id"]])
        out.say(printable(f"{each['track_id']} ({name}): {each['kind']} {each['label']}{note}"))
    if not rows:
        out.say("no label was corrected yet; 'audiogenre explore --suspects' finds candidates")
    out.result({"corrections": rows})
    return EXIT_DONE


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``audiogenre relabel``; return the exit code."""
    return run(command, parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
