"""The figures of a model of several labels a track."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from audiogenre import figures
from audiogenre.figures import BLUE, GREEN, GREY, ORANGE, RED
from audiogenre.tuning import Choice

_SCORE = "ranking precision"


def draw_all(
    folder: Path, metadata: dict[str, Any], choice: Choice, predictions: pd.DataFrame
) -> dict[str, Path]:
    """Draw every figure of a model.

    Parameters
    ----------
    predictions : DataFrame
        As `audiogenre.multilabel.training.FittedLabels` has them.

    Returns
    -------
    figures : dict
        Title to path, in the order of the card.
    """
    scores, labels = metadata["scores"], metadata["labels"]
    thresholds = metadata["multilabel"]["thresholds"]
    with mpl.rc_context(figures.STYLE):
        drawn = {
            "Scores by label": by_label(scores["per_label"]),
            "Thresholds": probabilities(predictions, thresholds),
            "Answers by label": answers(np.array(scores["answered_by_label"]), labels, scores),
            "Reliability": figures.reliability(scores["reliability"], scores["calibration_error"]),
        }
        if any(metadata["importance"].values()):
            lost = metadata["importance"]
            drawn["Importance of families"] = figures.importance(lost, of=_SCORE)
        if len(choice.path) > 1:
            name = figures.plain(choice.complexity)
            drawn[f"Ranking precision against {name}"] = figures.complexity(choice, score=_SCORE)
        if len(choice.candidates) > 1:
            drawn["Validation against gap"] = figures.tolerance(choice, score=_SCORE)
    return figures.save_all(folder, drawn, flattering=metadata["split"]["kind"] == "random")


def by_label(per_label: dict[str, dict[str, float]]) -> Figure:
    """Precision, recall and F1 of each label."""
    shown = {"precision": ("precision", BLUE), "recall": ("recall", ORANGE), "f1": ("F1", GREEN)}
    return figures.label_bars(per_label, shown, title="How well each label is told")


def probabilities(predictions: pd.DataFrame, thresholds: dict[str, float]) -> Figure:
    """Probabilities of each label for test tracks that have it and for the others."""
    figure = Figure(figsize=(7, 1.4 + 0.6 * len(thresholds)))
    axes = figure.subplots()
    rng = np.random.default_rng(0)
    for place, (label, threshold) in enumerate(thresholds.items()):
        values, own = predictions[f"p_{label}"], predictions[f"is_{label}"].to_numpy(dtype=bool)
        for rows, shift, colour, text in (
            (own, -0.18, BLUE, "tracks that have it"),
            (~own, 0.18, GREY, "other tracks"),
        ):
            heights = place + shift + rng.uniform(-0.13, 0.13, int(rows.sum()))
            once = text if place == 0 else ""  # a line without a name is not in the legend
            axes.plot(values[rows], heights, ".", ms=4, alpha=0.4, color=colour, label=once)
        ends, once = [place - 0.4, place + 0.4], "threshold" if place == 0 else ""
        axes.plot([threshold, threshold], ends, color=RED, linewidth=2, label=once)
    axes.set_yticks(range(len(thresholds)), list(thresholds))
    axes.invert_yaxis()
    axes.set(xlim=(-0.02, 1.02), xlabel="probability")
    axes.set_title("From where each label is answered")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def answers(counts: Any, labels: list[str], scores: dict[str, Any]) -> Figure:
    """Shares of each label's test tracks that are answered with each label, counts written in."""
    side = 2.6 + 0.55 * len(labels)
    figure = Figure(figsize=(side + 0.8, side))
    axes = figure.subplots()
    sizes = np.array([scores["per_label"][label]["n"] for label in labels])
    figures.matrix(axes, counts, counts / np.maximum(sizes, 1)[:, None], labels)
    axes.set_ylabel("tracks with the label")
    axes.set_title(f"{scores['answers_a_track']:.2f} answers a track")
    return figure
