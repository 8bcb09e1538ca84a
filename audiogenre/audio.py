"""One way into audio: a path, bytes or a file object in, ``(y, sr)`` out, or a reason why not.

Damaged previews are the rule, not the exception: half an MP3 decodes without an error, a web page
is saved as ``.mp3``, a silent clip looks like any other. Whatever passes `decode` is whole.
"""

from __future__ import annotations

import io
import mmap
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from audiogenre import mp4
from audiogenre.errors import AudioError
from audiogenre.integrity import (
    AudioSource,
    Buffer,
    check_container,
    check_density,
    mp3_frames,
    with_length,
)
from audiogenre.quiet import quiet_stderr

SAMPLE_RATE = 22_050
MIN_SECONDS = 5.0
MAX_SECONDS = 30.0
SUFFIXES = {".mp3", ".wav", ".flac", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".au"}
SUFFIXES_PYAV = {".m4a", ".mp4", ".aac", ".webm"}

_SILENT_PEAK = 1e-4  # -80 dB of full scale
_ABSURD_PEAK = 1e4  # 80 dB above full scale
PASSING = {"missing", "unreachable"}  # so it may be there again: it was not the file's bytes
_DOUBTFUL = {"unreadable", "truncated"}  # so a decoder calls what the disk did not give, too
_IN_MEMORY = 64 << 20  # bytes at most of a file that is read at once where there is doubt
_NOT_AUDIO = {
    b"<": "a web page or XML",
    b"{": "JSON",
    b"[": "JSON",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
}


def decode(
    source: AudioSource,
    *,
    sr: int = SAMPLE_RATE,
    min_seconds: float = MIN_SECONDS,
    max_seconds: float | None = MAX_SECONDS,
) -> tuple[npt.NDArray[np.float32], int]:
    """Decode a clip to mono at one sample rate, and check that it is whole.

    Parameters
    ----------
    source : path, bytes or binary file object
        The encoded clip; all three give the same answer.
    sr : int, Hz
        Sample rate of the result. Resampling is soxr's HQ.
    min_seconds : float >= 0
        A shorter clip is refused.
    max_seconds : float > 0 or None
        A longer clip is cut; None keeps all of it.

    Returns
    -------
    y : ndarray, shape (n,), float32, nominally in [-1, 1]
        The mean of the channels.
    sr : int, Hz
        As asked for.

    Raises
    ------
    AudioError
        With `reason` one of ``empty``, ``not audio``, ``unreadable``, ``truncated``, ``header``,
        ``too large``, ``too short``, ``silent``, ``not finite``; ``missing`` or ``unreachable``,
        if the system does not give the file.
    MissingExtraError
        If the format needs PyAV and it is not installed.

    Examples
    --------
    >>> import io, numpy as np, soundfile as sf
    >>> wav = io.BytesIO()
    >>> sf.write(wav, np.sin(np.arange(6 * 44_100) / 20), 44_100, format="WAV")
    >>> y, sr = decode(wav.getvalue())
    >>> y.shape, y.dtype, sr
    ((132300,), dtype('float32'), 22050)
    """
    try:
        channels, rate = _read(source, max_seconds)
    except AudioError as error:
        channels, rate = _read(_in_memory(source, error), max_seconds)
    return _finish(channels, rate, sr=sr, min_seconds=min_seconds), sr


def probe(path: Path) -> float:
    """Return the length in seconds that a file's header states, without decoding it.

    Of an MP3 file that states none, its frames are counted.

    Raises
    ------
    AudioError
        If the file is empty, its header is not that of audio, or the system does not give it.
    """
    # Given a path, libsndfile asks the system for the size itself, and takes a refusal for one.
    source = _whole(path) or path
    with _contents(source) as data:
        if mp4.is_needed(data):
            return mp4.probe(source)
        with _opened(source) as clip:
            samples, rate, mp3 = int(clip.frames), int(clip.samplerate), clip.format == "MP3"
        frames = mp3_frames(data, limit=None) if mp3 else None
        if frames is not None and not frames.tagged:
            samples = frames.samples or samples
        return samples / rate


def _read(source: AudioSource, max_seconds: float | None) -> tuple[npt.NDArray[np.float32], int]:
    with _contents(source) as data:
        if mp4.is_needed(data):
            return mp4.read(source, max_seconds)
        return _read_soundfile(source, data, max_seconds)


def _in_memory(source: AudioSource, error: AudioError) -> bytes:
    """Return the bytes of a file that a decoder refused: it may have been the disk.

    Raises
    ------
    AudioError
        `error`, if there is no doubt about it; else if the file cannot be read.
    """
    if error.reason not in _DOUBTFUL or not isinstance(source, (str, os.PathLike)):
        raise error
    content = _whole(Path(source))
    if content is None:
        raise error
    return content


