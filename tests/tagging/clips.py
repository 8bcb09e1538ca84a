"""Clips of each format, tagged as other programs do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import mutagen
import numpy as np
import soundfile as sf
from mutagen.id3 import ID3, TCON, TIT2, TMOO
from mutagen.mp4 import MP4FreeForm

SR = 48_000
FORMATS = ("mp3", "flac", "ogg", "opus", "m4a")
OLD = 1_000_000_000  # a time of change, in seconds, that no file written now has
GENRES = ["Rock", "Sürf; Twang/日本"]
FREE = "----:com.apple.iTunes:"
Main = Callable[..., int]


def write_clip(path: Path, seconds: float = 6) -> Path:
    """Write a clip in the format of its suffix."""
    rng = np.random.default_rng(len(path.name))
    y = (0.1 * rng.standard_normal(round(seconds * SR))).astype(np.float32)
    if path.suffix == ".m4a":
        with av.open(str(path), "w", format="ipod") as container:
            stream = container.add_stream("aac", rate=SR, layout="mono")
            frame = av.AudioFrame.from_ndarray(y[np.newaxis], format="fltp", layout="mono")
            frame.rate = SR
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    else:
        kind = {"format": "OGG", "subtype": "OPUS"} if path.suffix == ".opus" else {}
        with sf.SoundFile(path, "w", SR, 1, **kind) as file:
            for start in range(0, len(y), SR):  # libsndfile dies of much Vorbis at once
                file.write(y[start : start + SR])
    return path


def tag(path: Path, genre: list[str], mood: list[str]) -> None:
    """Tag a file as other programs do, and give it a title."""
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    if path.suffix == ".mp3":
        file.tags.add(TIT2(encoding=1, text=["Wave"]))
        for frame, values in ((TCON, genre), (TMOO, mood)):
            if values:
                file.tags.add(frame(encoding=1, text=values))
    elif path.suffix == ".m4a":
        file["\xa9nam"] = ["Wave"]
        if genre:
            file["\xa9gen"] = genre
        if mood:
            file[f"{FREE}MOOD"] = [each.encode() for each in mood]
    else:
        file["TITLE"] = ["Wave"]
        file["GENRE"], file["MOOD"] = genre, mood
    file.save()


def tags_of(path: Path) -> dict[str, Any]:
    """Return all tags of a file as they stand there, with their encodings."""
    if path.suffix == ".mp3":
        frames = ID3(path, translate=False, load_v1=False)
        return {key: (type(each).__name__, vars(each)) for key, each in frames.items()}
    file = mutagen.File(path)
    if path.suffix == ".m4a":
        return {
            key: [(bytes(x), x.dataformat) if isinstance(x, MP4FreeForm) else x for x in values]
            for key, values in file.tags.items()
        }
    return {key: file.tags[key] for key, _ in file.tags}


def values_of(path: Path, field: str) -> list[str]:
    """Return the values of a tag as a player reads them."""
    keys = {"GENRE": ("TCON", "\xa9gen"), "MOOD": ("TMOO", f"{FREE}MOOD")}[field]
    tags = mutagen.File(path).tags
    found = tags.get(
        keys[0] if path.suffix == ".mp3" else keys[1] if path.suffix == ".m4a" else field
    )
    values = found.text if path.suffix == ".mp3" and found else found or []
    return [each.decode() if isinstance(each, bytes) else str(each) for each in values]


def hashes_of(folder: Path) -> dict[str, str]:
    files = (each for each in folder.rglob("*") if each.is_file())
    return {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in files}
