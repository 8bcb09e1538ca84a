"""Onsets, tempo and the modulation of loudness over time."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from audiogenre.features.spectrum import Array

Values = npt.NDArray[np.float64]

MODULATION_EDGES = (0.3, 0.7, 1.4, 2.0, 3.0, 4.5, 6.5, 10.0, 16.0, 21.5)  # Hz
N_GROUPS = 12
_MEL_SPLIT = (0, 20, 60, 128)  # low, middle and high mel bands
_BANDS = ("low", "mid", "high")
SUMMARY: tuple[tuple[str, str, str], ...] = (
    ("onset_mean", "dB", "mean onset strength"),
    ("onset_std", "dB", "standard deviation of onset strength"),
    ("onset_skew", "1", "skewness of onset strength"),
    ("onset_p90", "dB", "90th percentile of onset strength"),
    ("onset_rate", "1/s", "onsets a second"),
    ("onset_height", "dB", "mean strength of the onsets"),
    ("tempo_bpm", "1/min", "tempo"),
    ("tempo_octave", "octave", "binary logarithm of the tempo"),
    ("tempo_strength", "1", "autocorrelation of onset strength at the tempo"),
    ("tempo_clarity", "1", "highest autocorrelation between 40 and 240 beats a minute"),
    ("tempo_contrast", "1", "spread of the autocorrelation between 40 and 240 beats a minute"),
    *(
        (f"band{band}_{what}", unit, f"{text} of onset strength in the {band} mel bands")
        for band in _BANDS
        for what, unit, text in (
            ("clarity", "1", "highest autocorrelation"),
            ("contrast", "1", "spread of the autocorrelation"),
            ("std", "dB", "standard deviation"),
        )
    ),
    *(
        (f"modulation_{low:g}to{high:g}hz", "log10 dB^2", "mean power of loudness modulation")
        for low, high in itertools.pairwise(MODULATION_EDGES)
    ),
    *(
        (f"liveliness_{group:02d}", "log10 dB^2", f"loudness modulation of mel group {group} of 12")
        for group in range(1, N_GROUPS + 1)
    ),
)


def onset_strength(rise: Array) -> Array:
    """Return the mean rise over mel bands, zero at the first frame.

    Parameters
    ----------
    rise : ndarray, shape (n_frames - 1, n_mels), dB, >= 0
        Half-wave rectified difference of a mel spectrogram in dB.

    Returns
    -------
    envelope : ndarray, shape (n_frames,), dB
        ``librosa.onset.onset_strength(S=db, center=False)``.
    """
    return np.pad(rise.mean(axis=1), (1, 0))


def autocorrelation(envelope: Array, *, max_lag: int) -> Values:
    """Return the autocorrelation of an envelope without its mean, 1 at lag 0 (0 if flat).

    Parameters
    ----------
    envelope : ndarray, shape (n_frames,)
    max_lag : int > 0, frames

    Returns
    -------
    correlation : ndarray, shape (max_lag + 1,)
    """
    from scipy.fft import irfft, next_fast_len, rfft

    centred = np.asarray(envelope, dtype=np.float64)
    centred = centred - centred.mean()
    size = next_fast_len(len(centred) + max_lag + 1, real=True)
    correlation = irfft(np.square(np.abs(rfft(centred, size))), size)[: max_lag + 1]
    return np.asarray(correlation / correlation[0] if correlation[0] > 1e-9 else correlation * 0)


def rhythm_summary(db: Array, *, sr: int, hop_length: int) -> Values:
    """Return the columns of `SUMMARY`: onsets, tempo and loudness modulation.

    Parameters
    ----------
    db : ndarray, shape (n_frames, 128), dB
        Mel spectrogram.
    sr : int, Hz
    hop_length : int, samples

    Notes
    -----
    Tempo is the lag that maximises the autocorrelation of onset strength under the log-normal
    prior of ``librosa.feature.tempo`` (Ellis 2007), over the clip as a whole. Modulation follows
    the fluctuation patterns of Pampalk et al. (2002): the spectrum of each mel group's loudness
    over time.
    """
    frame_rate = sr / hop_length
    rise = np.diff(db, axis=0)
    np.maximum(rise, 0, out=rise)
    return np.concatenate(
        [
            _onsets_and_tempo(onset_strength(rise), frame_rate),
            *(
                _band_rhythm(rise[:, low:high].mean(axis=1), frame_rate)
                for low, high in itertools.pairwise(_MEL_SPLIT)
            ),
            _modulation(db, frame_rate),
        ]
    )


def _onsets_and_tempo(envelope: Array, frame_rate: float) -> Values:
    from scipy.signal import find_peaks

    from audiogenre.features.statistics import summarise

    mean, std, skew = summarise(envelope[:, None], ("mean", "std", "skew"))
    peaks, _ = find_peaks(envelope, height=mean + 0.5 * std)
    height = envelope[peaks].mean() if len(peaks) else 0.0
    rate = len(peaks) * frame_rate / len(envelope)
    correlation, bpm = _beat_correlation(envelope, frame_rate)
    prior = np.exp(-0.5 * np.square(np.log2(bpm / 120)))
    beat = int(np.argmax(correlation * prior))
    return np.array(
        [
            *(mean, std, skew, np.quantile(envelope, 0.9), rate, height),
            *(bpm[beat], np.log2(bpm[beat]), correlation[beat]),
            *(correlation.max(), correlation.std()),
        ]
    )


def _beat_correlation(envelope: Array, frame_rate: float) -> tuple[Values, Values]:
    """Autocorrelation at the lags of 40 to 240 beats a minute, and those tempi."""
    lags = np.arange(int(np.ceil(frame_rate / 4)), int(frame_rate * 1.5) + 1)
    return autocorrelation(envelope, max_lag=int(lags[-1]))[lags], 60 * frame_rate / lags


def _band_rhythm(envelope: Array, frame_rate: float) -> Values:
    correlation, _ = _beat_correlation(envelope, frame_rate)
    return np.array([correlation.max(), correlation.std(), envelope.std()])


def _modulation(db: Array, frame_rate: float) -> Values:
    from scipy.fft import rfft, rfftfreq

    width = db.shape[1] // N_GROUPS
    groups = np.einsum("tgw->tg", db[:, : width * N_GROUPS].reshape(len(db), N_GROUPS, width))
    groups /= width
    spectrum = rfft(groups - groups.mean(axis=0), axis=0)
    power = (np.square(spectrum.real) + np.square(spectrum.imag)) / len(groups)
    rates = rfftfreq(len(groups), 1 / frame_rate)
    edges = np.searchsorted(rates, MODULATION_EDGES)
    bands = np.array(
        [
            power[first:last].mean(axis=0) if last > first else np.zeros(N_GROUPS)
            for first, last in itertools.pairwise(edges)
        ]
    )
    logged = np.log10(bands + 1e-6)
    return np.concatenate([logged.mean(axis=1), logged.mean(axis=0)])
