"""``audiogenre download``: fill the catalogue and fetch previews."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiogenre.arguments import between, make_parser, positive
from audiogenre.cli import Output, agree, counted, exclusive, run
from audiogenre.errors import (
    EXIT_DONE,
    EXIT_SOME_FAILED,
    AudiogenreError,
    UsageError,
)
from audiogenre.sources import SOURCES, make_source
from audiogenre.typing import LABEL_KINDS, Source

if TYPE_CHECKING:
    from audiogenre.acquisition import Outcome
    from audiogenre.catalog import Catalog

_SOURCE_OPTIONS = (
    "genre",
    "mood",
    "playlist",
    "per_genre",
    "api_url",
    "max_wait",
    "client_id",
    "country",
    "seed",
    "path",
    "metadata",
    "labels",
    "label",
    "id_column",
    "label_column",
    "artist_column",
    "label_names",
    "set",
)
_THREADS = 8  # for sources that mostly wait


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    p = make_parser(
        "download",
        "Fill the catalogue with tracks and labels, and fetch previews that are missing. Without "
        "--source: the sources of audiogenre.toml if there is one, else the embedded sample.",
        "  audiogenre download --source folder --path ~/music --labels tags\n"
        "  audiogenre download --source deezer --genre rock --genre jazz --per-genre 200\n"
        "  audiogenre download --source jamendo --mood happy --mood sad\n"
        "  audiogenre download --source table --path spotify.csv",
    )
    p.add_argument("--source", metavar="SOURCE", help=", ".join(SOURCES))
    p.add_argument("--config", type=Path, metavar="FILE", help="sources to read (audiogenre.toml)")
    p.add_argument("--limit", type=positive(int), metavar="N", help="look at N tracks at most")
    p.add_argument("--retry-failed", action="store_true", help="try again what failed before")
    p.add_argument("--dry-run", action="store_true", help="only say what would be done")
    p.add_argument("--jobs", type=positive(int), metavar="N", help="previews got at once")
    p.add_argument("--accept-terms", action="store_true", help="accept the terms of the source")
    what = p.add_argument_group("what to list (sample, deezer, jamendo, itunes, spotify)")
    what.add_argument("--genre", action="append", metavar="GENRE", help="repeatable")
    what.add_argument("--mood", action="append", metavar="MOOD", help="jamendo: repeatable")
    what.add_argument(
        "--playlist", action="append", metavar="ID", help="deezer, spotify: id or link; repeatable"
    )
    what.add_argument(
        "--per-genre", type=positive(int), metavar="N", help="tracks listed a genre (sample 30)"
    )
    what.add_argument("--seed", type=int, metavar="N", help="sample: another seed, other clips (0)")
    service = p.add_argument_group("services")
    service.add_argument("--api-url", metavar="URL", help="base URL, for a proxy or a mirror")
    service.add_argument(
        "--max-wait",
        type=between(0, 86_400),
        metavar="SECONDS",
        help="how long a request may wait for a busy service before it is left alone (60)",
    )
    service.add_argument("--client-id", metavar="ID", help="jamendo: instead of the environment's")
    service.add_argument("--country", metavar="XX", help="itunes: which store (US)")
    folder = p.add_argument_group("folder, fma and table")
    folder.add_argument("--path", metavar="PATH", help="the folder, or the CSV or Parquet file")
    folder.add_argument("--metadata", metavar="PATH", help="fma: tracks.csv or fma_metadata.zip")
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
    from audiogenre.catalog import Catalog
    from audiogenre.store import FeatureStore

    wanted = _wanted(args)
    accepted = {name for name, options in wanted if _accepts(name, options, args)}
    sources = [make_source(name, options) for name, options in wanted]
    total = {"seen": 0, "new": 0, "fetched": 0, "failed": 0}
    code = EXIT_DONE
    database = args.data / "catalog.db"
    if args.dry_run and not database.is_file():
        database = Path(":memory:")
    alone = nullcontext() if args.dry_run else exclusive(args.data / ".download.lock", out)
    with alone, Catalog(database) as catalog:
        for source in () if args.dry_run else sources:
            agree(source, catalog, out, accepted=source.name in accepted)
        for source in sources:
            outcome, trouble = _run(source, catalog, args, out)
            for key in total:
                total[key] += getattr(outcome, key)
            if trouble is not None:
                out.note(f"audiogenre download: {source.name}: {trouble}")
                code = max(code, trouble.exit_code)
            elif outcome.failed:
                code = max(code, EXIT_SOME_FAILED)
    out.result({"source": ",".join(source.name for source in sources), **total})
    if total["seen"] and not args.dry_run:
        out.next(_next_step(sources, FeatureStore.of(args.data).sets()))
    return code


def _run(
    source: Source, catalog: Catalog, args: argparse.Namespace, out: Output
) -> tuple[Outcome, AudiogenreError | None]:
    """Download from one source; return what came of it, and what ended it before its time."""
    from audiogenre.acquisition import download

    threads = _THREADS if source.partial else _cores()
    with _Bar(out, source.name) as bar:
        outcome = download(
            source,
            catalog,
            args.data,
            jobs=args.jobs or threads,
            limit=args.limit,
            retry_failed=args.retry_failed,
            dry_run=args.dry_run,
            progress=bar,
        )
    if outcome.seen or outcome.stopped is None:
        _report(source.name, source.notes, outcome, out, dry_run=args.dry_run)
    return outcome, outcome.stopped


def _accepts(name: str, options: dict[str, Any], args: argparse.Namespace) -> bool:
    """Take from a source's options whether its terms are accepted; by default the command says."""
    accepts = options.pop("accept_terms", args.accept_terms)
    if not isinstance(accepts, bool):
        raise UsageError(f"the option 'accept_terms' of source {name!r} is true or false")
    return accepts


