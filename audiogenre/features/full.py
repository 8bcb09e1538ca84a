"""What the earlier work wished for: timbre, harmony, rhythm and dynamics from one shared STFT."""

from __future__ import annotations

import numpy as np

import audiogenre.features.dynamics as dynamics
import audiogenre.features.harmony as harmony
import audiogenre.features.rhythm as rhythm
import audiogenre.features.statistics as statistics
import audiogenre.features.timbre as timbre
from audiogenre.features.sets import Column, FeatureSet
from audiogenre.features.spectrum import (
    Array,
    cepstrum,
    frame,
    mel_power,
    power_spectrogram,
    power_to_db,
)

N_MFCC, N_FFT, HOP_LENGTH = 20, 2048, 512
_STATISTICS = ("mean", "std", "min", "max", "skew")


def compute(y: Array, sr: int) -> Array:
    """Compute the columns of `FULL`.

    Parameters
    ----------
    y : ndarray, shape (n,), float32
        At least nine hops (0.2 s at 22,050 Hz).
    sr : int, Hz

    Returns
    -------
    values : ndarray, shape (634,), float32
    """
    frames = frame(y, frame_length=N_FFT, hop_length=HOP_LENGTH)
    power = power_spectrogram(frames)
    magnitude = np.sqrt(power)
    db = power_to_db(mel_power(power, sr=sr))
    mfcc = cepstrum(db, n_mfcc=N_MFCC)
    chroma = harmony.chroma(power, sr=sr)
    rms = np.sqrt(dynamics.energy(frames) / np.float32(N_FFT))
    crossings = timbre.zero_crossings(y, frame_length=N_FFT, hop_length=HOP_LENGTH)
    moving = np.hstack(
        [
            mfcc,
            timbre.deltas(mfcc, order=1),
            timbre.deltas(mfcc, order=2),
            timbre.spectral_shape(power, magnitude, sr=sr),
            crossings[:, None],
            timbre.spectral_contrast(magnitude, sr=sr),
            chroma,
            harmony.tonnetz(chroma),
            dynamics.level(rms)[:, None],
        ]
    )
    block = round(statistics.DRIFT_SECONDS * sr / HOP_LENGTH)
    summary = statistics.summarise(moving, _STATISTICS).reshape(moving.shape[1], -1)
    drift = statistics.drift(moving, frames_per_block=block)
    values = [
        np.hstack([summary, drift[:, None]]).ravel(),
        harmony.harmony_summary(chroma),
        rhythm.rhythm_summary(db, sr=sr, hop_length=HOP_LENGTH),
        dynamics.dynamics_summary(y, rms, db),
    ]
    return np.concatenate(values).astype(np.float32)


def _components() -> list[tuple[str, str, str]]:
    """Name, unit and description of each thing that moves from frame to frame, in order."""
    cepstra = range(1, N_MFCC + 1)
    return [
        *((f"mfcc_{i:02d}", "dB", f"cepstral coefficient {i}") for i in cepstra),
        *(
            (f"mfccdelta_{i:02d}", "dB/frame", f"slope of cepstral coefficient {i}")
            for i in cepstra
        ),
        *(
            (f"mfccdelta2_{i:02d}", "dB/frame^2", f"curvature of cepstral coefficient {i}")
            for i in cepstra
        ),
        *((f"shape_{name}", unit, text) for name, unit, text in timbre.SHAPE_COMPONENTS),
        *(
            (f"contrast_{band}", "dB", f"spectral contrast, octave band {band}")
            for band in range(1, timbre.CONTRAST_BANDS + 1)
        ),
        *((f"chroma_{pitch}", "1", f"pitch class {pitch}") for pitch in harmony.PITCH_CLASSES),
        *((f"tonnetz_{axis}", "1", f"tonal centroid, {axis}") for axis in harmony.TONNETZ_AXES),
        ("shape_level", "dB", "RMS level, at least -80 dB"),
    ]


def _columns() -> tuple[Column, ...]:
    moving = (
        Column(f"{name}_{stat}", statistics.unit_of(unit, stat), statistics.describe(text, stat))
        for name, unit, text in _components()
        for stat in (*_STATISTICS, "drift")
    )
    whole = (Column(*row) for row in (*harmony.SUMMARY, *rhythm.SUMMARY, *dynamics.SUMMARY))
    return (*moving, *whole)


FULL = FeatureSet(
    name="full",
    parameters={"version": 1, "n_mfcc": N_MFCC, "n_fft": N_FFT, "hop_length": HOP_LENGTH},
    columns=_columns(),
    compute=compute,
)
