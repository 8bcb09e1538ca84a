"""Audio files: the decoder with its checks, and the tags."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf

from audiogenre import tagging
from audiogenre.audio import decode
from audiogenre.errors import AudioError, MissingExtraError, TagError
from audiogenre.integrity import check_container, is_adts, mp3_excerpt, mp3_frames, with_length
from audiogenre.sources.folder import read_tags
from audiogenre.tags import open_tags
from pipelines.fuzz.targets import Target

_RATE = 8000
_SECONDS = 0.2
_FORMATS = (("WAV", "PCM_16"), ("FLAC", None), ("OGG", None), ("MP3", None), ("AIFF", None))


def _written(kind: str, subtype: str | None) -> bytes:
    y = np.random.default_rng(0).uniform(-0.5, 0.5, round(_SECONDS * _RATE)).astype(np.float32)
    file = io.BytesIO()
    sf.write(file, y, _RATE, format=kind, subtype=subtype)
    return file.getvalue()


def _sounds() -> list[bytes]:
    return [_written(*each) for each in _FORMATS] + _films()


def _films() -> list[bytes]:
    """Return a clip as M4A and as bare AAC, where PyAV is installed."""
    try:
        import av
    except ImportError:
        return []
    found = []
    for kind in ("ipod", "adts"):
        file = io.BytesIO()
        with av.open(file, "w", format=kind) as container:
            stream: Any = container.add_stream("aac", rate=_RATE, layout="mono")
            y = np.random.default_rng(0).uniform(-0.5, 0.5, (1, 2048)).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(y, format="fltp", layout="mono")
            frame.rate = _RATE
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        found.append(file.getvalue())
    return found


def _tagged() -> list[bytes]:
    """Return clips with tags, among them those that were written before."""
    import tempfile

    found = []
    with tempfile.TemporaryDirectory() as folder:
        for number, data in enumerate(_sounds()):
            path = Path(folder, f"{number}.bin")
            path.write_bytes(data)
            found.append(data)
            with suppress(TagError):
                tagging.write(path, "genre", ["rock", "folk"])
                tagging.write(path, "mood", ["calm"])
                found.append(path.read_bytes())
    return found


def _decode(folder: Path) -> Callable[[bytes], object]:
    def one(data: bytes) -> None:
        y, sr = decode(data, sr=_RATE, min_seconds=0)
        assert y.dtype == np.float32 and y.ndim == 1 and sr == _RATE
        assert np.isfinite(y).all()

    return one


def _mp3(folder: Path) -> Callable[[bytes], object]:
    """Walk through frames without the decoder, which is far slower."""

    def one(data: bytes) -> None:
        is_adts(data)
        frames = mp3_frames(data, limit=None)
        assert -1 <= frames.start < max(len(data), 1)
        with suppress(AudioError):
            frames.check_length(frames.samples, _RATE)
        if frames.start >= 0:
            again = mp3_frames(with_length(data, frames), limit=None)
            assert again.tagged or frames.samples <= 0
        assert mp3_excerpt(data, 0.05) in data
        check_container(data)

    return one


def _read_tags(folder: Path) -> Callable[[bytes], object]:
    def one(data: bytes) -> None:
        for text in read_tags(io.BytesIO(data)).values():
            assert isinstance(text, str) and text

    return one


def _state(path: Path) -> tuple[dict[str, str], dict[str, list[str]]]:
    tags = open_tags(path)
    assert tags is not None
    return read_tags(path), {each: tags.read(each) for each in tagging.FIELDS.values()}


def _tags(folder: Path) -> Callable[[bytes], object]:
    """Write tags into a file and take them back: all that can be read is as it was before."""
    path = folder / "clip.bin"

    def heard() -> bytes | None:
        try:
            return decode(path, sr=_RATE, min_seconds=0)[0].tobytes()
        except (AudioError, MissingExtraError):
            return None

    def one(data: bytes) -> None:
        path.write_bytes(data)
        try:
            tagging.write(path, "genre", ["fuzz", "noise"])
        except TagError:
            assert path.read_bytes() == data, "it was refused, and changed all the same"
            return
        path.write_bytes(data)
        before, sound = _state(path), heard()
        kept = {tag: tagging.original(path, tag) for tag in tagging.FIELDS}
        tagging.write(path, "genre", ["fuzz", "noise"])
        written = _state(path)[1]["GENRE"]
        assert [each.casefold() for each in written] == ["fuzz", "noise"]
        if any(each is not None for each in kept.values()):  # of an earlier writing
            tagging.undo(path)
            return
        tagging.undo(path)
        assert _state(path) == before, "undoing gave other tags back"
        assert sound is None or heard() == sound, "the sound is another one"

    return one


TARGETS = {
    "decode": Target(_decode, _sounds, longest=8192),
    "mp3": Target(_mp3, lambda: _sounds()[3:], longest=8192),
    "read_tags": Target(_read_tags, _tagged, longest=16384),
    "tags": Target(_tags, _tagged, longest=16384),
}
