"""The figures of an exploration, large enough for a slide."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from audiogenre.dataset import Dataset
from audiogenre.exploration.clusters import NOISE, Clusters, composition
from audiogenre.exploration.distributions import Telling
from audiogenre.figures import BLUE, GREEN, GREY, ORANGE, RED

Values = npt.NDArray[np.float64]
Labels = npt.NDArray[np.str_]

STYLE: Any = {
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlesize": 12,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 130,
}
# Okabe and Ito (2008), and a shape of its own for every colour.
COLOURS = (BLUE, ORANGE, GREEN, RED, "#CC79A7", "#56B4E9", "#000000", "#9A7D0A")
_MARKERS = "osD^vPX*"
_FAINT = "#DADADA"
_BINS = 120
_MOST_NAMES = 25
_OVERLAP = 1.5  # of a ridge into the one above


def save(path: Path, draw: Callable[..., Figure], *arguments: Any) -> Path:
    """Draw a figure in the style of all of them and write it."""
    with mpl.rc_context(STYLE):
        draw(*arguments).savefig(path)
    return path


def distributions(dataset: Dataset, telling: Sequence[Telling], labels: Sequence[str]) -> Figure:
    """Draw how each column is distributed, a ridge a label, labels in a given order."""
    if len(labels) > 16:
        telling = telling[:4]
    n_across = min(3 if len(labels) <= 16 else 4, len(telling))
    n_down = math.ceil(len(telling) / n_across)
    panel = 1.5 + 0.24 * len(labels)
    figure = Figure(figsize=(0.9 + 3.5 * n_across, n_down * panel + 0.4))
    grid = figure.subplots(n_down, n_across, sharey=True, squeeze=False)
    for axes, each in zip(grid.flat, telling, strict=False):
        _ridges(axes, dataset.X[each.name].to_numpy(), dataset.y, labels)
        axes.set_title(each.name, pad=16)
        axes.annotate(
            f"effect {each.effect:.2f}",
            (0, 1),
            (0, 3),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=9,
            color=GREY,
        )
        axes.set_xlabel(_axis_title(each), fontsize=9)
    for axes in grid.flat[len(telling) :]:
        axes.set_visible(False)
    return figure


def _axis_title(each: Telling) -> str:
    unit = f" ({each.unit})" if each.unit not in ("", "1") else ""
    return textwrap.fill(f"{each.description or each.name}{unit}", 44)


def _ridges(axes: Axes, values: Values, y: Labels, labels: Sequence[str]) -> None:
    from scipy.ndimage import gaussian_filter1d

    low, high = np.percentile(values, [1, 99])
    edges = np.linspace(low, high if high > low else low + 1, _BINS + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    for row, label in enumerate(labels):
        own = values[y == label]
        density = gaussian_filter1d(np.histogram(own, edges)[0].astype(float), 4, mode="constant")
        base = len(labels) - 1 - row
        top = base + density / max(density.max(), np.finfo(float).tiny) * _OVERLAP
        colour = COLOURS[row] if len(labels) <= len(COLOURS) else BLUE
        axes.fill_between(middles, base, top, color=colour, alpha=0.9, linewidth=0, zorder=row + 2)
        axes.plot(middles, top, color="white", linewidth=1.2, zorder=row + 2)
        median = float(np.clip(np.median(own), edges[0], edges[-1]))
        axes.plot([median] * 2, [base, base + 0.3], color="black", lw=1.6, zorder=len(labels) + 3)
    size = 10 if len(labels) <= 16 else 8
    axes.set_yticks(range(len(labels)), list(labels)[::-1], fontsize=size, va="bottom")
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=9)
    axes.locator_params(axis="x", nbins=5)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-0.05, len(labels) - 1 + _OVERLAP + 0.1)


def heat_map(counts: npt.NDArray[np.int64], labels: Sequence[str], title: str) -> Figure:
    """Draw shares of each true label's tracks by answer, neighbours side by side."""
    n = len(labels)
    cell = 0.75 if n <= 8 else 0.5 if n <= 16 else 0.3
    side = 2.4 + cell * n
    figure = Figure(figsize=(side + 1.2, side))
    axes = figure.subplots()
    percent = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(percent, cmap="Blues", vmin=0, vmax=100)
    if n <= 16:
        for row, column in np.ndindex(*counts.shape):
            shade = "white" if percent[row, column] > 55 else "black"
            if percent[row, column] >= 0.5:
                text = f"{percent[row, column]:.0f}"
                axes.text(column, row, text, ha="center", va="center", color=shade)
    size = 11 if n <= 16 else 8
    axes.set_xticks(
        range(n), labels, rotation=45, ha="right", rotation_mode="anchor", fontsize=size
    )
    axes.set_yticks(
        range(n), [f"{each} ({counts[i].sum()})" for i, each in enumerate(labels)], fontsize=size
    )
    axes.set(xlabel="answer", ylabel="label (tracks)")
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, shrink=0.7, label="% of the label's tracks")
    bar.outline.set_visible(False)
    figure.suptitle(_wrapped(title, side), x=0.01, ha="left", fontweight="bold", fontsize=12)
    return figure


