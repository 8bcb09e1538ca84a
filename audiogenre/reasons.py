"""Why a model answers what it does about a clip, in three plain sentences.

What decided is found by replacing one kind of columns after the other by the average of the
training tracks, and looking how the answer changes. What the clip sounds like is its rank among the
training tracks of the label, in columns that have an everyday word.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from audiogenre.bundle import Bundle
from audiogenre.reference import Reference

Values = npt.NDArray[np.float64]

# The families of columns by what a musician calls them.
KINDS = {
    "timbre": ("mfcc", "mfccdelta", "mfccdelta2", *(f"mfcc_{i:02d}" for i in range(1, 13))),
    "brightness and texture": ("shape", "contrast", "texture"),
    "harmony": ("chroma", "tonnetz", "key", "interval"),
    "rhythm": ("onset", "tempo", "bandlow", "bandmid", "bandhigh"),
    "dynamics": ("modulation", "liveliness", "dynamics", "energy", "rms"),
    "overall sound": ("embedding",),
    "instruments and mood": ("tag",),
}
# Columns with an everyday word for more of it and for less.
WORDS = {
    "shape_centroid_mean": ("brighter", "darker"),
    "onset_mean": ("more percussive", "softer in its attacks"),
    "onset_rate": ("busier", "sparser"),
    "tempo_bpm": ("faster", "slower"),
    "tempo_clarity": ("steadier in its beat", "freer in its beat"),
    "dynamics_level": ("louder", "quieter"),
    "dynamics_range": ("more changing in loudness", "more even in loudness"),
    "shape_flatness_mean": ("noisier", "purer in tone"),
    "key_change": ("quicker in its harmony", "calmer in its harmony"),
    "rms_median": ("louder", "quieter"),
    "energy_std": ("more changing in loudness", "more even in loudness"),
}
_MOST = 0.8  # the share of tracks that is called most
_NOTHING = 0.02  # a change of probability that is not worth a word
_SPOKEN = 2


def why(
    bundle: Bundle, row: pd.DataFrame, answer: dict[str, Any], reference: Reference | None
) -> list[str]:
    """Return three sentences on one answer, fewer where less is known.

    Parameters
    ----------
    row : DataFrame, one row
        The clip's features, in the model's columns.
    answer : dict
        As `audiogenre.answers.record` returns it.
    reference : Reference or None
        The training tracks, if they are there.
    """
    label = answer["nearest"]
    likeness = _likeness(row, label, reference)
    if not answer["known"]:
        return [each for each in (*_far(bundle, row), likeness) if each]
    sentences = [] if bundle.sees_images else _decisive(bundle, row, label)
    if answer.get("tags"):
        heard = _listed(list(answer["tags"])[:3])
        sentences.insert(1, f"A network trained on other music hears {heard} in it.")
    return [each for each in (*sentences[:2], likeness, *sentences[2:]) if each][:3]


def average(bundle: Bundle) -> Values:
    """Return the mean of the training tracks, NaN in columns of which the bundle holds none."""
    found = np.full(len(bundle.columns), np.nan)
    found[bundle.novelty.columns_] = bundle.novelty.scaler_.scaler_.mean_
    return found


def _averaged(bundle: Bundle, row: pd.DataFrame) -> tuple[list[str], Values]:
    """Return the kinds of columns, and a clip's values: as they are, then each kind averaged."""
    mean, values = average(bundle), row.to_numpy(dtype=np.float64)[0]
    kinds = {
        kind: columns
        for kind, columns in _columns(bundle).items()
        if not np.isnan(mean[columns]).any()
    }
    rows = np.repeat(values[np.newaxis], 1 + len(kinds), axis=0)
    for number, columns in enumerate(kinds.values(), start=1):
        rows[number, columns] = mean[columns]
    return list(kinds), rows


def _decisive(bundle: Bundle, row: pd.DataFrame, label: str) -> list[str]:
    """Say which kind of columns speaks most for a label, and which against it."""
    names, rows = _averaged(bundle, row)
    if len(names) < 2:
        return []
    probabilities = bundle.classifier.predict_proba(rows)
    own = probabilities[:, bundle.labels.index(label)]
    lowest, highest = (int(each(own[1:])) for each in (np.argmin, np.argmax))
    sentences = []
    if own[0] - own[1 + lowest] > _NOTHING:
        kind, left = names[lowest], _percent(own[1 + lowest])
        other = bundle.labels[int(probabilities[1 + lowest].argmax())]
        then = f"{label} would be {left}, not {_percent(own[0])}"
        if other != label:
            then = f"{other} would come first, and {label} be {left}"
        sentences.append(
            f"What speaks most for {label} is its {kind}: if that were average, {then}."
        )
    else:
        sentences.append(f"No single side of its sound decides for {label}; they agree.")
    if own[1 + highest] - own[0] > _NOTHING:
        sentences.append(
            f"What speaks against {label} is its {names[highest]}: if that were average, {label} "
            f"would be {_percent(own[1 + highest])}."
        )
    else:
        sentences.append(f"Nothing in it speaks against {label}.")
    return sentences


def _columns(bundle: Bundle) -> dict[str, list[int]]:
    """Return the places of the columns of each kind."""
    kind_of = {family: kind for kind, members in KINDS.items() for family in members}
    found: dict[str, list[int]] = {}
    for number, block in enumerate(bundle.metadata["blocks"]):
        family = block.partition("/")[2]
        found.setdefault(kind_of.get(family, family), []).append(number)
    return found


def _likeness(row: pd.DataFrame, label: str, reference: Reference | None) -> str:
    """Say how the clip sounds beside the tracks of a label."""
    others = reference.of_label(label) if reference else None
    if others is None or others.empty:
        return ""
    found: list[tuple[float, str]] = []
    for column, (more, less) in WORDS.items():
        if column in others:
            share = float(np.mean(others[column].to_numpy() < float(row[column].iloc[0])))
            found.append((share, more) if share >= 0.5 else (1 - share, less))
    found.sort(key=lambda each: -each[0])
    spoken = [word for share, word in found[:_SPOKEN] if share >= _MOST]
    if not found:
        return ""
    if not spoken:
        return f"In brightness, loudness and pace it is like most {label} that was learned from."
    return f"It is {_listed(spoken)} than most {label} that was learned from."


def _far(bundle: Bundle, row: pd.DataFrame) -> list[str]:
    """Say how far from everything learned a clip lies, and what sets it apart."""
    names, rows = _averaged(bundle, row)
    distances, limit = bundle.novelty.distance(rows), bundle.novelty.threshold_
    sentences = [
        f"It lies {distances[0]:.1f} from the nearest of what was learned, and 95 % of known "
        f"tracks lie within {limit:.1f}."
    ]
    if len(names) > 1 and distances[1:].min() < distances[0]:
        kind = names[int(distances[1:].argmin())]
        then = f"it would lie at {distances[1:].min():.1f}"
        sentences.append(f"What sets it apart most is its {kind}: if that were average, {then}.")
    return sentences


def _listed(words: list[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _percent(share: float) -> str:
    return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"
