"""``audiogenre download``: fill the catalogue and fetch previews."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from audiogenre.cli import Output, exclusive, make_parser, positive, run
from audiogenre.errors import EXIT_DONE, EXIT_SOME_FAILED, UsageError
from audiogenre.typing import LABEL_KINDS, Source

_SOURCE_OPTIONS = (
    "genre",
    "per_genre",
    "seed",
    "path",
    "labels",
    "label",
    "id_column",
    "label_column",
    "artist_column",
    "label_names",
    "set",
)


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    p = make_parser(
        "download",
        "Fill the catalogue with tracks and labels, and fetch previews that are missing. Without "
        "--source: the sources of audiogenre.toml if there is one, else the embedded sample.",
        "  audiogenre download --source folder --path ~/music --labels tags\n"
        "  audiogenre download --source table --path spotify.csv\n"
        "  audiogenre download --source sample --per-genre 40",
    )
    p.add_argument("--source", metavar="SOURCE", help="sample, folder or table")
    p.add_argument("--config", type=Path, metavar="FILE", help="sources to read (audiogenre.toml)")
    p.add_argument("--limit", type=positive(int), metavar="N", help="look at N tracks at most")
    p.add_argument("--retry-failed", action="store_true", help="try again what failed before")
    p.add_argument("--dry-run", action="store_true", help="only say what would be done")
    p.add_argument("--jobs", type=positive(int), metavar="N", help="previews got at once (cores)")
    sample = p.add_argument_group("sample: synthetic clips, rendered here")
    sample.add_argument("--genre", action="append", metavar="GENRE", help="repeatable; default all")
    sample.add_argument("--per-genre", type=positive(int), metavar="N", help="clips a genre (30)")
    sample.add_argument("--seed", type=int, metavar="N", help="another seed, other clips (0)")
    folder = p.add_argument_group("folder and table")
    folder.add_argument("--path", metavar="PATH", help="the folder, or the CSV or Parquet file")
    folder.add_argument(
        "--labels",
        choices=("folder", "manifest", "tags"),
        help="folder: from folder names, manifest.csv, or the files' tags",
    )
    folder.add_argument("--label", choices=LABEL_KINDS, help="what the labels are (genre)")
    table = p.add_argument_group("table (columns are guessed from the usual names)")
    table.add_argument("--id-column", metavar="NAME")
    table.add_argument("--label-column", metavar="NAME")
    table.add_argument("--artist-column", metavar="NAME")
    table.add_argument("--label-names", metavar="A,B,...", help="names of the labels 0, 1, ...")
    table.add_argument("--set", metavar="NAME", help="what to call columns that are not Spotify's")
    return p


def command(args: argparse.Namespace, out: Output) -> int:
    """Run the command."""
    from audiogenre.acquisition import Outcome, download
    from audiogenre.catalog import Catalog
    from audiogenre.sources import make_source
    from audiogenre.store import FeatureStore

    sources = [make_source(name, options) for name, options in _wanted(args)]
    total = Outcome()
    database = args.data / "catalog.db"
    if args.dry_run and not database.is_file():
        database = Path(":memory:")
    alone = nullcontext() if args.dry_run else exclusive(args.data / ".download.lock", out)
    with alone, Catalog(database) as catalog:
        for source in sources:
            with _Bar(out, source.name) as bar:
                outcome = download(
                    source,
                    catalog,
                    args.data,
                    jobs=args.jobs or _cores(),
                    limit=args.limit,
                    retry_failed=args.retry_failed,
                    dry_run=args.dry_run,
                    progress=bar,
                )
            _report(source.name, source.notes, outcome, out, dry_run=args.dry_run)
            for key in ("seen", "new", "fetched", "failed"):
                setattr(total, key, getattr(total, key) + getattr(outcome, key))
    out.result(
        {
            "source": ",".join(source.name for source in sources),
            "seen": total.seen,
            "new": total.new,
            "fetched": total.fetched,
            "failed": total.failed,
        }
    )
    if not args.dry_run:
        out.say(f"next: {_next_step(sources, FeatureStore(args.data / 'features').sets())}")
    return EXIT_SOME_FAILED if total.failed else EXIT_DONE


def _wanted(args: argparse.Namespace) -> list[tuple[str, dict[str, Any]]]:
    """Which sources, with which options: the command line, else the file, else the sample."""
    from audiogenre.config import DEFAULT, read_sources

    given = {o: value for o in _SOURCE_OPTIONS if (value := getattr(args, o)) is not None}
    if "genre" in given:
        given["genre"] = tuple(given["genre"])
    if args.source is not None:
        return [(args.source, given)]
    if args.config is None and (given or not DEFAULT.is_file()):
        if "path" in given:
            raise UsageError("say what lies at --path with --source folder or --source table")
        return [("sample", given)]
    if given:
        raise UsageError("options of a source go into the file that --config names, or to --source")
    return read_sources(args.config or DEFAULT)


def _next_step(sources: list[Source], sets: list[str]) -> str:
    if any(source.name != "table" for source in sources):
        return "audiogenre extract"
    return f"audiogenre fit --features {'spotify' if 'spotify' in sets else 'extracted'}"


def _report(source: str, notes: list[str], outcome: Any, out: Output, *, dry_run: bool) -> None:
    for note in notes:
        out.say(f"{source}: {note}")
    would = "would be " if dry_run else ""
    if outcome.corrected:
        out.say(f"{source}: {outcome.corrected} tracks corrected")
    if outcome.gone:
        out.say(f"{source}: {outcome.gone} files are gone; their labels no longer count")
    if outcome.new or outcome.fetched or outcome.failed:
        text = f"{outcome.seen} tracks seen, {outcome.new} {would}new, {outcome.fetched} previews"
        out.say(f"{source}: {text} {would}added")
    else:
        out.say(f"{source}: {outcome.seen} tracks seen, nothing to do")
    for reason, count in outcome.reasons.most_common():
        out.say(f"{source}: {count} failed: {reason}")
    if outcome.failed:
        out.say(f"{source}: 'audiogenre status' tells more of failures")
    if outcome.waiting:
        out.say(f"{source}: {outcome.waiting} failed before and were left alone (--retry-failed)")


class _Bar:
    """A progress bar that counts by outcome, on a terminal."""

    def __init__(self, out: Output, what: str) -> None:
        self._bar = out.bar(total=0, unit="track", what=what)
        self._counts: dict[str, int] = {}

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def __call__(self, step: str) -> None:
        self._counts[step] = self._counts.get(step, 0) + 1
        self._bar.set_postfix(self._counts, refresh=False)
        self._bar.update()


def _cores() -> int:
    from joblib import cpu_count

    return int(cpu_count())


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``audiogenre download``; return the exit code."""
    return run(command, parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
