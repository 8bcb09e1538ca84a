"""Loudness, tempo and key of sounds with a known answer."""

from __future__ import annotations

import numpy as np
import pytest

from attributes.sounds import MAJOR, MINOR, SR, notes, sine
from audiogenre import attributes
from audiogenre.features.loudness import integrated_loudness, k_weighting
from audiogenre.features.spectrum import Array

# ---------------------------------------------------------------- loudness


@pytest.mark.parametrize("sr", [22_050, 44_100, 48_000])
@pytest.mark.parametrize("level", [0.0, -20.0, -40.0])
def test_a_sine_of_997_hertz_has_the_loudness_of_the_standard(sr: int, level: float) -> None:
    y = sine(997, 3, peak=10 ** (level / 20), sr=sr)
    assert integrated_loudness(y, sr=sr) == pytest.approx(level - 3.01, abs=0.04)


def test_the_weighting_at_48_kilohertz_is_the_table_of_the_standard() -> None:
    expected = [
        [1.53512485958697, -2.69169618940638, 1.19839281085285],
        [1.0, -1.69065929318241, 0.73248077421585],
        [1.0, -2.0, 1.0],
        [1.0, -1.99004745483398, 0.99007225036621],
    ]
    np.testing.assert_allclose(k_weighting(48_000).reshape(4, 3), expected, rtol=0, atol=1e-8)


def test_low_tones_count_less_and_high_ones_more() -> None:
    low, middle, high = (integrated_loudness(sine(f, 3), sr=SR) for f in (30, 1000, 5000))
    assert low < middle - 5
    assert middle + 2 < high < middle + 4


def test_silence_around_music_does_not_make_it_softer() -> None:
    y, silence = sine(997, 4), np.zeros(6 * SR, dtype=np.float32)
    alone = integrated_loudness(y, sr=SR)
    within = integrated_loudness(np.concatenate([silence, y, silence]), sr=SR)
    # Blocks at the edges are half full; a mean over everything would be 6 dB less.
    assert within == pytest.approx(alone, abs=0.4)


def test_what_is_more_than_ten_below_does_not_count() -> None:
    loud, soft = sine(997, 5), sine(997, 20, peak=0.03)
    both = integrated_loudness(np.concatenate([loud, soft]), sr=SR)
    assert both == pytest.approx(integrated_loudness(loud, sr=SR), abs=0.2)


def test_silence_is_as_soft_as_the_gate() -> None:
    assert integrated_loudness(np.zeros(2 * SR, dtype=np.float32), sr=SR) == -70


def test_less_than_a_block_is_one_block() -> None:
    y = sine(997, 0.3)
    assert integrated_loudness(y, sr=SR) == pytest.approx(-3, abs=0.1)


# ---------------------------------------------------------------- tempo


def clicks(bpm: float, seconds: float = 30.0, sr: int = 16_000) -> Array:
    y = np.zeros(round(seconds * sr), dtype=np.float32)
    click = np.exp(-np.arange(400) / 60) * np.sin(0.6 * np.arange(400))
    for start in np.arange(0, seconds - 0.1, 60 / bpm):
        y[int(start * sr) :][:400] += click
    return y


def tempo_of(y: Array) -> float:
    return attributes.tempo(attributes.log_mel(y), frame_rate=50)


@pytest.mark.parametrize("bpm", [60, 75, 84, 97, 110, 120, 128, 140, 155, 174])
def test_clicks_have_their_tempo(bpm: int) -> None:
    assert tempo_of(clicks(bpm)) == pytest.approx(bpm, rel=0.005)


def test_tempo_does_not_depend_on_level() -> None:
    assert tempo_of(0.01 * clicks(97)) == pytest.approx(tempo_of(clicks(97)), rel=1e-3)


@pytest.mark.parametrize("n", [100, 8_000, 80_000])
def test_what_never_repeats_has_the_usual_tempo(n: int) -> None:
    assert tempo_of(np.zeros(n, dtype=np.float32)) == 120


# ---------------------------------------------------------------- key


MAJOR_CHORD, MINOR_CHORD = (0, 4, 7, 12), (0, 3, 7, 12)


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize("mode", [0, 1])
def test_scale_and_chord_tell_their_key(tonic: int, mode: int) -> None:
    scale, chord = (MAJOR, MAJOR_CHORD) if mode else (MINOR, MINOR_CHORD)
    y = notes([*scale, *chord, *chord], tonic=tonic)
    assert attributes.key_and_mode(y, sr=SR) == (tonic, mode)


def test_silence_has_a_key_all_the_same() -> None:
    assert attributes.key_and_mode(np.zeros(SR, dtype=np.float32), sr=SR) == (0, 1)
