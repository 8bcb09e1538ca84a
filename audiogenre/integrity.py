"""Whether a file holds all that it says: decoders take half a file without a word.

Only the container is read here: sizes, page flags and the chain of MP3 frames.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

from audiogenre.errors import AudioError

AudioSource = str | os.PathLike[str] | bytes | BinaryIO
Buffer = bytes | mmap.mmap

# MPEG audio, layer III: kbit/s by bit-rate index, Hz by sample-rate index, of MPEG 1 and of 2.
_BIT_RATES = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_SAMPLE_RATES = {
    3: (44_100, 48_000, 32_000),
    2: (22_050, 24_000, 16_000),
    0: (11_025, 12_000, 8000),
}
_TAG_SPAN = 200  # bytes of a first frame in which its Xing, Info or VBRI tag lies
_MOST_SAMPLES = 8 * 192_000  # a second, of all channels: some kilobytes of silence hold gigabytes
_PADDING = 3  # frames that encoder delay and padding may take off a stated length


def check_density(channels: int, rate: int) -> None:
    """Refuse what would unpack to more than any recording holds.

    Raises
    ------
    AudioError
        With reason ``too large``.
    """
    if channels * rate > _MOST_SAMPLES:
        raise AudioError("too large", f"{channels} channels at {rate:,} Hz are no recording")


def check_container(data: Buffer) -> None:
    """Refuse a WAV, AIFF or Ogg file that ends before it should.

    Raises
    ------
    AudioError
        With reason ``truncated``.
    """
    kind = bytes(data[:4])
    if kind in (b"RIFF", b"FORM") and len(data) >= 8:
        (size,) = struct.unpack("<I" if kind == b"RIFF" else ">I", data[4:8])
        unknown = size in (0, 0xFFFFFFFF)  # what a program writes that cannot seek back
        if not unknown and size + 8 > len(data) + 1:
            raise AudioError("truncated", f"{len(data)} bytes of {size + 8} are there")
    elif kind == b"OggS":
        last = data.rfind(b"OggS")
        if len(data) < last + 6 or not data[last + 5] & 0x04:
            raise AudioError("truncated", "the last Ogg page is missing")


@dataclass(frozen=True)
class Mp3Frames:
    """The chain of frames of an MP3 file, without the one that only carries a tag.

    Attributes
    ----------
    start : int
        Byte at which the first frame begins.
    samples : int
        At the file's own rate, encoder delay and padding included.
    tagged : bool
        Whether the first frame states the number of frames.
    broken : bool
        Whether something else lies between two frames.
    """

    start: int
    samples: int
    tagged: bool
    broken: bool

    def leaves_out(self, stated: int) -> bool:
        """Tell whether a length in samples leaves frames of the file out."""
        return stated < self.samples - _PADDING * 1152

    def check_length(self, stated: int, rate: int) -> None:
        """Refuse a file whose stated length leaves frames out, or whose chain is broken.

        Parameters
        ----------
        stated : int
            Samples that the decoder will give, by its reading of the header.
        rate : int, Hz
        """
        if self.broken and not self.tagged:
            raise AudioError("truncated", "the chain of MP3 frames is broken")
        if self.leaves_out(stated):
            raise AudioError(
                "header",
                f"it states {stated / rate:.1f} s, the file holds {self.samples / rate:.1f} s",
            )


def mp3_frames(data: Buffer, *, limit: int | None) -> Mp3Frames:
    """Walk the frames of an MP3 file.

    Parameters
    ----------
    data : bytes-like
    limit : int or None
        Stop after so many samples.
    """
    start = position = _next_frame(data, _after_id3(data))
    samples, broken, tagged = 0, False, False
    first = True
    while position >= 0 and (limit is None or samples < limit):
        length, count = _frame(data, position)
        if length == 0:
            found = _next_frame(data, position)
            broken = broken or found >= 0
            position = found
            continue
        if first:
            head = bytes(data[position : position + _TAG_SPAN])
            tagged = any(tag in head for tag in (b"Xing", b"Info", b"VBRI"))
            first = False
            samples -= count if tagged else 0
        samples += count
        position += length
        if position >= len(data):
            break
    return Mp3Frames(start, samples, tagged, broken)


def with_length(data: Buffer, frames: Mp3Frames) -> bytes:
    """Return an MP3 file with a first frame that states how many there are (a Xing tag).

    A variable bit rate without the tag makes the decoder guess a length, and stop there.
    """
    head = bytearray(data[frames.start : frames.start + 4])
    head[2] |= 0xE0  # at the highest bit rate there is room for it
    head[2] &= 0xEF
    length, count = _frame_of(bytes(head))
    mono = head[3] >> 6 == 3
    side = (17 if mono else 32) if count == 1152 else (9 if mono else 17)
    tag = b"Xing" + struct.pack(">II", 1, frames.samples // count)
    return bytes(head + bytes(side) + tag).ljust(length, b"\0") + bytes(data[frames.start :])


def mp3_excerpt(data: bytes, seconds: float) -> bytes:
    """Cut so many seconds from the middle of an MP3 file, between two frames.

    Parameters
    ----------
    data : bytes
    seconds : float > 0

    Returns
    -------
    excerpt : bytes
        Whole frames; `data` itself if it is not longer, not MP3 or its chain of frames is broken.
    """
    frames = mp3_frames(data, limit=None)
    if frames.start < 0 or frames.broken:
        return data
    starts, position = [], frames.start
    while position < len(data) and (found := _frame(data, position))[0]:
        starts.append(position)
        position += found[0]
    if not starts:
        return data
    version, rate = data[starts[0] + 1] >> 3 & 3, data[starts[0] + 2] >> 2 & 3
    # A decoder may drop the first frames of a cut: they refer to bytes before it.
    count = round(seconds * _SAMPLE_RATES[version][rate] / _frame(data, starts[0])[1]) + _PADDING
    if count >= len(starts):
        return data
    first = (len(starts) - count) // 2
    return data[starts[first] : starts[first + count]]


def _after_id3(data: Buffer) -> int:
    if bytes(data[:3]) != b"ID3" or len(data) < 10:
        return 0
    a, b, c, d = data[6:10]  # four bytes of seven bits each
    return 10 + (a << 21 | b << 14 | c << 7 | d)


def _frame(data: Buffer, position: int) -> tuple[int, int]:
    """Return length in bytes and samples of the frame at a position; 0, 0 if there is none."""
    return _frame_of(data[position : position + 4])


@lru_cache(maxsize=4096)  # the frames of a file differ in a bit or two
def _frame_of(head: bytes) -> tuple[int, int]:
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:  # sync, layer III
        return 0, 0
    version, rate_index, rate = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or rate == 3 or rate_index in (0, 15):
        return 0, 0
    kilobits = _BIT_RATES[version != 3][rate_index]
    samples = 1152 if version == 3 else 576
    length = samples // 8 * 1000 * kilobits // _SAMPLE_RATES[version][rate] + (head[2] >> 1 & 1)
    return length, samples


def _next_frame(data: Buffer, position: int) -> int:
    """Return where the next two frames in a row begin, -1 if there are none."""
    find: Callable[[bytes, int], int] = data.find
    while (position := find(b"\xff", position)) >= 0:
        length, _ = _frame(data, position)
        follows = position + length
        if length and (follows >= len(data) or _frame(data, follows)[0]):
            return position
        position += 1
    return -1


def is_adts(data: Buffer) -> bool:
    """Tell whether bare AAC frames (ADTS) begin here: two in a row, as one may be chance."""
    position = 0
    for _ in range(2):
        head = data[position : position + 6]
        if len(head) < 6 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
            return False
        position += (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return True
