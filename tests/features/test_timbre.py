"""The shape of the spectrum: closed forms with an error budget, and equal to librosa's."""

from __future__ import annotations

import librosa
import numpy as np
import numpy.typing as npt
import pytest

from audiogenre.features.spectrum import cepstrum, frame, mel_power, power_spectrogram, power_to_db
from audiogenre.features.timbre import (
    CONTRAST_BANDS,
    ROLLOFFS,
    SHAPE_COMPONENTS,
    deltas,
    spectral_contrast,
    spectral_shape,
    zero_crossings,
)

SR, N_FFT, HOP = 22_050, 2048, 512
BIN = SR / N_FFT  # Hz
F32 = npt.NDArray[np.float32]
# The columns of spectral_shape; the zero-crossing rate is computed from the signal.
CENTROID, BANDWIDTH, R25, R50, R85, R95, FLATNESS, FLUX = range(8)


def time(seconds: float = 2.0) -> npt.NDArray[np.float64]:
    return np.arange(round(seconds * SR)) / SR


def sine(frequency: float, amplitude: float = 0.5) -> F32:
    return (amplitude * np.sin(2 * np.pi * frequency * time())).astype(np.float32)


def noise(seconds: float = 4.0, level: float = 0.1, seed: int = 0) -> F32:
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal(round(seconds * SR))).astype(np.float32)


def texture() -> F32:
    t = time(4.0)
    chord = sum(np.sin(2 * np.pi * f * t) for f in (110.0, 440.0, 554.37, 3520.0))
    return (0.1 * (1 + np.sin(2 * np.pi * t)) * chord + noise(level=0.02)).astype(np.float32)


def spectra(y: F32) -> tuple[F32, F32]:
    power = power_spectrogram(frame(y, frame_length=N_FFT, hop_length=HOP))
    return power, np.sqrt(power)


def shape(y: F32) -> F32:
    return spectral_shape(*spectra(y), sr=SR)


def crossings(y: F32) -> F32:
    return zero_crossings(y, frame_length=N_FFT, hop_length=HOP)


@pytest.mark.parametrize("k", [20, 93, 400])
def test_a_sine_on_a_bin_is_its_own_centroid_with_a_known_bandwidth(k: int) -> None:
    # Under a Hann window its magnitudes are 1/2, 1, 1/2 on neighbouring bins, nothing elsewhere.
    inner = shape(sine(k * BIN))[3:-3]
    np.testing.assert_allclose(inner[:, CENTROID], k * BIN, rtol=2e-3)
    np.testing.assert_allclose(inner[:, R50], k * BIN, atol=0.1)
    np.testing.assert_allclose(inner[:, R85], (k + 1) * BIN, atol=0.1)
    np.testing.assert_allclose(inner[:, R95], (k + 1) * BIN, atol=0.1)


def test_bandwidth_of_a_sine_on_a_bin_is_a_bin_over_root_two() -> None:
    # Rounding far from the peak widens it, so take the spectrum from the closed form itself.
    magnitude = np.zeros((1, 1025), dtype=np.float32)
    magnitude[0, 199:202] = 0.5, 1, 0.5
    values = spectral_shape(np.square(magnitude), magnitude, sr=SR)[0]
    assert values[CENTROID] == pytest.approx(200 * BIN, rel=1e-6)
    assert values[BANDWIDTH] == pytest.approx(BIN / np.sqrt(2), rel=1e-4)


@pytest.mark.parametrize("frequency", [123.4, 1000.0, 5432.1])
def test_a_sine_between_bins_has_its_centroid_within_half_a_bin(frequency: float) -> None:
    inner = shape(sine(frequency))[3:-3]
    assert np.median(inner[:, R50]) == pytest.approx(frequency, abs=BIN)
    assert np.median(inner[:, CENTROID]) == pytest.approx(frequency, rel=0.02, abs=BIN / 2)


def test_two_equal_sines_have_their_centroid_and_bandwidth_between_them() -> None:
    low, high = 100 * BIN, 300 * BIN
    inner = shape(sine(low, 0.3) + sine(high, 0.3))[3:-3]
    np.testing.assert_allclose(inner[:, CENTROID], (low + high) / 2, rtol=5e-3)
    np.testing.assert_allclose(inner[:, BANDWIDTH], (high - low) / 2, rtol=1e-2)
    np.testing.assert_allclose(inner[:, R25], low, atol=2 * BIN)
    np.testing.assert_allclose(inner[:, R85], high, atol=2 * BIN)


