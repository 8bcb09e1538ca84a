"""One way into audio: a path, bytes or a file object in, ``(y, sr)`` out, or a reason why not.

Damaged previews are the rule, not the exception: half an MP3 decodes without an error, a web page
is saved as ``.mp3``, a silent clip looks like any other. Whatever passes `decode` is whole.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from audiogenre.errors import AudioError, MissingExtraError

AudioSource = str | os.PathLike[str] | bytes | BinaryIO

SAMPLE_RATE = 22_050
MIN_SECONDS = 5.0
MAX_SECONDS = 30.0
SUFFIXES = {".mp3", ".wav", ".flac", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".au"}
SUFFIXES_PYAV = {".m4a", ".mp4", ".aac", ".webm"}

_SILENT_PEAK = 1e-4  # -80 dB of full scale
_UNTAGGED_SHARE = 0.9  # of the length that is only estimated, when an MP3 states none
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
        With `reason` one of ``empty``, ``not audio``, ``unreadable``, ``truncated``,
        ``too short``, ``silent``, ``not finite``.
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
    head = _head(source)
    if _is_pyav(head):
        channels, rate = _read_pyav(source, max_seconds)
    else:
        channels, rate = _read_soundfile(source, head, max_seconds)
    return _finish(channels, rate, sr=sr, min_seconds=min_seconds), sr


def probe(path: Path) -> float:
    """Return the length in seconds that a file's header states, without decoding it.

    Raises
    ------
    AudioError
        If the file is empty or its header is not that of audio.
    """
    head = _head(path)
    if _is_pyav(head):
        return _probe_pyav(path)
    with _opened(path) as clip:
        return float(clip.frames) / float(clip.samplerate)


def _finish(
    channels: npt.NDArray[np.float32], rate: int, *, sr: int, min_seconds: float
) -> npt.NDArray[np.float32]:
    """Mix to mono, check and resample."""
    y = channels[:, 0]
    if channels.shape[1] > 1:
        # Adding columns is ten times faster than channels.mean(axis=1) on interleaved samples.
        for other in range(1, channels.shape[1]):
            y = y + channels[:, other]
        y = y * np.float32(1 / channels.shape[1])
    if len(y) < min_seconds * rate:
        raise AudioError("too short", f"{len(y) / rate:.1f} s, at least {min_seconds:g} s needed")
    low, high = (float(y.min()), float(y.max())) if len(y) else (0.0, 0.0)
    if not np.isfinite(low + high):
        raise AudioError("not finite", "some samples are not numbers")
    if max(-low, high) < _SILENT_PEAK:
        raise AudioError("silent", "no sample is louder than -80 dB")
    if rate == sr:
        return np.ascontiguousarray(y)
    import soxr

    return soxr.resample(np.ascontiguousarray(y), rate, sr, quality="HQ")  # type: ignore[no-any-return]


def _head(source: AudioSource, size: int = 4096) -> bytes:
    """Return the first bytes of a source, leaving a file object where it was."""
    if isinstance(source, bytes):
        head = source[:size]
    elif isinstance(source, (str, os.PathLike)):
        try:
            with Path(source).open("rb") as file:
                head = file.read(size)
        except OSError as error:
            raise AudioError("unreadable", error.strerror or str(error)) from error
    else:
        position = source.tell()
        head = source.read(size)
        source.seek(position)
    if not head:
        raise AudioError("empty", "the file has no bytes")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for magic, what in _NOT_AUDIO.items():
        if text.startswith(magic):
            raise AudioError("not audio", f"the file is {what}")
    return head


def _read_soundfile(
    source: AudioSource, head: bytes, max_seconds: float | None
) -> tuple[npt.NDArray[np.float32], int]:
    with _opened(source) as clip:
        rate, promised, mp3 = int(clip.samplerate), int(clip.frames), clip.format == "MP3"
        if max_seconds is not None:
            promised = min(promised, round(max_seconds * rate))
        channels = clip.read(promised, dtype="float32", always_2d=True)
    if mp3 and not _states_length(source, head):
        promised = int(promised * _UNTAGGED_SHARE)
    if len(channels) < promised:
        raise AudioError(
            "truncated", f"{len(channels) / rate:.1f} s decode of {promised / rate:.1f} s promised"
        )
    return channels, rate


@contextmanager
def _opened(source: AudioSource) -> Iterator[Any]:
    """Open a source with soundfile, quietly, and give every failure its reason."""
    import soundfile as sf

    target = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        with _quiet_stderr(), sf.SoundFile(target) as clip:
            yield clip
    except sf.LibsndfileError as error:
        # libsndfile says "File does not exist" of anything it cannot read; the file is there.
        raise AudioError("unreadable", "no decoder recognises the bytes as audio") from error
    except (sf.SoundFileError, RuntimeError, ValueError, TypeError) as error:
        raise AudioError("unreadable", f"decoding failed ({error})") from error


def _states_length(source: AudioSource, head: bytes) -> bool:
    """Tell whether an MP3's first frame carries its number of frames (Xing, Info or VBRI tag).

    Without one the decoder's length is only an estimate from size and bit rate.
    """
    if head[:3] == b"ID3" and len(head) >= 10:
        a, b, c, d = head[6:10]  # four bytes of seven bits each
        start = 10 + (a << 21 | b << 14 | c << 7 | d)
        if start + 1024 > len(head):
            head = _head(source, start + 4096)
        head = head[start:]
    return any(tag in head[:2048] for tag in (b"Xing", b"Info", b"VBRI"))


_quiet_lock = threading.Lock()
_quiet_users = 0
_quiet_saved = -1


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Send the C library's stderr nowhere: libmpg123 reports damage there, not to its caller.

    Several threads may be inside; the first one in redirects, the last one out restores.
    """
    global _quiet_users, _quiet_saved
    with _quiet_lock:
        if _quiet_users == 0:
            sys.stderr.flush()
            _quiet_saved = os.dup(2)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)
        _quiet_users += 1
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_users -= 1
            if _quiet_users == 0:
                os.dup2(_quiet_saved, 2)
                os.close(_quiet_saved)


