"""``audiogenre evaluate``: judge a model by music from elsewhere, and by phone recordings of it."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiogenre.arguments import make_parser, positive
from audiogenre.cli import Output, printable, run
from audiogenre.errors import EXIT_DONE, EXIT_SOME_FAILED, StoreError, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from audiogenre.bundle import Bundle

_WORDS = {"clean": "as it is", "phone": "by phone, simulated"}


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    p = make_parser(
        "evaluate",
        "Judge a model by a test set from elsewhere: a folder with a folder for each genre (or "
        "mood), or with a manifest.csv. With --phone also by what a phone would record of it from "
        "a loudspeaker: a narrower, uneven band, a room, noise, an MP3 of a low rate.",
        "  audiogenre evaluate extracted-full --path ~/other-music\n"
        "  audiogenre evaluate extracted-full --path ~/other-music --phone",
    )
    p.add_argument("model", metavar="MODEL", help="a name below models/, or a folder")
    p.add_argument("--path", required=True, metavar="DIR", help="the folder of the test set")
    p.add_argument(
        "--labels",
        choices=("folder", "manifest", "tags"),
        help="from folder names, manifest.csv, or the files' tags (the manifest if there is one)",
    )
    p.add_argument(
        "--phone",
        action="store_true",
        help="also as recorded by a phone; needs pip install 'audiogenre[augment]'",
    )
    p.add_argument(
        "--figures",
        type=Path,
        metavar="DIR",
        help="where figures and evaluation.json go (evaluations/ in the model's folder)",
    )
    p.add_argument("--jobs", type=positive(int), metavar="N", help="processes (cores)")
    return p


def command(args: argparse.Namespace, out: Output) -> int:
    """Run the command."""
    from joblib import cpu_count

    from audiogenre import outside, phone
    from audiogenre.bundles import find_bundle, load_bundle
    from audiogenre.genres import FILE, GenreTree
    from audiogenre.sources.folder import FolderSource

    if args.phone:
        phone.check()
    bundle = load_bundle(find_bundle(args.model, args.models))
    if bundle.is_multilabel:
        raise UsageError(
            f"the model {bundle.name!r} was fitted with --multilabel, and evaluate judges one "
            "label a clip: take a model fitted without it"
        )
    source = FolderSource(path=args.path, labels=args.labels, label=bundle.metadata["label_kind"])
    found = outside.read_outside(source, bundle, GenreTree.load(args.data / FILE))
    conditions = outside.CONDITIONS if args.phone else outside.CONDITIONS[:1]

    def watch(answers: Iterator[Any], total: int) -> Iterator[Any]:
        return out.progress(answers, total=total, unit="clip", what="evaluate")

    familiar = _familiar(args.data, bundle)  # first: what it reads may be damaged
    jobs = args.jobs or int(cpu_count())
    judged = outside.judge(bundle, found, conditions, jobs=jobs, watch=watch)
    answers = judged.answers
    scores = {each: outside.scores(answers, each, bundle.labels) for each in conditions}
    result: dict[str, Any] = {
        "model": bundle.name,
        "path": str(source.path),
        "n": len(answers),
        "n_groups": scores["clean"]["n_groups"],
        "protocol": scores["clean"]["protocol"],
        "artists_known": float(answers["artist_known"].mean()),
        "labels": bundle.labels,
        "conditions": scores,
        "difference": outside.difference(answers) if args.phone else None,
        "simulation": phone.RECORDING.parameters if args.phone else None,
        "left_out": {
            "unknown_labels": found.unknown_labels,
            "unlabelled": found.unlabelled,
            "duplicates": judged.duplicates,
        },
        "in_catalogue": int(answers["sha256"].isin(familiar).sum()),
        "failures": [{"path": path, "error": error} for path, error in judged.failures],
        "notes": found.notes,
    }
    folder = args.figures or bundle.path / "evaluations" / _plain(Path(result["path"]).name)
    result["figures"] = _write(folder, result, answers)
    _report(result, out)
    out.result(result)
    return EXIT_SOME_FAILED if judged.failures else EXIT_DONE


def _familiar(data: Path, bundle: Bundle) -> set[str]:
    from audiogenre.catalog import Catalog
    from audiogenre.outside import familiar

    database = data / "catalog.db"
    if not database.is_file():
        return set()
    with Catalog(database) as catalog:
        return familiar(bundle, catalog)


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip(".-") or "set"


def _write(folder: Path, result: dict[str, Any], answers: pd.DataFrame) -> list[str]:
    """Write figures, result and every answer; return the paths of the figures."""
    from audiogenre.figures import draw_conditions
    from audiogenre.spreadsheets import cells

    try:
        folder.mkdir(parents=True, exist_ok=True)
        titled = {_WORDS[name]: each for name, each in result["conditions"].items()}
        figures = draw_conditions(folder, titled, result["labels"])
        shown = cells(answers.drop(columns=["song", "group"]))
        shown.to_csv(folder / "answers.csv", index=False, errors="backslashreplace")
        text = json.dumps(result, indent=2, default=lambda value: value.tolist())
        (folder / "evaluation.json").write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"cannot write {folder}: {error.strerror or error}") from error
    return [str(each) for each in figures]


def _report(result: dict[str, Any], out: Output) -> None:
    from audiogenre.card import percent, score_sentence

    known = result["artists_known"]
    whose = f"{result['n_groups']} artists" if known == 1 else f"artist known for {known:.0%}"
    out.say(f"{result['n']} clips, {whose}")
    for line in _left_out(result):
        out.say(line)
    if result["in_catalogue"]:
        out.say(
            f"{result['in_catalogue']} of the clips are in the catalogue and not among the model's "
            "test tracks: if it has learned from them, this score is flattered"
        )
    for name, each in result["conditions"].items():
        out.say(
            f"{_WORDS[name]}: {score_sentence(each)}, macro F1 {each['macro_f1']:.3f}, "
            f"{percent(each['unknown_share'])} called unknown"
        )
    if result["difference"]:
        out.say(_difference(result))
    out.say(_by_label(result["conditions"]))
    if result["simulation"]:
        drawn = ", ".join(f"{key} {value}" for key, value in result["simulation"].items())
        out.say(f"simulated, drawn for each clip by its hash: {drawn}")
    for each in result["failures"]:
        out.say(printable(f"{each['path']}: {each['error']}"))
    for path in result["figures"]:
        out.say(f"figure: {path}")


def _left_out(result: dict[str, Any]) -> list[str]:
    left = result["left_out"]
    lines = list(result["notes"])
    if left["unknown_labels"]:
        names = ", ".join(f"{label} {n}" for label, n in left["unknown_labels"].items())
        lines.append(f"left out, as the model does not know their labels: {names}")
    if left["unlabelled"]:
        lines.append(f"{left['unlabelled']} clips without a label were left out")
    if left["duplicates"]:
        lines.append(f"{left['duplicates']} duplicates of songs were left out")
    return [printable(line) for line in lines]


def _difference(result: dict[str, Any]) -> str:
    found = result["difference"]
    low, high = (100 * bound for bound in found["interval"])
    return (
        f"by phone less as it is: {100 * found['difference']:+.1f} points (95 % interval "
        f"{low:+.1f} to {high:+.1f}; McNemar p = {found['p_value']:.3g}; n = {result['n']} tracks; "
        f"{result['protocol']})"
    )


def _by_label(conditions: dict[str, Any]) -> str:
    """Recall of each label under each condition."""
    labels = conditions["clean"]["per_label"]
    width = max(5, *(len(label) for label in labels))
    names = [_WORDS[name] for name in conditions]
    lines = ["  " + "label".ljust(width) + "     n" + "".join(f"  {name:>19}" for name in names)]
    for label, each in labels.items():
        cells = "".join(
            f"  {100 * found['per_label'][label]['recall']:>17.1f} %"
            for found in conditions.values()
        )
        lines.append(f"  {label:<{width}}  {each['n']:>4}{cells}")
    return "\n".join(["right by label", *lines])


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``audiogenre evaluate``; return the exit code."""
    return run(command, parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
