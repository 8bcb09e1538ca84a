"""What a fitted model says of itself: its metadata, its scores in words, its card."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import numpy as np

from audiogenre import __version__, hierarchy
from audiogenre.card import (
    context_sentence,
    left_out_sentence,
    percent,
    score_sentence,
    write_card,
)
from audiogenre.dataset import Dataset
from audiogenre.images import DESCRIPTION
from audiogenre.multilabel import is_multilabel, report
from audiogenre.multilabel.training import FittedLabels
from audiogenre.phone import RECORDING
from audiogenre.splits import grouped_folds
from audiogenre.training import Fitted
from audiogenre.typing import Classifier

_LARGE = 10_000  # training rows; of more than that, one fold tells the limit well enough


def metadata(
    asked: Mapping[str, Any],
    family: Classifier,
    dataset: Dataset,
    fitted: Fitted,
    *,
    augment: str | None = None,
) -> dict[str, Any]:
    """Return what ``metadata.json`` holds of a model.

    Parameters
    ----------
    asked : mapping
        What was asked for, as it is to be written: name, features, label_kind, parents, model,
        preset and split.
    augment : str, optional
        What the copies that it learned from are made by.
    """
    choice = fitted.choice
    columns = list(dataset.X.columns)
    found = {
        **asked,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": _versions(family),
        "sets": dataset.sets,
        "images": DESCRIPTION if family.images else None,
        "columns": columns,
        "blocks": list(dataset.blocks),
        "fingerprint": hashlib.sha256("\n".join(columns).encode()).hexdigest()[:12],
        "labels": dataset.labels,
        "parameters": choice.taken.parameters,
        "n_train": fitted.n_train,
        "n_test": len(fitted.predictions),
        "data_hash": dataset.data_hash,
        "notes": dataset.notes,
        "tolerance": {
            "tolerance": choice.tolerance,
            "met": choice.met,
            "train_accuracy": choice.taken.train,
            "validation_accuracy": choice.taken.validation,
            "gap": choice.taken.gap,
            "affordable": choice.affordable,
            "sentence": choice.sentence(),
            "candidates": [
                {"parameters": each.parameters, "train": each.train, "validation": each.validation}
                for each in choice.candidates
            ],
        },
        "unknown": {
            "threshold": fitted.novelty.threshold_,
            "kept_share": 0.95,
            "left_out": fitted.foreign,
        },
        "scores": fitted.scores,
        "importance": fitted.importance,
        "learning": fitted.learning,
        "augmentation": _augmentation(augment, fitted),
        "approximation": {"note": family.note} if family.note else None,
    }
    return report.metadata(found, fitted) if isinstance(fitted, FittedLabels) else found


def levels(
    dataset: Dataset, fitted: Fitted, parents: Mapping[str, str], images: Any
) -> dict[str, Any] | None:
    """Measure a model of one label a track at the level of its labels' parents, if there are."""
    if not parents:
        return None
    train, seed = ~dataset.test, dataset.seed
    inputs = dataset.with_copies() if images is None else images
    y, groups = dataset.y[train], dataset.groups[train]
    folds = grouped_folds(y, groups, seed=seed)
    folds = folds if len(y) < _LARGE else folds[:1]
    held = np.sort(np.concatenate([rows for _, rows in folds]))
    probabilities = hierarchy.out_of_fold(
        fitted.classifier, inputs[train], y, groups, folds, seed=seed
    )
    found = hierarchy.measure(fitted.predictions, parents, probabilities[held], y[held])
    found["scores"]["protocol"] = dataset.protocol
    return found


def _augmentation(name: str | None, fitted: Fitted) -> dict[str, Any] | None:
    if not name:
        return None
    return {
        "name": name,
        "parameters": RECORDING.parameters,
        "validation_accuracy": fitted.choice.taken.copies,
        **fitted.copies,
    }


def _versions(family: Classifier) -> dict[str, str]:
    names = ["numpy", "scipy", "scikit-learn", "librosa", "soundfile", "soxr", "skops"]
    names += ["torch", "skorch"] if family.extra == "neural" else []
    return {"audiogenre": __version__, "python": python_version()} | {n: version(n) for n in names}


def score_lines(metadata: dict[str, Any]) -> list[str]:
    """Return what ``fit`` says of a model's scores."""
    scores = metadata["scores"]
    if is_multilabel(metadata):
        return report.score_lines(scores)
    lines = [f"test {score_sentence(scores)}"]
    if "context" in metadata:
        lines.append(f"artists {context_sentence(metadata['context']['scores'])}")
    if metadata["augmentation"] and "scores" in metadata["augmentation"]:
        by_phone = score_sentence(metadata["augmentation"]["scores"])
        lines.append(f"test by phone, simulated: {by_phone}")
    if metadata["levels"]:
        lines.append(f"at the parent level: {score_sentence(metadata['levels']['scores'])}")
    return [
        *lines,
        f"unknown: {left_out_sentence(metadata['unknown']['left_out'])}",
        f"always the most frequent label: {percent(scores['majority_accuracy'])}",
    ]


def describe(folder: Path, metadata: dict[str, Any], fitted: Fitted) -> None:
    """Draw a model's figures and write its card."""
    from audiogenre.figures import draw_all

    if isinstance(fitted, FittedLabels):
        report.describe(folder, metadata, fitted)
        return
    figures = draw_all(folder / "figures", metadata, fitted.choice)
    write_card(folder, metadata, fitted.choice, figures)


def result(metadata: dict[str, Any], fitted: Fitted) -> dict[str, Any]:
    """Return the JSON object that ``fit`` prints."""
    scores, tolerance = metadata["scores"], metadata["tolerance"]
    keys = ("precision", "recall", "f1", "n")
    common = {
        "name": metadata["name"],
        "features": metadata["features"],
        "set": ",".join(each["name"] for each in metadata["sets"]),
        "model": metadata["model"],
        "labels": metadata["labels"],
        "n_train": metadata["n_train"],
        "n_test": metadata["n_test"],
        "split": metadata["split"]["kind"],
        "protocol": scores["protocol"],
        "C": fitted.choice.taken.parameters.get("model__C"),
        "parameters": metadata["parameters"],
        "gap": tolerance["gap"],
        "tolerance": tolerance["tolerance"],
        "tolerance_met": tolerance["met"],
        "unknown": metadata["unknown"],
        "levels": metadata["levels"],
        "context": metadata.get("context", {}).get("scores"),
        "augmentation": metadata["augmentation"],
        "approximation": metadata["approximation"],
        "per_label": {
            label: {key: each[key] for key in keys} for label, each in scores["per_label"].items()
        },
    }
    if isinstance(fitted, FittedLabels):
        return common | report.result(metadata)
    return common | {
        "train_accuracy": tolerance["train_accuracy"],
        "validation_accuracy": tolerance["validation_accuracy"],
        "test_accuracy": scores["accuracy"],
        "test_interval": list(scores["interval"]),
        "macro_f1": scores["macro_f1"],
    }
