"""``audiogenre predict``: tell the genre of audio files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiogenre import tagging
from audiogenre.arguments import audio_files, make_parser, positive
from audiogenre.cli import Output, printable, run
from audiogenre.errors import EXIT_DONE, EXIT_SOME_FAILED, TagError, UsageError

if TYPE_CHECKING:
    from audiogenre.typing import LabelKind

_ENOUGH_FOR_A_POOL = 8


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    p = make_parser(
        "predict",
        "Tell the genre (or mood) of audio files, with calibrated probabilities, or 'unknown' for "
        "what is unlike anything the model has learned from.",
        "  audiogenre predict extracted-full song.mp3\n"
        "  audiogenre predict extracted-full ~/music --csv > genres.csv\n"
        "  audiogenre predict extracted-full ~/music --m3u ~/music/lists\n"
        "  audiogenre predict extracted-full ~/music --write-tags --dry-run\n"
        "  audiogenre predict --undo-tags ~/music",
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
    group = p.add_argument_group("for players")
    group.add_argument(
        "--m3u", type=Path, metavar="DIR", help="write a playlist (M3U8) for each label into DIR"
    )
    group.add_argument(
        "--write-tags",
        action="store_true",
        help="write the answer into the files' genre tag (of a model of moods, the mood tag): MP3, "
        "FLAC, OGG, M4A; unknown ones keep theirs",
    )
    group.add_argument(
        tagging.UNDO,
        action="store_true",
        help="give the tags back that were there before; without MODEL",
    )
    group.add_argument(
        "--dry-run", action="store_true", help="show what any of these would write, write nothing"
    )
    return p


def command(args: argparse.Namespace, out: Output) -> int:
    """Run the command."""
    from joblib import cpu_count

    from audiogenre import m3u
    from audiogenre.answers import record, write_csv
    from audiogenre.bundle import UNKNOWN
    from audiogenre.bundles import find_bundle, load_bundle
    from audiogenre.hierarchy import answer_above
    from audiogenre.metadata import levels_of
    from audiogenre.multilabel.answers import NONE

    if args.csv and args.json:
        raise UsageError("choose one of --csv and --json")
    if args.dry_run and not (args.m3u or args.write_tags):
        raise UsageError(f"--dry-run goes with --m3u, --write-tags or {tagging.UNDO}")
    paths = audio_files(args.path)
    bundle = load_bundle(find_bundle(args.model, args.models))
    levels = levels_of(bundle.metadata) if args.level == "parent" else None
    kind = bundle.metadata["label_kind"]
    if args.write_tags and kind not in tagging.FIELDS:
        raise UsageError(f"there is no tag for what the model tells ({kind!r})")
    names: dict[str, str] = {}
    if args.m3u:
        parents = levels["parents"].values() if levels else ()
        names = m3u.file_names([UNKNOWN, NONE, *bundle.labels, *parents])
        m3u.prepare(args.m3u, names.values(), dry_run=args.dry_run)
    jobs = args.jobs or (int(cpu_count()) if len(paths) >= _ENOUGH_FOR_A_POOL else 1)
    jobs = min(jobs, len(paths))
    predictions = []
    answers = bundle.predict_each(
        paths, n_jobs=jobs, timeline=args.timeline, tags=args.tags is not None
    )
    for path, answer, error in out.progress(answers, total=len(paths), unit="file", what="predict"):
        if levels and answer is not None:
            answer = answer_above(answer, levels)
        found = record(str(path), answer, error, bundle, tags=args.tags)
        if args.write_tags:
            found["tagging"] = _tag(found, kind, dry_run=args.dry_run)
        predictions.append(found)
        if not args.csv:
            out.say(_text(found, args.top))
    if args.csv:
        extra = ["tags"] if args.tags is not None else []
        extra += ["level"] if levels else []
        extra += ["tagging"] if args.write_tags else []
        write_csv(sys.stdout, predictions, bundle.labels, {each: _CELLS[each] for each in extra})
    result = bundle.metadata["multilabel"] if bundle.is_multilabel else {}
    if args.m3u:
        result = result | _write_lists(args, out, bundle.name, predictions, names)
    if args.dry_run:
        out.note("nothing was written (--dry-run)")
    out.result({"model": bundle.name, **result, "predictions": predictions})
    failed = any(each["error"] or (each.get("tagging") or {}).get("error") for each in predictions)
    return EXIT_SOME_FAILED if failed or result.get("left_out") else EXIT_DONE


def _answered(record: Mapping[str, Any]) -> list[str]:
    """Return the labels that a file was answered with: none if it is unknown or was refused."""
    return list(record.get("labels", [record["label"]])) if record["known"] else []


def _tag(record: Mapping[str, Any], tag: LabelKind, *, dry_run: bool) -> dict[str, Any] | None:
    """Write the answer into the file's tag; return what happened, None if there is no answer."""
    values = _answered(record)
    if not values:
        return None
    try:
        return asdict(tagging.write(Path(record["path"]), tag, values, dry_run=dry_run))
    except TagError as error:
        return asdict(tagging.Change(tag, changed=False, error=str(error)))


