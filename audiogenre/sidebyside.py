"""Models side by side on the same test tracks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from audiogenre import evaluation
from audiogenre.bundles import read_metadata
from audiogenre.errors import BundleError, UsageError
from audiogenre.multilabel import comparison, is_multilabel
from audiogenre.multilabel.comparison import Entry
from audiogenre.parquet import read_foreign

_FEWEST = 10


def read_entry(folder: Path) -> Entry:
    """Return a model's metadata and its test predictions.

    Raises
    ------
    BundleError
        If they cannot be read.
    """
    metadata = read_metadata(folder)
    try:
        predictions = read_foreign(folder / "predictions.parquet").set_index("track_id")
    except (OSError, ValueError, KeyError) as error:
        raise BundleError(f"the test predictions of {folder} cannot be read: {error}") from error
    return Entry(metadata["name"], tuple(metadata["labels"]), metadata, predictions)


def side_by_side(entries: list[Entry]) -> dict[str, Any]:
    """Compare models of the same labels on the test tracks that all of them have.

    Returns
    -------
    result : dict
        Of models of several labels a track as `audiogenre.multilabel.comparison.result` returns it;
        else accuracy with interval and errors by label of each model, and the paired difference of
        the first to each other one.

    Raises
    ------
    UsageError
        If they answer in other ways or have too little in common.
    """
    kinds = {(is_multilabel(entry.metadata), entry.labels) for entry in entries}
    if len(kinds) > 1:
        raise UsageError("the models tell different labels; there is nothing to compare")
    common = _common(entries)
    return comparison.result(common) if is_multilabel(entries[0].metadata) else _compare(common)


def _common(entries: list[Entry]) -> list[Entry]:
    """Cut the predictions of models to the tracks that all of them were tested on.

    Raises
    ------
    UsageError
        If there are few, the splits differ, or labels have changed in between.
    """
    kinds = {entry.metadata["split"]["kind"] for entry in entries}
    if len(kinds) > 1:
        raise UsageError(
            f"models of different splits ({', '.join(sorted(kinds))}) cannot be compared: fit them "
            "alike"
        )
    common = entries[0].predictions.index
    for entry in entries[1:]:
        common = common.intersection(entry.predictions.index)
    if len(common) < _FEWEST:
        raise UsageError(
            f"{' and '.join(entry.name for entry in entries)} have {len(common)} test tracks in "
            f"common, and {_FEWEST} are the least: fit them on more data, and on the same, with "
            "the same labels, split and seed"
        )
    common = common.sort_values()
    cut = [replace(entry, predictions=entry.predictions.loc[common]) for entry in entries]
    for entry in cut[1:]:
        if not entry.predictions["label"].equals(cut[0].predictions["label"]):
            raise UsageError(f"labels have changed since {entry.name!r} was fitted; fit it again")
    return cut


def _compare(entries: list[Entry]) -> dict[str, Any]:
    """Compare models of the same labels on the same tracks."""
    rows = [entry.predictions for entry in entries]
    y = rows[0]["label"].to_numpy(dtype=str)
    groups = rows[0]["group"].to_numpy()
    labels = list(entries[0].labels)
    right = [(row["predicted"].to_numpy(dtype=str) == y).astype(float) for row in rows]
    models = [
        {
            "name": entry.name,
            "features": entry.metadata["features"],
            "split": entry.metadata["split"]["kind"],
            "accuracy": float(each.mean()),
            "interval": list(evaluation.interval(each, groups)),
            "per_label": evaluation.per_label(y, row["predicted"].to_numpy(dtype=str), labels),
        }
        for entry, row, each in zip(entries, rows, right, strict=True)
    ]
    pairs = [
        {"first": entries[0].name, "second": entry.name}
        | vars(evaluation.paired_difference(right[0], other, groups))
        for entry, other in zip(entries[1:], right[1:], strict=True)
    ]
    return {
        "labels": labels,
        "n": len(y),
        "n_groups": len(np.unique(groups)),
        "protocol": entries[0].metadata["scores"]["protocol"],
        "models": models,
        "pairs": pairs,
        "difference": pairs[0]["difference"],
        "difference_interval": list(pairs[0]["interval"]),
        "p_value": pairs[0]["p_value"],
    }