def _wrapped(text: str, inches: float) -> str:
    return textwrap.fill(text, int(inches * 10))


def tree(linkage: Values, labels: Sequence[str]) -> Figure:
    """Draw which labels are neighbours."""
    from scipy.cluster.hierarchy import dendrogram

    figure = Figure(figsize=(9, 1.6 + (0.5 if len(labels) <= 16 else 0.3) * len(labels)))
    axes = figure.subplots()
    dendrogram(
        linkage,
        labels=list(labels),
        orientation="left",
        ax=axes,
        color_threshold=0,
        above_threshold_color=BLUE,
    )
    for line in axes.collections:
        line.set_linewidth(2.2)
    axes.set_xlim(max(float(linkage[:, 2].max()) * 1.08, 0.05), 0)
    axes.tick_params(axis="y", labelsize=12 if len(labels) <= 16 else 9, length=0)
    axes.spines[["left", "right"]].set_visible(False)
    axes.invert_yaxis()
    axes.set_xlabel("how well told apart (1: never confused, 0: by chance)")
    axes.set_title("Which are neighbours")
    return figure


def label_map(places: Values, y: Labels, labels: Sequence[str], title: str, axis: str) -> Figure:
    """Draw tracks on a plane by label: in colours if they are few, else a panel each."""
    if len(labels) > len(COLOURS):
        return _panels(places, y, labels, title)
    figure = Figure(figsize=(8.6, 7))
    axes = figure.subplots()
    size = 34 if len(y) <= 600 else 12
    for label, colour, marker in zip(labels, COLOURS, _MARKERS, strict=False):
        own = places[y == label]
        axes.scatter(
            own[:, 0],
            own[:, 1],
            s=size,
            color=colour,
            marker=marker,
            alpha=0.75,
            linewidth=0,
            label=label,
        )
    centres = np.array([np.median(places[y == label], axis=0) for label in labels])
    _name_places(axes, places, centres, labels, COLOURS)
    _plain_axes(axes, axis)
    axes.set_title(title)
    figure.legend(loc="outside lower center", ncols=4, markerscale=1.6)
    return figure


def _panels(places: Values, y: Labels, labels: Sequence[str], title: str) -> Figure:
    n_across = min(6, math.ceil(math.sqrt(len(labels))))
    n_down = math.ceil(len(labels) / n_across)
    figure = Figure(figsize=(2.1 * n_across, 2.25 * n_down + 0.5))
    grid = figure.subplots(n_down, n_across, sharex=True, sharey=True, squeeze=False)
    for axes, label in zip(grid.flat, labels, strict=False):
        own = y == label
        axes.scatter(
            places[~own, 0], places[~own, 1], s=2, color=_FAINT, linewidth=0, rasterized=True
        )
        axes.scatter(places[own, 0], places[own, 1], s=7, color=BLUE, alpha=0.8, linewidth=0)
        axes.set_title(label, fontsize=10)
        _plain_axes(axes, "")
    for axes in grid.flat[len(labels) :]:
        axes.set_visible(False)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    return figure


