"""``audiogenre predict``: tell the genre of audio files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiogenre.cli import Output, make_parser, positive, printable, run
from audiogenre.errors import EXIT_DONE, EXIT_SOME_FAILED, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from audiogenre.bundle import Bundle

_ENOUGH_FOR_A_POOL = 8


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    p = make_parser(
        "predict",
        "Tell the genre (or mood) of audio files, with calibrated probabilities, or 'unknown' for "
        "what is unlike anything the model has learned from.",
        "  audiogenre predict extracted-full song.mp3\n"
        "  audiogenre predict extracted-full ~/music --csv > genres.csv",
    )
    p.add_argument("model", metavar="MODEL", help="a name below models/, or a folder")
    p.add_argument("path", nargs="+", metavar="PATH", help="audio files, folders or patterns")
    p.add_argument(
        "--top",
        type=positive(int),
        default=3,
        metavar="K",
        help="labels shown (3); of a model fitted with --multilabel every label that is answered, "
        "and the next ones up to K",
    )
    p.add_argument(
        "--tags",
        type=positive(int),
        metavar="K",
        help="the K tags that fit best, too (instruments, voices, eras, moods; models on musicnn)",
    )
    p.add_argument(
        "--level",
        choices=("leaf", "parent"),
        default="leaf",
        help="parent: answer with the top genre where the label is uncertain (%(default)s)",
    )
    p.add_argument("--timeline", action="store_true", help="one row for every five seconds, too")
    p.add_argument("--csv", action="store_true", help="print CSV instead of text")
    p.add_argument("--jobs", type=positive(int), metavar="N", help="processes (cores)")
    return p


def command(args: argparse.Namespace, out: Output) -> int:
    """Run the command."""
    from joblib import cpu_count

    from audiogenre.bundle import find_bundle, load_bundle
    from audiogenre.hierarchy import answer_above

    if args.csv and args.json:
        raise UsageError("choose one of --csv and --json")
    paths = _expand(args.path)
    bundle = load_bundle(find_bundle(args.model, args.models))
    levels = bundle.levels() if args.level == "parent" else None
    jobs = args.jobs or (int(cpu_count()) if len(paths) >= _ENOUGH_FOR_A_POOL else 1)
    predictions = []
    answers = bundle.predict_each(
        paths, n_jobs=jobs, timeline=args.timeline, tags=args.tags is not None
    )
    for path, answer, error in out.progress(answers, total=len(paths), unit="file", what="predict"):
        if levels and answer is not None:
            answer = answer_above(answer, levels)
        predictions.append(_record(path, answer, error, bundle, args.tags))
        if not args.csv:
            out.say(_text(predictions[-1], args.top))
    if args.csv:
        extra = ["tags"] if args.tags is not None else []
        _write_csv(predictions, bundle.labels, extra + (["level"] if levels else []))
    thresholds = bundle.metadata["multilabel"] if bundle.is_multilabel else {}
    out.result({"model": bundle.name, **thresholds, "predictions": predictions})
    failed = any(each["error"] for each in predictions)
    return EXIT_SOME_FAILED if failed else EXIT_DONE


def _expand(arguments: Sequence[str]) -> list[Path]:
    """Turn files, folders and patterns into a list of files, each once.

    Raises
    ------
    UsageError
        If an argument stands for nothing.
    """
    from audiogenre.audio import SUFFIXES, SUFFIXES_PYAV

    found: dict[Path, None] = {}
    for argument in arguments:
        path = Path(argument).expanduser()
        if path.is_dir():
            files = [each for each in sorted(path.rglob("*")) if each.is_file()]
            new = [each for each in files if each.suffix.lower() in SUFFIXES | SUFFIXES_PYAV]
        else:
            new = [path] if path.exists() else _matching(str(path))
        if not new:
            raise UsageError(f"there is no audio at {argument!r}")
        found |= dict.fromkeys(new)
    return list(found)


def _matching(pattern: str) -> list[Path]:
    """Return the files that a pattern stands for where the shell has not put them in its place."""
    return [Path(each) for each in sorted(glob(pattern, recursive=True)) if Path(each).is_file()]


def _record(
    path: Any, answers: pd.DataFrame | None, error: str, bundle: Bundle, tags: int | None
) -> dict[str, Any]:
    """Return one file's prediction as it stands in the JSON."""
    if answers is None:
        blank: dict[str, Any] = {
            "label": None,
            "known": None,
            "probability": None,
            "probabilities": {},
        } | ({"tags": {}} if tags else {})
        blank |= {"labels": []} if bundle.is_multilabel else {}
        return {"path": str(path), **blank, "error": error}
    whole, *windows = (_answer(row, bundle.labels, tags) for row in answers.to_dict("records"))
    record = {"path": str(path), **whole, "error": None}
    if windows:
        starts = answers["start"].iloc[1:]
        record["timeline"] = [
            {"start": float(start), **window} for start, window in zip(starts, windows, strict=True)
        ]
    return record


