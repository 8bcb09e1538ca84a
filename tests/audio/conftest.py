"""Tones, files made of them, and the reason why a file is refused."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile as sf

from audiogenre import decode
from audiogenre.audio import SAMPLE_RATE
from audiogenre.errors import AudioError

F32 = npt.NDArray[np.float32]


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
