"""Onsets and tempo of click trains, modulation of swelling noise, and dynamics."""

from __future__ import annotations

import librosa
import numpy as np
import numpy.typing as npt
import pytest

from audiogenre.features import dynamics, rhythm
from audiogenre.features.spectrum import frame, mel_power, power_spectrogram, power_to_db

SR, N_FFT, HOP = 22_050, 2048, 512
FRAME_RATE = SR / HOP
F32 = npt.NDArray[np.float32]
NAMES = [name for name, _, _ in rhythm.SUMMARY]
DYNAMICS = [name for name, _, _ in dynamics.SUMMARY]


def noise(seconds: float = 10.0, level: float = 0.1, seed: int = 0) -> F32:
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal(round(seconds * SR))).astype(np.float32)


def clicks(period: int, seconds: float = 15.0) -> F32:
    """Short bursts of noise, one every `period` samples, over faint noise."""
    y = noise(seconds, 1e-3)
    burst = noise(0.01, 0.3, seed=1)
    for start in range(period // 2, len(y) - len(burst), period):
        y[start : start + len(burst)] += burst
    return y


def db_of(y: F32) -> F32:
    return power_to_db(
        mel_power(power_spectrogram(frame(y, frame_length=N_FFT, hop_length=HOP)), sr=SR)
    )


def summary(y: F32) -> dict[str, float]:
    values = rhythm.rhythm_summary(db_of(y), sr=SR, hop_length=HOP)
    return dict(zip(NAMES, values, strict=True))


def dynamics_of(y: F32) -> dict[str, float]:
    rms = np.sqrt(dynamics.energy(frame(y, frame_length=N_FFT, hop_length=HOP)) / N_FFT)
    values = dynamics.dynamics_summary(y, rms.astype(np.float32), db_of(y))
    return dict(zip(DYNAMICS, values, strict=True))


@pytest.mark.parametrize("frames", [16, 20, 25, 28])
def test_a_click_train_has_its_tempo_and_onset_rate(frames: int) -> None:
    found = summary(clicks(frames * HOP))
    assert found["tempo_bpm"] == pytest.approx(60 * FRAME_RATE / frames, rel=1e-6)
    assert found["tempo_octave"] == pytest.approx(np.log2(found["tempo_bpm"]))
    assert found["onset_rate"] == pytest.approx(FRAME_RATE / frames, rel=0.05)
    assert found["tempo_strength"] > 0.85


@pytest.mark.parametrize("bpm", [90, 120, 150])
def test_tempo_of_any_click_train_is_within_a_frame_of_lag(bpm: float) -> None:
    found = summary(clicks(round(60 * SR / bpm)))
    assert 60 * FRAME_RATE / found["tempo_bpm"] == pytest.approx(60 * FRAME_RATE / bpm, abs=1)


@pytest.mark.parametrize("frames", [16, 20, 25])
def test_tempo_of_a_click_train_is_what_librosa_says(frames: int) -> None:
    y = clicks(frames * HOP)
    envelope = librosa.onset.onset_strength(S=db_of(y).T, sr=SR, hop_length=HOP, center=False)
    theirs = librosa.feature.tempo(onset_envelope=envelope, sr=SR, hop_length=HOP)
    assert summary(y)["tempo_bpm"] == pytest.approx(float(theirs[0]), rel=1e-6)


def test_noise_has_less_beat_than_clicks() -> None:
    beat, none = summary(clicks(20 * HOP)), summary(noise())
    for name in ("tempo_strength", "tempo_clarity", "tempo_contrast", "bandlow_clarity"):
        assert beat[name] > 2 * none[name]


def test_a_sound_that_does_not_change_has_neither_onsets_nor_beat() -> None:
    flat = rhythm.rhythm_summary(np.full((400, 128), -20, dtype=np.float32), sr=SR, hop_length=HOP)
    found = dict(zip(NAMES, flat, strict=True))
    for name in ("onset_mean", "onset_std", "onset_rate", "onset_height", "tempo_strength"):
        assert found[name] == 0
    assert found["modulation_3to4.5hz"] == pytest.approx(-6)  # the logarithm's floor


@pytest.mark.parametrize(
    ("rate", "band"),
    [
        (0.5, "modulation_0.3to0.7hz"),
        (1.0, "modulation_0.7to1.4hz"),
        (3.7, "modulation_3to4.5hz"),
        (8.0, "modulation_6.5to10hz"),
    ],
)
def test_swelling_noise_is_modulated_at_its_rate(rate: float, band: str) -> None:
    t = np.arange(10 * SR) / SR
    # Decibels that swell as a sine: no harmonics in the band above.
    y = (noise() * 10 ** (0.5 * np.sin(2 * np.pi * rate * t))).astype(np.float32)
    found = {name: value for name, value in summary(y).items() if name.startswith("modulation_")}
    assert max(found, key=found.__getitem__) == band


def test_liveliness_is_that_of_the_group_that_moves() -> None:
    db = np.full((430, 128), -30, dtype=np.float32)
    db[:, 30:40] += 10 * np.sin(2 * np.pi * 2 * np.arange(430) / FRAME_RATE)[:, None]
    values = rhythm.rhythm_summary(db.astype(np.float32), sr=SR, hop_length=HOP)
    found = dict(zip(NAMES, values, strict=True))
    lively = max((n for n in NAMES if n.startswith("liveliness_")), key=found.__getitem__)
    assert lively == "liveliness_04"  # mel bands 30 to 39, ten to a group


def test_gain_changes_no_rhythm() -> None:
    y = clicks(20 * HOP)
    before, after = summary(y), summary((0.5 * y).astype(np.float32))
    for name in NAMES:
        assert after[name] == pytest.approx(before[name], rel=1e-2, abs=1e-2), name


def test_onset_strength_is_librosas() -> None:
    db = db_of(clicks(20 * HOP) + noise(15.0, 0.01))
    theirs = librosa.onset.onset_strength(S=db.T, sr=SR, hop_length=HOP, center=False)
    ours = rhythm.onset_strength(np.maximum(np.diff(db, axis=0), 0))
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_autocorrelation_is_librosas_without_the_mean() -> None:
    envelope = np.abs(noise(0.05)).astype(np.float32)
    theirs = librosa.autocorrelate(envelope.astype(np.float64) - envelope.mean(dtype=np.float64))
    ours = rhythm.autocorrelation(envelope, max_lag=100)
    assert ours[0] == 1
    np.testing.assert_allclose(ours, theirs[:101] / theirs[0], atol=1e-9)


def test_autocorrelation_of_a_flat_envelope_is_nothing() -> None:
    flat = rhythm.autocorrelation(np.full(200, 3.5, dtype=np.float32), max_lag=60)
    np.testing.assert_array_equal(flat, np.zeros(61))


def test_energy_is_512_times_librosas_rms_squared() -> None:
    y = noise(2.0)
    theirs = librosa.feature.rms(y=y, frame_length=512, hop_length=256)[0]
    ours = dynamics.energy(frame(y, frame_length=512, hop_length=256))
    np.testing.assert_allclose(ours, 512 * theirs**2, rtol=1e-4)


def test_dynamics_of_a_sine_have_a_closed_form() -> None:
    y = (0.5 * np.sin(2 * np.pi * 1000 * np.arange(10 * SR) / SR)).astype(np.float32)
    found = dynamics_of(y)
    assert found["dynamics_level"] == pytest.approx(np.log10(0.5 / np.sqrt(2)), abs=0.01)
    assert found["dynamics_crest"] == pytest.approx(np.log10(np.sqrt(2)), abs=0.01)
    assert found["dynamics_range"] == pytest.approx(0, abs=0.05)
    assert found["dynamics_step"] < 0.1


def test_range_is_the_difference_of_a_loud_and_a_quiet_half() -> None:
    y = noise(10.0)
    y[: len(y) // 2] *= 0.1
    found = dynamics_of(y)
    assert found["dynamics_range"] == pytest.approx(20, abs=1)
    assert found["dynamics_quietshare"] == pytest.approx(0.5, abs=0.02)


def test_a_held_tone_is_sustained_and_a_click_train_is_not() -> None:
    held = dynamics_of(
        (noise(10.0, 0.01) + np.sin(2 * np.pi * 880 * np.arange(10 * SR) / SR)).astype(np.float32)
    )
    struck = dynamics_of(clicks(20 * HOP, 10.0))
    assert held["texture_sustained"] < struck["texture_sustained"]
    assert held["texture_tonal"] > struck["texture_tonal"]


def test_gain_moves_the_level_and_no_other_dynamics() -> None:
    y = noise()
    before, after = dynamics_of(y), dynamics_of((0.5 * y).astype(np.float32))
    assert after["dynamics_level"] - before["dynamics_level"] == pytest.approx(np.log10(0.5))
    for name in set(DYNAMICS) - {"dynamics_level"}:
        assert after[name] == pytest.approx(before[name], rel=1e-3, abs=1e-3), name
