"""The figure of a history of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from matplotlib.dates import ConciseDateFormatter
from matplotlib.figure import Figure

from audiogenre.figures import BLUE, GREEN, GREY, RED


def over_time(runs: Sequence[Mapping[str, Any]]) -> Figure:
    """Accuracy of the champion and its challengers, and the number of tracks, run by run.

    Parameters
    ----------
    runs : sequence of dict
        As `audiogenre.champions.history` returns them.
    """
    figure = Figure(figsize=(8, 5.4))
    upper, lower = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    in_office = [(_when(each), score) for each in runs if (score := _in_office(each))]
    times = [when for when, _ in in_office]
    low, high = ([100 * score["interval"][side] for _, score in in_office] for side in (0, 1))
    upper.fill_between(times, low, high, color=BLUE, alpha=0.14, label="95 % interval")
    accuracies = [100 * score["accuracy"] for _, score in in_office]
    upper.plot(times, accuracies, "o-", color=BLUE, markersize=4, label="champion")
    for decision, text, marker, colour in (
        ("promoted", "challenger, promoted", "^", GREEN),
        ("rejected", "challenger, rejected", "v", RED),
    ):
        found = [each for each in runs if each.get("decision") == decision]
        upper.scatter(
            [_when(each) for each in found],
            [100 * each["challenger"]["accuracy"] for each in found],
            s=60,
            color=colour,
            marker=marker,
            zorder=3,
            label=text,
        )
    for each in runs:
        if each.get("decision") == "rolled back":
            upper.axvline(_when(each), color=GREY, linestyle=":", label="rolled back")
    upper.set(ylabel="accuracy (%)", ylim=(0, 102))
    upper.set_title("Accuracy on the test tracks of the day")
    counted = [each for each in runs if each.get("rows") is not None]
    lower.step(
        [_when(each) for each in counted],
        [each["rows"] for each in counted],
        where="post",
        color=GREY,
        marker="o",
        markersize=3,
    )
    lower.set(ylabel="tracks")
    lower.set_ylim(bottom=0)
    dates: Any = ConciseDateFormatter
    lower.xaxis.set_major_formatter(dates(lower.xaxis.get_major_locator()))
    texts = dict(zip(*reversed(upper.get_legend_handles_labels()), strict=True))
    figure.legend(texts.values(), texts.keys(), loc="outside lower center", ncols=3)
    return figure


def _when(run: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(run["time"])


def _in_office(run: Mapping[str, Any]) -> Any:
    """Return the score of the model that was in use when a run had ended, if it was measured."""
    return run.get("challenger" if run.get("decision") == "promoted" else "champion")
