"""What the page Models shows of a model: its score in words, and its figures as numbers to draw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from audiogenre.multilabel import is_multilabel
from audiogenre.multilabel.metrics import METRICS, RANKING
from audiogenre.multilabel.report import NAMES

WIDTH, HEIGHT = 320, 240  # of a chart, inside its axes
_MOST_FAMILIES = 12
_FEATURES = {
    "extracted": "features of the sound",
    "spotify": "Spotify's features",
    "both": "features of the sound and Spotify's",
}


def protocol(metadata: dict[str, Any]) -> str:
    """Return in words on which tracks a score was measured.

    Examples
    --------
    >>> protocol({"split": {"kind": "random"}, "scores": {"protocol": "random split"}})
    'on songs of artists it knows already, which flatters it'
    """
    if is_flattered(metadata):
        return "on songs of artists it knows already, which flatters it"
    if "track split" in metadata["scores"]["protocol"]:
        return "on songs it has never heard, whose artists nobody has named"
    return "on artists it has never heard"


def is_flattered(metadata: dict[str, Any]) -> bool:
    """Tell whether the same artists were learned from and tested on."""
    return bool(metadata["split"]["kind"] == "random")


def summary(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return what the list says of a model."""
    scores, several = metadata["scores"], is_multilabel(metadata)
    interval = scores["intervals"][RANKING] if several else scores["interval"]
    return {
        "name": metadata["name"],
        "created": metadata["created"],
        "label_kind": metadata["label_kind"],
        "labels": metadata["labels"],
        "several": several,
        "features": _FEATURES[metadata["features"]],
        "sets": [each["name"] for each in metadata["sets"]],
        "family": metadata["model"],
        "metric": NAMES[RANKING] if several else "accuracy",
        "score": scores[RANKING] if several else scores["accuracy"],
        "interval": list(interval),
        "chance": scores["by_frequency"][RANKING] if several else scores["majority_accuracy"],
        "n_train": metadata["n_train"],
        "n_test": scores["n"],
        "protocol": protocol(metadata),
        "flattered": is_flattered(metadata),
    }


def card(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return what the card says of a model; a figure that it has no numbers for is empty."""
    scores = metadata["scores"]
    several = is_multilabel(metadata)
    tables = [(NAMES[each], scores[each], scores["intervals"][each]) for each in METRICS if several]
    return {
        **summary(metadata),
        "metrics": tables,
        "rows": [] if several else confusion(metadata["labels"], scores["confusion"]),
        "per_label": scores["per_label"],
        "reliability": reliability(scores["reliability"]),
        "calibration_error": scores["calibration_error"],
        "tolerance": tolerance(metadata["tolerance"]),
        "importance": importance(metadata["importance"]),
        "unknown_share": scores.get("unknown_share"),
        "notes": metadata["notes"],
        "data_hash": metadata["data_hash"],
        "versions": metadata["versions"],
    }


def confusion(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> list[dict[str, Any]]:
    """Return the rows of a confusion matrix; `level` is a cell's share of its row in tenths.

    Examples
    --------
    >>> confusion(["jazz", "rock"], [[3, 1], [0, 2]])[0]["cells"]
    [{'n': 3, 'level': 8, 'right': True}, {'n': 1, 'level': 2, 'right': False}]
    """
    return [
        {
            "label": label,
            "n": sum(row),
            "cells": [
                {"n": n, "level": round(10 * n / max(sum(row), 1)), "right": column == number}
                for column, n in enumerate(row)
            ],
        }
        for number, (label, row) in enumerate(zip(labels, counts, strict=True))
    ]


def reliability(bins: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    """Return where the points of a reliability curve lie; their area is the number of answers."""
    total = sum(each["n"] for each in bins)
    return [
        {
            **each,
            "x": round(WIDTH * each["probability"], 1),
            "y": round(HEIGHT * (1 - each["accuracy"]), 1),
            "r": round(3 + 14 * math.sqrt(each["n"] / total), 1),
        }
        for each in bins
    ]


def tolerance(found: dict[str, Any]) -> dict[str, Any]:
    """Return where each candidate lies: the gap across, the validation score upwards."""
    score = "score" if "score" in found else "accuracy"
    train, validation = found[f"train_{score}"], found[f"validation_{score}"]
    each = [
        {
            "gap": one["train"] - one["validation"],
            "validation": one["validation"],
            "parameters": ", ".join(
                f"{name.rpartition('__')[2]} {value}" for name, value in one["parameters"].items()
            ),
        }
        for one in found["candidates"]
    ]
    taken = {"gap": train - validation, "validation": validation}
    gaps = [one["gap"] for one in each] + [0.0, found["tolerance"], taken["gap"]]
    heights = [one["validation"] for one in each] + [validation]
    left, right = _round_out(min(gaps), max(gaps))
    low, high = _round_out(min(heights), max(heights))

    def across(gap: float) -> float:
        return round(WIDTH * (gap - left) / (right - left), 1)

    def place(one: dict[str, Any]) -> dict[str, Any]:
        y = round(HEIGHT * (1 - (one["validation"] - low) / (high - low)), 1)
        return {**one, "x": across(one["gap"]), "y": y}

    return {
        "sentence": found["sentence"],
        "score": found.get("score", "accuracy"),
        "candidates": [place(one) for one in each],
        "taken": place(taken),
        "left": left,
        "right": right,
        "low": low,
        "high": high,
        "start": across(left),
        "end": across(found["tolerance"]),
    }


def _round_out(low: float, high: float) -> tuple[float, float]:
    """Return the nearest tenths that hold a range; never nothing."""
    bottom = math.floor(10 * low) / 10
    return bottom, max(math.ceil(10 * high) / 10, bottom + 0.1)


def importance(lost: dict[str, float]) -> list[dict[str, Any]]:
    """Return the families that matter most, as bars; a bar of nothing where shuffling helped."""
    shown = list(lost.items())[:_MOST_FAMILIES]
    largest = max([each for _, each in shown] + [0.001])
    sets = {block.partition("/")[0] for block in lost}
    return [
        {
            "name": block if len(sets) > 1 else block.partition("/")[2],
            "points": 100 * each,
            "width": round(100 * max(each, 0.0) / largest, 1),
        }
        for block, each in shown
    ]
