"""MP4, Matroska and bare AAC, which libsndfile does not read: by FFmpeg's libraries, in PyAV."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from audiogenre.errors import AudioError, MissingExtraError
from audiogenre.integrity import AudioSource, Buffer, check_density, is_adts


def is_needed(data: Buffer) -> bool:
    """Tell whether libsndfile cannot read this container: MP4, Matroska or bare AAC."""
    return bytes(data[4:8]) == b"ftyp" or bytes(data[:4]) == b"\x1aE\xdf\xa3" or is_adts(data)


def pyav() -> Any:
    """Return the module PyAV.

    Raises
    ------
    MissingExtraError
    """
    try:
        import av
    except ImportError as error:
        raise MissingExtraError("Reading m4a, aac and webm", "m4a") from error
    return av


def probe(source: AudioSource) -> float:
    """Return the length in seconds that the container states.

    Raises
    ------
    AudioError, MissingExtraError
    """
    av = pyav()
    try:
        with _opened(av, _openable(source)) as container:
            if not container.streams.audio:
                raise AudioError("not audio", "the file has no audio stream")
            return float(container.duration or 0) / 1e6
    except av.FFmpegError as error:
        raise AudioError("unreadable", "no decoder recognises the bytes as audio") from error


def _opened(av: Any, source: str | BinaryIO) -> Any:
    """Open a container; a title that is no text makes nobody's audio unreadable."""
    told = int(av.__version__.partition(".")[0]) < 19  # from then on PyAV sees to it by itself
    return av.open(source, **({"metadata_errors": "surrogateescape"} if told else {}))


def _openable(source: AudioSource) -> str | BinaryIO:
    """Return a source as FFmpeg's binding takes it."""
    if isinstance(source, bytes):
        return io.BytesIO(source)
    return os.fspath(source) if isinstance(source, os.PathLike) else source


def read(source: AudioSource, max_seconds: float | None) -> tuple[npt.NDArray[np.float32], int]:
    """Decode, every channel kept: FFmpeg's own downmix is too loud.

    Returns
    -------
    channels : ndarray, shape (n, c), float32
    rate : int, Hz

    Raises
    ------
    AudioError, MissingExtraError
    """
    av = pyav()
    blocks: list[npt.NDArray[np.float32]] = []
    frames = 0
    try:
        with _opened(av, _openable(source)) as container:
            if not container.streams.audio:
                raise AudioError("not audio", "the file has no audio stream")
            stream = container.streams.audio[0]
            if stream.codec_context is None:
                raise AudioError("unreadable", "no decoder knows its kind of audio")
            rate = int(stream.rate)
            check_density(stream.channels, rate)
            promised = float(stream.duration * stream.time_base) if stream.duration else 0.0
            limit = None if max_seconds is None else round(max_seconds * rate)
            # Packed: the binding counts the planes of more than seven channels beyond their end.
            packed, n_channels = av.AudioResampler(format="flt", rate=rate), 0
            for decoded in container.decode(stream):
                if not n_channels:  # the frames may have more than the stream says
                    n_channels = decoded.layout.nb_channels
                    check_density(n_channels, rate)
                if decoded.layout.nb_channels != n_channels:
                    raise AudioError("unreadable", "the number of channels changes on the way")
                for frame in packed.resample(decoded):
                    blocks.append(frame.to_ndarray().reshape(-1, n_channels))
                    frames += len(blocks[-1])
                if limit is not None and frames >= limit:
                    break
            channels = np.concatenate(blocks)[:limit] if blocks else None
    except av.FFmpegError as error:
        raise AudioError("unreadable", "no decoder recognises the bytes as audio") from error
    except ValueError as error:  # a rate of zero
        raise AudioError("unreadable", f"decoding failed ({error})") from error
    if channels is None:
        raise AudioError("unreadable", "no audio frame decodes")
    whole = promised if max_seconds is None else min(promised, max_seconds)
    # Encoder padding makes the container's length inexact by a few AAC frames of 1,024 samples.
    if frames < whole * rate - 4096:
        raise AudioError("truncated", f"{frames / rate:.1f} s decode of {whole:.1f} s promised")
    return channels, rate


def fingerprint(path: Path) -> str:
    """Return a digest of the audio in a file as it is stored; "" where PyAV is not installed.

    Files that differ in their tags alone have the same, damaged ones too.
    """
    try:
        av = pyav()
    except MissingExtraError:
        return ""
    digest = hashlib.sha256()
    try:
        with _opened(av, os.fspath(path)) as container:
            stream = container.streams.audio[0]
            digest.update(f"{stream.codec_context and stream.codec_context.name}".encode())
            for packet in container.demux(stream):
                digest.update(bytes(packet))
    except (av.FFmpegError, ValueError, IndexError) as error:
        digest.update(type(error).__name__.encode())
    return digest.hexdigest()