def test_a_flat_spectrum_has_its_rolloffs_at_their_shares_of_the_nyquist_frequency() -> None:
    flat = np.ones((2, 1025), dtype=np.float32)
    values = spectral_shape(flat, flat, sr=SR)
    for column, share in zip((R25, R50, R85, R95), ROLLOFFS, strict=True):
        np.testing.assert_allclose(values[:, column], share * SR / 2, atol=BIN)
    np.testing.assert_allclose(values[:, CENTROID], SR / 4, rtol=1e-5)
    np.testing.assert_allclose(values[:, BANDWIDTH], SR / 2 / np.sqrt(12), rtol=2e-3)
    np.testing.assert_allclose(values[:, FLATNESS], 0, atol=1e-5)


def test_rolloff_climbs_with_its_share() -> None:
    rolloffs = shape(texture())[:, [R25, R50, R85, R95]]
    assert (np.diff(rolloffs, axis=1) >= 0).all()


def test_flatness_of_white_noise_is_what_the_exponential_distribution_says() -> None:
    # The power of a bin is exponential: the mean of its logarithm lies gamma below that of its mean
    inner = shape(noise(seconds=10.0))[3:-3, FLATNESS]
    assert inner.mean(dtype=np.float64) == pytest.approx(-10 * np.euler_gamma / np.log(10), abs=0.1)


def test_flatness_of_a_click_is_zero_and_of_a_sine_far_below() -> None:
    y = np.zeros(2 * SR, dtype=np.float32)
    y[40 * HOP] = 1.0
    assert shape(y)[40, FLATNESS] == pytest.approx(0, abs=1e-3)
    assert shape(sine(1000.0))[3:-3, FLATNESS].max() < -40


def test_flux_is_nothing_for_a_steady_tone_and_large_at_an_attack() -> None:
    y = sine(200 * BIN)
    assert shape(y)[4:-3, FLUX].max() < 0.02
    y[:SR] = 0
    flux = shape(y)[:-3, FLUX]
    attack = SR / HOP
    assert abs(int(flux.argmax()) - attack) <= 2
    assert flux[int(attack) + 6 :].max() < 0.02 * flux.max()


def test_flux_is_the_mean_rise_by_the_mean_magnitude() -> None:
    magnitude = np.zeros((2, 1025), dtype=np.float32)
    magnitude[0, :100] = 3  # falls away: that is no rise
    magnitude[1, 100:150] = 4
    flux = spectral_shape(np.square(magnitude), magnitude, sr=SR)[:, FLUX]
    assert flux.tolist() == [0, pytest.approx(4 * 50 / 1025 / ((3 * 100 + 4 * 50) / 2050))]


def test_flux_is_zero_at_the_first_frame_and_never_negative() -> None:
    flux = shape(texture())[:, FLUX]
    assert flux[0] == 0
    assert (flux >= 0).all()


@pytest.mark.parametrize("frequency", [100.0, 1000.0, 7000.0])
def test_a_sine_crosses_zero_twice_a_period(frequency: float) -> None:
    inner = crossings(sine(frequency))[3:-3]
    np.testing.assert_allclose(inner, 2 * frequency / SR, atol=2 / N_FFT)


def test_crossings_of_white_noise_are_one_in_two_and_of_dc_none() -> None:
    assert crossings(noise(seconds=10.0)).mean() == pytest.approx(0.5, abs=0.01)
    np.testing.assert_array_equal(crossings(np.full(SR, 0.5, dtype=np.float32)), 0)


@pytest.mark.parametrize("gain", [0.5, 0.2])
def test_gain_changes_no_shape(gain: float) -> None:
    y = texture()
    before, after = shape(y), shape((gain * y).astype(np.float32))
    np.testing.assert_allclose(after[:, CENTROID], before[:, CENTROID], rtol=1e-3)
    np.testing.assert_allclose(after[:, BANDWIDTH], before[:, BANDWIDTH], rtol=1e-3)
    np.testing.assert_allclose(after[:, R25 : R95 + 1], before[:, R25 : R95 + 1], atol=1.01 * BIN)
    np.testing.assert_allclose(after[:, FLATNESS], before[:, FLATNESS], atol=0.02)
    np.testing.assert_allclose(after[:, FLUX], before[:, FLUX], atol=1e-3)
    np.testing.assert_allclose(
        spectral_contrast(spectra((gain * y).astype(np.float32))[1], sr=SR),
        spectral_contrast(spectra(y)[1], sr=SR),
        atol=0.1,
    )


