"""What is said and written of a model of several labels a track."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from audiogenre.card import flattery, percent, write_card
from audiogenre.multilabel.metrics import METRICS, RANKING
from audiogenre.multilabel.training import FittedLabels

NAMES = dict(
    zip(
        METRICS,
        ("label-ranking average precision", "micro F1", "macro F1", "exact match"),
        strict=True,
    )
)


def metadata(common: dict[str, Any], fitted: FittedLabels) -> dict[str, Any]:
    """Return what ``metadata.json`` holds, from what it holds of any model."""
    tolerance = dict(common["tolerance"])
    train, validation = tolerance.pop("train_accuracy"), tolerance.pop("validation_accuracy")
    tolerance |= {"score": NAMES[RANKING], "train_score": train, "validation_score": validation}
    several = {"thresholds": fitted.thresholds}
    return {**common, "tolerance": tolerance, "multilabel": several}


def result(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return what the JSON object of ``fit`` has of such a model only."""
    scores, tolerance = metadata["scores"], metadata["tolerance"]
    return {
        "multilabel": True,
        "score": RANKING,
        "train_score": tolerance["train_score"],
        "validation_score": tolerance["validation_score"],
        **{f"test_{name}": scores[name] for name in METRICS},
        "test_intervals": {name: list(scores["intervals"][name]) for name in METRICS},
        "by_frequency": scores["by_frequency"],
        "thresholds": metadata["multilabel"]["thresholds"],
    }


def sentence(scores: dict[str, Any], name: str) -> str:
    """Return one metric with its interval."""
    low, high = scores["intervals"][name]
    return f"{scores[name]:.3f} (95 % interval {low:.3f} to {high:.3f})"


def score_lines(scores: dict[str, Any]) -> list[str]:
    """Return the lines in which ``fit`` says the scores."""
    blind = scores["by_frequency"]
    lines = [f"test, n = {scores['n']} tracks, {scores['protocol']}:"]
    lines += [f"  {text}: {sentence(scores, name)}" for name, text in NAMES.items()]
    without = ", ".join(f"{text} {blind[name]:.3f}" for name, text in NAMES.items())
    return [*lines, f"every label, ranked by frequency: {without}"]


def describe(folder: Path, metadata: dict[str, Any], fitted: FittedLabels) -> None:
    """Write card and figures into a bundle's folder."""
    from audiogenre.multilabel.figures import draw_all

    drawn = draw_all(folder / "figures", metadata, fitted.choice, fitted.predictions)
    sections = {"Score": _score(metadata), "Score/By label": _by_label(metadata)}
    write_card(folder, metadata, fitted.choice, drawn, scores=sections)


def _score(metadata: dict[str, Any]) -> str:
    scores = metadata["scores"]
    lines = [
        f"On {scores['n']} test tracks, {scores['protocol']}:",
        "",
        "| metric | test | 95 % interval | without looking |",
        "|---|---:|---:|---:|",
    ]
    for name, text in NAMES.items():
        low, high = scores["intervals"][name]
        blind = scores["by_frequency"][name]
        lines.append(f"| {text} | **{scores[name]:.3f}** | {low:.3f} to {high:.3f} | {blind:.3f} |")
    lines += [
        "",
        "Label-ranking average precision asks how far up a track's labels are when all are ranked, "
        "and needs no thresholds; micro F1 counts every track and label alike, macro F1 every "
        "label; exact match wants all labels of a track and no other. Without looking: every "
        "label, ranked by its frequency in training.",
        "",
        f"The intervals resample the {scores['n_groups']} groups of the test tracks (artists, "
        "where they are known and the split goes by them). The test part was looked at once, "
        "after every choice was made, that of the thresholds included.",
        f"A test track has {scores['labels_a_track']:.2f} labels on average and gets "
        f"{scores['answers_a_track']:.2f}; {percent(scores['unanswered_share'])} get none.",
    ]
    return "\n".join(lines + flattery(metadata))


def _by_label(metadata: dict[str, Any]) -> str:
    lines = [
        "A label is answered from its threshold on: the probability that gave it the best F1 on "
        "tracks of the training part, from models that had not seen them.",
        "",
        "| label | threshold | n | answered | precision | recall | F1 |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for label, each in metadata["scores"]["per_label"].items():
        shares = " | ".join(f"{each[key]:.2f}" for key in ("precision", "recall", "f1"))
        threshold = metadata["multilabel"]["thresholds"][label]
        name = label.replace("|", "\\|")
        lines.append(f"| {name} | {threshold:.2f} | {each['n']} | {each['answered']} | {shares} |")
    return "\n".join(lines)
