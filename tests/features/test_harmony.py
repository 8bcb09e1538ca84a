"""Pitch content: tones, intervals and triads whose answer is known, and equal to librosa's."""

from __future__ import annotations

import librosa
import numpy as np
import numpy.typing as npt
import pytest

from audiogenre.features.harmony import (
    PITCH_CLASSES,
    SUMMARY,
    TONNETZ_AXES,
    chroma,
    harmony_summary,
    tonnetz,
)
from audiogenre.features.spectrum import frame, power_spectrogram

SR, N_FFT, HOP = 22_050, 2048, 512
F32 = npt.NDArray[np.float32]
NAMES = [name for name, _, _ in SUMMARY]
C4 = 261.6256  # Hz


def tones(*semitones: float, seconds: float = 3.0) -> F32:
    """Equal sines so many semitones above middle C."""
    t = np.arange(round(seconds * SR)) / SR
    y = sum(np.sin(2 * np.pi * C4 * 2 ** (each / 12) * t) for each in semitones)
    return (0.2 * np.asarray(y)).astype(np.float32)


def power_of(y: F32) -> F32:
    return power_spectrogram(frame(y, frame_length=N_FFT, hop_length=HOP))


def chroma_of(y: F32) -> F32:
    return chroma(power_of(y), sr=SR)


def summary(pitches: npt.ArrayLike) -> dict[str, float]:
    return dict(zip(NAMES, harmony_summary(np.asarray(pitches, dtype=np.float32)), strict=True))


def steady(*pitch_classes: int, n_frames: int = 50) -> F32:
    """Chroma of some pitch classes that sound alike, all the time."""
    values = np.zeros((n_frames, 12), dtype=np.float32)
    values[:, list(pitch_classes)] = 1
    return values


@pytest.mark.parametrize("semitone", range(12))
def test_a_sine_is_its_pitch_class(semitone: int) -> None:
    inner = chroma_of(tones(semitone + 12))[3:-3]
    assert (inner.argmax(axis=1) == semitone).all()
    np.testing.assert_allclose(inner.max(axis=1), 1)


def test_concert_pitch_is_a() -> None:
    y = np.sin(2 * np.pi * 440 * np.arange(2 * SR) / SR).astype(np.float32)
    assert PITCH_CLASSES[int(chroma_of(y).mean(axis=0).argmax())] == "a"


def test_octaves_are_the_same_pitch_class() -> None:
    for octave in (0, 12, 24, 36):
        assert int(chroma_of(tones(7 + octave)).mean(axis=0).argmax()) == 7


def test_chroma_of_nothing_is_nothing() -> None:
    np.testing.assert_array_equal(chroma(np.zeros((4, 1025), dtype=np.float32), sr=SR), 0)


def test_gain_does_not_change_chroma() -> None:
    y = tones(0, 4, 7)
    np.testing.assert_allclose(chroma_of((0.01 * y).astype(np.float32)), chroma_of(y), atol=1e-4)


@pytest.mark.parametrize("low", [0, 5, 10])
@pytest.mark.parametrize("step", range(1, 12))
def test_two_tones_are_their_interval(low: int, step: int) -> None:
    # Three octaves up a frame of 2,048 samples tells semitones apart.
    found = summary(chroma_of(tones(36 + low, 36 + low + step))[3:-3])
    strongest = max(range(1, 7), key=lambda each: found[f"interval_{each}"])
    assert strongest == min(step, 12 - step)


@pytest.mark.parametrize("step", range(1, 7))
def test_the_interval_of_two_pitch_classes_has_a_closed_form(step: int) -> None:
    # Each sounds with share 1/2: products of 1/4, and the tritone is its own inversion.
    found = summary(steady(2, 2 + step))
    for each in range(1, 7):
        expected = (0.5 if step == 6 else 0.25) if each == step else 0
        assert found[f"interval_{each}"] == pytest.approx(expected, abs=1e-6)


def test_a_major_triad_is_major_and_a_minor_triad_minor() -> None:
    for root in range(12):
        major = summary(chroma_of(tones(12 + root, 16 + root, 19 + root)))
        minor = summary(chroma_of(tones(12 + root, 15 + root, 19 + root)))
        assert major["key_major"] > major["key_minor"]
        assert minor["key_minor"] > minor["key_major"]
        assert major["key_mode"] == pytest.approx(major["key_major"] - major["key_minor"])


def test_a_key_profile_fits_its_own_key_perfectly() -> None:
    krumhansl = [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88]
    for root in range(12):
        found = summary(np.tile(np.roll(krumhansl, root), (10, 1)))
        assert found["key_major"] == pytest.approx(1, abs=1e-6)
        assert found["key_minor"] < 0.9


@pytest.mark.parametrize("shift", [1, 5, 11])
def test_transposition_changes_nothing_in_the_summary(shift: int) -> None:
    pitches = np.random.default_rng(0).random((80, 12)).astype(np.float32)
    before, after = harmony_summary(pitches), harmony_summary(np.roll(pitches, shift, axis=1))
    np.testing.assert_allclose(after, before, atol=1e-5)


def test_all_pitch_classes_alike_have_the_largest_entropy_and_no_key() -> None:
    found = summary(np.ones((20, 12)))
    assert found["key_entropy"] == pytest.approx(np.log(12), abs=1e-4)
    assert found["key_frameentropy"] == pytest.approx(np.log(12), abs=1e-4)
    assert found["key_major"] == found["key_minor"] == 0
    assert found["key_triad"] == pytest.approx(3 / 12, abs=1e-6)
    assert found["key_change"] == 0


def test_one_pitch_class_has_no_entropy_and_is_its_whole_triad() -> None:
    found = summary(steady(9))
    assert found["key_entropy"] == pytest.approx(0, abs=1e-6)
    assert found["key_triad"] == pytest.approx(1)
    assert all(found[f"interval_{each}"] == 0 for each in range(1, 7))


def test_change_is_the_mean_step_of_a_pitch_class() -> None:
    alternating = np.concatenate([steady(0, n_frames=1), steady(7, n_frames=1)] * 10)
    assert summary(alternating)["key_change"] == pytest.approx(2 / 12)


def test_a_tone_lies_on_the_unit_circles_of_the_tonnetz() -> None:
    found = tonnetz(np.eye(12, dtype=np.float32))
    radii = np.hypot(found[:, ::2], found[:, 1::2])
    np.testing.assert_allclose(radii, np.tile([1, 1, 0.5], (12, 1)), atol=1e-6)
    assert found.shape == (12, len(TONNETZ_AXES))


def music() -> F32:
    y = np.concatenate([tones(0, 4, 7, 12), tones(9, 12, 16), tones(5, 9, 12), tones(7, 11, 14)])
    rng = np.random.default_rng(0)
    return (y + 0.01 * rng.standard_normal(len(y))).astype(np.float32)


def test_chroma_is_librosas() -> None:
    power = power_of(music())
    theirs = librosa.feature.chroma_stft(S=power.T, sr=SR, tuning=0).T
    np.testing.assert_allclose(chroma(power, sr=SR), theirs, atol=1e-5)


def test_tonnetz_is_librosas() -> None:
    pitches = chroma_of(music())
    theirs = librosa.feature.tonnetz(chroma=pitches.T, sr=SR).T
    np.testing.assert_allclose(tonnetz(pitches), theirs, atol=1e-5)