@pytest.mark.parametrize("y", [texture(), noise()], ids=["texture", "noise"])
class TestParityWithLibrosa:
    def test_centroid_and_bandwidth(self, y: F32) -> None:
        ours, S = shape(y), spectra(y)[1].T
        centroid = librosa.feature.spectral_centroid(S=S, sr=SR)[0]
        bandwidth = librosa.feature.spectral_bandwidth(S=S, sr=SR)[0]
        np.testing.assert_allclose(ours[:, CENTROID], centroid, rtol=1e-4)
        np.testing.assert_allclose(ours[:, BANDWIDTH], bandwidth, rtol=1e-4)

    @pytest.mark.parametrize(
        ("column", "share"), list(zip((R25, R50, R85, R95), ROLLOFFS, strict=True))
    )
    def test_rolloff(self, y: F32, column: int, share: float) -> None:
        theirs = librosa.feature.spectral_rolloff(S=spectra(y)[1].T, sr=SR, roll_percent=share)[0]
        ours = shape(y)[:, column]
        # Single-precision sums may fall on the other side of a bin's edge.
        np.testing.assert_allclose(ours, theirs, atol=1.01 * BIN)
        assert np.mean(np.abs(ours - theirs) < 0.01) > 0.98

    def test_flatness(self, y: F32) -> None:
        theirs = 10 * np.log10(librosa.feature.spectral_flatness(S=spectra(y)[1].T)[0])
        np.testing.assert_allclose(shape(y)[:, FLATNESS], theirs, atol=1e-3)

    def test_zero_crossing_rate(self, y: F32) -> None:
        theirs = librosa.feature.zero_crossing_rate(y, frame_length=N_FFT, hop_length=HOP)[0]
        np.testing.assert_allclose(crossings(y), theirs, atol=1e-7)

    def test_contrast(self, y: F32) -> None:
        ours = spectral_contrast(spectra(y)[1], sr=SR)
        theirs = librosa.feature.spectral_contrast(
            S=np.abs(librosa.stft(y, n_fft=N_FFT, hop_length=HOP)), sr=SR
        ).T
        assert ours.shape == theirs.shape == (1 + len(y) // HOP, CONTRAST_BANDS)
        # The spectrum is single precision: a valley's decibels may differ in a quiet frame.
        np.testing.assert_allclose(ours.mean(axis=0), theirs.mean(axis=0), atol=0.1)
        assert np.median(np.abs(ours - theirs)) < 0.01

    @pytest.mark.parametrize("order", [1, 2])
    def test_deltas(self, y: F32, order: int) -> None:
        mfcc = cepstrum(power_to_db(mel_power(spectra(y)[0], sr=SR)), n_mfcc=20)
        theirs = librosa.feature.delta(mfcc.T, width=9, order=order).T
        np.testing.assert_allclose(deltas(mfcc, order=order), theirs, atol=1e-5)


def test_contrast_of_a_tone_in_noise_stands_out_in_its_octave_only() -> None:
    t = time(4.0)
    y = (0.3 * np.sin(2 * np.pi * 1000.0 * t) + noise(level=0.01)).astype(np.float32)
    mean = spectral_contrast(spectra(y)[1], sr=SR)[3:-3].mean(axis=0)
    assert int(mean.argmax()) == 3  # 800 to 1600 Hz
    assert mean[3] > 15 + np.delete(mean, 3).max()


@pytest.mark.parametrize(("order", "slope"), [(1, 0.25), (2, 0.5)])
def test_deltas_of_a_line_and_a_parabola_are_their_derivatives(order: int, slope: float) -> None:
    frames = np.arange(40, dtype=np.float64)[:, None]
    moving = (0.25 * frames**order).astype(np.float32)
    np.testing.assert_allclose(deltas(moving, order=order), slope, rtol=1e-3)


def test_deltas_refuse_a_clip_shorter_than_their_window() -> None:
    with pytest.raises(ValueError, match="8 frames are fewer than the 9"):
        deltas(np.zeros((8, 20), dtype=np.float32), order=1)


def test_every_component_has_a_unit_and_a_description() -> None:
    assert len(SHAPE_COMPONENTS) == shape(texture()).shape[1] + 1
    assert all(name and unit and text for name, unit, text in SHAPE_COMPONENTS)