def _wanted(args: argparse.Namespace) -> list[tuple[str, dict[str, Any]]]:
    """Which sources, with which options: the command line, else the file, else the sample."""
    from audiogenre.config import DEFAULT, read_sources

    given = {o: value for o in _SOURCE_OPTIONS if (value := getattr(args, o)) is not None}
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
    if any(source.name not in ("table", "reccobeats") for source in sources):
        return "extract"
    return f"fit --features {'spotify' if 'spotify' in sets else 'extracted'}"


def _report(source: str, notes: list[str], outcome: Any, out: Output, *, dry_run: bool) -> None:
    for note in notes:
        out.say(f"{source}: {note}")
    would = "would be " if dry_run else ""
    if outcome.corrected:
        changed = counted(outcome.corrected, "track")
        out.say(f"{source}: {changed} changed (label, title, artist ...)")
    if outcome.gone:
        out.say(f"{source}: {counted(outcome.gone, 'file')} gone; their labels no longer count")
    if outcome.attributes:
        out.say(f"{source}: features of {outcome.attributes} tracks added")
    if outcome.new or outcome.fetched or outcome.failed:
        seen, fetched = counted(outcome.seen, "track"), counted(outcome.fetched, "preview")
        out.say(f"{source}: {seen} seen, {outcome.new} {would}new, {fetched} {would}added")
    else:
        out.say(f"{source}: {counted(outcome.seen, 'track')} seen, nothing to do")
    for reason, count in outcome.reasons.most_common():
        out.say(f"{source}: {count} failed: {reason}")
    if outcome.failed:
        out.say(f"{source}: 'audiogenre status' tells more of failures")
    if outcome.same:
        out.say(f"{source}: {outcome.same} songs are there from elsewhere and were not fetched")
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
        self._bar.refresh()  # the last counts, which may be the only ones
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
    return run(command, parser(), argv, resumes=True)


if __name__ == "__main__":
    sys.exit(main())
