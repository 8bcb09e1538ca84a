"""What a clip sounds like from moment to moment: cepstra and the shape of the spectrum."""

from __future__ import annotations

import itertools
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from audiogenre.features.spectrum import Array

ROLLOFFS = (0.25, 0.50, 0.85, 0.95)
SHAPE_COMPONENTS: tuple[tuple[str, str, str], ...] = (
    ("centroid", "Hz", "spectral centroid"),
    ("bandwidth", "Hz", "spectral bandwidth"),
    ("rolloff25", "Hz", "frequency below which 25 % of the magnitude lies"),
    ("rolloff50", "Hz", "frequency below which 50 % of the magnitude lies"),
    ("rolloff85", "Hz", "frequency below which 85 % of the magnitude lies"),
    ("rolloff95", "Hz", "frequency below which 95 % of the magnitude lies"),
    ("flatness", "dB", "spectral flatness, 0 dB for noise"),
    ("flux", "1", "rise of the magnitude spectrum since the last frame, by its mean over the clip"),
    ("crossings", "1", "share of samples where the sign changes"),
)
CONTRAST_BANDS = 7


def deltas(mfcc: Array, *, order: int, width: int = 9) -> Array:
    """Return the local slope (order 1) or curvature (order 2) of each coefficient.

    Parameters
    ----------
    mfcc : ndarray, shape (n_frames, n_mfcc)
    order : {1, 2}
    width : odd int, frames

    Returns
    -------
    delta : ndarray, shape (n_frames, n_mfcc)
        ``librosa.feature.delta``: a Savitzky-Golay filter (``scipy.signal.savgol_filter``), whose
        weights are computed once and not for every clip.

    Raises
    ------
    ValueError
        If there are fewer frames than `width`.
    """
    from scipy.ndimage import correlate1d

    if len(mfcc) < width:
        raise ValueError(f"{len(mfcc)} frames are fewer than the {width} that a slope is fitted to")
    half, weights = width // 2, _slopes(width, order)
    delta: Array = correlate1d(mfcc, weights[half], axis=0)
    # At the ends it is the slope, at those frames, of what is fitted to the first or last window.
    delta[:half] = weights[:half] @ mfcc[:width]
    delta[-half:] = weights[-half:] @ mfcc[-width:]
    return delta


@lru_cache(maxsize=4)
def _slopes(width: int, order: int) -> npt.NDArray[np.float64]:
    """Return how much each frame of a window counts for the slope at each frame of it."""
    from scipy.signal import savgol_coeffs

    places = range(width)
    return np.stack([savgol_coeffs(width, order, deriv=order, pos=at, use="dot") for at in places])


def spectral_shape(power: Array, magnitude: Array, *, sr: int) -> Array:
    """Describe the outline of each frame's spectrum.

    Parameters
    ----------
    power, magnitude : ndarray, shape (n_frames, 1 + n_fft // 2)
    sr : int, Hz

    Returns
    -------
    shape : ndarray, shape (n_frames, 8)
        The columns of `SHAPE_COMPONENTS` but the last: librosa's ``spectral_centroid``,
        ``spectral_bandwidth``, ``spectral_rolloff`` and ``spectral_flatness`` (in dB), and flux:
        the half-wave rectified difference of Dixon (2006), divided by the clip's mean magnitude.
    """
    tiny = np.finfo(np.float32).tiny
    freqs = np.linspace(0, sr / 2, power.shape[1], dtype=np.float32)
    ones = np.ones_like(freqs)  # a product with ones sums three times as fast as a sum over axis 1
    total = np.maximum(magnitude @ ones, tiny)
    centroid = magnitude @ freqs / total
    distance = freqs - centroid[:, None]
    np.square(distance, out=distance)
    bandwidth = np.sqrt(np.einsum("tf,tf->t", magnitude, distance) / total)
    rolloffs = [freqs[bins] for bins in _rolloff_bins(magnitude)]
    floored = np.maximum(power, np.float32(1e-10))
    arithmetic = floored @ ones / len(freqs)
    geometric = np.log10(floored, out=floored) @ ones / len(freqs)
    flatness = 10 * (geometric - np.log10(arithmetic))
    rise = np.diff(magnitude, axis=0)
    np.maximum(rise, 0, out=rise)
    flux = np.zeros(len(power), dtype=np.float32)
    flux[1:] = rise @ ones / max(float(total.mean()), float(tiny))
    return np.stack([centroid, bandwidth, *rolloffs, flatness, flux], axis=1)


