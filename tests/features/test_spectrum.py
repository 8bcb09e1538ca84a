"""Frames and spectra: closed forms, and equal to librosa's."""

from __future__ import annotations

import librosa
import numpy as np
import numpy.typing as npt
import pytest

from audiogenre.features.spectrum import (
    cepstrum,
    frame,
    mel_power,
    power_spectrogram,
    power_to_db,
)

SR, N_FFT, HOP = 22_050, 2048, 512
F32 = npt.NDArray[np.float32]


def texture(seconds: float = 3.0, seed: int = 0) -> F32:
    """Noise under a swelling chord: every band holds something, and it moves."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * SR)) / SR
    chord = sum(np.sin(2 * np.pi * f * t) for f in (220.0, 277.18, 329.63, 1760.0))
    swell = 0.55 + 0.45 * np.sin(2 * np.pi * 1.3 * t)
    return (0.1 * swell * chord + 0.03 * rng.standard_normal(len(t))).astype(np.float32)


def power_of(y: F32, n_fft: int = N_FFT, hop: int = HOP) -> F32:
    return power_spectrogram(frame(y, frame_length=n_fft, hop_length=hop))


@pytest.mark.parametrize(("n_fft", "hop"), [(512, 256), (2048, 512)])
def test_frames_are_the_zero_padded_centred_frames_of_librosa(n_fft: int, hop: int) -> None:
    y = texture()
    ours = frame(y, frame_length=n_fft, hop_length=hop)
    padded = np.pad(y, n_fft // 2)
    theirs = librosa.util.frame(padded, frame_length=n_fft, hop_length=hop)
    np.testing.assert_array_equal(ours, theirs.T)
    assert len(ours) == 1 + len(y) // hop
    np.testing.assert_array_equal(ours[0, : n_fft // 2], 0)


def test_thirty_seconds_are_2584_frames_of_the_earlier_work() -> None:
    y = np.zeros(30 * SR, dtype=np.float32)
    assert frame(y, frame_length=512, hop_length=256).shape == (2584, 512)


def test_frames_are_a_view_that_cannot_be_written_to() -> None:
    frames = frame(texture(), frame_length=N_FFT, hop_length=HOP)
    assert not frames.flags.writeable
    assert not frames.flags.owndata


@pytest.mark.parametrize(("n_fft", "hop"), [(512, 256), (2048, 512)])
def test_power_is_that_of_librosas_stft(n_fft: int, hop: int) -> None:
    y = texture()
    theirs = np.abs(librosa.stft(y, n_fft=n_fft, hop_length=hop, pad_mode="constant")) ** 2
    ours = power_of(y, n_fft, hop)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs.T, rtol=1e-3, atol=1e-6 * theirs.max())


@pytest.mark.parametrize("n_fft", [512, 2048])
def test_a_sine_on_a_bin_has_the_power_of_half_the_windows_sum(n_fft: int) -> None:
    # Amplitude a on bin k: |X[k]| = a * sum(window) / 2 = a * n / 4, half of that beside it.
    a, k = 0.5, 40
    y = (a * np.sin(2 * np.pi * k * np.arange(SR) / n_fft)).astype(np.float32)
    inner = power_of(y, n_fft, n_fft // 4)[4:-4]
    np.testing.assert_allclose(inner[:, k], (a * n_fft / 4) ** 2, rtol=1e-4)
    np.testing.assert_allclose(inner[:, [k - 1, k + 1]], (a * n_fft / 8) ** 2, rtol=1e-3)
    others = np.delete(inner, [k - 1, k, k + 1], axis=1)
    assert others.max() < 1e-8 * inner.max()


def test_a_single_click_has_a_flat_spectrum() -> None:
    y = np.zeros(SR, dtype=np.float32)
    y[8 * HOP] = 1.0  # in the middle of frame 8, where the window is 1
    np.testing.assert_allclose(power_of(y)[8], 1.0, rtol=1e-5)


def test_power_of_white_noise_is_its_variance_times_the_windows_energy() -> None:
    y = (0.1 * np.random.default_rng(1).standard_normal(20 * SR)).astype(np.float32)
    expected = 0.01 * 3 / 8 * N_FFT  # the Hann window's squares add up to 3/8 n
    inner = power_of(y)[2:-2, 1:-1]
    assert inner.mean(dtype=np.float64) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(("n_fft", "hop"), [(512, 256), (2048, 512)])
def test_mel_power_is_librosas_mel_spectrogram(n_fft: int, hop: int) -> None:
    y = texture()
    ours = mel_power(power_of(y, n_fft, hop), sr=SR)
    theirs = librosa.feature.melspectrogram(y=y, sr=SR, n_fft=n_fft, hop_length=hop)
    assert ours.shape == (1 + len(y) // hop, 128)
    np.testing.assert_allclose(ours, theirs.T, rtol=1e-3, atol=1e-6 * theirs.max())


def test_decibels_are_librosas_and_at_most_eighty_below_the_loudest() -> None:
    power = 10.0 ** np.linspace(-12, 6, 2000, dtype=np.float32).reshape(20, 100)
    ours = power_to_db(power)
    np.testing.assert_allclose(ours, librosa.power_to_db(power), atol=1e-4)
    assert ours.max() - ours.min() == pytest.approx(80, abs=1e-4)


def test_decibels_leave_the_power_as_it_was() -> None:
    power = np.full((3, 4), 0.25, dtype=np.float32)
    power_to_db(power)
    np.testing.assert_array_equal(power, 0.25)


@pytest.mark.parametrize("power", [0.0, 1e-30, 1e-10])
def test_decibels_of_nothing_are_finite(power: float) -> None:
    db = power_to_db(np.full((5, 7), power, dtype=np.float32))
    np.testing.assert_allclose(db, -100, atol=1e-4)


@pytest.mark.parametrize(("n_fft", "hop", "n_mfcc"), [(512, 256, 12), (2048, 512, 20)])
def test_cepstrum_is_librosas_mfcc(n_fft: int, hop: int, n_mfcc: int) -> None:
    y = texture()
    ours = cepstrum(power_to_db(mel_power(power_of(y, n_fft, hop), sr=SR)), n_mfcc=n_mfcc)
    theirs = librosa.feature.mfcc(y=y, sr=SR, n_mfcc=n_mfcc, n_fft=n_fft, hop_length=hop)
    assert ours.shape == (1 + len(y) // hop, n_mfcc)
    np.testing.assert_allclose(ours, theirs.T, atol=2e-2)


def test_cepstrum_of_a_flat_spectrum_is_its_level_alone() -> None:
    mfcc = cepstrum(np.full((4, 128), -30.0, dtype=np.float32), n_mfcc=20)
    np.testing.assert_allclose(mfcc[:, 0], -30 * np.sqrt(128), rtol=1e-6)
    np.testing.assert_allclose(mfcc[:, 1:], 0, atol=1e-3)


@pytest.mark.parametrize("gain", [0.5, 0.1])
def test_gain_moves_decibels_alike_and_no_cepstrum_but_the_first(gain: float) -> None:
    y = texture()

    def levels(signal: F32) -> tuple[F32, F32]:
        db = power_to_db(mel_power(power_of(signal), sr=SR))
        return db, cepstrum(db, n_mfcc=20)

    (db, mfcc), (quiet_db, quiet_mfcc) = levels(y), levels((gain * y).astype(np.float32))
    shift = 20 * np.log10(gain)
    np.testing.assert_allclose(quiet_db - db, shift, atol=1e-2)
    np.testing.assert_allclose(quiet_mfcc[:, 0] - mfcc[:, 0], shift * np.sqrt(128), atol=2e-2)
    np.testing.assert_allclose(quiet_mfcc[:, 1:], mfcc[:, 1:], atol=2e-2)
