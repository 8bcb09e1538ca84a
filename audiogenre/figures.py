"""The figures of a model's card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from audiogenre.tuning import Choice

# Okabe and Ito (2008): told apart by colour-blind readers too.
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#8A8A8A"
STYLE: Any = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 120,
}


def draw_all(folder: Path, metadata: dict[str, Any], choice: Choice) -> dict[str, Path]:
    """Draw every figure of a model.

    Returns
    -------
    figures : dict
        Title to path, in the order of the card.
    """
    scores = metadata["scores"]
    labels = metadata["labels"]
    with mpl.rc_context(STYLE):
        drawn = {
            "Confusion matrix": confusion(np.array(scores["confusion"]), labels, scores),
            "Errors by label": errors(scores["per_label"]),
            "Reliability": reliability(scores["reliability"], scores["calibration_error"]),
        }
        if any(metadata["importance"].values()):  # not of a model that listens to nothing
            drawn["Importance of families"] = importance(metadata["importance"])
        if len(choice.path) > 1:
            drawn[f"Accuracy against {plain(choice.complexity)}"] = complexity(choice)
        if len(choice.candidates) > 1:
            drawn["Validation accuracy against gap"] = tolerance(choice)
        if metadata["learning"]:
            drawn["Learning curves"] = learning(metadata["learning"])
    return save_all(folder, drawn, flattering=metadata["split"]["kind"] == "random")


def save_all(folder: Path, drawn: Mapping[str, Figure], *, flattering: bool) -> dict[str, Path]:
    """Write figures under their titles; say so on each if they show a flattering score."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    with mpl.rc_context(STYLE):
        for title, figure in drawn.items():
            paths[title] = folder / f"{title.lower().replace(' ', '-')}.png"
            if flattering:
                figure.suptitle("random split: flatters the score", color=RED, fontsize=9)
            figure.savefig(paths[title])
    return paths


def draw_conditions(
    folder: Path, conditions: dict[str, dict[str, Any]], labels: list[str]
) -> list[Path]:
    """Draw a model's answers to the same clips under several conditions, side by side.

    Parameters
    ----------
    conditions : dict
        Title to scores with the confusion counts over all `labels`.
    """
    side = 2.6 + 0.55 * len(labels)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=((side + 0.8) * len(conditions), side))
        places = figure.subplots(1, len(conditions), squeeze=False)[0]
        for axes, (title, scores) in zip(places, conditions.items(), strict=True):
            _confusion(axes, np.array(scores["confusion"]), labels)
            axes.set_title(f"{title}: {100 * scores['accuracy']:.1f} % of {scores['n']} right")
        path = folder / "confusion.png"
        figure.savefig(path)
    return [path]


def confusion(counts: Any, labels: list[str], scores: dict[str, Any]) -> Figure:
    """Shares of each true label's tracks by answer, with the counts written in."""
    side = 2.6 + 0.55 * len(labels)
    figure = Figure(figsize=(side + 0.8, side))
    axes = figure.subplots()
    _confusion(axes, counts, labels)
    axes.set_title(f"{100 * scores['accuracy']:.1f} % of {scores['n']} tracks right")
    return figure


def _confusion(axes: Any, counts: Any, labels: list[str]) -> None:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    matrix(axes, counts, shares, labels)
    axes.set_ylabel("label")


def matrix(axes: Any, counts: Any, shares: Any, labels: list[str]) -> None:
    """Draw shares of labels by answer as shades, with the counts written in."""
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*counts.shape):
        shade = "white" if shares[row, column] > 0.55 else "black"
        if counts[row, column]:
            axes.text(column, row, counts[row, column], ha="center", va="center", color=shade)
    axes.set_xticks(range(len(labels)), labels, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("answer")
    axes.spines[:].set_visible(False)


def errors(per_label: dict[str, dict[str, float]]) -> Figure:
    """Error rate of each label beside its share of all errors."""
    shown = {"error_rate": ("error rate", BLUE), "share_of_errors": ("share of all errors", ORANGE)}
    return label_bars(per_label, shown, title="Where it is wrong")


def label_bars(
    per_label: dict[str, dict[str, float]], shown: dict[str, tuple[str, str]], *, title: str
) -> Figure:
    """Some shares of each label, side by side.

    Parameters
    ----------
    per_label : dict
        With `n` and the keys of `shown` for each label.
    shown : dict
        Key to what it is called and its colour.
    """
    labels = list(per_label)
    figure = Figure(figsize=(7, 1.4 + 0.22 * len(shown) * len(labels)))
    axes = figure.subplots()
    places = np.arange(len(labels))
    height = 0.8 / len(shown)
    for number, (key, (text, colour)) in enumerate(shown.items()):
        shift = (number - (len(shown) - 1) / 2) * height
        values = [100 * per_label[label][key] for label in labels]
        bars = axes.barh(places + shift, values, height=0.95 * height, color=colour, label=text)
        axes.bar_label(bars, fmt="%.0f", padding=3, fontsize=8)
    axes.set_yticks(places, [f"{label} (n = {per_label[label]['n']})" for label in labels])
    axes.invert_yaxis()
    axes.set(xlim=(0, 108), xlabel="%", title=title)
    figure.legend(loc="outside lower center", ncols=len(shown))
    return figure


def reliability(bins: list[dict[str, float]], error: float) -> Figure:
    """How often answers of a given probability are right."""
    figure = Figure(figsize=(5, 4.6))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="perfect")
    axes.plot(
        [each["probability"] for each in bins],
        [each["accuracy"] for each in bins],
        color=BLUE,
        linewidth=1,
        label="model (area: number of tracks)",
    )
    axes.scatter(
        [each["probability"] for each in bins],
        [each["accuracy"] for each in bins],
        s=[12 + 400 * each["n"] / sum(each["n"] for each in bins) for each in bins],
        color=BLUE,
        alpha=0.8,
    )
    axes.set(xlim=(0, 1.02), ylim=(-0.05, 1.05), xlabel="probability said", ylabel="share right")
    axes.set_title(f"Calibration error {error:.2f}")
    axes.legend(loc="upper left")
    return figure


