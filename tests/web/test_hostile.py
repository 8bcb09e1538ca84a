"""Uploads that are meant to hurt: each is refused with its reason, and the server stays well."""

from __future__ import annotations

import gzip
import io
import random
import struct
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest

from .conftest import written

COUNT = 300


def zip_of_zips() -> bytes:
    inner = bytes(1 << 20)
    for _ in range(3):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in range(8):
                archive.writestr(f"{name}.mp3", inner)
        inner = file.getvalue()
    return inner


def silent_day() -> bytes:
    """A day of silence as MP3: one frame of 32 kbit/s, over and over, up to 8 MB."""
    frame = written(np.zeros(22_050, dtype=np.float32), 22_050, "MP3")[-104:]
    start = frame.find(b"\xff\xf3")
    return (frame[start:] or frame) * 80_000


def wav(rate: int, channels: int, bits: int, promised: int, body: bytes) -> bytes:
    second = rate * channels * bits // 8 % (1 << 32)
    header = struct.pack("<HHIIHH", 1, channels, rate, second, 4, bits)
    return (
        b"RIFF"
        + struct.pack("<I", 0xFFFFFFFF)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + header
        + b"data"
        + struct.pack("<I", promised)
        + body
    )


def flac_of(rate: int, channels: int) -> bytes:
    return written(np.zeros((48_000, channels), dtype=np.float32), rate, "FLAC")


def movie(inside: bytes) -> bytes:
    return struct.pack(">I", 20) + b"ftypisom" + bytes(8) + struct.pack(">I", 0xFFFFFFFF) + inside


def hostile(good: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield names and contents, each kind once, then damaged copies of a good clip."""
    yield "zip.mp3", zip_of_zips()
    yield "bomb.wav.gz", gzip.compress(bytes(64 << 20))
    yield "day.mp3", silent_day()
    yield "picture.svg", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
    yield '"><script>alert(1)</script>.mp3', b"<script>alert(1)</script>"
    yield "../../etc/passwd", b"root:x:0:0"
    yield "con.mp3\x00.exe", b"MZ" + bytes(4096)
    yield "empty.mp3", b""
    yield "list.m3u8", b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n"
    yield "rate.wav", wav(0xFFFFFFFF, 2, 16, 0xFFFFFFF0, bytes(1 << 20))
    yield "channels.wav", wav(44_100, 65_535, 32, 0x7FFFFFF0, bytes(1 << 20))
    yield "nothing.wav", wav(0, 0, 0, 0, b"")
    yield "rate.flac", flac_of(655_350, 1)
    yield "eight.flac", flac_of(192_000, 8)
    yield "movie.mp4", movie(b"moov" + bytes(4096))
    yield "remote.mp4", movie(b"moovhttp://127.0.0.1:1/" + bytes(512))
    yield "matroska.webm", b"\x1aE\xdf\xa3" + bytes(range(256)) * 64
    yield "nan.wav", written(np.full(130_000, np.nan, dtype=np.float32), subtype="FLOAT")
    yield "inf.wav", written(np.full(130_000, 3e38, dtype=np.float32), subtype="FLOAT")
    rng = random.Random(0)
    while True:
        content = bytearray(good)
        kind = rng.choice(("cut", "noise", "header", "tag"))
        if kind == "cut":
            content = content[: rng.randrange(len(content))]
        elif kind == "noise":
            for _ in range(rng.choice((10, 1000))):
                content[rng.randrange(len(content))] = rng.randrange(256)
        elif kind == "header":
            content[: rng.randrange(1, 4096)] = rng.randbytes(rng.randrange(1, 4096))
        else:
            content[:0] = b"ID3\x04\x00\x00" + rng.randbytes(4) + rng.randbytes(64)
        yield f"{kind}.mp3", bytes(content)


def test_none_of_many_hostile_uploads_hurts(url: str, mp3_bytes: bytes) -> None:
    clips = [each for each, _ in zip(hostile(mp3_bytes), range(COUNT), strict=False)]
    with httpx.Client(base_url=url, timeout=120) as client:

        def ask(clip: tuple[str, bytes]) -> httpx.Response:
            return client.post("/api/predict", files={"file": clip})

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(ask, clips))
        assert {each.status_code for each in answers} <= {200, 503}
        found = [x.json()["predictions"][0] for x in answers if x.status_code == 200]
        for each in found:
            assert (each["error"] is None) == (each["status"] == "done"), each
            assert "unexpected" not in (each["error"] or ""), each
        assert sum(each["status"] == "failed" for each in found) > COUNT / 4
        (last,) = ask(("good.mp3", mp3_bytes)).json()["predictions"]
        assert last["label"] == "lantern waltz"


@pytest.mark.parametrize("name", ['<img src=x onerror="alert(1)">', "a" * 4000, "مرحبا\u202e.mp3"])
def test_a_hostile_name_is_only_text(client: httpx.Client, name: str) -> None:
    answer = client.post("/api/predict", files={"file": (name, b"{}")})
    job = answer.json()["predictions"][0]
    page = client.get("/", params={"show": job["id"]}).text
    assert "<img src=x" not in page
    assert len(job["path"]) <= 120 and "\u202e" not in page