def _write_lists(
    args: argparse.Namespace,
    out: Output,
    model: str,
    predictions: Sequence[Mapping[str, Any]],
    names: Mapping[str, str],
) -> dict[str, Any]:
    """Write a playlist for each answer; return what they hold for the JSON."""
    from audiogenre import m3u

    lists: dict[str, list[Path]] = {}
    for each in predictions:
        for label in [] if each["error"] else _answered(each) or [each["label"]]:
            lists.setdefault(label, []).append(Path(each["path"]))
    left_out = m3u.write(args.m3u, model, lists, names, dry_run=args.dry_run)
    say = out.note if args.csv else out.say
    found = []
    for label, songs in lists.items():
        path, listed = args.m3u / names[label], [each for each in songs if each not in left_out]
        found.append({"label": label, "path": str(path), "files": [str(each) for each in listed]})
        say(printable(f"{path}: {len(listed)} of {len(predictions)} files"))
    for song in sorted(left_out):
        out.note(printable(f"{song}: left out of the playlists, which cannot hold such a name"))
    return {"playlists": found, "left_out": [str(each) for each in sorted(left_out)]}


def _text(record: dict[str, Any], top: int) -> str:
    path = printable(record["path"])
    if record["error"]:
        return f"{path}: {record['error']}"
    lines = [f"{path}: {_sentence(record, top)}"]
    for window in record.get("timeline", ()):
        lines.append(f"  {window['start']:5.0f} s  {_sentence(window, top)}")
    if record.get("tagging"):
        lines.append(printable(f"  {tagging.Change(**record['tagging'])}"))
    return "\n".join(lines)


def _sentence(answer: dict[str, Any], top: int) -> str:
    from audiogenre.answers import percentages

    level = "parents" if answer.get("level") == "parent" else "probabilities"
    ranked = sorted(answer[level].items(), key=lambda item: -item[1])
    shown = percentages(dict(ranked[:top]))
    sentence = shown if answer["known"] else f"unknown (nearest: {shown})"
    if level == "parents":
        sentence += " (top genre: the label is uncertain)"
    if answer["known"] and "labels" in answer:
        given = {label: share for label, share in ranked if label in answer["labels"]}
        others = [(label, share) for label, share in ranked if label not in given]
        below = percentages(dict(others[: max(top - len(given), 0)]))
        sentence = percentages(given) or answer["label"]
        sentence += f" (below their thresholds: {below})" if below else ""
    return f"{sentence}; tags: {percentages(answer['tags'])}" if "tags" in answer else sentence


def _tagging(row: dict[str, Any]) -> str:
    return str(tagging.Change(**row["tagging"])) if row.get("tagging") else ""


def _heard(row: dict[str, Any]) -> str:
    from audiogenre.answers import percentages

    return percentages(row["tags"])


_CELLS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "tags": _heard,
    "level": lambda row: row.get("level"),
    "tagging": _tagging,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``audiogenre predict``; return the exit code."""
    if tagging.UNDO in (sys.argv[1:] if argv is None else argv):
        from audiogenre import untag  # a form of its own: there is no model

        return untag.main(argv)
    return run(command, parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
