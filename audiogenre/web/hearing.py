"""What a worker process does with one upload: decode, measure, draw. Nothing touches the disk."""

from __future__ import annotations

import io
import resource
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from audiogenre.audio import decode
from audiogenre.bundle import Bundle
from audiogenre.errors import AudioError
from audiogenre.extraction import compute_something, stored_set
from audiogenre.features.spectrum import frame, mel_power, power_spectrogram, power_to_db
from audiogenre.measuring import Measured, clip_seconds, measure
from audiogenre.metadata import sets_of
from audiogenre.sources.folder import read_tags

_PEAKS = 400  # points of the waveform
_BANDS, _COLUMNS = 96, 640  # of the spectrogram
_N_FFT = 2048
_TOP_DB = 70.0
_ROOM = 1 << 30  # bytes a worker may take beyond what it needs anyway


@dataclass(frozen=True)
class Order:
    """What a model wants to have measured.

    Attributes
    ----------
    sets : tuple of str
    seconds : float
        At what length clips are cut.
    """

    sets: tuple[str, ...]
    seconds: float
    images: bool
    tags: bool

    @classmethod
    def of(cls, bundle: Bundle) -> Order:
        """Return what a bundle reads."""
        chosen = sets_of(bundle.metadata)
        names = tuple(each.name for each in chosen)
        return cls(names, clip_seconds(chosen), bundle.sees_images, bundle.reads_tags)


@dataclass(frozen=True)
class Heard:
    """One clip: what was measured of it, and how it looks.

    Attributes
    ----------
    seconds : float
        What was listened to.
    peaks : ndarray, shape (n, 2), in [-1, 1]
        Lowest and highest sample of equal pieces.
    spectrogram : bytes
        A PNG image, high notes above.
    """

    measured: Measured
    seconds: float
    peaks: npt.NDArray[np.float32]
    spectrogram: bytes


def hear(data: bytes, order: Order) -> Heard:
    """Decode an upload and measure it.

    Raises
    ------
    AudioError
        If it is refused.
    """
    chosen = [stored_set(name, max_seconds=order.seconds) for name in order.sets]
    try:
        y, sr = decode(data, max_seconds=order.seconds)
        measured = measure(y, sr, chosen, timeline=True, with_images=order.images)
        said = read_tags(io.BytesIO(data)) if order.tags else {}
        return Heard(replace(measured, said=said), len(y) / sr, peaks(y), spectrogram(y, sr))
    except MemoryError as error:
        raise AudioError("too large", "decoded, it does not fit into memory") from error


def prepare(sets: Sequence[str]) -> None:
    """Make a process ready: import and compute once, then hold its memory where it is."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
    compute_something(list(sets))
    spectrogram(np.ones(22_050, dtype=np.float32), 22_050)
    used = _address_space()
    if used:
        resource.setrlimit(resource.RLIMIT_AS, (used + _ROOM, used + _ROOM))


def _address_space() -> int:
    """Return the bytes of address space this process uses; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def peaks(y: npt.NDArray[np.float32], n: int = _PEAKS) -> npt.NDArray[np.float32]:
    """Return the lowest and highest sample of each of `n` equal pieces, shape (n, 2).

    The loudest sample is 1: a waveform shows the shape of a clip, not how loud it is.
    """
    whole = y[: len(y) // n * n].reshape(n, -1)
    found = np.stack([whole.min(axis=1), whole.max(axis=1)], axis=1) / np.abs(y).max()
    return np.asarray(found, dtype=np.float32)


def spectrogram(y: npt.NDArray[np.float32], sr: int) -> bytes:
    """Return a mel spectrogram as a PNG image: brightest is loudest, 70 dB down to black."""
    from matplotlib import colormaps
    from PIL import Image

    hop = max(1, len(y) // _COLUMNS)
    frames = frame(y, frame_length=_N_FFT, hop_length=hop)[:_COLUMNS]
    db = power_to_db(mel_power(power_spectrogram(frames), sr=sr, n_mels=_BANDS), top_db=_TOP_DB)
    levels = (db - db.max() + np.float32(_TOP_DB)) * np.float32(255 / _TOP_DB)
    picture = Image.fromarray(np.ascontiguousarray(levels.T[::-1].round().astype(np.uint8)), "P")
    shades = (colormaps["magma"](np.arange(256))[:, :3] * 255).round().astype(np.uint8)
    picture.putpalette(shades.tobytes())
    file = io.BytesIO()
    picture.save(file, format="PNG", compress_level=3)
    return file.getvalue()
