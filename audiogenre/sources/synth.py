"""Synthetic clips in invented genres, for the embedded ``sample`` source.

A genre (`Style`) fixes what is played: metre, tempo range, patterns, mode, chords, register.
An artist leans towards other genres in some of that, and fixes how it sounds (`Palette`): timbres,
kit, balance, equaliser, room, loudness.
A track draws key, tempo, progression, form and melody. Because the artist's sound colours the
spectrum as much as the genre does, a split that ignores artists flatters a classifier.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from audiogenre.sources.synth_artists import (
    KIT,
    TRACK,
    Palette,
    Rng,
    genre_index,
    palette_of,
    stream,
    style_of,
)
from audiogenre.sources.synth_styles import Style, Voice

F32 = npt.NDArray[np.float32]

CEILING = 0.94  # peak level; leaves headroom for the overshoot of lossy codecs
TABLE = 4096  # samples in a wavetable


def _band_noise(rng: Rng, n: int, centre: float, octaves: float, sr: int) -> F32:
    """Return unit-RMS noise with a Gaussian band in log frequency."""
    f = np.maximum(np.fft.rfftfreq(n, 1 / sr), 1.0)
    gain = np.exp(-0.5 * (np.log2(f / min(centre, 0.4 * sr)) / octaves) ** 2)
    y = np.fft.irfft(gain * np.fft.rfft(rng.standard_normal(n)), n)
    return np.asarray(y / (np.sqrt(np.mean(y**2)) + 1e-9), dtype=np.float32)


def _kit(pal: Palette, rng: Rng, sr: int) -> tuple[F32, F32, F32]:
    """Return the artist's kick, snare and hat, one hit each."""
    kick_hz, snare_hz, hat_hz = pal.kit
    t = np.arange(int(0.3 * sr)) / sr
    sweep = kick_hz * (t + 0.06 * (1 - np.exp(-t / 0.025)))
    kick = np.sin(2 * np.pi * sweep) * np.exp(-t / 0.1)
    snare = 0.4 * np.sin(2 * np.pi * snare_hz * t) * np.exp(-t / 0.05)
    snare += 0.3 * _band_noise(rng, t.size, 9 * snare_hz, 1.2, sr) * np.exp(-t / 0.07)
    hat = 0.15 * _band_noise(rng, t.size, hat_hz, 0.5, sr) * np.exp(-t / 0.035)
    return kick.astype(np.float32), snare.astype(np.float32), hat.astype(np.float32)


def _phase(n: int, f: float, sr: int) -> npt.NDArray[np.uint32]:
    """Return the phase of an oscillator; 32 bits are a turn, so it wraps and stays exact."""
    return np.arange(n, dtype=np.uint32) * np.uint32(int(f / sr * 2**32) % 2**32)


