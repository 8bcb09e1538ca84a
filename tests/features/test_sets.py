"""The sets of our own: their columns, their fingerprints, and that they equal plain librosa."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import librosa
import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats
import soundfile as sf

from audiogenre.audio import decode
from audiogenre.features import BASELINE, FEATURE_SETS, FULL, Column, FeatureSet, families
from audiogenre.features import statistics as st

SR = 22_050
F32 = npt.NDArray[np.float32]
SETS = pytest.mark.parametrize("chosen", [BASELINE, FULL], ids=lambda each: each.name)


def texture(seconds: float = 6.0, rate: int = SR, seed: int = 0) -> npt.NDArray[np.float64]:
    """A chord that is struck twice a second over noise: every column has something to say."""
    t = np.arange(round(seconds * rate)) / rate
    decay = np.exp(-6 * (t % 0.5))
    chord = sum(np.sin(2 * np.pi * f * t) for f in (130.8, 164.8, 196.0, 523.3, 2093.0))
    noise = np.random.default_rng(seed).standard_normal(len(t))
    return np.asarray(0.12 * decay * chord + (0.01 + 0.04 * decay) * noise)


def named(chosen: FeatureSet, y: npt.NDArray[np.floating]) -> dict[str, float]:
    values = chosen.compute(y.astype(np.float32), SR)
    return dict(zip(chosen.names, values.tolist(), strict=True))


# ---------------------------------------------------------------- columns


def test_the_sets_are_listed_by_name() -> None:
    assert list(FEATURE_SETS) == ["baseline", "full", "musicnn"]
    assert FEATURE_SETS["baseline"] is BASELINE


@pytest.mark.parametrize(("chosen", "n"), [(BASELINE, 56), (FULL, 634)])
def test_every_column_has_a_name_of_its_own_a_unit_and_a_description(
    chosen: FeatureSet, n: int
) -> None:
    assert len(chosen.columns) == len(set(chosen.names)) == n
    for column in chosen.columns:
        assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9.]+)+", column.name), column.name
        assert column.unit.strip()
        assert column.description.strip()
        assert column.family


@SETS
def test_the_columns_are_as_many_as_the_values(chosen: FeatureSet) -> None:
    values = chosen.compute(texture().astype(np.float32), SR)
    assert values.shape == (len(chosen.columns),)
    assert values.dtype == np.float32


@SETS
def test_the_same_clip_gives_the_same_numbers(chosen: FeatureSet) -> None:
    y = texture().astype(np.float32)
    before = y.copy()
    first = chosen.compute(y, SR)
    np.testing.assert_array_equal(y, before)  # and is left as it was
    np.testing.assert_array_equal(chosen.compute(y, SR), first)


def test_a_coefficient_is_a_family_of_the_baseline_and_cepstra_are_one_of_full() -> None:
    assert {c.family for c in BASELINE.columns} == {
        "energy",
        "rms",
        *(f"mfcc_{i:02d}" for i in range(1, 13)),
    }
    assert {c.family for c in FULL.columns if c.name.startswith("mfcc_")} == {"mfcc"}


def test_families_of_a_table_come_from_the_names_of_its_columns() -> None:
    assert families("gtzan", ["rms_mean", "tempo"]) == ["rms", "tempo"]
    assert families("baseline", ["mfcc_01_mean"]) == ["mfcc_01"]


# ---------------------------------------------------------------- fingerprints


@SETS
def test_a_fingerprint_is_twelve_hexadecimal_digits(chosen: FeatureSet) -> None:
    assert re.fullmatch("[0-9a-f]{12}", chosen.fingerprint)


@SETS
def test_a_fingerprint_changes_with_parameters_and_columns(chosen: FeatureSet) -> None:
    column = chosen.columns[0]
    others = [
        chosen.having(sr=SR),
        chosen.having(sr=44_100),
        chosen.having(n_fft=4096),
        replace(chosen, columns=chosen.columns[1:]),
        replace(chosen, columns=(*chosen.columns[1:], column)),
        replace(chosen, columns=(replace(column, name="another_name"), *chosen.columns[1:])),
    ]
    assert len({chosen.fingerprint, *(each.fingerprint for each in others)}) == 7


@SETS
def test_a_fingerprint_does_not_change_with_anything_else(chosen: FeatureSet) -> None:
    reworded = tuple(replace(c, description="in other words", unit="m") for c in chosen.columns)
    reordered = dict(reversed(chosen.parameters.items()))
    assert replace(chosen, columns=reworded).fingerprint == chosen.fingerprint
    assert replace(chosen, parameters=reordered).fingerprint == chosen.fingerprint
    assert replace(chosen, compute=lambda y, sr: y).fingerprint == chosen.fingerprint
    assert chosen.having(a=1, b=2).fingerprint == chosen.having(b=2, a=1).fingerprint


def test_the_sets_have_different_fingerprints() -> None:
    assert BASELINE.fingerprint != FULL.fingerprint


# ---------------------------------------------------------------- odd but legal input


def _sine(n: int) -> npt.NDArray[np.float64]:
    return np.sin(2 * np.pi * 440 * np.arange(n) / SR)


ODD: dict[str, Callable[[int], npt.NDArray[np.floating]]] = {
    "near silence": lambda n: 1.1e-4 * _sine(n),
    "dc": lambda n: np.full(n, 0.5),
    "full-scale square wave": lambda n: np.where(_sine(n) >= 0, 1.0, -1.0),
    "one click": lambda n: np.eye(1, n, n // 2)[0],
    "silence but for the end": lambda n: np.where(np.arange(n) > n - 200, 0.1, 0.0),
    "nyquist": lambda n: np.where(np.arange(n) % 2, 0.9, -0.9),
    "noise": lambda n: np.random.default_rng(0).uniform(-1, 1, n),
    "sine": _sine,
}


@SETS
@pytest.mark.parametrize("seconds", [0.5, 5.0])
@pytest.mark.parametrize("kind", ODD)
def test_every_value_is_finite_on_odd_but_legal_input(
    chosen: FeatureSet, seconds: float, kind: str
) -> None:
    values = chosen.compute(ODD[kind](round(seconds * SR)).astype(np.float32), SR)
    bad = [name for name, ok in zip(chosen.names, np.isfinite(values), strict=True) if not ok]
    assert bad == []


# ---------------------------------------------------------------- statistics


def test_statistics_are_those_of_numpy_and_scipy() -> None:
    frames = np.random.default_rng(0).gamma(2.0, size=(300, 3))
    found = st.summarise(frames, ("mean", "std", "min", "max", "median", "skew")).reshape(3, 6)
    expected = [
        frames.mean(0),
        frames.std(0),
        frames.min(0),
        frames.max(0),
        np.median(frames, 0),
        scipy.stats.skew(frames, axis=0),
    ]
    np.testing.assert_allclose(found.T, expected, rtol=1e-12)


def test_skewness_of_what_does_not_vary_is_zero() -> None:
    # The fourth of a million plus float32 rounding must not pass for a spread.
    frames = np.stack([np.full(100, 7.0), np.full(100, 1e6), np.arange(100.0)], axis=1)
    np.testing.assert_allclose(st.summarise(frames, ("skew",)), [0, 0, 0], atol=1e-12)


def test_statistics_of_single_precision_frames_are_summed_in_double() -> None:
    frames = np.full((2584, 1), 0.1, dtype=np.float32)
    mean, std = st.summarise(frames, ("mean", "std"))
    assert mean == pytest.approx(float(np.float32(0.1)), rel=1e-12)
    assert std < 1e-12


def test_drift_is_the_spread_of_block_means() -> None:
    frames = np.repeat([1.0, 3.0, 5.0], 10)[:, None]
    assert st.drift(frames, frames_per_block=10)[0] == pytest.approx(np.std([1, 3, 5]))
    steady = np.tile([0.0, 1.0], 30)[:, None]
    assert st.drift(steady, frames_per_block=10)[0] == pytest.approx(0)


def test_drift_leaves_out_what_does_not_fill_a_block_and_needs_two() -> None:
    frames = np.concatenate([np.zeros(10), np.ones(10), np.full(9, 100.0)])[:, None]
    assert st.drift(frames, frames_per_block=10)[0] == pytest.approx(0.5)
    np.testing.assert_array_equal(st.drift(frames[:19], frames_per_block=10), [0])


def test_drift_of_full_is_that_of_one_second_means() -> None:
    # A second loud, a second 20 dB softer: means of two seconds would not wander at all.
    t = np.arange(10 * SR) / SR
    y = np.where(t % 2 < 1, 0.5, 0.05) * np.sin(2 * np.pi * 440 * t)
    assert named(FULL, y)["shape_level_drift"] == pytest.approx(10, abs=1)


def test_units_and_descriptions_follow_the_statistic() -> None:
    assert st.unit_of("Hz", "mean") == "Hz"
    assert st.unit_of("Hz", "skew") == "1"
    assert st.describe("tempo", "drift") == "tempo, spread of one-second means"
    assert Column("shape_centroid_mean", "Hz", "x").family == "shape"


# ---------------------------------------------------------------- parity with plain librosa


def plain_baseline(y: F32) -> npt.NDArray[np.float64]:
    """The earlier work's numbers, by librosa alone."""
    padded = np.pad(y, 256)
    frames = librosa.util.frame(padded, frame_length=512, hop_length=256)
    energy = (frames.astype(np.float64) ** 2).sum(axis=0)
    rms = librosa.feature.rms(y=y, frame_length=512, hop_length=256)[0]
    mfcc = librosa.feature.mfcc(y=y, sr=SR, n_mfcc=12, n_fft=512, hop_length=256)
    values = [energy.mean(), energy.std(), energy.min(), energy.max()]
    values += [rms.max(), rms.std(), np.median(rms), rms.min()]
    for row in mfcc.astype(np.float64):
        values += [row.mean(), row.std(), row.min(), row.max()]
    return np.array(values, dtype=np.float64)