def _is_pyav(head: bytes) -> bool:
    """Tell whether libsndfile cannot read this container: MP4, Matroska or bare AAC (ADTS)."""
    adts = len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0
    return head[4:8] == b"ftyp" or head[:4] == b"\x1aE\xdf\xa3" or adts


def _pyav() -> Any:
    try:
        import av
    except ImportError as error:
        raise MissingExtraError("Reading m4a, aac and webm", "m4a") from error
    return av


def _probe_pyav(path: Path) -> float:
    av = _pyav()
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise AudioError("not audio", "the file has no audio stream")
            return float(container.duration or 0) / 1e6
    except av.FFmpegError as error:
        raise AudioError("unreadable", "no decoder recognises the bytes as audio") from error


def _read_pyav(
    source: AudioSource, max_seconds: float | None
) -> tuple[npt.NDArray[np.float32], int]:
    """Decode with FFmpeg's libraries, every channel kept: their own downmix is too loud."""
    av = _pyav()
    target = io.BytesIO(source) if isinstance(source, bytes) else source
    if isinstance(target, os.PathLike):
        target = os.fspath(target)
    blocks: list[npt.NDArray[np.float32]] = []
    frames = 0
    try:
        with av.open(target) as container:
            if not container.streams.audio:
                raise AudioError("not audio", "the file has no audio stream")
            stream = container.streams.audio[0]
            rate = int(stream.rate)
            promised = float(stream.duration * stream.time_base) if stream.duration else 0.0
            limit = None if max_seconds is None else round(max_seconds * rate)
            planar = av.AudioResampler(format="fltp", rate=rate)
            for packet in container.decode(stream):
                for frame in planar.resample(packet):
                    blocks.append(frame.to_ndarray().T)
                    frames += len(blocks[-1])
                if limit is not None and frames >= limit:
                    break
    except av.FFmpegError as error:
        raise AudioError("unreadable", "no decoder recognises the bytes as audio") from error
    if not blocks:
        raise AudioError("unreadable", "no audio frame decodes")
    channels = np.concatenate(blocks)[:limit]
    whole = promised if max_seconds is None else min(promised, max_seconds)
    # Encoder padding makes the container's length inexact by a few AAC frames of 1,024 samples.
    if frames < whole * rate - 4096:
        raise AudioError("truncated", f"{frames / rate:.1f} s decode of {whole:.1f} s promised")
    return channels, rate
