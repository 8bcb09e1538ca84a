"""The champion's history as a line: which model was in use when, and how good it was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

WIDTH, HEIGHT = 640, 200
_SHOWN = 200  # runs


def line(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the line, its interval and the marks of what was decided.

    Parameters
    ----------
    runs : sequence of dict
        As `audiogenre.champions.history` returns them.
    """
    timed = [(when, run) for run in runs[-_SHOWN:] if (when := _when(run)) is not None]
    scored = [(when, score) for when, run in timed if (score := in_office(run))]
    if not scored:
        return {"points": [], "band": "", "path": "", "marks": [], "runs": _rows(timed), "y": []}
    first, last = timed[0][0], timed[-1][0]
    lows = [score["interval"][0] for _, score in scored]
    marked = [run["challenger"]["accuracy"] for _, run in timed if run.get("challenger")]
    bottom = min(max(0.0, int(10 * min(lows + marked)) / 10), 0.9)  # never an axis of no height

    def x(when: datetime) -> float:
        span = (last - first).total_seconds()
        return round(WIDTH * ((when - first).total_seconds() / span if span else 0.5), 1)

    def y(share: float) -> float:
        return round(HEIGHT * (1 - (share - bottom) / (1 - bottom)), 1)

    upper = [f"{x(when)} {y(score['interval'][1])}" for when, score in scored]
    lower = [f"{x(when)} {y(score['interval'][0])}" for when, score in reversed(scored)]
    points = [
        {"x": x(when), "y": y(score["accuracy"]), "name": score["name"]} for when, score in scored
    ]
    return {
        "points": points,
        "path": "M" + "L".join(f"{each['x']} {each['y']}" for each in points),
        "band": f"M{'L'.join([*upper, *lower])}Z",
        "marks": [
            {"x": x(when), "y": y(run["challenger"]["accuracy"]), "decision": run["decision"]}
            for when, run in timed
            if run.get("challenger") and run.get("decision") in ("promoted", "rejected")
        ],
        "y": [(y(share), share) for share in (bottom, (1 + bottom) / 2, 1.0)],
        "from": first,
        "to": last,
        "runs": _rows(timed),
    }


def in_office(run: dict[str, Any]) -> Any:
    """Return the score of the model in use when a run had ended, if it was measured."""
    return run.get("challenger" if run.get("decision") == "promoted" else "champion")


def _rows(timed: Sequence[tuple[datetime, dict[str, Any]]]) -> list[dict[str, Any]]:
    return [
        {
            "time": when,
            "decision": run.get("decision", ""),
            "reason": run.get("reason", ""),
            "rows": run.get("rows"),
            "current": run.get("current") or "",
            "champion": run.get("champion"),
            "challenger": run.get("challenger"),
        }
        for when, run in reversed(timed)
    ]


def _when(run: dict[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(run["time"])
    except (KeyError, TypeError, ValueError):
        return None  # a line that something else has written