def assert_is_plain_baseline(y: F32) -> None:
    ours, theirs = BASELINE.compute(y, SR).astype(np.float64), plain_baseline(y)
    error = np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1e-6)
    assert np.median(error) < 1e-5
    assert error.max() < 1e-3, BASELINE.names[int(error.argmax())]


@pytest.mark.parametrize(
    ("rate", "channels"), [(44_100, 1), (48_000, 2), (22_050, 1)], ids=["44k1", "48k2", "22k05"]
)
@pytest.mark.parametrize("seconds", [30.0, 7.3])
def test_baseline_is_a_plain_librosa_computation(rate: int, channels: int, seconds: float) -> None:
    columns = [texture(seconds, rate, seed) for seed in range(channels)]
    wav = io.BytesIO()
    sf.write(wav, np.stack(columns, axis=1), rate, format="WAV")
    y, sr = decode(wav.getvalue())
    assert (len(y), sr) == (round(seconds * SR), SR)
    assert_is_plain_baseline(y)


def test_baseline_is_a_plain_librosa_computation_on_real_music(corpus: Path) -> None:
    clips = [
        sorted(folder.glob("*.mp3"))[3] for folder in sorted(corpus.iterdir()) if folder.is_dir()
    ]
    assert len(clips) >= 4
    for clip in clips:
        assert_is_plain_baseline(decode(clip)[0])


