"""Who plays the synthetic clips: an artist's leanings, sound and names, all drawn from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from audiogenre.sources.synth_styles import (
    CLOSING,
    FIRST,
    GENRES,
    OPENING,
    SECOND,
    STYLES,
    VOICES,
    Style,
    Voice,
)

Rng = np.random.Generator

ARTIST, TRACK, NAMES, TITLES, KIT, CROSSOVER = range(6)  # what a random stream is for
BORROW = 0.06  # chance that an artist plays a part on an instrument foreign to the genre
LEAN = 0.2  # chance that an artist takes a side of the music from another genre
SIDES: tuple[tuple[str, ...], ...] = (
    ("bpm", "drift", "swing"),
    ("kick", "snare", "hat"),
    ("bass", "comp", "density"),
    ("scale", "chords"),
    ("basses", "comps", "leads"),
    ("mix", "room", "drive", "loud", "register"),
)


@dataclass(frozen=True)
class Palette:
    """An artist's fixed sound within a genre."""

    bass: Voice
    comps: tuple[Voice, Voice]  # a track takes one of each pair
    leads: tuple[Voice, Voice]
    bpm: float
    swing: float
    feel: float  # timing jitter, seconds
    busy: float  # multiplies the lead's density
    keep: float  # chance that a soft drum hit is played
    mix: tuple[float, ...]
    shift: int  # transposition of lead and comp, semitones
    detune: float  # cents between the two oscillators of a voice
    eq: tuple[float, ...]  # dB at equal steps of log frequency from 60 Hz to 10 kHz
    room: float
    wet: float
    drive: float
    loud: float
    hiss: float  # dBFS of the noise floor
    kit: tuple[float, float, float]  # kick Hz, snare Hz, hat Hz


def stream(purpose: int, seed: int, genre: int = 0, artist: int = 0, track: int = 0) -> Rng:
    """Return the random stream of one purpose.

    Always five integers, as seeds are zero-padded.
    """
    return np.random.default_rng([purpose, seed, genre, artist, track])


def genre_index(genre: str, *numbers: int) -> int:
    """Return a genre's index, having checked it and the artist, track and seed numbers."""
    if genre not in STYLES:
        raise ValueError(f"Unknown genre {genre!r}; the known ones are {', '.join(GENRES)}.")
    if min(numbers) < 0:
        raise ValueError(f"Artist, track and seed numbers are 0 or more, not {min(numbers)}.")
    return GENRES.index(genre)


def _voice(rng: Rng, names: Sequence[str]) -> Voice:
    """Draw an instrument, now and then one foreign to the genre, and make it the artist's own."""
    pool = tuple(VOICES) if rng.random() < BORROW else names
    v = VOICES[pool[int(rng.integers(len(pool)))]]
    return replace(
        v,
        rolloff=v.rolloff + rng.uniform(-0.2, 0.2),
        even=v.even * rng.uniform(0.5, 1.0),
        decay=v.decay * rng.uniform(0.7, 1.4),
        index=v.index * rng.uniform(0.6, 1.4),
    )


def style_of(genre: str, artist: int, seed: int) -> Style:
    """Return the genre as this artist plays it: some sides of it lean towards other genres."""
    own = STYLES[genre]
    rng = stream(CROSSOVER, seed, GENRES.index(genre), artist)
    alike = [each for each in STYLES.values() if len(each.kick) == len(own.kick)]
    style = own
    for side in SIDES:
        # Patterns go only between genres of the same metre.
        others = alike if "kick" in side or "bass" in side else list(STYLES.values())
        other = others[int(rng.integers(len(others)))]
        if rng.random() < LEAN:
            style = replace(style, **{name: getattr(other, name) for name in side})
    return style


def palette_of(style: Style, genre: str, artist: int, seed: int) -> Palette:
    """Return the sound of an artist who plays this style."""
    rng = stream(ARTIST, seed, GENRES.index(genre), artist)
    tilt = rng.uniform(-3.5, 3.5)
    return Palette(
        bass=_voice(rng, style.basses),
        comps=(_voice(rng, style.comps), _voice(rng, style.comps)),
        leads=(_voice(rng, style.leads), _voice(rng, style.leads)),
        bpm=rng.uniform(*style.bpm),
        swing=style.swing * rng.uniform(0.6, 1.2),
        feel=rng.uniform(0.001, 0.012),
        busy=rng.uniform(0.5, 1.5),
        keep=rng.uniform(0.4, 1.0),
        mix=tuple(m * 10 ** (rng.normal(0, 2) / 20) for m in style.mix),
        shift=int(rng.integers(-3, 4)),
        detune=rng.uniform(0, 14),
        eq=tuple(np.linspace(0, tilt, 7) + rng.normal(0, 1.5, 7)),
        room=style.room * rng.uniform(0.5, 1.6),
        wet=rng.uniform(0.08, 0.35),
        drive=style.drive * rng.uniform(0.5, 1.5) + rng.uniform(0, 0.4),
        loud=style.loud + rng.normal(0, 2),
        hiss=rng.uniform(-66, -52),
        kit=(rng.uniform(42, 64), rng.uniform(150, 240), rng.uniform(4500, 9000)),
    )


def _pair(rng: Rng, k: int, first: str, second: str) -> str:
    """Return the k-th of the shuffled pairs of words, numbered once they are used up."""
    pairs = [f"{a} {b}" for a in first.split() for b in second.split()]
    lap, i = divmod(k, len(pairs))
    return pairs[int(rng.permutation(len(pairs))[i])] + (f" {lap + 1}" if lap else "")


def artist_name(genre: str, artist: int, seed: int = 0) -> str:
    """Return an artist's invented name, unique among all artists and genres of a seed.

    Parameters
    ----------
    genre : str
        One of `GENRES`.
    artist : int
        Number of the artist within the genre, 0 or more.
    seed : int, default 0
        Number of the world, 0 or more.

    Returns
    -------
    name : str
        Two words, and a number past the 84th artist of a genre.

    Raises
    ------
    ValueError
        If the genre is unknown or a number is negative.
    """
    k = artist * len(GENRES) + genre_index(genre, artist, seed)
    return _pair(stream(NAMES, seed), k, FIRST, SECOND)


def track_title(genre: str, *, artist: int, track: int, seed: int = 0) -> str:
    """Return a track's invented title, unique among the artist's tracks.

    Parameters
    ----------
    genre : str
        One of `GENRES`.
    artist, track : int
        Numbers of the artist within the genre and of the artist's track, 0 or more.
    seed : int, default 0
        Number of the world, 0 or more.

    Returns
    -------
    title : str
        Two words, and a number past the artist's 144th track.

    Raises
    ------
    ValueError
        If the genre is unknown or a number is negative.
    """
    g = genre_index(genre, artist, track, seed)
    return _pair(stream(TITLES, seed, g, artist), track, OPENING, CLOSING)
