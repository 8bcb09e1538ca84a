"""Sounds with a known answer, and the mark of tests that need the extra `attributes`.

VibeNet and onnxruntime come with it; those tests skip without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
import pytest

from audiogenre.features.spectrum import Array

SR = 22_050
needs_extra = pytest.mark.skipif(
    find_spec("vibenet") is None or find_spec("onnxruntime") is None,
    reason="the extra 'attributes' (vibenet, onnxruntime) is not installed",
)


def sine(hertz: float, seconds: float, *, peak: float = 1.0, sr: int = SR) -> Array:
    return (peak * np.sin(2 * np.pi * hertz * np.arange(round(seconds * sr)) / sr)).astype(
        np.float32
    )


def notes(semitones: Sequence[int], *, tonic: int) -> Array:
    """Half a second each, a few partials, from the middle octave."""
    played = []
    for each in semitones:
        hertz = 440 * 2 ** ((tonic + each - 9) / 12)
        note = sum(sine(hertz * k, 0.5, peak=0.3 / k**2) for k in (1, 2, 3))
        played.append(np.asarray(note) * np.hanning(SR // 2))
    return np.concatenate(played).astype(np.float32)


MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11, 12), (0, 2, 3, 5, 7, 8, 11, 12)
