"""Recorded runs as tables: what ``pipelines.benchmark`` and ``pipelines.reproduce`` have written.

A record belongs below ``docs/measured`` as it was written. A quick run tells only whether it works,
and no value of it is shown.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipelines.benchmark.__main__ import EXTRA, MEASURES
from pipelines.docs.tables import table
from pipelines.reproduce.rows import ROWS

MEASURED = Path(__file__).resolve().parent.parent.parent / "docs" / "measured"


def benchmark(folder: Path = MEASURED / "benchmark") -> str:
    """Return a section for each measure: the table of its run, or that there is none yet."""
    names = [*MEASURES, *EXTRA]
    names += sorted({path.stem for path in folder.glob("*.json")} - {*names})
    return "\n\n".join(_measure(name, folder / f"{name}.json") for name in names)


def _measure(name: str, path: Path) -> str:
    title = f"### {name.capitalize()}"
    if not path.is_file():
        return f"{title}\n\nNo run is recorded yet: `python -m pipelines.benchmark {name}`."
    record = json.loads(path.read_text(encoding="utf-8"))
    if record["quick"]:
        return f"{title}\n\nOnly a quick run is recorded, which tells nothing but that it works."
    machine = ", ".join(f"{key} {value}" for key, value in record["machine"].items())
    run = f"{record['measured'][:10]}, {record['clips']} clips of {record['music']}; {machine}."
    protocols = list(dict.fromkeys(row["protocol"] for row in record["rows"]))
    rows = [
        [row["what"], f"{row['value']:.4g} {row['unit']}", _more(row)]
        + ([row["protocol"]] if len(protocols) > 1 else [])
        for row in record["rows"]
    ]
    head = ["what", "value", "more"] + (["protocol"] if len(protocols) > 1 else [])
    said = "" if len(protocols) > 1 else f"\n\nProtocol: {protocols[0]}."
    return f"{title}\n\n{table(head, rows)}{said}\n\nMeasured {run}"


def _more(row: dict[str, Any]) -> str:
    if "decode_only" in row:
        return f"{row['decode_only']:.2f} times decoding alone"
    if "interval" in row:
        low, high = row["interval"]
        return f"95 % interval {low:.1f} to {high:.1f}"
    return ""


def reproduce(folder: Path = MEASURED / "reproduce") -> str:
    """Return a row for each published result that is measured, then those that are not yet."""
    there, missing = [], []
    for each in ROWS:
        what = [f"{each.system}, {each.task}, {each.features}", f"`{each.model}`"]
        path = folder / f"{each.key}.json"
        if not path.is_file():
            missing.append([*what, f"{each.theirs:g} %", f"`{each.needs}`: {each.how}"])
            continue
        record = json.loads(path.read_text(encoding="utf-8"))
        low, high = record["interval"]
        followed = record["ours_their_protocol"]
        there.append(
            [
                *what,
                f"{each.theirs:g} % ({each.their_protocol})",
                "" if followed is None else f"{followed:.1f} %",
                f"{record['ours']:.1f} % ({low:.1f} to {high:.1f})",
                f"n = {record['n']:,}; {record['protocol']}; {record['repeats']} ×",
            ]
        )
    what = ["published result", "our model", "theirs"]
    ours = ["ours, their protocol", "ours, honest (95 % interval)", "our protocol"]
    parts = [table([*what, *ours], there)] if there else []
    if missing:
        parts += ["### Not recorded yet", table([*what, "what it needs"], missing)]
    return "\n\n".join(parts)
