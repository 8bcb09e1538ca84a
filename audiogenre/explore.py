"""``audiogenre explore``: neighbours, clusters, telling and needless features, doubtful labels."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiogenre.arguments import make_parser, positive
from audiogenre.cli import Output, printable, run
from audiogenre.errors import EXIT_DONE, StoreError, UsageError
from audiogenre.typing import LABEL_KINDS

if TYPE_CHECKING:
    import pandas as pd

    from audiogenre.catalog import Catalog
    from audiogenre.dataset import Dataset
    from audiogenre.exploration.outside import OutOfFold
    from audiogenre.exploration.report import Section

_MAPS = ("tsne", "umap")


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    p = make_parser(
        "explore",
        "Show what tells genres apart, which are neighbours, how tracks sort themselves without "
        "labels, where predictions are wrong, how few features are enough and, with --suspects, "
        "which labels are doubtful. Figures, and all in one HTML file.",
        "  audiogenre explore\n"
        "  audiogenre explore --features spotify --only rock,jazz,classical\n"
        "  audiogenre explore --suspects --out doubts",
    )
    p.add_argument(
        "--features",
        choices=("extracted", "spotify", "both"),
        default="extracted",
        help="which features to look at (%(default)s)",
    )
    p.add_argument("--set", metavar="NAME", help="which extracted set (full)")
    p.add_argument(
        "--label", choices=LABEL_KINDS, default="genre", help="by which label (%(default)s)"
    )
    p.add_argument("--only", metavar="A,B,...", default="", help="only tracks with these labels")
    p.add_argument(
        "--parents", action="store_true", help="count subgenres as their top genre (genres.toml)"
    )
    p.add_argument("--per-label", type=positive(int), metavar="N", help="N tracks a label at most")
    p.add_argument(
        "--suspects",
        action="store_true",
        help="rank tracks whose label is doubtful (suspects.csv), and measure learning without",
    )
    p.add_argument(
        "--map",
        choices=_MAPS,
        default="tsne",
        help="how tracks are laid out on a plane (%(default)s); umap: pip install "
        "'audiogenre[umap]'",
    )
    p.add_argument(
        "--out", type=Path, metavar="DIR", help="where to write (models/explore-FEATURES-SET)"
    )
    p.add_argument("--seed", type=int, default=0, metavar="N", help="of folds and maps (0)")
    p.add_argument("--jobs", type=positive(int), default=1, metavar="N", help="processes (1)")
    return p


def command(args: argparse.Namespace, out: Output) -> int:
    """Run the command."""
    from audiogenre.catalog import Catalog
    from audiogenre.exploration.clusters import check_map
    from audiogenre.exploration.report import write_report

    database = args.data / "catalog.db"
    if not database.is_file():
        raise UsageError(f"there is no catalogue in {args.data}; run 'audiogenre download' first")
    check_map(args.map)
    with Catalog(database) as catalog:
        dataset, set_name = _load(args, catalog)
        tracks = catalog.known() if args.suspects else {}
    for note in dataset.notes:
        out.say(note)
    folder = args.out or args.models / f"explore-{_name(args, set_name)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot write to {folder}: {error.strerror}") from error
    n, d = dataset.X.shape
    opening = f"{n} tracks of {len(dataset.labels)} labels, {d} columns ({set_name})"
    out.say(opening)
    outside = _predicted(dataset, args.jobs, out)
    sections, result = _explored(dataset, outside, args.map, folder, out)
    if args.suspects:
        section, doubts = _suspected(dataset, outside, tracks, folder, out)
        sections.append(section)
        result |= doubts
    title = f"What the {args.label}s look like"
    report = write_report(folder / "report.html", title, [opening + ".", *dataset.notes], sections)
    out.say(f"figures: {folder}")
    out.say(f"report: {report}")
    out.result({**result, "features": args.features, "set": set_name, "report": str(report)})
    return EXIT_DONE


def _load(args: argparse.Namespace, catalog: Catalog) -> tuple[Dataset, str]:
    from audiogenre.dataset import load_dataset
    from audiogenre.extraction import default_fingerprints
    from audiogenre.store import FeatureStore

    store = FeatureStore.of(args.data)
    name = "spotify" if args.features == "spotify" else args.set or store.default_set()
    dataset = load_dataset(
        catalog,
        store,
        features=args.features,
        set_name=name,
        fingerprints=default_fingerprints(),
        label=args.label,
        only=[each for each in args.only.split(",") if each.strip()],
        parents=args.parents,
        per_label=args.per_label,
        seed=args.seed,
    )
    return dataset, name


def _name(args: argparse.Namespace, set_name: str) -> str:
    parts = [args.features]
    parts += [set_name] if args.features != "spotify" else []
    parts += [args.label] if args.label != "genre" else []
    return "-".join(parts)


def _predicted(dataset: Dataset, jobs: int, out: Output) -> OutOfFold:
    from audiogenre.classifiers import CLASSIFIERS
    from audiogenre.exploration.outside import predict_outside
    from audiogenre.splits import N_FOLDS

    with out.bar(total=N_FOLDS, unit="fold", what="predict every track") as bar:
        return predict_outside(dataset, CLASSIFIERS["svc"], jobs=jobs, progress=bar.update)


def _explored(
    dataset: Dataset, outside: OutOfFold, kind: Any, folder: Path, out: Output
) -> tuple[list[Section], dict[str, Any]]:
    from audiogenre.card import percent, score_sentence
    from audiogenre.exploration import findings
    from audiogenre.exploration.lean import find_lean

    found = findings.confusions(dataset, outside)
    out.say(f"the SVC is right on {score_sentence(found.scores)}")
    pairs = ", ".join(f"{a} and {b} ({d:.2f})" for a, b, d in found.nearest[:3])
    out.say(f"hardest to tell apart (0: by chance, 1: never confused): {pairs}")
    telling, distributions = findings.distribution_section(dataset, found.order, folder)
    out.say(f"columns that tell most: {', '.join(each.name for each in telling[:5])}")
    divisions, clusters = findings.cluster_section(dataset, kind, found.order, folder)
    for each in divisions:
        out.say(
            f"{each.name}: {each.count} clusters, adjusted Rand {each.rand:.2f}, adjusted mutual "
            f"information {each.information:.2f} against the labels"
        )
    with out.bar(total=len(outside.folds) + 1, unit="fold", what="leave out features") as bar:
        lean = find_lean(dataset, outside, progress=bar.update)
    names = ", ".join(each.partition("/")[2] for each in lean.families)
    out.say(
        f"leanest set: {len(lean.families)} of {len(lean.kept)} families ({names}); chosen anew in "
        f"each fold, {lean.mean_kept:.1f} on average: {percent(lean.accuracy)}, "
        f"{100 * lean.difference.difference:+.1f} points against all families"
    )
    sections = [
        *findings.confusion_sections(dataset, found, folder),
        distributions,
        clusters,
        findings.lean_section(lean, folder),
    ]
    return sections, findings.numbers(dataset, found, telling, divisions, lean)


def _suspected(
    dataset: Dataset, outside: OutOfFold, tracks: Any, folder: Path, out: Output
) -> tuple[Section, dict[str, Any]]:
    from audiogenre.card import percent
    from audiogenre.exploration import findings
    from audiogenre.exploration.suspects import find_suspects, leave_out
    from audiogenre.spreadsheets import cells

    with out.bar(total=len(outside.folds) + 1, unit="fold", what="doubt labels") as bar:
        table = find_suspects(dataset, outside)
        bar.update()
        left_out = leave_out(dataset, outside, progress=bar.update)
    table.insert(1, "artist", [tracks[each].artist or "" for each in table["track_id"]])
    table.insert(2, "title", [tracks[each].title or "" for each in table["track_id"]])
    path = folder / "suspects.csv"
    cells(table).to_csv(path, index=False, float_format="%.4f", errors="backslashreplace")
    out.say(f"{len(table)} labels are contradicted by a model that has not heard the artist:")
    out.say(_shown(table))
    for each in left_out:
        if round(each.n) == 0:  # a small share of few tracks is none
            continue
        out.say(
            f"learning without the {each.n:.0f} most doubtful ({each.share:.0%} of a training "
            f"part): {percent(each.accuracy)}, {100 * each.difference.difference:+.1f} points"
        )
    out.say(f"suspects: {path}; correct what is wrong with 'audiogenre relabel'")
    section = findings.suspect_section(dataset, table, left_out, folder)
    return section, {**findings.suspect_numbers(table, left_out), "csv": str(path)}


def _shown(table: pd.DataFrame, most: int = 15) -> str:
    lines = [
        f"  {each['track_id']}  {each['artist']}: {each['title']}  {each['label']} -> "
        f"{each['suggestion']} ({100 * each['probability']:.0f} %; {each['label']} "
        f"{100 * each['label_probability']:.0f} %)"
        for each in table.head(most).to_dict("records")
    ]
    lines += [f"  and {len(table) - most} more"] if len(table) > most else []
    return "\n".join(printable(each) for each in lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``audiogenre explore``; return the exit code."""
    return run(command, parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
