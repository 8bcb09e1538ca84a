"""The same features by other routes, to be measured against."""

from __future__ import annotations

import os
import warnings

import librosa
import numpy as np
import numpy.typing as npt
import soundfile as sf

Values = npt.NDArray[np.float64]
FRAME, HOP, SR = 512, 256, 22_050


def decode_only(path: str | os.PathLike[str]) -> object:
    """Only read the file: the floor under everything else."""
    return sf.read(path)


def earlier_work(path: str | os.PathLike[str]) -> Values:
    """Compute the 56 columns as the earlier work did: librosa.load and a Python loop."""
    y, sr = librosa.load(path, sr=SR, duration=30)
    energy = np.array([sum(abs(y[i : i + FRAME] ** 2)) for i in range(0, len(y), HOP)])
    return _statistics(energy, y, int(sr))


def plain_librosa_file(path: str | os.PathLike[str]) -> Values:
    """Compute the 56 columns as one who knows librosa would: librosa.load, then its functions."""
    y, sr = librosa.load(path, sr=SR, duration=30)
    return plain_librosa(y, int(sr))


def plain_librosa(y: npt.NDArray[np.float32], sr: int) -> Values:
    """Compute the 56 columns with librosa's own functions, the energy in NumPy."""
    padded = np.pad(y, FRAME // 2).astype(np.float64)
    frames = librosa.util.frame(padded, frame_length=FRAME, hop_length=HOP)
    return _statistics(np.square(frames).sum(axis=0), y, sr)


def _statistics(energy: Values, y: npt.NDArray[np.float32], sr: int) -> Values:
    rms = librosa.feature.rms(y=y, frame_length=FRAME, hop_length=HOP)[0]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Empty filters detected")
        mfcc = librosa.feature.mfcc(y=y, sr=sr, n_mfcc=12, n_fft=FRAME, hop_length=HOP)
    per_coefficient = np.stack([mfcc.mean(1), mfcc.std(1), mfcc.min(1), mfcc.max(1)], axis=1)
    return np.concatenate(
        [
            [energy.mean(), energy.std(), energy.min(), energy.max()],
            [rms.max(), rms.std(), np.median(rms), rms.min()],
            per_coefficient.ravel(),
        ]
    )
