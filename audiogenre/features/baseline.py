"""The earlier work's 56 columns: energy, RMS and twelve cepstra with simple statistics."""

from __future__ import annotations

import numpy as np

from audiogenre.features.dynamics import energy
from audiogenre.features.sets import Column, FeatureSet
from audiogenre.features.spectrum import (
    Array,
    cepstrum,
    frame,
    mel_power,
    power_spectrogram,
    power_to_db,
)
from audiogenre.features.statistics import describe, summarise, unit_of

N_MFCC, N_FFT, HOP_LENGTH = 12, 512, 256
_ENERGY = ("mean", "std", "min", "max")
_RMS = ("max", "std", "median", "min")
_MFCC = ("mean", "std", "min", "max")


def compute(y: Array, sr: int) -> Array:
    """Compute the columns of `BASELINE`.

    Parameters
    ----------
    y : ndarray, shape (n,), float32
    sr : int, Hz

    Returns
    -------
    values : ndarray, shape (56,), float32
        Equal to statistics of ``librosa.feature.rms`` and ``librosa.feature.mfcc`` with frame 512
        and hop 256.
    """
    frames = frame(y, frame_length=N_FFT, hop_length=HOP_LENGTH)
    energies = energy(frames)[:, None]
    rms = np.sqrt(energies / np.float32(N_FFT))
    db = power_to_db(mel_power(power_spectrogram(frames), sr=sr))
    values = [
        summarise(energies, _ENERGY),
        summarise(rms, _RMS),
        summarise(cepstrum(db, n_mfcc=N_MFCC), _MFCC),
    ]
    return np.concatenate(values).astype(np.float32)


def _columns() -> tuple[Column, ...]:
    components = [
        ("energy", "1", "sum of squares of a frame", _ENERGY),
        ("rms", "1", "root mean square of a frame", _RMS),
        *(
            (f"mfcc_{i:02d}", "dB", f"cepstral coefficient {i}", _MFCC)
            for i in range(1, N_MFCC + 1)
        ),
    ]
    return tuple(
        # Each coefficient is a family: the earlier work gave all its columns the same weight.
        Column(f"{name}_{stat}", unit_of(unit, stat), describe(text, stat), name)
        for name, unit, text, stats in components
        for stat in stats
    )


BASELINE = FeatureSet(
    name="baseline",
    parameters={"version": 1, "n_mfcc": N_MFCC, "n_fft": N_FFT, "hop_length": HOP_LENGTH},
    columns=_columns(),
    compute=compute,
)
