"""The synthetic clips: contract, and that genres and artists differ as designed."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from audiogenre.sources.synth import render
from audiogenre.sources.synth_artists import artist_name, track_title
from audiogenre.sources.synth_styles import GENRES

SR = 22050
F32 = npt.NDArray[np.float32]


def clip(genre: str, artist: int = 0, track: int = 0, seed: int = 0) -> F32:
    return render(genre, artist=artist, track=track, seed=seed, seconds=6.0)


def level(y: F32) -> float:
    """RMS in dBFS."""
    return float(10 * np.log10(np.mean(np.square(y, dtype=np.float64))))


def attacks(y: F32) -> float:
    """Rises of the energy by 2 dB or more between frames of 23 ms, per second."""
    energy = np.square(y[: y.size // 512 * 512].reshape(-1, 512)).mean(axis=1)
    return float(np.sum(np.diff(10 * np.log10(energy)) > 2) / (y.size / SR))


def centroid(y: F32) -> float:
    """Centre of the magnitude spectrum, in Hz."""
    s = np.abs(np.fft.rfft(y))
    return float(np.sum(s * np.fft.rfftfreq(y.size, 1 / SR)) / s.sum())


def spectrum(y: F32) -> npt.NDArray[np.float64]:
    """Log power in 20 bands of equal width in log frequency, less its mean."""
    power = np.abs(np.fft.rfft(y)) ** 2
    edges = np.geomspace(60, 10_000, 21) * y.size / SR
    bands = np.array([power[int(a) : int(b)].mean() for a, b in pairwise(edges)])
    db = 10 * np.log10(bands)
    return np.asarray(db - db.mean())


def test_genres_are_lower_case_words() -> None:
    assert len(set(GENRES)) == len(GENRES) >= 8
    assert all(g == g.lower() and 1 <= len(g.split()) <= 2 for g in GENRES)


@pytest.mark.parametrize("genre", GENRES)
def test_clip_is_well_formed(genre: str) -> None:
    for artist in range(3):
        y = clip(genre, artist)
        assert y.dtype == np.float32
        assert y.shape == (6 * SR,)
        assert np.isfinite(y).all()
        assert np.abs(y).max() < 0.95
        assert level(y) > -32


@pytest.mark.parametrize(("seconds", "sr"), [(1.2345, 8000), (0.5, 44100), (0.01, 22050)])
def test_length_is_exact_at_any_rate(seconds: float, sr: int) -> None:
    y = render("tin carnival", artist=1, track=1, seconds=seconds, sr=sr)
    assert y.shape == (round(seconds * sr),)
    assert np.isfinite(y).all()
    assert np.any(y)


def test_same_arguments_give_the_same_clip() -> None:
    first = clip("neon relay", 3, 2, 1)
    clip("iron stomp")
    np.testing.assert_array_equal(first, clip("neon relay", 3, 2, 1))


def test_artist_track_and_seed_each_change_the_clip() -> None:
    clips = [clip("neon relay", *k) for k in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))]
    for i, a in enumerate(clips):
        for b in clips[i + 1 :]:
            assert abs(np.corrcoef(a, b)[0, 1]) < 0.5


def test_unknown_genre_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="polka") as error:
        render("polka", artist=0, track=0)
    assert all(g in str(error.value) for g in GENRES)
    with pytest.raises(ValueError, match="polka"):
        artist_name("polka", 0)
    with pytest.raises(ValueError, match="polka"):
        track_title("polka", artist=0, track=0)


def test_empty_clip_and_negative_number_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one sample"):
        render(GENRES[0], artist=0, track=0, seconds=0.0)
    with pytest.raises(ValueError, match="not -1"):
        render(GENRES[0], artist=-1, track=0)
    with pytest.raises(ValueError, match="not -2"):
        artist_name(GENRES[0], 0, seed=-2)


def test_artist_names_are_unique_and_follow_the_seed() -> None:
    names = [artist_name(g, a) for g in GENRES for a in range(100)]
    assert len(set(names)) == len(names)
    assert names[:5] == [artist_name(GENRES[0], a) for a in range(5)]
    assert names[:5] != [artist_name(GENRES[0], a, seed=1) for a in range(5)]


def test_track_titles_are_unique_within_an_artist() -> None:
    titles = [track_title("ember tide", artist=0, track=t) for t in range(300)]
    assert len(set(titles)) == 300
    assert titles[:5] != [track_title("ember tide", artist=1, track=t) for t in range(5)]


def test_genres_differ_in_loudness_density_and_brightness() -> None:
    def mean(measure: Callable[[F32], float], genre: str) -> float:
        return float(np.mean([measure(clip(genre, a, 0)) for a in range(12)]))

    assert mean(level, "iron stomp") > mean(level, "velvet drift") + 4
    assert mean(attacks, "tin carnival") > 1.5 * mean(attacks, "glass chorale")
    assert mean(centroid, "neon relay") > 1.1 * mean(centroid, "ember tide")


def test_tracks_of_an_artist_sound_more_alike_than_those_of_two() -> None:
    bands = np.array([[spectrum(clip("harbor shuffle", a, t)) for t in range(3)] for a in range(5)])
    within = bands.std(axis=1).mean()
    between = bands.mean(axis=1).std(axis=0).mean()
    shuffled = bands.transpose(1, 0, 2).reshape(5, 3, -1)
    assert between > 1.2 * shuffled.mean(axis=1).std(axis=0).mean()
    assert within < shuffled.std(axis=1).mean()
