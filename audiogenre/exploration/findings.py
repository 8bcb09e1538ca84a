"""What an exploration has found: numbers for a program, sections of a report for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from audiogenre import evaluation
from audiogenre.card import percent, score_sentence
from audiogenre.dataset import Dataset
from audiogenre.exploration import clusters, curves, figures, lean, neighbours, suspects
from audiogenre.exploration.clusters import MAP_NAMES, Clusters, MapKind
from audiogenre.exploration.distributions import Telling, most_telling
from audiogenre.exploration.lean import Lean
from audiogenre.exploration.outside import OutOfFold
from audiogenre.exploration.report import Section
from audiogenre.exploration.suspects import LeftOut

SHOWN = 30  # suspects in the report


@dataclass(frozen=True)
class Confusions:
    """Who is taken for whom.

    Attributes
    ----------
    scores : dict
        `audiogenre.evaluation.summary` of the out-of-fold answers.
    order : list of str
        The labels from one end of the tree to the other.
    """

    scores: dict[str, Any]
    linkage: neighbours.Values
    nearest: list[tuple[str, str, float]]
    order: list[str]


def confusions(dataset: Dataset, outside: OutOfFold) -> Confusions:
    """Compare every track's out-of-fold answer with its label."""
    scores = evaluation.summary(dataset.y, outside.predicted, dataset.groups, dataset.labels)
    shares = neighbours.shares(outside.probabilities, dataset.y, outside.labels)
    distances = neighbours.distances(shares)
    linkage = neighbours.tree(distances)
    order = [outside.labels[each] for each in neighbours.leaf_order(linkage)]
    protocol = "artist-grouped folds, parameters chosen inside each"
    if dataset.artists_known < 1:
        protocol += f" (artist known for {dataset.artists_known:.0%} of the tracks)"
    scores["protocol"] = protocol
    return Confusions(scores, linkage, neighbours.nearest(distances, outside.labels), order)


def confusion_sections(dataset: Dataset, found: Confusions, folder: Path) -> list[Section]:
    """Draw and describe who is taken for whom, and how often each label is wrong."""
    order, scores = found.order, found.scores
    rows = [dataset.labels.index(each) for each in order]
    counts = np.array(scores["confusion"])[np.ix_(rows, rows)]
    title = f"{percent(scores['accuracy'])} of {scores['n']} tracks right, artists not heard before"
    drawn = [
        figures.save(folder / "confusion.png", figures.heat_map, counts, order, title),
        figures.save(folder / "tree.png", figures.tree, found.linkage, dataset.labels),
    ]
    pairs = "; ".join(f"{a} and {b} ({d:.2f})" for a, b, d in found.nearest)
    per_label = scores["per_label"]
    wrong = figures.save(folder / "errors.png", figures.errors, per_label)
    table = pd.DataFrame(
        [
            {
                "label": label,
                "tracks": each["n"],
                "error rate": percent(each["error_rate"]),
                "share of all errors": percent(each["share_of_errors"]),
                "precision": each["precision"],
                "F1": each["f1"],
            }
            for label, each in sorted(per_label.items(), key=lambda x: -x[1]["error_rate"])
        ]
    )
    return [
        Section(
            "Who is taken for whom",
            [
                f"The SVC is right on {score_sentence(scores)}. Every track was judged by a model "
                "that had not heard its artist. Neighbours stand side by side.",
                "The tree joins the labels that are hardest to tell apart first. The distance of a "
                "pair is 1 - 2e, where e is the share of the pair's out-of-fold probability that "
                "goes to the wrong one of the two: 1 if they are never confused, 0 if they are "
                "told apart no better than by chance.",
                f"The nearest pairs: {pairs}.",
            ],
            drawn,
        ),
        Section(
            "Where it is wrong",
            [
                "The error rate says how much of a label's own tracks is wrong. The share of all "
                "errors says where errors come from; it grows with a label's number of tracks, so "
                "the two must not be mixed up.",
            ],
            [wrong],
            table,
        ),
    ]