def _rolloff_bins(magnitude: Array, *, block: int = 32) -> list[npt.NDArray[np.intp]]:
    """Find each frame's first bin up to which a share of its magnitude lies.

    Sums of blocks tell the block, a running sum inside that block tells the bin: a running sum
    over all bins would cost four times as much. Running sums are products with a triangle of ones.
    """
    n_frames, n_bins = magnitude.shape
    n_blocks = -(-n_bins // block)
    padded = np.zeros((n_frames, n_blocks * block), dtype=np.float32)
    padded[:, :n_bins] = magnitude
    blocks = padded.reshape(n_frames, n_blocks, block)
    upto = np.einsum("tbk->tb", blocks) @ np.triu(np.ones((n_blocks, n_blocks), np.float32))
    running = np.triu(np.ones((block, block), dtype=np.float32))
    rows = np.arange(n_frames)
    found = []
    for share in ROLLOFFS:
        target = np.float32(share) * upto[:, -1]
        at = np.minimum((upto < target[:, None]).sum(axis=1), n_blocks - 1)
        before = np.where(at > 0, upto[rows, at - 1], np.float32(0))
        inside = blocks[rows, at] @ running + before[:, None]
        bins = at * block + (inside < target[:, None]).sum(axis=1)
        found.append(np.minimum(bins, n_bins - 1))
    return found


def zero_crossings(y: Array, *, frame_length: int, hop_length: int) -> Array:
    """Return the share of samples of each frame where the sign changes.

    Parameters
    ----------
    y : ndarray, shape (n,)
    frame_length, hop_length : int > 0, samples

    Returns
    -------
    rate : ndarray, shape (1 + n // hop_length,), 0 to 1
        ``librosa.feature.zero_crossing_rate``, from the places of all changes instead of frame by
        frame.
    """
    negative = np.pad(y < np.float32(-1e-10), frame_length // 2, mode="edge")
    changes = np.flatnonzero(negative[1:] != negative[:-1])
    starts = np.arange(1 + len(y) // hop_length) * hop_length
    before, upto = np.searchsorted(changes, [starts, starts + frame_length - 1])
    rate: Array = ((upto - before) / frame_length).astype(np.float32)
    return rate


def spectral_contrast(magnitude: Array, *, sr: int) -> Array:
    """Return how far peaks stand above valleys in each octave band.

    Parameters
    ----------
    magnitude : ndarray, shape (n_frames, 1 + n_fft // 2)
    sr : int, Hz

    Returns
    -------
    contrast : ndarray, shape (n_frames, 7), dB
        ``librosa.feature.spectral_contrast`` (Jiang et al. 2002): below 200 Hz, then six octaves
        up to the Nyquist frequency.
    """
    from audiogenre.features.spectrum import power_to_db

    freqs = np.linspace(0, sr / 2, magnitude.shape[1])
    edges = [0.0, *(200.0 * 2.0 ** np.arange(CONTRAST_BANDS))]
    valleys, peaks = [], []
    for band, (low, high) in enumerate(itertools.pairwise(edges)):
        inside = (freqs >= low) & (freqs <= high)
        first, last = np.flatnonzero(inside)[[0, -1]]
        if band > 0:
            first -= 1  # librosa lets neighbouring bands share a bin
        if band == CONTRAST_BANDS - 1:
            last = len(freqs) - 1
        k = int(max(np.rint(0.02 * (last - first + 1)), 1))
        # All bands but the last leave their top bin to the next one.
        part = magnitude[:, first : last + (band == CONTRAST_BANDS - 1)]
        part = np.sort(part, axis=1)
        valleys.append(part[:, :k].mean(axis=1))
        peaks.append(part[:, -k:].mean(axis=1))
    return power_to_db(np.stack(peaks, axis=1)) - power_to_db(np.stack(valleys, axis=1))