def _answer(row: dict[Any, Any], labels: list[str], tags: int | None) -> dict[str, Any]:
    answer = {
        "label": row["label"],
        "nearest": row["nearest"],
        "known": bool(row["known"]),
        "probability": float(row["probability"]),
        "probabilities": {label: float(row[f"p_{label}"]) for label in labels},
    }
    if "level" in row:
        above = {key[len("above_") :]: float(row[key]) for key in row if key.startswith("above_")}
        answer |= {"level": row["level"], "parents": above}
    if "labels" in row:
        answer["labels"] = row["labels"]
    if tags:
        heard = {key[len("tag_") :]: float(row[key]) for key in row if key.startswith("tag_")}
        answer["tags"] = dict(sorted(heard.items(), key=lambda item: -item[1])[:tags])
    return answer


def _text(record: dict[str, Any], top: int) -> str:
    path = printable(record["path"])
    if record["error"]:
        return f"{path}: {record['error']}"
    lines = [f"{path}: {_sentence(record, top)}"]
    for window in record.get("timeline", ()):
        lines.append(f"  {window['start']:5.0f} s  {_sentence(window, top)}")
    return "\n".join(lines)


def _sentence(answer: dict[str, Any], top: int) -> str:
    level = "parents" if answer.get("level") == "parent" else "probabilities"
    ranked = sorted(answer[level].items(), key=lambda item: -item[1])
    shown = _percentages(dict(ranked[:top]))
    sentence = shown if answer["known"] else f"unknown (nearest: {shown})"
    if level == "parents":
        sentence += " (top genre: the label is uncertain)"
    if answer["known"] and "labels" in answer:
        given = {label: share for label, share in ranked if label in answer["labels"]}
        others = [(label, share) for label, share in ranked if label not in given]
        below = _percentages(dict(others[: max(top - len(given), 0)]))
        sentence = _percentages(given) or answer["label"]
        sentence += f" (below their thresholds: {below})" if below else ""
    return f"{sentence}; tags: {_tags(answer)}" if "tags" in answer else sentence


def _tags(answer: dict[str, Any]) -> str:
    return _percentages(answer["tags"])


def _percentages(shares: dict[str, float]) -> str:
    return ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items())


def _write_csv(predictions: list[dict[str, Any]], labels: list[str], extra: list[str]) -> None:
    import csv

    writer = csv.writer(sys.stdout)
    columns = ["path", "start", "label", "nearest", "known", "probability", *labels]
    writer.writerow([*columns, *extra, "error"])
    for record in predictions:
        for row in (record, *record.get("timeline", ())):
            shares = [row["probabilities"].get(label, "") for label in labels]
            cells = [row.get(key) for key in ("start", "label", "nearest", "known", "probability")]
            more = [_tags(row) if each == "tags" else row.get(each) for each in extra]
            writer.writerow([record["path"], *cells, *shares, *more, record["error"]])


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``audiogenre predict``; return the exit code."""
    return run(command, parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