def distribution_section(
    dataset: Dataset, order: Sequence[str], folder: Path
) -> tuple[list[Telling], Section]:
    """Draw and describe the columns that tell labels apart best."""
    found = most_telling(dataset)
    path = folder / "distributions.png"
    figures.save(path, figures.distributions, dataset, found, order)
    table = pd.DataFrame(
        [
            {
                "column": each.name,
                "effect": each.effect,
                "unit": each.unit if each.unit != "1" else "",
                "what": each.description,
            }
            for each in found
        ]
    )
    text = [
        "Of each family of columns the one that tells the labels apart best by itself. Effect is "
        "epsilon squared of Kruskal and Wallis: the share of the variance of the ranks that lies "
        "between labels, 0 to 1. It was computed on all tracks, and describes these.",
        "Each ridge is drawn to its own height; the tick is its median; the lowest and the highest "
        "hundredth of all values are left out.",
    ]
    return found, Section(
        "What tells them apart",
        text,
        [path],
        table,
    )


def cluster_section(
    dataset: Dataset, kind: MapKind, order: Sequence[str], folder: Path
) -> tuple[list[Clusters], Section]:
    """Draw and describe what the tracks are sorted into without their labels."""
    Z = clusters.scaled(dataset)
    components, variance = clusters.principal_components(Z, seed=dataset.seed)
    found = clusters.find_clusters(components, dataset.y, seed=dataset.seed)
    rows = clusters.drawn_rows(dataset.y, most=clusters.MOST_ROWS, seed=dataset.seed)
    places = clusters.draw_map(Z[rows], kind, seed=dataset.seed)
    y, name = dataset.y[rows], MAP_NAMES[kind]
    shown = [clusters.Clusters(x.name, x.numbers[rows], x.rand, x.information) for x in found]
    plane = components[rows][:, :2]
    first, second = (f"{100 * each:.0f} %" for each in [*variance[:2], 0.0][:2])
    axis = f"{name}: near is alike; distances between groups mean little"
    plain_axis = f"principal components 1 ({first} of the variance) and 2 ({second})"
    title = f"The tracks, by label ({name})"
    drawn = [figures.save(folder / "map.png", figures.label_map, places, y, order, title, axis)]
    for each in shown:
        title = f"The tracks, by cluster ({each.name}, {each.count} found)"
        if each.count:
            path = folder / f"clusters-{each.name.lower()}.png"
            drawn.append(
                figures.save(path, figures.cluster_map, places, each, y, order, title, axis)
            )
    if plane.shape[1] == 2:
        path, title = folder / "principal-components.png", "The tracks, in principal components"
        drawn.append(figures.save(path, figures.label_map, plane, y, order, title, plain_axis))
    table = pd.DataFrame(
        [
            {
                "method": each.name,
                "clusters": each.count,
                "tracks in one": percent(each.clustered),
                "adjusted Rand": each.rand,
                "adjusted mutual information": each.information,
            }
            for each in found
        ]
    )
    text = [
        "Nobody told these methods the labels: HDBSCAN looks for dense regions and leaves out what "
        "lies between (in the first three principal components), k-means makes as many clusters as "
        "there are labels. Agreement with the labels is adjusted for chance: 1 is the same "
        "division, 0 what chance gives. A cluster on a map goes by the label it has most of.",
    ]
    if len(rows) < len(dataset.y):
        text.append(f"The maps show {len(rows)} of {len(dataset.y)} tracks, drawn by label.")
    return found, Section("What sorts itself", text, drawn, table)


