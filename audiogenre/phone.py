"""A clip as a phone would record it from a loudspeaker across the room.

The loudspeaker gives no bass, neither it nor the microphone is even, the room adds its decay, there
is noise, the level is what it happens to be, and the recorder encodes at a low rate. Each clip is
recorded with values of its own, drawn from the ranges of `Recording` by the hash of its audio: the
same clip sounds the same every time, on every machine.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from audiogenre.errors import MissingExtraError
from audiogenre.features import FeatureSet

Signal = npt.NDArray[np.float32]
Range = tuple[float, float]

NAME = "phone"
VERSION = 1
_STEEPNESS = 12  # dB an octave, that of a closed loudspeaker below its resonance
_RUMBLE_HZ = 80.0
_SHORTEST_S = 0.1  # what the encoder takes


@dataclass(frozen=True)
class Recording:
    """What differs between recordings, as the lowest and the highest value.

    Attributes
    ----------
    bass_hz, treble_hz : Hz
        Where the band begins (from a bookshelf loudspeaker to a laptop's) and ends (from a recorder
        meant for speech to nearly all that 22,050 Hz can hold); 12 dB an octave beyond.
    unevenness_db : dB
        Gains of seven bands: resonances of loudspeaker, furniture and microphone.
    decay_s : s
        Reverberation time (60 dB), from a furnished living room to a bare one.
    volume_m3, distance_m : m³, m
        Size of the room, and from the loudspeaker to the phone. With the decay they say how loud
        the direct sound is against the reverberation.
    snr_db : dB
        Music over noise where the phone is, from a room with people in it to a quiet one.
    noise_slope_db : dB an octave
        Colour of the noise, from that of a quiet room to the microphone's own, which is white.
        There is none below 80 Hz, where recorders cut.
    peak_db : dB of full scale
        The loudest sample that the recorder writes.
    rate_kbps : kbit/s
        Of the MP3, mono.
    """

    bass_hz: Range = (80.0, 300.0)
    treble_hz: Range = (4_000.0, 10_000.0)
    unevenness_db: Range = (-6.0, 6.0)
    decay_s: Range = (0.2, 0.6)
    volume_m3: Range = (25.0, 80.0)
    distance_m: Range = (0.3, 2.0)
    snr_db: Range = (10.0, 30.0)
    noise_slope_db: Range = (-6.0, 0.0)
    peak_db: Range = (-12.0, -1.0)
    rate_kbps: Range = (24.0, 96.0)

    @property
    def parameters(self) -> dict[str, float | str]:
        """The ranges as text, with the version of the simulation."""
        ranges = {key: f"{low:g} to {high:g}" for key, (low, high) in asdict(self).items()}
        return {"version": VERSION, **ranges}


RECORDING = Recording()


def check() -> None:
    """Check that the augmentation library is there.

    Raises
    ------
    MissingExtraError
    """
    try:
        import audiomentations  # noqa: F401
        import fast_mp3_augment  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("Simulating phone recordings", "augment") from error


def copy_name(name: str) -> str:
    """Return what the simulated copies of a set are called in the feature store.

    Examples
    --------
    >>> copy_name("full")
    'full.phone'
    """
    return f"{name}.{NAME}"


def copied_name(name: str) -> str:
    """Return which set the copies of that name are of."""
    return name.removesuffix(f".{NAME}")


def is_copy(name: str) -> bool:
    """Tell whether a set of that name holds simulated copies."""
    return name.endswith(f".{NAME}")


def copied(chosen: FeatureSet) -> FeatureSet:
    """Return a set as it is computed from simulated copies: another name, another fingerprint."""
    return replace(chosen, name=copy_name(chosen.name)).having(
        **copy_parameters(chosen.fingerprint)
    )


def copy_parameters(fingerprint: str) -> dict[str, float | str]:
    """Return what the copies of a set are told by: the set, and how they are made now."""
    ranges = {f"{NAME}_{key}": value for key, value in RECORDING.parameters.items()}
    return {"copy_of": fingerprint, **ranges}


def simulate(y: Signal, sr: int, *, seed: str, recording: Recording = RECORDING) -> Signal:
    """Return a clip as a phone would record it.

    Parameters
    ----------
    y : ndarray, shape (n,), float32
    sr : int, Hz
    seed : str
        The hash of the clip's audio: what is drawn follows from it.
    recording : Recording

    Returns
    -------
    y : ndarray, shape (n,), float32
        As long as before, at the same rate, in [-1, 1].

    Raises
    ------
    MissingExtraError
        If the augmentation library is not installed.
    """
    check()
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4])
    with _seeded(number):
        for step in _steps(recording):
            y = step(y, sr)
    return y


def _steps(recording: Recording) -> list[Any]:
    """Return what happens on the way, each step taking and giving a signal."""
    import audiomentations as am

    steep: dict[str, Any] = {"min_rolloff": _STEEPNESS, "max_rolloff": _STEEPNESS, "p": 1.0}
    bass, treble, gain = recording.bass_hz, recording.treble_hz, recording.unevenness_db
    peak, rates = recording.peak_db, [round(each) for each in recording.rate_kbps]
    return [
        am.HighPassFilter(min_cutoff_freq=bass[0], max_cutoff_freq=bass[1], **steep),
        am.LowPassFilter(min_cutoff_freq=treble[0], max_cutoff_freq=treble[1], **steep),
        am.SevenBandParametricEQ(min_gain_db=gain[0], max_gain_db=gain[1], p=1.0),
        am.Lambda(_room, p=1.0, recording=recording),
        am.Lambda(_noise, p=1.0, recording=recording),
        am.Normalize(p=1.0),
        am.Gain(min_gain_db=peak[0], max_gain_db=peak[1], p=1.0),
        partial(_encode, am.Mp3Compression(min_bitrate=rates[0], max_bitrate=rates[1], p=1.0)),
    ]


def _encode(encoder: Any, y: Signal, sr: int) -> Signal:
    """Encode a signal; a shorter one than the encoder takes is followed by silence meanwhile."""
    lacking = max(0, math.ceil(_SHORTEST_S * sr) - len(y))
    return np.asarray(encoder(np.pad(y, (0, lacking)), sr)[: len(y)], dtype=np.float32)


def _room(y: Signal, sr: int, *, recording: Recording) -> Signal:
    """Play a signal in a room drawn for it."""
    from scipy.signal import oaconvolve

    decay, volume, distance = (
        random.uniform(*each)
        for each in (recording.decay_s, recording.volume_m3, recording.distance_m)
    )
    response = impulse_response(
        sr,
        decay=decay,
        direct_db=direct_db(decay=decay, volume=volume, distance=distance),
        seed=random.getrandbits(32),
    )
    return np.asarray(oaconvolve(y, response)[: len(y)], dtype=np.float32)


def _noise(y: Signal, sr: int, *, recording: Recording) -> Signal:
    """Add noise drawn for a signal.

    The library's coloured noise has most of its energy next to 0 Hz, where nobody hears it: its
    ratio would not say how noisy the music is.
    """
    snr, slope = random.uniform(*recording.snr_db), random.uniform(*recording.noise_slope_db)
    noise = coloured_noise(len(y), sr, slope_db=slope, seed=random.getrandbits(32))
    heard = float(np.linalg.norm(noise)) or 1.0  # a few samples have none
    loudness = np.linalg.norm(y) / heard * 10 ** (-snr / 20)
    return np.asarray(y + np.float32(loudness) * noise, dtype=np.float32)


def coloured_noise(n: int, sr: int, *, slope_db: float, seed: int) -> Signal:
    """Return noise whose power changes by so many dB an octave, and is nothing below 80 Hz.

    Parameters
    ----------
    n : int
        Samples.
    sr : int, Hz
    slope_db : float, dB an octave
    seed : int
    """
    from scipy import fft

    white = np.random.default_rng(seed).standard_normal(n, dtype=np.float32)
    frequency = fft.rfftfreq(n, 1 / sr)
    heard = frequency >= _RUMBLE_HZ
    gain = np.zeros(len(frequency), dtype=np.float32)
    gain[heard] = (frequency[heard] / _RUMBLE_HZ) ** (slope_db / (20 * np.log10(2)))
    return np.asarray(fft.irfft(fft.rfft(white) * gain, n), dtype=np.float32)


def direct_db(*, decay: float, volume: float, distance: float) -> float:
    """Return how much louder the direct sound is than the reverberation, in dB.

    They are equal at the critical distance, ``0.057 * sqrt(volume / decay)`` metres for a source
    that radiates evenly (Kuttruff, Room Acoustics); the direct sound falls 6 dB a doubling.

    Examples
    --------
    >>> round(direct_db(decay=0.4, volume=40.0, distance=0.57), 1)
    0.0
    """
    return float(20 * np.log10(0.057 * np.sqrt(volume / decay) / distance))


def impulse_response(sr: int, *, decay: float, direct_db: float, seed: int) -> Signal:
    """Return a room's impulse response: the direct sound, then noise that dies away.

    Parameters
    ----------
    sr : int, Hz
    decay : float, s
        Time in which the reverberation falls by 60 dB; the response is as long.
    direct_db : float, dB
        Energy of the direct sound over that of the reverberation.
    seed : int
        Of the noise.

    Returns
    -------
    response : ndarray, shape (decay * sr,), float32
        The direct sound is 1, at the first sample. Polack's statistical model: what matters here
        is the decay, and an image-source model takes ten times as long for it as all else.
    """
    n = round(decay * sr)
    tail = np.random.default_rng(seed).standard_normal(n) * 10 ** (-3 * np.arange(n) / n)
    tail *= 10 ** (-direct_db / 20) / np.linalg.norm(tail)
    tail[0] = 1
    return tail.astype(np.float32)


@contextmanager
def _seeded(number: int) -> Iterator[None]:
    """Seed the generators that audiomentations draws from, Python's and NumPy's global ones."""
    before, before_numpy = random.getstate(), np.random.get_state()
    random.seed(number)
    np.random.seed(number)
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(before_numpy)