def _whole(path: Path) -> bytes | None:
    """Return the bytes of a file; None if it is none, or a very large one."""
    with reachable():
        if path.is_file() and path.stat().st_size <= _IN_MEMORY:
            return path.read_bytes()
    return None


def _finish(
    channels: npt.NDArray[np.float32], rate: int, *, sr: int, min_seconds: float
) -> npt.NDArray[np.float32]:
    """Mix to mono, check and resample."""
    y = channels[:, 0]
    if channels.shape[1] > 1:
        # Adding columns is ten times faster than channels.mean(axis=1) on interleaved samples.
        for other in range(1, channels.shape[1]):
            y = y + channels[:, other]
        y *= np.float32(1 / channels.shape[1])
    if len(y) < min_seconds * rate:
        raise AudioError("too short", f"{len(y) / rate:.1f} s, at least {min_seconds:g} s needed")
    low, high = (float(y.min()), float(y.max())) if len(y) else (0.0, 0.0)
    if not np.isfinite(low + high) or max(-low, high) > _ABSURD_PEAK:
        raise AudioError("not finite", "some samples are not numbers, or far beyond full scale")
    if max(-low, high) < _SILENT_PEAK:
        raise AudioError("silent", "no sample is louder than -80 dB")
    if rate == sr:
        return np.ascontiguousarray(y)
    import soxr

    return soxr.resample(np.ascontiguousarray(y), rate, sr, quality="HQ")  # type: ignore[no-any-return]


@contextmanager
def _contents(source: AudioSource) -> Iterator[Buffer]:
    """Give a source's bytes, a file's without reading them all, once they may be audio."""
    if isinstance(source, bytes):
        _check_kind(source)
        yield source
    elif isinstance(source, (str, os.PathLike)):
        with reachable():
            if not stat.S_ISREG(os.stat(source).st_mode):  # noqa: PTH116 (bytes have no Path)
                raise AudioError("unreadable", "it is no regular file")
            with Path(source).open("rb") as file:
                if os.fstat(file.fileno()).st_size == 0:
                    raise AudioError("empty", "the file has no bytes")
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        with data:
            _check_kind(data)
            yield data
    else:
        position = source.tell()
        content = source.read()
        source.seek(position)
        _check_kind(content)
        yield content


@contextmanager
def reachable() -> Iterator[None]:
    """Tell what the system says of a file from what is wrong with its bytes.

    Raises
    ------
    AudioError
        With reason ``missing`` or ``unreachable``.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise AudioError("missing", "there is no such file") from error
    except OSError as error:
        raise AudioError("unreachable", error.strerror or str(error)) from error


def _check_kind(data: Buffer) -> None:
    """Refuse what is empty or plainly something else."""
    if len(data) == 0:
        raise AudioError("empty", "the file has no bytes")
    text = bytes(data[:4096]).removeprefix(b"\xef\xbb\xbf").lstrip()
    for magic, what in _NOT_AUDIO.items():
        if text.startswith(magic):
            raise AudioError("not audio", f"the file is {what}")


def _read_soundfile(
    source: AudioSource, data: Buffer, max_seconds: float | None
) -> tuple[npt.NDArray[np.float32], int]:
    check_container(data)
    with _opened(source) as clip:
        rate, stated, mp3 = int(clip.samplerate), int(clip.frames), clip.format == "MP3"
        check_density(clip.channels, rate)
        limit = None if max_seconds is None else round(max_seconds * rate)
        promised = stated if limit is None else min(stated, limit)
        channels = clip.read(promised, dtype="float32", always_2d=True)
    if mp3:
        frames = mp3_frames(data, limit=limit)
        if not frames.tagged and frames.leaves_out(stated):
            whole = with_length(data, frames)
            return _read_soundfile(whole, whole, max_seconds)
        frames.check_length(stated, rate)
        if not frames.tagged:
            # The decoder only estimates what no tag states, from the file's size and bit rate.
            promised = min(promised, frames.samples)
    if len(channels) < promised:
        raise AudioError(
            "truncated", f"{len(channels) / rate:.1f} s decode of {promised / rate:.1f} s promised"
        )
    return channels, rate


@contextmanager
def _opened(source: AudioSource) -> Iterator[Any]:
    """Open a source with soundfile, quietly, and give every failure its reason."""
    import soundfile as sf

    target: Any = io.BytesIO(source) if isinstance(source, bytes) else source
    if isinstance(target, (str, os.PathLike)):
        target = os.fsencode(target)  # soundfile knows no name that is not UTF-8
    try:
        with quiet_stderr(), sf.SoundFile(target) as clip:
            yield clip
    except sf.LibsndfileError as error:
        # libsndfile says "File does not exist" of anything it cannot read; the file is there.
        raise AudioError("unreadable", "no decoder recognises the bytes as audio") from error
    except (sf.SoundFileError, RuntimeError, ValueError, TypeError) as error:
        raise AudioError("unreadable", f"decoding failed ({error})") from error
