"""What a run says of itself: lines for a mail, ``models/REFRESH.md`` and its figure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audiogenre import champions
from audiogenre.card import percent, score_sentence
from audiogenre.cli import printable
from audiogenre.errors import StoreError

Run = Mapping[str, Any]
REPORT, FIGURE = "REFRESH.md", "refresh.png"
_SHOWN = 30  # runs in the table


def lines(run: Run) -> list[str]:
    """Return what a person wants to know of a run, a sentence a line."""
    found = []
    if "tracks" in run:
        rows = f", {run['rows']} with features and a label that counts" if "rows" in run else ""
        found.append(f"{run['new']} tracks are new, {run['tracks']} in all{rows}")
    for reason, count in run.get("failed", {}).items():
        found.append(f"{count} failed: {reason} (for example {printable(run['examples'][reason])})")
    found += [f"changed: {each['text']}" for each in run.get("drift", ())]
    challenger, champion = run.get("challenger"), run.get("champion")
    name = f" {challenger['name']}" if challenger else ""
    found.append(f"{run['decision']}{name}: {run['reason']}")
    for what, score in (("challenger", challenger), ("champion", champion)):
        if score:
            sentence = score_sentence({**score, "protocol": run["protocol"]})
            found.append(f"{what} {score['name']}: {sentence}")
    return found


def write(models: Path) -> Path:
    """Write report and figure anew from the history.

    Raises
    ------
    StoreError
        If they cannot be written.
    """
    import matplotlib as mpl

    from audiogenre.figures import STYLE
    from audiogenre.nightly.figures import over_time

    runs = champions.history(models)
    target = models / REPORT
    try:
        with mpl.rc_context(STYLE):
            beside = _beside(models / FIGURE)
            over_time(runs).savefig(beside, format="png")
            beside.replace(models / FIGURE)
        beside = _beside(target)
        beside.write_text(_text(runs), encoding="utf-8", errors="backslashreplace")
        beside.replace(target)
    except OSError as error:
        raise StoreError(f"cannot write {target}: {error.strerror or error}") from error
    return target


def _beside(path: Path) -> Path:
    return path.with_name(f".{champions.PREFIX}{path.name}.{os.getpid()}.tmp")


def _text(runs: list[dict[str, Any]]) -> str:
    last = runs[-1]
    parts = [
        f"# Refresh\n\nIn use: `{last.get('current') or 'no model yet'}`.",
        f"![Accuracy over time]({FIGURE})",
        f"## {last['time']}",
        "\n".join(f"- {line}" for line in (*lines(last), *last.get("said", ()))),
        "## Every run" if len(runs) <= _SHOWN else f"## The last {_SHOWN} runs",
        "\n".join(
            [
                "| time | tracks | new | failed | in use before | accuracy | challenger | accuracy "
                "| decision |",
                "|---|---:|---:|---:|---|---:|---|---:|---|",
                *(_row(each) for each in reversed(runs[-_SHOWN:])),
            ]
        ),
        "Accuracies are on the test tracks of the day: their number only grows, and no model has "
        f"heard their artists. All of it is in `{champions.HISTORY}`; "
        "`audiogenre refresh --rollback` goes back to the model before.",
    ]
    return "\n\n".join(parts) + "\n"


def _row(run: Run) -> str:
    cells = [run["time"], run.get("tracks", ""), run.get("new", "")]
    cells.append(sum(run.get("failed", {}).values()))
    for score in (run.get("champion"), run.get("challenger")):
        cells += [score["name"], percent(score["accuracy"])] if score else ["", ""]
    return "| " + " | ".join(str(each) for each in (*cells, run["decision"])) + " |"
