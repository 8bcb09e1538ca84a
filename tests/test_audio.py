"""Decoding: every way in gives the same clip, and what is damaged is refused with a reason."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from audiogenre import decode
from audiogenre.audio import SAMPLE_RATE, probe
from audiogenre.errors import AudioError
from audiogenre.sources.synth import render

F32 = npt.NDArray[np.float32]
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


def tone(seconds: float, rate: int = SAMPLE_RATE, channels: int = 1) -> F32:
    """Sines of another pitch in each channel, all of them far below the Nyquist frequency."""
    t = np.arange(round(seconds * rate)) / rate
    y = np.stack([0.4 * np.sin(2 * np.pi * (220 + 110 * c) * t) for c in range(channels)], axis=1)
    return np.asarray(y, dtype=np.float32)


def encode(y: npt.NDArray[Any], rate: int = SAMPLE_RATE, **options: Any) -> bytes:
    file = io.BytesIO()
    sf.write(file, y, rate, **({"format": "WAV"} | options))
    return file.getvalue()


def float_wav(y: npt.NDArray[Any], rate: int = SAMPLE_RATE) -> bytes:
    return encode(y, rate, subtype="FLOAT")


def refusal(source: Any, **options: Any) -> str:
    with pytest.raises(AudioError) as caught:
        decode(source, **options)
    assert str(caught.value).startswith(f"{caught.value.reason}: ")
    return caught.value.reason


# --- the ways in ---


def test_path_text_bytes_and_file_object_give_the_same(mp3_bytes: bytes, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp3"
    path.write_bytes(mp3_bytes)
    expected, sr = decode(path)
    assert (expected.shape, expected.dtype, sr) == ((30 * SAMPLE_RATE,), np.float32, SAMPLE_RATE)
    with path.open("rb") as file:
        for source in (str(path), mp3_bytes, io.BytesIO(mp3_bytes), file):
            np.testing.assert_array_equal(decode(source)[0], expected)


@pytest.mark.parametrize("format", ["WAV", "FLAC", "OGG", "MP3"])
@pytest.mark.parametrize(("rate", "channels"), [(44_100, 2), (48_000, 2), (22_050, 1)])
def test_formats_and_rates_come_out_alike(format: str, rate: int, channels: int) -> None:
    y, sr = decode(encode(tone(6, rate, channels), rate, format=format))
    expected = tone(6, SAMPLE_RATE, channels).mean(axis=1)
    assert (y.shape, y.dtype, sr) == ((6 * SAMPLE_RATE,), np.float32, SAMPLE_RATE)
    inner = slice(SAMPLE_RATE, -SAMPLE_RATE)  # codecs and resamplers differ at the edges
    assert np.corrcoef(y[inner], expected[inner])[0, 1] > 0.999
    assert np.sqrt(np.mean(y[inner] ** 2) / np.mean(expected[inner] ** 2)) == pytest.approx(1, 0.02)


@given(
    rate=st.sampled_from([8_000, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000]),
    target=st.sampled_from([16_000, 22_050, 44_100]),
    frames=st.integers(0, 997),
)
@settings(max_examples=25, deadline=None)
def test_resampling_keeps_the_duration(rate: int, target: int, frames: int) -> None:
    n = 5 * rate + frames
    y, sr = decode(float_wav(tone(n / rate, rate), rate), sr=target)
    assert sr == target
    assert abs(len(y) - n * target / rate) <= 1


@given(channels=st.integers(1, 6), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_mono_is_the_mean_of_the_channels_in_any_order(channels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    wide = rng.uniform(-1, 1, (8_000, channels)).astype(np.float32)
    y, _ = decode(float_wav(wide, 8_000), sr=8_000, min_seconds=1)
    np.testing.assert_allclose(y, wide.mean(axis=1, dtype=np.float64), atol=1e-6)
    swapped, _ = decode(float_wav(wide[:, ::-1], 8_000), sr=8_000, min_seconds=1)
    np.testing.assert_allclose(swapped, y, atol=1e-6)


def test_swapping_two_channels_changes_nothing() -> None:
    wide = tone(5, 44_100, 2)
    first, second = (decode(float_wav(each, 44_100))[0] for each in (wide, wide[:, ::-1]))
    np.testing.assert_array_equal(first, second)


@given(gain=st.floats(0.01, 2.0))
@settings(max_examples=10, deadline=None)
def test_gain_scales_the_result(gain: float) -> None:
    loud, _ = decode(float_wav(tone(5, 44_100), 44_100))
    scaled, _ = decode(float_wav(np.float32(gain) * tone(5, 44_100), 44_100))
    np.testing.assert_allclose(scaled, gain * loud, atol=1e-6)


def test_the_content_counts_and_not_the_name(mp3_bytes: bytes, tmp_path: Path) -> None:
    wav = float_wav(tone(6))
    for name, content in (("a.mp3", wav), ("b.wav", mp3_bytes), ("c.jpg", wav), ("d", mp3_bytes)):
        (tmp_path / name).write_bytes(content)
        np.testing.assert_array_equal(decode(tmp_path / name)[0], decode(content)[0])


# --- limits ---


def test_a_longer_clip_is_cut_at_30_seconds_unless_told_otherwise() -> None:
    wav = float_wav(tone(31, 8_000), 8_000)
    assert len(decode(wav)[0]) == 30 * SAMPLE_RATE
    assert len(decode(wav, max_seconds=None)[0]) == 31 * SAMPLE_RATE
    assert len(decode(wav, max_seconds=10)[0]) == 10 * SAMPLE_RATE


def test_a_cut_clip_is_the_beginning_of_the_whole() -> None:
    wav = float_wav(tone(12))
    whole, cut = decode(wav)[0], decode(wav, max_seconds=7)[0]
    np.testing.assert_array_equal(cut, whole[: len(cut)])


def test_a_clip_shorter_than_the_minimum_is_refused() -> None:
    almost = float_wav(tone(5)[:-1])
    assert refusal(almost) == "too short"
    assert len(decode(almost, min_seconds=1)[0]) == 5 * SAMPLE_RATE - 1
    assert len(decode(float_wav(tone(5)))[0]) == 5 * SAMPLE_RATE
    assert refusal(float_wav(tone(9)), min_seconds=10) == "too short"


@pytest.mark.parametrize("format", ["WAV", "FLAC", "MP3"])
def test_silence_is_refused_and_a_whisper_is_not(format: str) -> None:
    assert refusal(encode(np.zeros(6 * SAMPLE_RATE), format=format)) == "silent"
    assert refusal(float_wav(tone(6) * 1e-4)) == "silent"
    whisper, _ = decode(float_wav(tone(6) * 1e-3))
    assert np.abs(whisper).max() == pytest.approx(4e-4, rel=1e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("position", [0, 70_000, -1])
def test_a_single_sample_that_is_no_number_is_refused(bad: float, position: int) -> None:
    y = tone(6, channels=2)
    y[position, 1] = bad
    assert refusal(float_wav(y)) == "not finite"


@pytest.mark.parametrize(
    ("format", "channels", "rate"), [("OGG", 255, 192_000), ("FLAC", 8, 655_350)]
)
def test_kilobytes_that_unpack_to_gigabytes_are_refused_before_they_do(
    format: str, channels: int, rate: int
) -> None:
    packed = io.BytesIO()
    sf.write(packed, np.zeros((rate // 20, channels), np.float32), rate, format=format)
    with pytest.raises(AudioError, match=f"{channels} channels at {rate:,} Hz") as caught:
        decode(packed.getvalue())
    assert caught.value.reason == "too large"


def test_eight_channels_at_a_studios_rate_are_a_recording() -> None:
    packed = io.BytesIO()
    y = np.sin(np.arange(5 * 192_000) / 100)
    sf.write(packed, np.tile(y[:, np.newaxis], 8), 192_000, format="FLAC")
    assert len(decode(packed.getvalue())[0]) == 5 * 22_050


def test_no_frames_at_all_are_too_short() -> None:
    assert refusal(float_wav(np.zeros(0, dtype=np.float32)), min_seconds=0.1) == "too short"


def test_a_film_whose_sound_no_decoder_knows_is_unreadable(tmp_path: Path) -> None:
    pytest.importorskip("av")
    from tagging.clips import write_clip

    film = write_clip(tmp_path / "film.m4a").read_bytes()
    assert decode(film)
    assert film.count(b"mp4a") == film.count(b"esds") == 1
    assert refusal(film.replace(b"mp4a", b"zzzz").replace(b"esds", b"free")) == "unreadable"


def test_what_cannot_be_opened_is_unreadable(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere.mp3") == "unreadable"
    assert refusal(tmp_path) == "unreadable"
    assert refusal(str(tmp_path / "nowhere.mp3")) == "unreadable"
    os.mkfifo(tmp_path / "pipe.mp3")  # opening it would wait for a writer
    assert refusal(tmp_path / "pipe.mp3") == "unreadable"


@pytest.mark.parametrize("suffix", ["wav", "mp3", "flac", "ogg"])
def test_a_name_that_is_not_utf8_is_as_good_as_any(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"cafe.{suffix}"
    sf.write(path, tone(6), SAMPLE_RATE)
    y, _ = decode(path)
    seconds = probe(path)
    latin = path.rename(tmp_path / os.fsdecode(f"caf\xe9.{suffix}".encode("latin-1")))
    for source in (latin, str(latin)):
        assert np.array_equal(decode(source)[0], y)
    assert probe(latin) == seconds


def test_probe_reads_the_length_from_the_header(mp3_bytes: bytes, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp3"
    path.write_bytes(mp3_bytes)
    assert probe(path) == pytest.approx(30, abs=0.1)
    path.write_bytes(b"")
    with pytest.raises(AudioError, match="empty"):
        probe(path)


# --- MP3 and its length ---


def untagged(mp3: bytes) -> bytes:
    """Cut off the first frame, which states the number of frames (MPEG 2 or 1, layer III)."""
    assert b"Xing" in mp3[:200] or b"Info" in mp3[:200]
    rest = mp3[mp3.index(mp3[:2], 4) :]
    assert b"Xing" not in rest[:200] and b"Info" not in rest[:200]
    return rest


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_an_mp3_that_states_no_length_is_decoded_whole(mode: str) -> None:
    music = render("iron stomp", artist=0, track=0, seconds=20)
    bare = untagged(encode(music, format="MP3", bitrate_mode=mode, compression_level=0.5))
    y, _ = decode(bare)
    # The decoder's delay, told by the lost frame, now stays at the start.
    assert 20 * SAMPLE_RATE - 1152 <= len(y) <= 20 * SAMPLE_RATE + 3 * 1152


def test_an_mp3_that_states_no_length_is_refused_when_half_of_it_is_zeros(mp3_bytes: bytes) -> None:
    bare = untagged(mp3_bytes)
    half = bare[: len(bare) // 2].ljust(len(bare), b"\0")
    assert refusal(half) in ("truncated", "unreadable")


def test_an_id3_tag_before_the_mp3_hides_nothing(mp3_bytes: bytes) -> None:
    for size in (10, 100, 60_000):  # a cover picture is larger than any buffer
        digits = bytes(size >> shift & 127 for shift in (21, 14, 7, 0))
        tag = b"ID3\x04\x00\x00" + digits + bytes(size)
        np.testing.assert_array_equal(decode(tag + mp3_bytes)[0], decode(mp3_bytes)[0])
        assert refusal(tag + mp3_bytes[: len(mp3_bytes) // 2]) == "truncated"


@given(share=st.floats(0.05, 0.97))
@settings(max_examples=25, deadline=None)
def test_a_truncated_mp3_is_never_accepted(mp3_bytes: bytes, share: float) -> None:
    assert refusal(mp3_bytes[: int(share * len(mp3_bytes))]) == "truncated"


@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
@pytest.mark.parametrize("format", ["WAV", "AIFF", "FLAC", "OGG", "MP3"])
def test_a_cut_file_of_any_format_is_refused(format: str, share: float) -> None:
    clip = encode(render("iron stomp", artist=0, track=0, seconds=20), format=format)
    assert refusal(clip[: int(share * len(clip))]) in ("truncated", "unreadable")


# --- 500 damaged clips ---


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
