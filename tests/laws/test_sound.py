"""Which of its channels is the left one, and how loud a clip is, make no other difference."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as some

from audiogenre.audio import decode
from audiogenre.features import BASELINE, FULL, FeatureSet

SR = 22_050
T = np.arange(11 * SR) / SR  # 5 s at 48 kHz
SEEDS = some.integers(0, 2**32 - 1)
# What a column moves by for each dB.
_PER_DECIBEL = (
    {f"mfcc_01_{each}": np.sqrt(128) for each in ("mean", "min", "max")}
    | {f"shape_level_{each}": 1.0 for each in ("mean", "min", "max")}
    | {"dynamics_level": 1 / 20}
)


def channels(seed: int, count: int) -> Any:
    """Return so many chords of their own over noise, struck twice a second."""
    rng = np.random.default_rng(seed)
    pitch = 110.0 * 2 ** rng.uniform(0, 4, (4, 1, count))
    chord = np.sin(2 * np.pi * pitch * T[:, np.newaxis]).sum(axis=0)
    struck = np.exp(-6 * (T % 0.5))[:, np.newaxis]
    return 0.1 * struck * chord + (0.01 + 0.03 * struck) * rng.standard_normal((len(T), count))


def heard(samples: Any, sr: int) -> Any:
    file = io.BytesIO()
    sf.write(file, samples, sr, format="WAV", subtype="PCM_16")
    return decode(file.getvalue())[0]


@given(SEEDS, some.sampled_from([22_050, 44_100, 48_000]))
@settings(max_examples=10, deadline=None)
def test_left_and_right_change_places(seed: int, sr: int) -> None:
    stereo = np.clip(channels(seed, 2), -1, 1)
    assert np.array_equal(heard(stereo[:, ::-1], sr), heard(stereo, sr))


@pytest.mark.parametrize("chosen", [BASELINE, FULL], ids=lambda each: each.name)
@given(seed=SEEDS, decibels=some.floats(-12, 6))
@settings(max_examples=10, deadline=None)
def test_gain_moves_levels_by_itself_and_nothing_else(
    chosen: FeatureSet, seed: int, decibels: float
) -> None:
    quiet = channels(seed, 1)[:, 0]
    gain = 10 ** (decibels / 20)
    before, after = (chosen.compute(each.astype(np.float32), SR) for each in (quiet, gain * quiet))
    for name, was, now in zip(chosen.names, before, after, strict=True):
        expected = was + decibels * _PER_DECIBEL.get(name, 0.0)
        match name.partition("_")[0]:
            case "energy":
                assert now == pytest.approx(gain**2 * was, rel=1e-4), name
            case "rms":
                assert now == pytest.approx(gain * was, rel=1e-4), name
            case _:
                assert now == pytest.approx(expected, rel=5e-3, abs=0.03), name
