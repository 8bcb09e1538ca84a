"""The figures that show a score moving: with fewer features, with doubtful tracks left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from audiogenre.exploration.lean import Lean
from audiogenre.exploration.suspects import LeftOut
from audiogenre.figures import BLUE, GREEN, GREY, ORANGE, RED

_MOST_FAMILIES = 20
_MOST_PAIRS = 12


def lean(found: Lean) -> Figure:
    """Draw accuracy against the number of families, and which of them the folds have kept."""
    names = sorted(found.kept, key=lambda each: -found.kept[each])[:_MOST_FAMILIES]
    figure = Figure(figsize=(12, max(5.4, 1.6 + 0.28 * len(names))))
    left, right = figure.subplots(1, 2, width_ratios=(2, 1))
    for way, text, colour, marker in (
        ("removal", "taking out what is missed least", BLUE, "o"),
        ("importance", "keeping what costs most when shuffled", ORANGE, "s"),
    ):
        points = found.curves[way]  # type: ignore[index]
        numbers = [each.n_families for each in points]
        accuracy = [100 * each.accuracy for each in points]
        left.plot(numbers, accuracy, marker=marker, color=colour, label=text, zorder=3)
        if way == "removal":
            low, high = 100 * np.array([each.interval for each in points]).T
            label = "95 % interval over artists"
            left.fill_between(numbers, low, high, color=colour, alpha=0.13, lw=0, label=label)
    low, high = (100 * each for each in found.interval)
    score = 100 * found.accuracy
    left.errorbar(
        found.mean_kept,
        score,
        yerr=[[score - low], [high - score]],
        fmt="*",
        markersize=18,
        color=RED,
        capsize=4,
        label=f"chosen anew in each fold (mean number): {score:.1f} %",
        zorder=4,
    )
    most = found.curves["removal"][0].n_families
    left.set_xlabel(f"families of columns kept, of {most}")
    left.set_ylabel("accuracy on artists not heard (%)")
    left.set_title("How few features are enough")
    left.xaxis.get_major_locator().set_params(integer=True)
    left.legend(loc="lower right", fontsize=10)
    values = [100 * found.kept[each] for each in names]
    colours = [GREEN if each in found.families else GREY for each in names]
    right.barh(range(len(names)), values, color=colours, height=0.7)
    right.set_yticks(range(len(names)), _plain(names, list(found.kept)))
    right.invert_yaxis()
    right.set_xlim(0, 105)
    right.tick_params(axis="y", length=0)
    lean_ones = "green:" if GREY in colours else "each is"
    right.set_xlabel(f"% of folds that keep it\n({lean_ones} in the leanest set of all tracks)")
    right.set_title("Which families stay")
    return figure


def _plain(names: Sequence[str], every: Sequence[str]) -> list[str]:
    """Return the names of families, without the set where there is one set only."""
    sets = {each.partition("/")[0] for each in every}
    return [each if len(sets) > 1 else each.partition("/")[2] for each in names]


def suspects(table: pd.DataFrame, left_out: Sequence[LeftOut], n: int) -> Figure:
    """Draw the score as doubtful tracks leave the training part, and what they may be instead."""
    figure = Figure(figsize=(12, 5.2))
    left, right = figure.subplots(1, 2, width_ratios=(1.3, 1))
    share = [100 * each.share for each in left_out]
    accuracy = [100 * each.accuracy for each in left_out]
    low, high = 100 * np.array([each.interval for each in left_out]).T
    left.fill_between(share, low, high, color=BLUE, alpha=0.13, lw=0, label="95 % interval")
    left.plot(share, accuracy, "o-", color=BLUE, label="accuracy, every track counted as labelled")
    left.axhline(accuracy[0], color=GREY, linestyle="--", lw=1, label="learning from all")
    left.set_xlabel("doubtful tracks not learned from (% of the training tracks)")
    left.set_ylabel("accuracy on artists not heard (%)")
    left.set_title("Learning without the doubtful")
    left.legend(loc="lower left", fontsize=10)
    pairs = table.groupby(["label", "suggestion"]).size().sort_values(ascending=False)
    pairs = pairs.head(_MOST_PAIRS)
    bars = right.barh(range(len(pairs)), pairs.to_numpy(), color=ORANGE, height=0.7)
    right.bar_label(bars, padding=3)
    right.set_yticks(range(len(pairs)), [f"{a} → {b}" for a, b in pairs.index])
    right.invert_yaxis()
    right.tick_params(axis="y", length=0)
    right.set_xlim(0, max([*pairs.tolist(), 1]) * 1.12)
    right.set_xlabel("tracks")
    right.set_title(f"Label → suggestion ({len(table)} of {n} tracks)")
    return figure
