"""Models of several labels a track side by side, on the same test tracks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audiogenre.errors import BundleError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Entry:
    """A model's metadata and its test predictions, by track id."""

    name: str
    labels: tuple[str, ...]
    metadata: dict[str, Any]
    predictions: pd.DataFrame


def result(entries: list[Entry]) -> dict[str, Any]:
    """Compare models of the same labels on the same tracks.

    The headline difference is that of the label-ranking average precision, by which candidates are
    chosen as well; McNemar's test is of exact matches.
    """
    import numpy as np

    from audiogenre import evaluation
    from audiogenre.multilabel import metrics
    from audiogenre.multilabel.answers import read_thresholds

    labels = list(entries[0].labels)
    targets = _columns(entries[0], "is_").astype(bool)
    groups = entries[0].predictions["group"].to_numpy()
    models: list[dict[str, Any]] = []
    tallied, exact = [], []
    for entry in entries:
        probabilities = _columns(entry, "p_")
        answers = probabilities >= read_thresholds(entry.metadata)
        scores = metrics.summary(targets, probabilities, answers, groups, labels)
        named = {name: scores[name] for name in (*metrics.METRICS, "intervals", "per_label")}
        split = entry.metadata["split"]["kind"]
        features = entry.metadata["features"]
        models.append({"name": entry.name, "features": features, "split": split, **named})
        tallied.append(metrics.tallies(targets, probabilities, answers))
        exact.append((targets == answers).all(axis=1).astype(np.float64))
    pairs: list[dict[str, Any]] = []
    for entry, other, right in zip(entries[1:], tallied[1:], exact[1:], strict=True):
        paired = evaluation.paired_difference(exact[0], right, groups)
        pairs.append(
            {
                "first": entries[0].name,
                "second": entry.name,
                "differences": metrics.differences(tallied[0], other, groups),
                "p_value": paired.p_value,
                "only_first": paired.only_first,
                "only_second": paired.only_second,
            }
        )
    headline = pairs[0]["differences"][metrics.RANKING]
    return {
        "multilabel": True,
        "score": metrics.RANKING,
        "labels": labels,
        "n": len(targets),
        "n_groups": len(np.unique(groups)),
        "protocol": entries[0].metadata["scores"]["protocol"],
        "models": models,
        "pairs": pairs,
        "difference": headline["difference"],
        "difference_interval": list(headline["interval"]),
        "p_value": pairs[0]["p_value"],
    }


def _columns(entry: Entry, prefix: str) -> Any:
    """Return what the predictions say of each label, shape (n, n_labels)."""
    wanted = [f"{prefix}{label}" for label in entry.labels]
    lacking = [each for each in wanted if each not in entry.predictions]
    if lacking:
        raise BundleError(
            f"the test predictions of {entry.name!r} lack the column {lacking[0]!r}; fit it again"
        )
    return entry.predictions[wanted].to_numpy()


def table(result: dict[str, Any]) -> str:
    """Return each metric of each model."""
    from audiogenre.multilabel.report import NAMES, sentence

    lines = [
        f"{len(result['labels'])} labels, several a track, the same {result['n']} test tracks of "
        f"{result['n_groups']} groups, {result['protocol']}"
    ]
    width = max(len(each["name"]) for each in result["models"])
    for name, text in NAMES.items():
        lines.append(text)
        for each in result["models"]:
            lines.append(f"  {each['name']:<{width}}  {sentence(each, name)}")
    return "\n".join(lines)


def details(result: dict[str, Any]) -> str:
    """Return the differences of the first model to each other one, and F1 by label."""
    from audiogenre.multilabel.report import NAMES

    lines = []
    for pair in result["pairs"]:
        lines.append(f"{pair['first']} less {pair['second']}:")
        for name, text in NAMES.items():
            each = pair["differences"][name]
            low, high = each["interval"]
            lines.append(
                f"  {text} {each['difference']:+.3f} (95 % interval {low:+.3f} to {high:+.3f})"
            )
        lines.append(f"  exact matches: McNemar p = {pair['p_value']:.3g}")
    width = max(5, *(len(label) for label in result["labels"]))
    lines += ["", "F1 of each label"]
    names = [each["name"] for each in result["models"]]
    lines.append("  " + "label".ljust(width) + "".join(f"  {name:>12}" for name in names))
    for label in result["labels"]:
        cells = "".join(
            f"  {each['per_label'][label]['f1']:>{max(12, len(each['name']))}.3f}"
            for each in result["models"]
        )
        lines.append("  " + label.ljust(width) + cells)
    return "\n".join(lines)
