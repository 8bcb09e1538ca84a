"""Decoding: every way in gives the same clip, within the limits, and no MP3 is cut short."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.conftest import encode, float_wav, refusal, tone
from audiogenre import decode
from audiogenre.audio import SAMPLE_RATE, probe
from audiogenre.errors import AudioError
from audiogenre.integrity import mp3_frames, with_length
from audiogenre.sources.synth import render

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


def test_what_cannot_be_opened_is_told_from_damage(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere.mp3") == "missing"
    assert refusal(str(tmp_path / "nowhere.mp3")) == "missing"
    assert refusal(tmp_path) == "unreadable"
    (tmp_path / "round.mp3").symlink_to(tmp_path / "round.mp3")
    assert refusal(tmp_path / "round.mp3") == "unreachable"
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


def test_an_mp3_that_states_no_length_has_its_frames_counted(tmp_path: Path) -> None:
    music = render("iron stomp", artist=0, track=0, seconds=20)
    full = encode(music, format="MP3", bitrate_mode="VARIABLE", compression_level=0.5)
    (tmp_path / "bare.mp3").write_bytes(untagged(full))
    assert probe(tmp_path / "bare.mp3") == pytest.approx(20, abs=0.2)


def test_an_mp3_whose_first_frame_has_no_room_for_a_tag_is_decoded_whole() -> None:
    short = b"\xff\xf3\x14\xc0".ljust(24, b"\0")  # 8 kbit/s at 24 kHz
    music = render("iron stomp", artist=0, track=0, seconds=20)
    full = encode(music, 24_000, format="MP3", bitrate_mode="VARIABLE", compression_level=0.5)
    bare = short + untagged(full)
    frames = mp3_frames(bare, limit=None)
    tagged = mp3_frames(with_length(bare, frames), limit=None)
    assert (tagged.tagged, tagged.broken, tagged.samples) == (True, False, frames.samples)
    y, sr = decode(bare, max_seconds=None)
    assert len(y) / sr == pytest.approx(len(music) / 24_000, abs=0.1)


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