def test_the_cepstra_of_full_are_those_of_librosa() -> None:
    y = texture().astype(np.float32)
    mfcc = librosa.feature.mfcc(y=y, sr=SR, n_mfcc=20, n_fft=2048, hop_length=512)
    found = named(FULL, y)
    for i, row in enumerate(mfcc.astype(np.float64), start=1):
        assert found[f"mfcc_{i:02d}_mean"] == pytest.approx(row.mean(), rel=1e-3, abs=1e-3)
        assert found[f"mfcc_{i:02d}_std"] == pytest.approx(row.std(), rel=1e-3, abs=1e-3)
        assert found[f"mfcc_{i:02d}_skew"] == pytest.approx(scipy.stats.skew(row), abs=1e-2)


def test_the_columns_of_full_are_where_their_names_say() -> None:
    """A sine of known frequency, level and pitch class, told by the names alone."""
    k = 93
    frequency = k * SR / 2048  # 1001.3 Hz, a B
    found = named(FULL, 0.5 * np.sin(2 * np.pi * frequency * np.arange(8 * SR) / SR))
    assert found["shape_centroid_mean"] == pytest.approx(frequency, rel=0.02)
    assert found["shape_rolloff50_mean"] == pytest.approx(frequency, rel=0.02)
    assert found["shape_crossings_mean"] == pytest.approx(2 * frequency / SR, rel=0.01)
    assert found["shape_level_max"] == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.05)
    assert found["chroma_b_mean"] > 0.95
    assert found["dynamics_level"] == pytest.approx(np.log10(0.5 / np.sqrt(2)), abs=0.01)