def _note(v: Voice, midi: float, dur: float, detune: float, sr: int) -> F32:
    """Return one note: two detuned wavetable oscillators whose upper partials fade first."""
    n = max(int((dur + v.release) * sr), 64)
    t = np.arange(n, dtype=np.float32) / np.float32(sr)
    f = 440.0 * 2 ** ((midi - 69) / 12)
    k = np.arange(1, max(2, min(40, int(0.45 * sr / f))))
    spectrum = np.zeros(TABLE // 2 + 1, dtype=np.complex128)
    spectrum[k] = -0.5j * TABLE * k**-v.rolloff * np.where(k % 2, 1.0, v.even)
    full = np.fft.irfft(spectrum).astype(np.float32)
    spectrum[k] /= k
    dull = np.fft.irfft(spectrum).astype(np.float32)
    decay = np.exp(-t / np.float32(v.decay))
    bend = np.zeros(1, dtype=np.uint32)
    if v.index:
        turn = _phase(n, f * v.ratio, sr)
        depth = (v.index / (2 * np.pi) * 2**32) * decay
        bend = (depth * np.sin(turn * np.float32(2 * np.pi / 2**32))).astype(np.int64)
        bend = (bend & 0xFFFFFFFF).astype(np.uint32)
    y = np.zeros(n, dtype=np.float32)
    for cents in (-detune / 2, detune / 2):
        at = (_phase(n, f * 2 ** (cents / 1200), sr) + bend) >> np.uint32(20)
        low = dull[at]
        y += low + (full[at] - low) * (0.3 + 0.7 * decay)
    if v.breath:
        y += v.breath * _band_noise(np.random.default_rng(n), n, 3 * f, 1.5, sr)
    fade = np.minimum(t / v.attack, 1) * np.clip((t[-1] - t) / v.release, 0, 1)
    return np.asarray(0.5 * y * fade * (v.sustain + (1 - v.sustain) * decay), dtype=np.float32)


def _grid(pal: Palette, style: Style, rng: Rng, seconds: float) -> list[float]:
    """Return the times of the sixteenths that begin within the clip, drift and swing included."""
    bar = len(style.kick)
    step = 15.0 / (pal.bpm * rng.normal(1, 0.04))
    bars = int(1.5 * seconds / (step * bar)) + 2
    wander = np.cumsum(rng.normal(0, style.drift, bars))
    wander = np.repeat(np.exp(np.clip(wander, -0.3, 0.3)), bar)
    start = np.concatenate(([0.0], np.cumsum(step * wander)[:-1]))
    late = np.tile([0.0, 0.5, 1.0, 0.5], start.size // 4) * pal.swing * 2 * step
    return [float(x) for x in start + late if x < seconds]


class _Track:
    """One clip in the making: draws the form, then adds notes to the stems' sum."""

    def __init__(self, style: Style, pal: Palette, rng: Rng, seconds: float, sr: int) -> None:
        self.style, self.pal, self.rng, self.sr = style, pal, rng, sr
        self.y = np.zeros(round(seconds * sr), dtype=np.float32)
        self.times = _grid(pal, style, rng, seconds)
        self.bar = len(style.kick)
        self.key = int(rng.integers(-5, 6))
        self.chords = style.chords[rng.integers(len(style.chords))]
        self.comp = pal.comps[int(rng.integers(2))]
        self.lead = pal.leads[int(rng.integers(2))]
        self.notes: dict[tuple[Voice, int, int], F32] = {}
        # Which of drums, bass and lead play, drawn every four bars; the comp always plays.
        form = rng.random((len(self.times) // (4 * self.bar) + 1, 3)) < (0.88, 0.9, 0.75)
        self.plays = np.repeat(form, 4 * self.bar, axis=0)

    def add(self, wave: F32, step: int, gain: float) -> None:
        """Add a wave at a step, with the jitter of a human hand in time and level."""
        late = abs(self.rng.normal(0, self.pal.feel))
        i = int((self.times[step] + late) * self.sr)
        room = self.y[i : i + wave.size]
        room += np.float32(gain * self.rng.uniform(0.75, 1.0)) * wave[: room.size]

    def play(self, voice: Voice, pitch: int, steps: int, step: int, gain: float) -> None:
        """Add a note of a length in steps; equal notes are rendered once."""
        key = (voice, pitch, steps)
        if key not in self.notes:
            dur = 0.9 * steps * 15.0 / self.pal.bpm
            self.notes[key] = _note(voice, pitch, dur, self.pal.detune, self.sr)
        self.add(self.notes[key], step, gain)

    def tone(self, degree: int) -> int:
        """Return the semitones of a scale degree above the tonic."""
        octave, i = divmod(degree, len(self.style.scale))
        return self.style.scale[i] + 12 * octave

    def drums(self, kit: tuple[F32, F32, F32]) -> None:
        patterns = (self.style.kick, self.style.snare, self.style.hat)
        for step in range(len(self.times)):
            for wave, pattern in zip(kit, patterns, strict=True):
                hit = pattern[step % self.bar]
                if hit == "." or (hit == "o" and self.rng.random() > self.pal.keep):
                    continue
                if self.plays[step, 0]:
                    self.add(wave, step, self.pal.mix[0] * (1.0 if hit == "x" else 0.5))

    def pattern(self, pattern: str, voice: Voice, tonic: int, gain: float) -> None:
        """Play a pitched pattern on the progression, each hit held until the next."""
        hits = [i for i, c in enumerate(pattern) if c != "."]
        held = dict(zip(hits, np.diff([*hits, hits[0] + self.bar]).tolist(), strict=True))
        for step in range(len(self.times)):
            c = pattern[step % self.bar]
            if c == "." or (voice is self.pal.bass and not self.plays[step, 1]):
                continue
            root = int(self.chords[step // self.bar % len(self.chords)])
            tones = {"c": (0, 2, 4), "s": (0, 2, 4, 6)}.get(c) or (2 * int(c),)
            for tone in tones:
                pitch = tonic + self.tone(root + tone)
                self.play(voice, pitch, held[step % self.bar], step, gain / len(tones) ** 0.5)

    def melody(self) -> None:
        """Walk about the scale; notes fall on the beat more often than off it."""
        tonic = self.style.register + self.key + self.pal.shift
        density = self.style.density * self.pal.busy
        chance = np.resize([1.7, 0.5, 1.3, 0.5], len(self.times)) * density
        steps = np.flatnonzero(self.rng.random(len(self.times)) < chance)
        degree = 0
        gaps = np.diff(steps, append=len(self.times))
        for step, gap in zip(steps.tolist(), gaps.tolist(), strict=True):
            degree = int(np.clip(degree + self.rng.integers(-2, 3), -6, 6))
            length = 2 ** min(int(np.log2(max(gap, 1))), 3)
            if self.plays[step, 2]:
                gain = self.pal.mix[3]
                self.play(self.lead, tonic + self.tone(degree), length, step, gain)


def _reverb(y: F32, pal: Palette, sr: int) -> F32:
    """Add the artist's room: parallel feedback combs, computed a delay's length at a time."""
    wet = np.zeros_like(y)
    for delay in (0.0297, 0.0371, 0.0411, 0.0437):
        d = max(int(delay * sr), 1)
        x = np.zeros((y.size // d + 1, d), dtype=np.float32)
        x.ravel()[: y.size] = y
        g = np.float32(10 ** (-3 * delay / pal.room))
        for i in range(1, len(x)):
            x[i] += g * x[i - 1]
        wet += x.ravel()[: y.size]
    return np.asarray(y + pal.wet * 0.3 * (wet - 4 * y), dtype=np.float32)


def _master(y: F32, pal: Palette, rng: Rng, sr: int) -> F32:
    """Equalise, saturate, add hiss, and bring to the artist's loudness below the ceiling."""
    taps = 63
    f = np.maximum(np.fft.rfftfreq(taps, 1 / sr), 1.0)
    curve = np.interp(np.log(f), np.linspace(np.log(60), np.log(10_000), len(pal.eq)), pal.eq)
    fir = np.fft.fftshift(np.fft.irfft(10 ** (curve / 20), taps)) * np.hanning(taps)
    y = np.convolve(y, fir.astype(np.float32))[taps // 2 :][: y.size]
    y = np.tanh(pal.drive * y / (np.sqrt(np.mean(y**2)) + 1e-9) / 2)
    level = 10 ** (pal.loud / 20) / (np.sqrt(np.mean(y**2)) + 1e-9)
    hiss = 10 ** (pal.hiss / 20) * rng.standard_normal(y.size, dtype=np.float32)
    return np.asarray(CEILING * np.tanh((level * y + hiss) / CEILING), dtype=np.float32)


def render(
    genre: str,
    *,
    artist: int,
    track: int,
    seed: int = 0,
    seconds: float = 30.0,
    sr: int = 22050,
) -> F32:
    """Render one clip.

    Parameters
    ----------
    genre : str
        One of `GENRES`.
    artist : int
        Number of the artist within the genre, 0 or more; it fixes the sound.
    track : int
        Number of the track of that artist, 0 or more.
    seed : int, default 0
        Number of the world, 0 or more: another seed has other artists and other tracks.
    seconds : float, default 30.0
        Length of the clip in seconds; at least one sample.
    sr : int, default 22050
        Sample rate in Hz.

    Returns
    -------
    y : ndarray of float32, shape (round(seconds * sr),)
        Mono signal within [-1, 1]; the peak is at most 0.94, and the clip is never silent.
        The same arguments give the same array.

    Raises
    ------
    ValueError
        If the genre is unknown, a number is negative, or the clip would be empty.
    """
    g = genre_index(genre, artist, track, seed)
    if round(seconds * sr) < 1:
        raise ValueError(f"A clip needs at least one sample, not {seconds} s at {sr} Hz.")
    style = style_of(genre, artist, seed)
    pal = palette_of(style, genre, artist, seed)
    rng = stream(TRACK, seed, g, artist, track)
    t = _Track(style, pal, rng, seconds, sr)
    tonic = 48 + t.key
    t.drums(_kit(pal, stream(KIT, seed, g, artist), sr))
    t.pattern(style.bass, pal.bass, tonic - 12, pal.mix[1])
    t.pattern(style.comp, t.comp, tonic + 12 + pal.shift, pal.mix[2])
    t.melody()
    return _master(_reverb(t.y, pal, sr), pal, rng, sr)
