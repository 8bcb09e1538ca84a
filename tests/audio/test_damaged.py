"""Five hundred damaged clips: each is whole or refused with a reason, and quietly."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from tagging.clips import tag, write_clip

from audio.conftest import encode, float_wav, refusal, tone
from audiogenre import decode
from audiogenre.audio import SAMPLE_RATE, probe
from audiogenre.errors import AudioError
from audiogenre.sources.synth import render

Rng = np.random.Generator
REASONS = {
    "header",
    "too large",
    "empty",
    "not audio",
    "unreadable",
    "truncated",
    "too short",
    "silent",
    "not finite",
}


def cut(clip: bytes, rng: Rng) -> bytes:
    return clip[: int(rng.uniform(0.01, 0.97) * len(clip))]


def flip(clip: bytes, rng: Rng, start: int, stop: int, most: int) -> bytes:
    damaged = bytearray(clip)
    for position in rng.integers(start, stop, rng.integers(1, most + 1)):
        damaged[position] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def flip_payload(clip: bytes, rng: Rng) -> bytes:
    return flip(clip, rng, 2_000, len(clip), 100)


def flip_header(clip: bytes, rng: Rng) -> bytes:
    return flip(clip, rng, 0, 64, 3)


def flip_frame_headers(clip: bytes, rng: Rng) -> bytes:
    damaged = bytearray(clip)
    syncs = [i for i in range(1_000, len(clip) - 4) if clip[i : i + 2] == clip[:2]]
    for position in rng.choice(syncs, rng.integers(1, 20)):
        damaged[position + int(rng.integers(4))] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def zero_tail(clip: bytes, rng: Rng) -> bytes:
    return cut(clip, rng).ljust(len(clip), b"\0")


def zero_hole(clip: bytes, rng: Rng) -> bytes:
    start = int(rng.uniform(0.1, 0.8) * len(clip))
    size = int(rng.uniform(0.001, 0.1) * len(clip))
    return clip[:start] + bytes(size) + clip[start + size :]


def pad(clip: bytes, rng: Rng) -> bytes:
    return clip + bytes(int(rng.integers(1, 50_000)))


def lose_piece(clip: bytes, rng: Rng) -> bytes:
    start = int(rng.uniform(0.1, 0.5) * len(clip))
    return clip[:start] + clip[start + int(rng.uniform(0.05, 0.4) * len(clip)) :]


def page(clip: bytes, rng: Rng) -> bytes:
    start = [b"<!DOCTYPE html>", b"\xef\xbb\xbf\n <html>", b'{"error": 404}', b'[{"a": 1}]'][
        int(rng.integers(4))
    ]
    return start + clip[: int(rng.integers(0, 9_000))]


def picture(clip: bytes, rng: Rng) -> bytes:
    start = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"%PDF-1.7", b"PK\x03\x04"][
        int(rng.integers(5))
    ]
    return start + rng.bytes(5_000) + clip[:9_000]


def noise(clip: bytes, rng: Rng) -> bytes:
    return rng.bytes(int(rng.integers(1, 20_000)))


def nothing(clip: bytes, rng: Rng) -> bytes:
    return clip[: int(rng.integers(0, 40))]


def silence(clip: bytes, rng: Rng) -> bytes:
    format = ["MP3", "WAV", "FLAC", "OGG"][int(rng.integers(4))]
    return encode(np.zeros(6 * SAMPLE_RATE), format=format)


def no_numbers(clip: bytes, rng: Rng) -> bytes:
    y = tone(6)
    y[rng.integers(0, len(y), 5)] = rng.choice([np.nan, np.inf, -np.inf])
    return float_wav(y)


def lying_wav(clip: bytes, rng: Rng) -> bytes:
    """A WAV whose header promises more than there is, as a broken download leaves it."""
    wav = encode(tone(30))
    return wav[: int(rng.uniform(0.02, 0.97) * len(wav))]


Damage = Callable[[bytes, Rng], bytes]
# How many of each, and what may come of it: "either" is whole or refused.
DAMAGES: dict[str, tuple[Damage, int, set[str] | str]] = {
    "cut": (cut, 80, REASONS - {"silent", "not finite"}),
    "flip_payload": (flip_payload, 80, "either"),
    "flip_header": (flip_header, 60, "either"),
    "flip_frame_headers": (flip_frame_headers, 60, "either"),
    "zero_tail": (zero_tail, 40, REASONS - {"not finite"}),
    "zero_hole": (zero_hole, 40, "either"),
    "lose_piece": (lose_piece, 40, "either"),
    "pad": (pad, 20, "whole"),
    "page": (page, 16, {"not audio"}),
    "picture": (picture, 10, {"not audio"}),
    "noise": (noise, 10, REASONS),
    "nothing": (nothing, 10, {"empty", "unreadable", "too short", "truncated"}),
    "silence": (silence, 8, {"silent"}),
    "no_numbers": (no_numbers, 10, {"not finite"}),
    "lying_wav": (lying_wav, 16, {"truncated", "too short"}),
}
SUFFIXES = ("mp3", "wav", "ogg", "txt")


def test_the_damaged_clips_are_five_hundred() -> None:
    assert sum(count for _, count, _ in DAMAGES.values()) == 500


@pytest.fixture(scope="module")
def bases(mp3_bytes: bytes) -> list[bytes]:
    stereo = tone(12, 44_100, 2) + np.stack(
        [render("neon relay", artist=0, track=each, seconds=12, sr=44_100) for each in (0, 1)], 1
    )
    return [mp3_bytes, encode(0.5 * stereo, 44_100, format="MP3")]


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_clips_are_whole_or_refused(
    name: str, bases: list[bytes], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    damage, count, expected = DAMAGES[name]
    lengths = [len(decode(base)[0]) for base in bases]
    for seed in range(count):
        rng = np.random.default_rng([seed, count])
        base = seed % 2
        source: bytes | Path = damage(bases[base], rng)
        if seed % 3 == 0:
            path = tmp_path / f"{seed}.{SUFFIXES[seed % 4]}"
            path.write_bytes(source)
            source = path
        try:
            y, sr = decode(source)
        except AudioError as error:
            allowed = REASONS if expected == "either" else expected
            assert error.reason in allowed, f"seed {seed}: {error}"
            assert error.detail, f"seed {seed}: {error}"
        else:
            assert expected in ("either", "whole"), f"seed {seed} was accepted"
            assert (y.dtype, sr) == (np.float32, SAMPLE_RATE)
            assert np.isfinite(y).all(), f"seed {seed}"
            # Encoder delay and padding, a few frames, are only known from the tag's own fields.
            extra = len(y) - lengths[base]
            assert abs(extra) <= 3 * 1152, f"seed {seed} was accepted short"
    assert capfd.readouterr().err == "", "the C library wrote to stderr"


def test_threads_may_decode_at_once_and_stderr_comes_back(
    mp3_bytes: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    damaged = [flip_payload(mp3_bytes, np.random.default_rng(seed)) for seed in range(8)]
    expected, _ = decode(mp3_bytes)

    def one(number: int) -> bool:
        try:
            y, _ = decode(damaged[number // 2] if number % 2 else mp3_bytes)
        except AudioError:
            return number % 2 == 1
        return number % 2 == 1 or np.array_equal(y, expected)

    before = psutil.Process().num_fds()
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(one, range(16)))
    os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\n"
    assert psutil.Process().num_fds() == before, "descriptors are left open"


def test_stderr_comes_back_after_a_refusal(capfd: pytest.CaptureFixture[str]) -> None:
    refusal(b"RIFF" + struct.pack("<I", 40) + b"WAVEfmt " + bytes(40))
    os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\n"


def test_real_clips_decode_whole(corpus: Path) -> None:
    clips = sorted(corpus.rglob("*.mp3"))[::30]
    assert len(clips) >= 5
    for clip in clips:
        y, _ = decode(clip)
        assert len(y) == pytest.approx(30 * SAMPLE_RATE, rel=0.02)
        assert refusal(clip.read_bytes()[: clip.stat().st_size // 2]) == "truncated"


def test_damage_that_crashed_a_decoder_is_refused_every_time() -> None:
    pytest.importorskip("av", reason="the extra 'm4a' is not installed")
    path = Path(__file__).with_name("found") / "channels-change.aac"
    code = (
        "import sys\n"
        "from audiogenre import decode\n"
        "from audiogenre.errors import AudioError\n"
        "for _ in range(200):\n"
        "    try: decode(sys.argv[1], min_seconds=0)\n"
        "    except AudioError as error: print(error)\n"
    )
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 200


def test_a_title_that_is_no_text_makes_no_audio_unreadable(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="the extra 'm4a' is not installed")
    path = write_clip(tmp_path / "a.m4a")
    seconds, (y, _) = probe(path), decode(path)
    tag(path, ["Rock"], [])
    content = path.read_bytes()
    assert content.count(b"Wave") == 1  # the title
    path.write_bytes(content.replace(b"Wave", b"\xbdave"))
    assert probe(path) == seconds
    np.testing.assert_array_equal(decode(path)[0], y)