def importance(lost: dict[str, float], *, most: int = 20, of: str = "accuracy") -> Figure:
    """Points of a score lost when a family of columns is shuffled."""
    shown = dict(list(lost.items())[:most])
    figure = Figure(figsize=(6.5, 1.2 + 0.3 * len(shown)))
    axes = figure.subplots()
    sets = {block.partition("/")[0] for block in lost}
    names = [block if len(sets) > 1 else block.partition("/")[2] for block in shown]
    axes.barh(range(len(shown)), [100 * each for each in shown.values()], color=GREEN)
    axes.set_yticks(range(len(shown)), names)
    axes.invert_yaxis()
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.set_xlabel(f"points of test {of} lost when shuffled")
    axes.set_title("What it listens to")
    return figure


def plain(parameter: str) -> str:
    """Return a parameter's own name in words, without the steps that lead to it.

    Examples
    --------
    >>> plain("-model__min_samples_leaf")
    'min samples leaf'
    """
    return parameter.rpartition("__")[2].replace("_", " ")


def complexity(choice: Choice, *, score: str = "accuracy") -> Figure:
    """Training and validation score from simple to complex, the other parameters as chosen."""
    name = plain(choice.complexity)
    values = [value for value, _ in choice.path]
    path = [each for _, each in choice.path]
    train = np.array([100 * each.train for each in path])
    figure = Figure(figsize=(6.5, 4.4))
    axes = figure.subplots()
    axes.fill_between(
        values, train - 100 * choice.tolerance, train, color=GREEN, alpha=0.18, label="tolerance"
    )
    axes.plot(values, train, "o-", color=ORANGE, label="training")
    axes.plot(
        values, [100 * each.validation for each in path], "s-", color=BLUE, label="validation"
    )
    chosen = values[path.index(choice.taken)]
    axes.axvline(chosen, color=GREY, linestyle=":", label=f"chosen, {name} = {chosen:g}")
    axes.set(xscale="log", xlabel=name, ylabel=f"{score} (%)")
    axes.set_xticks(values, [f"{value:g}" for value in values])
    axes.minorticks_off()
    if choice.complexity.startswith("-"):
        axes.invert_xaxis()
    axes.set_title(f"Overfitting along {name}")
    figure.legend(loc="outside lower center", ncols=4)
    return figure


def learning(history: dict[str, Any]) -> Figure:
    """Loss and accuracy by epoch, on the rows learned from and on those that say when to stop."""
    figure = Figure(figsize=(8.5, 3.8))
    epochs = np.arange(1, len(history["train_loss"]) + 1)
    for axes, what, factor in zip(
        figure.subplots(1, 2), ("loss", "accuracy"), (1, 100), strict=True
    ):
        for part, text, colour in (("train", "training", ORANGE), ("valid", "validation", BLUE)):
            values = factor * np.array(history[f"{part}_{what}"])
            axes.plot(epochs, values, color=colour, label=text if what == "loss" else None)
        axes.axvline(
            history["best_epoch"],
            color=GREY,
            linestyle=":",
            label=f"best epoch, {history['best_epoch']}" if what == "loss" else None,
        )
        axes.set(xlabel="epoch", ylabel=what if factor == 1 else f"{what} (%)")
        axes.set_title(what.capitalize())
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def tolerance(choice: Choice, *, score: str = "accuracy") -> Figure:
    """Every candidate's validation score against its gap, with the answers of each rule."""
    figure = Figure(figsize=(6.5, 4.8))
    axes = figure.subplots()
    axes.axvspan(
        min(0.0, *(100 * each.gap for each in choice.candidates)),
        100 * choice.tolerance,
        color=GREEN,
        alpha=0.14,
        label="within the tolerance",
    )
    axes.scatter(
        [100 * each.gap for each in choice.candidates],
        [100 * each.validation for each in choice.candidates],
        s=14,
        color=GREY,
        label="candidates",
    )
    literally = "tolerance taken literally" if choice.possible else "smallest gap"
    for row, text, marker, size, inside, edge in (
        (choice.best, "best score", "^", 90, ORANGE, ORANGE),
        (choice.strict, literally, "v", 90, RED, RED),
        # A ring: the chosen one often is one of the others, too.
        (choice.chosen, "chosen", "o", 260, "none", BLUE),
    ):
        each = choice.candidates[row]
        axes.scatter(
            100 * each.gap,
            100 * each.validation,
            s=size,
            marker=marker,
            facecolor=inside,
            edgecolor=edge,
            linewidth=2,
            label=text,
        )
    axes.set(xlabel="gap: training less validation (points)", ylabel=f"validation {score} (%)")
    axes.set_title("The price of a small gap")
    figure.legend(loc="outside lower center", ncols=3)
    return figure
