"""Results, as JSON for each part and a table of all of them in ``README.md``."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.benchmark.__main__ import machine
from pipelines.torture.trials import Tally

_HEAD = "| command | what was done to it | runs | hit | findings |\n|---|---|---:|---:|---:|"


def write(folder: Path, part: str, tally: Tally, args: argparse.Namespace) -> None:
    """Keep what this run has come to so far; parts of other runs stay."""
    folder.mkdir(parents=True, exist_ok=True)
    record = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "long": args.long,
        "seed": args.seed,
        "rows": rows(tally),
        "findings": tally.findings,
    }
    (folder / f"{part}.json").write_text(json.dumps(record, indent=2) + "\n")
    sections = ["# Torture"]
    for path in sorted(folder.glob("*.json")):
        record = json.loads(path.read_text())
        on = ", ".join(f"{key} {value}" for key, value in record["machine"].items())
        length = "long" if record["long"] else "short"
        said = f"{record['measured']}, {length} form, seed {record['seed']}; {on}"
        sections += [f"## {path.stem}", said, _table(record["rows"])]
    (folder / "README.md").write_text("\n\n".join(sections) + "\n")


def rows(tally: Tally) -> list[dict[str, Any]]:
    """Return a row for each command and kind of trouble."""
    found = Counter((each["command"], each["kind"]) for each in tally.findings)
    return [
        {
            "command": world,
            "kind": kind,
            "runs": count,
            "disturbed": tally.disturbed[world, kind],
            "findings": found[world, kind],
        }
        for (world, kind), count in sorted(tally.trials.items())
    ]


def table(tallies: Mapping[str, Tally]) -> str:
    """Return everything that was done in one table."""
    return _table([row for tally in tallies.values() for row in rows(tally)])


def _table(found: list[dict[str, Any]]) -> str:
    keys = ("runs", "disturbed", "findings")
    lines = [f"| {row['command']} | {row['kind']} | " + _cells(row, keys) for row in found]
    total = {key: sum(row[key] for row in found) for key in keys}
    return "\n".join([_HEAD, *lines, "| all | | " + _cells(total, keys)])


def _cells(row: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return " | ".join(f"{row[key]:,}" for key in keys) + " |"
