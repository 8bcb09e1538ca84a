"""Spotify's attributes of a track, estimated from its audio (extra ``attributes``).

Acousticness, danceability, energy, instrumentalness, liveness, speechiness and valence come from
VibeNet, a network that was trained on the Free Music Archive to give Echo Nest's values, which are
Spotify's [1]_. Loudness, tempo, key and mode are computed here. The package `vibenet` is asked for
its network and nothing else; what leads up to the network is ours, as that package's own way there
asks for ffmpeg and takes every core.

Estimates are no measurements. Values that the network was trained on are those of the Free Music
Archive, so on music from there it does better than elsewhere.

References
----------
.. [1] J. Shim, VibeNet 0.1.0, https://github.com/jaeheonshim/vibenet, after Defferrard et al.,
   "FMA: A dataset for music analysis", ISMIR 2017.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module, resources
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from audiogenre.errors import MissingExtraError
from audiogenre.features import harmony, rhythm
from audiogenre.features.loudness import integrated_loudness
from audiogenre.features.sets import Column, FeatureSet
from audiogenre.features.spectrum import Array, frame, mel_power, power_spectrogram, power_to_db

if TYPE_CHECKING:
    import pandas as pd

NAME = "spotify"
VERSION = 1  # of the estimates: a higher one is computed anew and counts before a lower one
COLUMNS = (
    Column("danceability", "1", "how fit for dancing, 0 to 1"),
    Column("energy", "1", "intensity and activity, 0 to 1"),
    Column("key", "pitch class", "tonic of the best-fitting key, C = 0 to B = 11"),
    Column("loudness", "dB", "integrated loudness, -60 to 0"),
    Column("mode", "1", "1 for a major key, 0 for a minor one"),
    Column("speechiness", "1", "presence of spoken words, 0 to 1"),
    Column("acousticness", "1", "confidence that it is acoustic, 0 to 1"),
    Column("instrumentalness", "1", "confidence that nobody sings, 0 to 1"),
    Column("liveness", "1", "confidence that an audience is there, 0 to 1"),
    Column("valence", "1", "how positive it sounds, 0 to 1"),
    Column("tempo", "1/min", "beats a minute, 40 to 240"),
)
ATTRIBUTE_COLUMNS = tuple(column.name for column in COLUMNS)
CATEGORIES = ("key", "mode")  # equal or not; a difference of keys means nothing

_SR = 16_000  # what follows is what the network was trained on
_WINDOW, _N_FFT, _HOP, _N_MELS = 640, 1024, 320, 128

_BOTH_SPEAKERS = 10 * np.log10(2)
_QUIETEST = -60.0

_KEY_N_FFT, _KEY_HOP = 4096, 2048
_SLOWEST, _FASTEST, _USUAL = 40.0, 240.0, 120.0  # beats a minute
_BLUR = np.array([1, 2, 3, 2, 1]) / 9  # frames of onset strength


def attribute_set() -> FeatureSet:
    """Return the attributes as a feature set, once all they need is there.

    Raises
    ------
    MissingExtraError
        If the extra is not installed.
    """
    _network()
    parameters: dict[str, int | str] = {
        "version": VERSION,
        "model": f"vibenet {version('vibenet')}",
    }
    return FeatureSet(NAME, parameters, COLUMNS, estimate)


def estimate(y: Array, sr: int) -> Array:
    """Estimate the attributes of a clip.

    Parameters
    ----------
    y : ndarray, shape (n,), float32
    sr : int, Hz

    Returns
    -------
    values : ndarray, shape (11,), float32
        In the order, with the names, units and ranges of `COLUMNS`.

    Raises
    ------
    MissingExtraError
        If the extra is not installed.
    """
    import soxr

    db = log_mel(soxr.resample(y, sr, _SR))
    found = network_attributes(db)
    # A mono mix is heard from both speakers of the stereo that Spotify measures.
    loudness = integrated_loudness(y, sr=sr) + _BOTH_SPEAKERS
    found["loudness"] = float(np.clip(loudness, _QUIETEST, 0))
    found["tempo"] = tempo(db, frame_rate=_SR / _HOP)
    found["key"], found["mode"] = key_and_mode(y, sr=sr)
    return np.array([found[name] for name in ATTRIBUTE_COLUMNS], dtype=np.float32)


def log_mel(y: Array) -> Array:
    """Return the mel spectrogram that the network was trained on.

    Parameters
    ----------
    y : ndarray, shape (n,)
        At 16,000 Hz.

    Returns
    -------
    db : ndarray, shape (n_frames, 128), dB
        Frames of 40 ms, not centred, every 20 ms; at most 80 dB below the loudest value.
    """
    from scipy.fft import rfft
    from scipy.signal import get_window

    whole = np.pad(y, (0, max(0, _WINDOW - len(y))))
    frames = np.lib.stride_tricks.sliding_window_view(whole, _WINDOW)[::_HOP]
    window = get_window("hann", _WINDOW).astype(np.float32)
    spectrum = rfft(frames * window, _N_FFT, axis=1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    return power_to_db(mel_power(power, sr=_SR, n_mels=_N_MELS))


def network_attributes(db: Array) -> dict[str, float]:
    """Ask the network for its seven attributes, 0 to 1.

    Parameters
    ----------
    db : ndarray, shape (n_frames, 128), dB
        From `log_mel`.

    Raises
    ------
    MissingExtraError
        If the extra is not installed.
    """
    session, labels, likelihoods = _network()
    (answers,) = session.run(None, {"x": np.ascontiguousarray(db.T)[None]})
    return {
        label: float(1 / (1 + np.exp(-answer)) if label in likelihoods else np.clip(answer, 0, 1))
        for label, answer in zip(labels, np.asarray(answers[0], dtype=np.float64), strict=True)
    }


@lru_cache(maxsize=1)
def _network() -> tuple[Any, list[str], set[str]]:
    """Load the installed network, for one thread; the labels of its answers, and which are odds."""
    try:
        onnxruntime, vibenet = import_module("onnxruntime"), import_module("vibenet")
    except ImportError as error:
        raise MissingExtraError("Estimating attributes", "attributes") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    network = resources.files(vibenet) / "artifacts" / "efficientnet_model.onnx"
    with resources.as_file(network) as path:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session, vibenet.labels, vibenet.LIKELIHOODS


def tempo(db: Array, *, frame_rate: float) -> float:
    """Return the tempo of a mel spectrogram.

    Parameters
    ----------
    db : ndarray, shape (n_frames, n_mels), dB
    frame_rate : float, 1/s

    Returns
    -------
    tempo : float, beats a minute, 40 to 240
        From the lag that maximises the autocorrelation of onset strength under a log-normal prior
        around 120 (Ellis, "Beat tracking by dynamic programming", JNMR 2007), as in the set
        `full`, and here between frames: a parabola through the peak. 120 if nothing repeats.
    """
    onsets = rhythm.onset_strength(np.maximum(np.diff(db, axis=0), 0))
    # Blurred, or a beat that falls between two frames counts less than every other one.
    blurred: Array = np.convolve(onsets, _BLUR, mode="same").astype(np.float32)
    lags = np.arange(int(60 * frame_rate / _FASTEST), int(60 * frame_rate / _SLOWEST) + 2)
    correlation = rhythm.autocorrelation(blurred, max_lag=int(lags[-1]))[lags]
    prior = np.exp(-0.5 * np.square(np.log2(60 * frame_rate / lags / _USUAL)))
    peak = 1 + int(np.argmax((correlation * prior)[1:-1]))
    before, at, after = correlation[peak - 1 : peak + 2]
    if at <= 0:
        return _USUAL
    bend = before - 2 * at + after
    shift = 0.5 * (before - after) / bend if before <= at >= after and bend < 0 else 0.0
    return float(np.clip(60 * frame_rate / (lags[peak] + shift), _SLOWEST, _FASTEST))


def key_and_mode(y: Array, *, sr: int) -> tuple[int, int]:
    """Return the key of a clip.

    Parameters
    ----------
    y : ndarray, shape (n,)
    sr : int, Hz

    Returns
    -------
    key : int, 0 (C) to 11 (B)
    mode : {0, 1}
        1 is major.

    Notes
    -----
    The clip's pitch classes are correlated with the profiles of Krumhansl and Kessler (1982), as in
    the set `full`. Tuning is taken to be 440 Hz: what is tuned lower, as old music often is, comes
    out a semitone low.
    """
    power = power_spectrogram(frame(y, frame_length=_KEY_N_FFT, hop_length=_KEY_HOP))
    profile = harmony.chroma(power, sr=sr).mean(axis=0, dtype=np.float64)
    keys = np.stack([np.roll(harmony.PROFILES, tonic, axis=1) for tonic in range(12)])
    keys = keys - keys.mean(axis=2, keepdims=True)
    strength = keys @ profile / np.linalg.norm(keys, axis=2)
    tonic, minor = np.unravel_index(strength.argmax(), strength.shape)
    return int(tonic), 1 - int(minor)


def agreement(measured: pd.DataFrame, estimated: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Say how well estimates do where measured values are known.

    Parameters
    ----------
    measured, estimated : DataFrame, shape (n, any)
        Row by row the same songs; columns by name.

    Returns
    -------
    agreement : dict of attribute to dict
        ``n``, and of `key` and `mode` the share that is ``equal``, of the others Pearson's ``r``
        (None where it has no meaning) and the mean absolute ``difference``.
    """
    found: dict[str, dict[str, Any]] = {}
    for name in ATTRIBUTE_COLUMNS:
        if name not in measured or name not in estimated:
            continue
        a, b = (np.asarray(table[name], dtype=np.float64) for table in (measured, estimated))
        there = np.isfinite(a) & np.isfinite(b) & ((a >= 0) | (name != "key"))  # -1: no key
        a, b = a[there], b[there]
        if len(a) == 0:
            continue
        found[name] = {"n": len(a)}
        if name in CATEGORIES:
            found[name]["equal"] = float(np.mean(a == b))
        else:
            vary = len(a) > 2 and np.ptp(a) > 0 and np.ptp(b) > 0
            found[name]["r"] = float(np.corrcoef(a, b)[0, 1]) if vary else None
            found[name]["difference"] = float(np.abs(a - b).mean())
    return found
