"""Simulated phone recordings: tones, clicks and noise whose answer is known, step by step.

The extra `augment` brings the library; tests that need it skip without it.
"""

from __future__ import annotations

import io
import random
import subprocess
import sys
from dataclasses import fields, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile as sf
from conftest import environment
from hypothesis import given, settings
from hypothesis import strategies as some

from audiogenre import phone
from audiogenre.audio import decode
from audiogenre.features import BASELINE
from audiogenre.phone import RECORDING, Recording

SR = 22_050
Signal = npt.NDArray[np.float32]
needs_extra = pytest.mark.skipif(
    find_spec("audiomentations") is None or find_spec("fast_mp3_augment") is None,
    reason="the extra 'augment' (audiomentations, fast-mp3-augment) is not installed",
)


def sine(hertz: float, seconds: float = 6, *, peak: float = 0.5) -> Signal:
    t = np.arange(round(seconds * SR)) / SR
    return (peak * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


def decibel(y: npt.NDArray[Any]) -> float:
    """Level in dB, without the filters' first half second."""
    return float(10 * np.log10(np.mean(np.square(y[SR // 2 :], dtype=np.float64))))


def fixed(**values: float) -> Recording:
    """A recording with nothing left to chance but what is not named."""
    return replace(RECORDING, **{key: (value, value) for key, value in values.items()})


@pytest.fixture(scope="module")
def clip(mp3_bytes: bytes) -> Signal:
    y, _ = decode(mp3_bytes)
    return y


# ---------------------------------------------------------------- band


@needs_extra
@pytest.mark.parametrize(
    ("hertz", "expected"),
    [
        (50, -24.1),  # two octaves below the band: 12 dB each
        (100, -12.3),
        (200, -3.0),
        (1000, 0.0),
    ],
)
def test_the_loudspeaker_takes_the_bass(hertz: float, expected: float) -> None:
    bass, _, *_ = phone._steps(fixed(bass_hz=200))
    assert decibel(bass(sine(hertz), SR)) - decibel(sine(hertz)) == pytest.approx(expected, abs=0.3)


@needs_extra
def test_the_recorder_takes_the_treble() -> None:
    _, treble, *_ = phone._steps(fixed(treble_hz=4000))

    def gain(hertz: float) -> float:
        return decibel(treble(sine(hertz), SR)) - decibel(sine(hertz))

    assert gain(500) == pytest.approx(0, abs=0.3)
    assert gain(4000) == pytest.approx(-3, abs=0.3)
    # A digital filter falls faster than 12 dB an octave towards half the sample rate.
    assert gain(8000) < -12


# ---------------------------------------------------------------- room


@given(some.floats(0.2, 1.0), some.floats(-10, 10), some.integers(0, 99))
def test_the_response_has_the_ratio_and_the_decay_it_states(
    decay: float, ratio: float, seed: int
) -> None:
    response = phone.impulse_response(SR, decay=decay, direct_db=ratio, seed=seed)
    tail = response[1:].astype(np.float64)
    assert response[0] == 1
    assert len(response) == round(decay * SR)
    assert -10 * np.log10(np.sum(tail**2)) == pytest.approx(ratio, abs=0.1)
    # Schroeder's backward integration: what is left after half the time is 30 dB down.
    left = np.cumsum(tail[::-1] ** 2)[::-1]
    assert 10 * np.log10(left[len(tail) // 2] / left[0]) == pytest.approx(-30, abs=1.5)


def test_direct_sound_falls_six_decibels_a_doubling_of_distance() -> None:
    near, far = (phone.direct_db(decay=0.4, volume=40, distance=d) for d in (0.5, 1.0))
    assert near - far == pytest.approx(6.02, abs=0.01)
    assert phone.direct_db(decay=0.8, volume=40, distance=1) < far


@needs_extra
def test_a_click_in_a_room_dies_away(clip: Signal) -> None:
    click = np.zeros(2 * SR, dtype=np.float32)
    click[0] = 1
    room = phone._steps(fixed(decay_s=0.3, distance_m=2.0))[3]
    random.seed(0)
    heard = room(click, SR)
    assert heard[0] == pytest.approx(1, abs=1e-4)
    assert np.abs(heard[1 : SR // 10]).max() > 1e-3
    assert np.abs(heard[SR // 2 :]).max() < 1e-5


# ---------------------------------------------------------------- noise


@needs_extra
@pytest.mark.parametrize("snr", [10, 15, 30])
@pytest.mark.parametrize("slope", [-6, 0])
def test_noise_has_the_ratio_it_states(clip: Signal, snr: float, slope: float) -> None:
    noise = phone._steps(fixed(snr_db=snr, noise_slope_db=slope))[4]
    added = noise(clip, SR).astype(np.float64) - clip
    found = 10 * np.log10(np.mean(np.square(clip, dtype=np.float64)) / np.mean(added**2))
    assert found == pytest.approx(snr, abs=0.5)


@needs_extra
@pytest.mark.parametrize("n", [1, 2, 100])
def test_too_few_samples_for_noise_above_80_hz_have_none(n: int) -> None:
    noise = phone._steps(fixed(snr_db=20, noise_slope_db=-3))[4]
    y = np.full(n, 0.5, dtype=np.float32)
    assert np.isfinite(noise(y, SR)).all()


@pytest.mark.parametrize("slope", [-6.0, -3.0, 0.0])
def test_noise_has_the_colour_it_states_and_no_rumble(slope: float) -> None:
    noise = phone.coloured_noise(30 * SR, SR, slope_db=slope, seed=1)
    power = np.abs(np.fft.rfft(noise)) ** 2
    hertz = np.fft.rfftfreq(len(noise), 1 / SR)

    def density(low: float, high: float) -> float:
        return float(10 * np.log10(power[(hertz >= low) & (hertz < high)].mean()))

    assert (density(4000, 8000) - density(500, 1000)) / 3 == pytest.approx(slope, abs=0.1)
    assert power[hertz < 79].max() < 1e-6 * power.mean()


# ---------------------------------------------------------------- the whole way


@needs_extra
def test_length_and_scale_are_kept(clip: Signal) -> None:
    for peak in (-12.0, -1.0):
        heard = phone.simulate(clip, SR, seed="a", recording=fixed(peak_db=peak))
        assert heard.shape == clip.shape
        assert heard.dtype == np.float32
        assert np.isfinite(heard).all()
        # The encoder moves the peak a little.
        assert 20 * np.log10(np.abs(heard).max()) == pytest.approx(peak, abs=1.5)


@needs_extra
def test_a_clip_is_the_same_every_time_and_another_is_not(clip: Signal) -> None:
    first = phone.simulate(clip, SR, seed="a")
    random.seed(5)  # whatever else draws numbers
    np.random.seed(5)
    assert np.array_equal(phone.simulate(clip, SR, seed="a"), first)
    assert not np.array_equal(phone.simulate(clip, SR, seed="b"), first)


@needs_extra
def test_others_draw_as_if_nothing_had_been_recorded(clip: Signal) -> None:
    random.seed(7)
    np.random.seed(7)
    expected = random.random(), np.random.random()
    random.seed(7)
    np.random.seed(7)
    phone.simulate(clip, SR, seed="a")
    assert (random.random(), np.random.random()) == expected


@needs_extra
@settings(max_examples=5, deadline=None)
@given(some.integers(SR * 5, SR * 7))
def test_no_length_is_special(n: int) -> None:
    noise = np.random.default_rng(n).normal(scale=0.1, size=n).astype(np.float32)
    assert phone.simulate(noise, SR, seed=str(n)).shape == (n,)


@needs_extra
@pytest.mark.parametrize("n", [2, SR // 20, SR // 10 - 1])
def test_a_clip_too_short_for_the_encoder_is_recorded(n: int) -> None:
    heard = phone.simulate(sine(440)[SR : SR + n], SR, seed="a")
    assert heard.shape == (n,)
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() > 0.01


@needs_extra
def test_music_is_still_there(clip: Signal) -> None:
    """In a dry room next to the loudspeaker the recording follows the clip's loudness."""
    near = fixed(decay_s=0.2, distance_m=0.3, snr_db=30, unevenness_db=0)
    heard = phone.simulate(clip, SR, seed="a", recording=near)
    frames = len(clip) // 2048
    loud, heard_loud = (
        np.log10(np.square(y[: frames * 2048]).reshape(frames, -1).mean(axis=1) + 1e-9)
        for y in (clip, heard)
    )
    assert np.corrcoef(loud, heard_loud)[0, 1] > 0.6


# ---------------------------------------------------------------- sets of copies


def test_copies_are_told_apart_by_name_and_fingerprint() -> None:
    copies = phone.copied(BASELINE)
    assert (copies.name, copies.names) == ("baseline.phone", BASELINE.names)
    assert copies.fingerprint != BASELINE.fingerprint
    assert copies.parameters["copy_of"] == BASELINE.fingerprint
    assert phone.is_copy(copies.name)
    assert not phone.is_copy(BASELINE.name)
    assert phone.copied_name(copies.name) == BASELINE.name


def test_the_parameters_are_stated_in_full() -> None:
    assert set(RECORDING.parameters) == {"version", *(each.name for each in fields(Recording))}
    assert RECORDING.parameters["snr_db"] == "10 to 30"
    other = replace(RECORDING, snr_db=(5, 10))
    assert other.parameters["snr_db"] == "5 to 10"


@pytest.mark.parametrize("missing", ["audiomentations", "fast_mp3_augment"])
@pytest.mark.parametrize("command", ["extract", "evaluate"])
def test_a_missing_extra_is_one_sentence(command: str, missing: str, tmp_path: Path) -> None:
    own = {"extract": ["--augment", "phone"], "evaluate": ["MODEL", "--path", ".", "--phone"]}
    code = (
        "import sys\n"
        f"sys.modules[{missing!r}] = None\n"  # importing it fails, as if it were not there
        f"from audiogenre.{command} import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *own[command], "--data", str(tmp_path / "data")],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"audiogenre {command}: Simulating phone recordings needs an optional package: "
        "pip install 'audiogenre[augment]'\n"
    )


@needs_extra
def test_the_simulation_takes_what_the_decoder_gives() -> None:
    wav = io.BytesIO()
    sf.write(wav, sine(440), SR, format="WAV")
    y, sr = decode(wav.getvalue())
    heard = phone.simulate(y, sr, seed="tone")
    spectrum = np.abs(np.fft.rfft(heard))
    assert np.argmax(spectrum) * sr / len(heard) == pytest.approx(440, abs=1)