def lean_section(found: Lean, folder: Path) -> Section:
    """Draw and describe how few features are enough."""
    path = figures.save(folder / "lean.png", curves.lean, found)
    low, high = (100 * each for each in found.difference.interval)
    names = ", ".join(each.partition("/")[2] for each in found.families)
    return Section(
        "How few features are enough",
        [
            f"The leanest set of all tracks: {names} ({len(found.families)} families, "
            f"{found.n_columns} columns), in the order of how much is lost when a family is "
            "shuffled. It is the smallest number of families that scores at most a point below the "
            "best, where families are ranked without the tracks that they are then measured on.",
            f"Let each fold choose by that rule on its own training part, and it keeps "
            f"{found.mean_kept:.1f} of {len(found.kept)} families on average; its answers on the "
            f"artists kept out are right for {percent(found.accuracy)}, "
            f"{100 * found.difference.difference:+.1f} points against all families (95 % interval "
            f"{low:+.1f} to {high:+.1f}). The curve is measured the same way, its families chosen "
            f"on training parts only. A fold learned from {found.n_learned} tracks at most.",
        ],
        [path],
    )


def suspect_section(
    dataset: Dataset, table: pd.DataFrame, left_out: Sequence[LeftOut], folder: Path
) -> Section:
    """Draw and describe doubtful labels."""
    n = len(dataset.y)
    path = figures.save(folder / "suspects.png", curves.suspects, table, left_out, n)
    best = max(left_out, key=lambda each: each.accuracy)
    low, high = (100 * each for each in best.difference.interval)
    moved = "Leaving doubtful tracks out of training never helped here."
    if best.share:
        moved = (
            f"The best of these was leaving out {best.share:.0%} of the training tracks: "
            f"{100 * best.difference.difference:+.1f} points (95 % interval {low:+.1f} to "
            f"{high:+.1f}); being the best of {len(left_out)}, it flatters."
        )
    shown = table.head(SHOWN).drop(columns="track_id").rename(columns=lambda x: x.replace("_", " "))
    return Section(
        "Doubtful labels",
        [
            f"The labels of {len(table)} of {n} tracks are contradicted by a model that has not "
            "heard their artist. The less likely the label they have, the higher they stand. A "
            "hard track looks the same as a wrong label: listen before you correct "
            "('audiogenre relabel').",
            "The curve leaves doubtful tracks out of training only, found among each training part "
            f"by itself, and counts every track of the rest as it is labelled. {moved}",
        ],
        [path],
        shown,
    )


def numbers(
    dataset: Dataset,
    found: Confusions,
    telling: Sequence[Telling],
    divisions: Sequence[Clusters],
    leanest: Lean,
) -> dict[str, Any]:
    """Return what a program may want to know."""
    return {
        "labels": dataset.labels,
        "n": len(dataset.y),
        "n_columns": dataset.X.shape[1],
        "data_hash": dataset.data_hash,
        **{key: found.scores[key] for key in ("protocol", "accuracy", "macro_f1")},
        "interval": list(found.scores["interval"]),
        "per_label": found.scores["per_label"],
        "confusion": found.scores["confusion"],
        "tree": {"linkage": found.linkage.tolist(), "order": found.order},
        "nearest": [{"labels": [a, b], "distance": d} for a, b, d in found.nearest],
        "distributions": [asdict(each) for each in telling],
        "clusters": [
            {
                "method": each.name,
                "clusters": each.count,
                "clustered": each.clustered,
                "adjusted_rand": each.rand,
                "adjusted_mutual_information": each.information,
            }
            for each in divisions
        ],
        "lean": {**asdict(leanest), "curves": {k: _points(v) for k, v in leanest.curves.items()}},
    }


def suspect_numbers(table: pd.DataFrame, left_out: Sequence[LeftOut]) -> dict[str, Any]:
    """Return suspects and the scores without them."""
    return {
        "suspects": table.to_dict("records"),
        "left_out": [asdict(each) for each in left_out],
    }


def _points(points: Sequence[lean.Point]) -> list[dict[str, Any]]:
    return [asdict(each) for each in points]


__all__ = [
    "Confusions",
    "cluster_section",
    "confusion_sections",
    "confusions",
    "distribution_section",
    "lean_section",
    "numbers",
    "suspect_numbers",
    "suspect_section",
    "suspects",
]
