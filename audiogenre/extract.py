"""``audiogenre extract``: compute features of every new preview."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiogenre.arguments import make_parser, positive
from audiogenre.cli import Output, counted, exclusive, run
from audiogenre.errors import EXIT_DONE, EXIT_SOME_FAILED, UsageError

if TYPE_CHECKING:
    from audiogenre.catalog import Catalog
    from audiogenre.parts import Report
    from audiogenre.store import FeatureStore

SETS = ("baseline", "full")  # what is computed by default
ON_REQUEST = ("musicnn",)


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    p = make_parser(
        "extract",
        "Compute the features of every track that has a good preview and no features yet. It can "
        "be interrupted at any time; the same command goes on from there.",
        "  audiogenre extract\n"
        "  audiogenre extract --set full --jobs 4\n"
        "  audiogenre extract --set full+musicnn\n"
        "  audiogenre extract --attributes && audiogenre fit --features spotify\n"
        "  audiogenre extract --engine dask --scheduler tcp://10.0.0.1:8786",
    )
    p.add_argument(
        "--set",
        type=_names,
        metavar="SET[+SET]",
        help=f"the feature sets, from one decode: {', '.join((*SETS, *ON_REQUEST))} "
        f"({'+'.join(SETS)})",
    )
    p.add_argument(
        "--attributes",
        action="store_true",
        help="also estimate Spotify's attributes, for 'fit --features spotify' without Spotify",
    )
    p.add_argument(
        "--augment",
        choices=("phone",),
        help="also compute a copy of every clip as a phone would record it from a loudspeaker, for "
        "'fit --augment phone'; needs pip install 'audiogenre[augment]'",
    )
    p.add_argument("--jobs", type=positive(int), metavar="N", help="worker processes (cores)")
    p.add_argument(
        "--engine",
        choices=("local", "dask"),
        default="local",
        help="who computes: this machine (default), or the workers of a Dask cluster",
    )
    p.add_argument("--scheduler", metavar="ADDRESS", help="dask: such as tcp://10.0.0.1:8786")
    p.add_argument(
        "--min-seconds",
        type=positive(float),
        default=5.0,
        metavar="S",
        help="refuse shorter clips (%(default)s)",
    )
    p.add_argument(
        "--max-seconds",
        type=positive(float),
        default=30.0,
        metavar="S",
        help="cut longer clips (%(default)s)",
    )
    p.add_argument("--retry-failed", action="store_true", help="try again what failed before")
    p.add_argument(
        "--discard-audio",
        action="store_true",
        help=f"delete fetched previews that have the rows of {' and '.join(SETS)}, and of what "
        "else is wanted",
    )
    return p


def _names(text: str) -> list[str]:
    names = list(dict.fromkeys(text.split("+")))
    for name in names:
        if name not in (*SETS, *ON_REQUEST):
            raise argparse.ArgumentTypeError(
                f"{name!r} is none of {', '.join((*SETS, *ON_REQUEST))}"
            )
    return names


def command(args: argparse.Namespace, out: Output) -> int:
    """Run the command."""
    from audiogenre.attributes import NAME
    from audiogenre.catalog import Catalog
    from audiogenre.compaction import compact
    from audiogenre.extraction import directory, stored_set
    from audiogenre.parts import metadata_of, plan
    from audiogenre.phone import copy_name
    from audiogenre.store import FeatureStore

    started = time.monotonic()
    estimates = [NAME] if args.attributes else []
    chosen = args.set or [*SETS]
    copies = [copy_name(name) for name in chosen] if args.augment else []
    names = [*chosen, *copies, *estimates]
    sets = [stored_set(name, max_seconds=args.max_seconds) for name in names]
    data = args.data if args.engine == "local" else args.data.absolute()
    store = FeatureStore.of(data)
    lock = data / "features" / ".extract.lock"
    with (
        _engine(args) as (jobs, run_parts),
        Catalog(args.data / "catalog.db") as catalog,
        exclusive(lock, out),
    ):
        folders = [directory(store, each) for each in sets]
        store.clear_partials(folders)
        planned = plan(
            catalog,
            store,
            data,
            names,
            jobs=jobs,
            min_seconds=args.min_seconds,
            max_seconds=args.max_seconds,
            retry_failed=args.retry_failed,
        )
        tally = _Tally(catalog, out, sum(len(part.items) for part in planned.parts))
        with tally:
            run_parts(planned.parts, store=store, handle=tally)
        store.clear_partials(folders)  # of workers that died on the way
        for folder, each in zip(folders, sets, strict=True):
            compact(folder, metadata_of(each))
        if args.discard_audio:
            wanted = dict.fromkeys([*SETS, *names])
            every = [stored_set(name, max_seconds=args.max_seconds) for name in wanted]
            tally.discarded = _discard(catalog, store, args.data, every)
        compared = _compared(catalog, store) if args.attributes else {}
    seconds = time.monotonic() - started
    _report(planned, tally, seconds, out)
    _report_compared(compared, out)
    if planned.tracks:
        out.next(f"fit --features {_features(args)}")
    out.result(
        {
            "set": ",".join(names),
            "columns": sum(len(each.names) for each in sets),
            "tracks": planned.tracks,
            "extracted": tally.extracted,
            "skipped": planned.skipped + planned.failed_before,
            "failed": tally.failed,
            "seconds": round(seconds, 3),
        }
        | ({"attributes": compared} if args.attributes else {})
    )
    return EXIT_SOME_FAILED if tally.failed else EXIT_DONE


@contextmanager
def _engine(args: argparse.Namespace) -> Iterator[tuple[int, Callable[..., None]]]:
    """Give how many clips are computed at once, and what runs parts."""
    from functools import partial

    if args.engine == "local":
        from joblib import cpu_count

        from audiogenre.parts import run_parts

        if args.scheduler:
            raise UsageError("--scheduler goes with --engine dask")
        jobs = args.jobs or int(cpu_count())
        yield jobs, partial(run_parts, jobs=jobs)
    else:
        from audiogenre.cluster import Cluster

        if args.jobs:
            raise UsageError("--jobs goes with --engine local; a cluster has the workers it has")
        with Cluster(args.scheduler) as cluster:
            yield cluster.threads, cluster.run_parts


def _features(args: argparse.Namespace) -> str:
    if args.attributes and not args.augment:
        return "spotify"
    words = ["extracted"]
    words += [f"--set {'+'.join(args.set)}"] if args.set else []
    words += [f"--augment {args.augment}"] if args.augment else []
    return " ".join(words)


class _Tally:
    """Counts reports, keeps the ledger, moves the progress bar."""

    def __init__(self, catalog: Catalog, out: Output, total: int) -> None:
        self.extracted = self.failed = self.discarded = 0
        self.reasons: dict[str, int] = {}
        self._catalog = catalog
        self._bar: Any = out.bar(total=total, unit="clip", what="extract")

    def __enter__(self) -> _Tally:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def __call__(self, report: Report) -> None:
        from audiogenre.parts import record

        record(self._catalog, report)
        self.extracted += len(report.done)
        self.failed += len(report.failures)
        for failure in report.failures:
            self.reasons[failure.reason] = self.reasons.get(failure.reason, 0) + 1
        if self.failed:
            self._bar.set_postfix(failed=self.failed, refresh=False)
        self._bar.update(len(report.part.items))


def _discard(catalog: Catalog, store: Any, data: Path, sets: Sequence[Any]) -> int:
    """Delete previews we fetched ourselves that have rows in every set; never a file in place."""
    from audiogenre.extraction import lacking
    from audiogenre.parts import audio_keys
    from audiogenre.storage import Storage, remove

    storage = Storage(data)
    keys = audio_keys(catalog)
    wanting = set().union(*(lacking(store, each, keys) for each in sets))
    count = 0
    for track_id, preview in catalog.previews().items():
        ours = preview.path and not Path(preview.path).is_absolute()
        if ours and track_id not in wanting:
            with catalog.transaction():
                catalog.discard(track_id)
            remove(storage.place(preview.path))
            count += 1
    return count


def _report(planned: Any, tally: _Tally, seconds: float, out: Output) -> None:
    if planned.tracks == 0:
        out.say("no previews yet")
        out.next("download")
        return
    if not planned.parts:
        out.say(f"{counted(planned.tracks, 'track')}, nothing to do")
    else:
        rate = tally.extracted / max(seconds, 1e-9)
        out.say(
            f"{planned.tracks} tracks, {tally.extracted} extracted in {seconds:.1f} s "
            f"({rate:.0f} a second), {planned.skipped} were there already"
        )
    for reason, count in sorted(tally.reasons.items()):
        out.say(f"{count} failed: {reason}")
    if tally.failed:
        out.say("'audiogenre status' tells more of failures")
    if planned.failed_before:
        out.say(f"{planned.failed_before} failed before and were left alone (--retry-failed)")
    if tally.discarded:
        out.say(f"{tally.discarded} previews deleted; their features stay")


def _compared(catalog: Catalog, store: FeatureStore) -> dict[str, dict[str, Any]]:
    """Compare the estimated attributes with the measured ones of the same songs."""
    from audiogenre.attributes import NAME, agreement

    if NAME not in store.sets():
        return {}
    songs, previews = _songs(catalog), catalog.previews()
    measured: dict[int, Any] = {}
    estimated: dict[int, Any] = {}
    table = store.read(NAME)
    for track_id, sha256 in table.index:
        if track_id in songs and sha256 == "":
            measured.setdefault(songs[track_id], (track_id, sha256))
        elif track_id in previews and sha256 == previews[track_id].sha256:
            estimated.setdefault(songs[track_id], (track_id, sha256))
    both = [song for song in measured if song in estimated]
    return agreement(
        table.loc[[measured[song] for song in both]], table.loc[[estimated[song] for song in both]]
    )


def _songs(catalog: Catalog) -> dict[str, int]:
    """Number the songs; two tracks of one song have the same number."""
    from types import SimpleNamespace

    from audiogenre.songs import song_keys
    from audiogenre.splits import connect

    tracks, previews = catalog.known(), catalog.previews()
    rows = [
        SimpleNamespace(
            sha256=previews[track.id].sha256 if track.id in previews else "",
            duration=track.duration,
            **{name: getattr(track, name) or "" for name in ("artist", "title", "isrc")},
        )
        for track in tracks.values()
    ]
    return dict(zip(tracks, connect(song_keys(rows)).tolist(), strict=True))


def _report_compared(compared: dict[str, dict[str, Any]], out: Output) -> None:
    if compared:
        out.say("estimated attributes beside measured ones of the same songs")
    for name, each in compared.items():
        if "equal" in each:
            how = f"equal {100 * each['equal']:.0f} %"
        else:
            r = "none" if each["r"] is None else f"{each['r']:.2f}"
            how = f"r {r}, mean difference {each['difference']:.3g}"
        out.say(f"  {name:<16}  {how} (n = {each['n']})")


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``audiogenre extract``; return the exit code."""
    return run(command, parser(), argv, resumes=True)


if __name__ == "__main__":
    sys.exit(main())