def cluster_map(
    places: Values, clusters: Clusters, y: Labels, labels: Sequence[str], title: str, axis: str
) -> Figure:
    """Draw clusters that were found without labels, in name and colour of the label it has most."""
    figure = Figure(figsize=(8.6, 7))
    axes = figure.subplots()
    size = 34 if len(y) <= 600 else 12
    outside = clusters.numbers == NOISE
    axes.scatter(places[outside, 0], places[outside, 1], s=size / 2, color=_FAINT, linewidth=0)
    found = {key: each for key, each in composition(clusters, y).items() if key != NOISE}
    found = dict(sorted(found.items(), key=lambda item: -sum(item[1].values())))
    names, centres, colours = [], [], []
    for row, (number, counts) in enumerate(found.items()):
        own = places[clusters.numbers == number]
        label, count = next(iter(counts.items()))
        colour = COLOURS[labels.index(label) % len(COLOURS)]
        marker = _MARKERS[row % len(_MARKERS)]
        axes.scatter(
            own[:, 0], own[:, 1], s=size, color=colour, marker=marker, alpha=0.75, linewidth=0
        )
        names.append(f"{label} {100 * count / sum(counts.values()):.0f} %")
        centres.append(np.median(own, axis=0))
        colours.append(colour)
    shown = slice(_MOST_NAMES)
    middles = np.array(centres).reshape(-1, 2)
    _name_places(axes, places, middles[shown], names[shown], colours[shown])
    _plain_axes(axes, axis)
    axes.set_title(title)
    return figure


def _plain_axes(axes: Axes, label: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_xlabel(label, color=GREY, fontsize=9)


def _name_places(
    axes: Axes, places: Values, centres: Values, names: Sequence[str], colours: Sequence[str]
) -> None:
    """Write names at their places, pushed up where one would cover another."""
    import matplotlib.patheffects as effects

    span = np.ptp(places, axis=0)
    size = 13 if len(names) <= 12 else 9
    height, letter = 0.0038 * size * span[1], 0.0015 * size * span[0]
    written: list[tuple[float, float, float]] = []
    for each in np.argsort(centres[:, 1]) if len(centres) else ():
        x, y = centres[each]
        half = letter * len(names[each]) / 2
        for other_x, other_y, other_half in sorted(written, key=lambda place: place[1]):
            if abs(x - other_x) < half + other_half and abs(y - other_y) < height:
                y = other_y + height
        written.append((x, y, half))
        axes.text(
            x,
            y,
            names[each],
            ha="center",
            va="center",
            fontsize=size,
            fontweight="bold",
            color=colours[each],
            # Enough to read by; the points behind show through.
            bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 1},
            path_effects=[effects.withStroke(linewidth=2, foreground="white")],
            zorder=10,
        )


def errors(per_label: Mapping[str, Mapping[str, float]]) -> Figure:
    """Draw error rates and shares of all errors side by side, the worst label first."""
    labels = sorted(per_label, key=lambda each: -per_label[each]["error_rate"])
    step = 0.5 if len(labels) <= 16 else 0.3
    figure = Figure(figsize=(11, 1.5 + step * len(labels)))
    places = np.arange(len(labels))
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, key, title, colour in (
        (left, "error_rate", "Error rate: wrong of its own tracks", BLUE),
        (right, "share_of_errors", "Share of all errors", ORANGE),
    ):
        values = [100 * per_label[label][key] for label in labels]
        bars = axes.barh(places, values, height=0.72, color=colour)
        axes.bar_label(bars, fmt="%.0f %%", padding=4, fontsize=10 if step == 0.5 else 8)
        axes.set_xlim(0, max(*values, 1) * 1.15)
        axes.set_title(title)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(axis="y", length=0)
    names = [f"{label} ({per_label[label]['n']:.0f} tracks)" for label in labels]
    left.set_yticks(places, names, fontsize=11 if step == 0.5 else 9)
    left.set_ylim(len(labels) - 0.4, -0.6)
    return figure
