"""``audiogenre compare``: put two or more models side by side on the same test tracks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from audiogenre.arguments import make_parser
from audiogenre.cli import Output, run
from audiogenre.errors import EXIT_DONE, UsageError

if TYPE_CHECKING:
    from audiogenre.multilabel.comparison import Entry


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    p = make_parser(
        "compare",
        "Put models side by side on the test tracks that all of them have: accuracy, interval, "
        "paired test, and where each is wrong. Models of other labels, or of several labels a "
        "track, are compared among their like.",
        "  audiogenre compare extracted-full spotify\n"
        "  audiogenre compare extracted-full extracted-baseline extracted-full-majority",
    )
    p.add_argument("model", nargs="+", metavar="MODEL", help="names below models/, or folders")
    return p


def command(args: argparse.Namespace, out: Output) -> int:
    """Run the command."""
    from audiogenre.bundles import find_bundle
    from audiogenre.multilabel import comparison, is_multilabel
    from audiogenre.sidebyside import read_entry, side_by_side

    if len(set(args.model)) < 2:
        raise UsageError("name two models or more")
    names = dict.fromkeys(args.model)
    entries = [read_entry(find_bundle(name, args.models)) for name in names]
    kinds = {is_multilabel(entry.metadata) for entry in entries}
    groups: dict[tuple[bool, tuple[str, ...]], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((is_multilabel(entry.metadata), entry.labels), []).append(entry)
    alike = [group for group in groups.values() if len(group) > 1]
    for group in groups.values():
        if len(group) == 1:
            out.note(f"{group[0].name} tells labels that no other model here tells: left out")
    if not alike and len(kinds) > 1:
        raise UsageError(
            "some of the models answer one label a track and some several, and their scores do not "
            "mean the same: fit all with --multilabel, or none"
        )
    if not alike:
        raise UsageError("the models tell different labels; there is nothing to compare")
    several = [is_multilabel(group[0].metadata) for group in alike]
    results = [side_by_side(group) for group in alike]
    for result, many in zip(results, several, strict=True):
        out.say(comparison.table(result) if many else _table(result))
    for result, many in zip(results, several, strict=True):
        out.say()
        out.say(comparison.details(result) if many else _details(result))
    first = results[0]
    keys = ("n", "models", "difference", "difference_interval", "p_value")
    out.result({**{key: first[key] for key in keys}, "comparisons": results})
    return EXIT_DONE


def _table(result: dict[str, Any]) -> str:
    """The earlier work's table: accuracy by number of labels."""
    lines = [
        f"{len(result['labels'])} labels, the same {result['n']} test tracks of "
        f"{result['n_groups']} groups, {result['protocol']}"
    ]
    width = max(len(each["name"]) for each in result["models"])
    for each in result["models"]:
        low, high = (100 * bound for bound in each["interval"])
        lines.append(
            f"  {each['name']:<{width}}  {100 * each['accuracy']:5.1f} %  "
            f"(95 % interval {low:.1f} to {high:.1f})"
        )
    return "\n".join(lines)


def _details(result: dict[str, Any]) -> str:
    lines = []
    for pair in result["pairs"]:
        low, high = (100 * bound for bound in pair["interval"])
        lines.append(
            f"{pair['first']} less {pair['second']}: {100 * pair['difference']:+.1f} points "
            f"(95 % interval {low:+.1f} to {high:+.1f}; McNemar p = {pair['p_value']:.3g})"
        )
    width = max(5, *(len(label) for label in result["labels"]))
    names = [each["name"] for each in result["models"]]
    lines += ["", "wrong: error rate of a label, and its share of all errors"]
    lines.append("  " + "label".ljust(width) + "".join(f"  {name:>22}" for name in names))
    for label in result["labels"]:
        cells = ""
        for each in result["models"]:
            scores = each["per_label"][label]
            text = f"{100 * scores['error_rate']:.1f} %, {100 * scores['share_of_errors']:.1f} %"
            cells += f"  {text:>{max(22, len(each['name']))}}"
        lines.append("  " + label.ljust(width) + cells)
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``audiogenre compare``; return the exit code."""
    return run(command, parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
