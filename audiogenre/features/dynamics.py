"""Energy, loudness and how they move."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from audiogenre.features.spectrum import Array

SUMMARY: tuple[tuple[str, str, str], ...] = (
    ("dynamics_quietshare", "1", "share of frames with less than the mean RMS"),
    ("dynamics_crest", "log10", "peak over mean RMS"),
    ("dynamics_range", "dB", "95th less 10th percentile of the level"),
    ("dynamics_level", "log10", "mean RMS"),
    ("dynamics_step", "dB", "mean change of level from frame to frame"),
    ("texture_sustained", "dB", "mean departure of mel bands from their half-second average"),
    ("texture_tonal", "dB", "mean departure of mel bands from their neighbours' average"),
    ("texture_sustainedspread", "dB", "spread of the departure from the half-second average"),
    ("texture_tonalspread", "dB", "spread of the departure from the neighbours' average"),
)
_SMOOTHING = 17  # frames or mel bands, the kernel of Fitzgerald's harmonic-percussive filter


def energy(frames: Array) -> Array:
    """Return the sum of squares of each frame.

    Parameters
    ----------
    frames : ndarray, shape (n_frames, frame_length)

    Returns
    -------
    energy : ndarray, shape (n_frames,), >= 0
        ``frame_length * librosa.feature.rms(...) ** 2``.
    """
    return np.asarray(np.einsum("tn,tn->t", frames, frames))


def level(rms: Array) -> Array:
    """Return the level of RMS values in decibels of full scale, at least -80 dB.

    Parameters
    ----------
    rms : ndarray, shape (n_frames,), >= 0
    """
    return np.asarray(20 * np.log10(np.maximum(rms, np.float32(1e-4))))


def dynamics_summary(y: Array, rms: Array, db: Array) -> npt.NDArray[np.float64]:
    """Return the columns of `SUMMARY`.

    Parameters
    ----------
    y : ndarray, shape (n,)
    rms : ndarray, shape (n_frames,), >= 0
    db : ndarray, shape (n_frames, n_mels), dB
        Mel spectrogram. Its departures from a running mean along time and along frequency stand
        in for the medians of Fitzgerald's (2010) harmonic-percussive separation, which cost more
        than all other columns together.
    """
    from scipy.ndimage import uniform_filter1d

    mean_rms = float(rms.mean(dtype=np.float64))
    levels = level(rms)
    low, high = np.quantile(levels, (0.1, 0.95))
    peak = float(max(y.max(), -y.min()))
    over_time = np.ascontiguousarray(db.T)  # the filter is twice as fast along memory
    sustained, tonal = (each - uniform_filter1d(each, _SMOOTHING) for each in (over_time, db))
    return np.array(
        [
            (rms < mean_rms).mean(),
            np.log10(max(peak, 1e-6) / max(mean_rms, 1e-6)),
            high - low,
            np.log10(max(mean_rms, 1e-6)),
            np.abs(np.diff(levels)).mean() if len(levels) > 1 else 0.0,
            np.abs(sustained).mean(),
            np.abs(tonal).mean(),
            sustained.std(),
            tonal.std(),
        ],
        dtype=np.float64,
    )
