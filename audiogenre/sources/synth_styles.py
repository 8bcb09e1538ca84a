"""The invented genres of the sample as data: instruments, styles, and words for names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Voice:
    """An instrument: partials, envelope (seconds) and phase modulation."""

    rolloff: float  # partial k has amplitude k ** -rolloff
    even: float  # gain of the even partials
    attack: float
    decay: float
    sustain: float  # level the decay tends to, 0-1
    release: float
    ratio: float = 1.0  # modulator frequency over carrier frequency
    index: float = 0.0  # modulation depth, radians
    breath: float = 0.0  # noise mixed into the note


@dataclass(frozen=True)
class Style:
    """A genre. Patterns have one character a sixteenth, and their length is the bar's."""

    bpm: tuple[float, float]
    drift: float  # wander of the tempo, relative, per bar
    swing: float  # delay of the off-beat eighth, as a fraction of an eighth
    kick: str  # drums: x loud, o soft
    snare: str
    hat: str
    bass: str  # pitched parts: a digit is a chord tone, c the triad, s the seventh chord
    comp: str
    density: float  # lead notes per sixteenth
    scale: tuple[int, ...]
    chords: tuple[str, ...]  # progressions, one scale degree a bar
    basses: tuple[str, ...]
    comps: tuple[str, ...]
    leads: tuple[str, ...]
    register: int  # centre of the lead, MIDI
    mix: tuple[float, float, float, float]  # drums, bass, comp, lead
    room: float  # reverberation time, seconds
    drive: float  # saturation, 0 is clean
    loud: float  # dBFS RMS


VOICES = {
    "pluck": Voice(1.3, 0.8, 0.003, 0.25, 0.0, 0.06),
    "nylon": Voice(1.9, 0.6, 0.005, 0.5, 0.0, 0.08),
    "reed": Voice(0.9, 0.9, 0.05, 0.3, 0.75, 0.08, breath=0.02),
    "pipe": Voice(1.6, 0.2, 0.06, 0.5, 0.9, 0.12, breath=0.06),
    "organ": Voice(1.2, 1.0, 0.02, 0.4, 0.9, 0.08),
    "choir": Voice(1.7, 0.9, 0.25, 1.0, 0.85, 0.4, breath=0.08),
    "pad": Voice(1.5, 1.0, 0.5, 2.0, 0.8, 0.8),
    "saw": Voice(0.9, 1.0, 0.005, 0.18, 0.35, 0.05),
    "square": Voice(1.0, 0.0, 0.004, 0.2, 0.4, 0.04),
    "fuzz": Voice(0.7, 1.0, 0.004, 0.6, 0.6, 0.06, ratio=0.5, index=1.2),
    "tine": Voice(2.2, 0.7, 0.004, 0.7, 0.1, 0.15, ratio=2.0, index=1.1),
    "bell": Voice(3.0, 0.5, 0.002, 0.6, 0.0, 0.3, ratio=3.53, index=2.2),
    "wood": Voice(2.4, 0.3, 0.002, 0.12, 0.0, 0.05, ratio=4.0, index=0.9),
    "sub": Voice(2.8, 0.6, 0.01, 0.6, 0.6, 0.06),
    "upright": Voice(1.8, 0.8, 0.008, 0.35, 0.15, 0.06),
    "growl": Voice(1.1, 1.0, 0.006, 0.4, 0.5, 0.04, ratio=1.0, index=1.0),
}

MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
DORIAN, PHRYGIAN, LYDIAN = (0, 2, 3, 5, 7, 9, 10), (0, 1, 3, 5, 7, 8, 10), (0, 2, 4, 6, 7, 9, 11)

STYLES = {
    "lantern waltz": Style(
        bpm=(98, 150), drift=0.02, swing=0.0, room=0.9, drive=0.2, loud=-19,
        kick="x...........", snare="....o...o...", hat="............",
        bass="0.......2...", comp="....c...c...", density=0.22,
        register=72, mix=(0.4, 0.7, 0.6, 0.8), scale=DORIAN,
        chords=("0340", "0533", "0364"), basses=("upright", "sub"),
        comps=("reed", "pluck", "nylon"), leads=("reed", "pipe", "pluck"),
    ),
    "iron stomp": Style(
        bpm=(92, 136), drift=0.005, swing=0.0, room=0.5, drive=1.6, loud=-12,
        kick="x.....x.x.x.....", snare="....x.......x..o", hat="x.x.x.x.x.x.x.x.",
        bass="0.0.0.0.0.0.0.2.", comp="c.c...c.c.c...c.", density=0.12,
        register=66, mix=(1.0, 0.7, 0.8, 0.5), scale=PHRYGIAN,
        chords=("0010", "0056", "0515"), basses=("growl", "sub"),
        comps=("fuzz", "saw", "organ"), leads=("fuzz", "square", "saw"),
    ),
    "velvet drift": Style(
        bpm=(56, 88), drift=0.03, swing=0.0, room=2.6, drive=0.1, loud=-21,
        kick="................", snare="................", hat="o.......o.......",
        bass="0...............", comp="s...............", density=0.06,
        register=64, mix=(0.25, 0.7, 0.9, 0.4), scale=LYDIAN,
        chords=("0415", "0101", "0351"), basses=("sub", "pad"),
        comps=("pad", "choir", "tine"), leads=("pipe", "tine", "pad"),
    ),
    "neon relay": Style(
        bpm=(116, 140), drift=0.0, swing=0.0, room=0.8, drive=0.8, loud=-14,
        kick="x...x...x...x...", snare="....x.......x...", hat="..x.o.x.o.x...xo",
        bass="..0...0...0...0.", comp="0121012301210123", density=0.1,
        register=76, mix=(0.9, 0.7, 0.6, 0.5), scale=MINOR,
        chords=("0526", "0536", "0043"), basses=("growl", "sub", "saw"),
        comps=("saw", "square", "pluck"), leads=("square", "saw", "bell"),
    ),
    "harbor shuffle": Style(
        bpm=(84, 132), drift=0.012, swing=0.33, room=0.7, drive=0.3, loud=-17,
        kick="x.......o.......", snare="....o..o....o..o", hat="x...x.o.x...x.o.",
        bass="0...1...2...3...", comp="..s...s.......s.", density=0.2,
        register=67, mix=(0.8, 0.9, 0.5, 0.6), scale=DORIAN,
        chords=("1403", "0414", "0340"), basses=("upright", "sub"),
        comps=("tine", "organ", "nylon"), leads=("tine", "organ", "reed"),
    ),
    "ember tide": Style(
        bpm=(68, 96), drift=0.008, swing=0.12, room=1.7, drive=0.4, loud=-16,
        kick="o.......x.......", snare="........o.....o.", hat="o.x.o.x.o.x.o.x.",
        bass="0..0..2...0.1...", comp="....c.......c...", density=0.06,
        register=64, mix=(0.7, 1.0, 0.5, 0.4), scale=MINOR,
        chords=("0303", "0066", "0353"), basses=("sub", "growl"),
        comps=("organ", "tine", "pluck"), leads=("reed", "pipe", "organ"),
    ),
    "tin carnival": Style(
        bpm=(128, 176), drift=0.01, swing=0.05, room=0.5, drive=0.5, loud=-16,
        kick="x..o..x.x..o..x.", snare="o.xo.ox.o.xoo.x.", hat="xoxoxoxoxoxoxoxo",
        bass="0...2...0...2...", comp="..c...c...c...c.", density=0.32,
        register=79, mix=(0.6, 0.6, 0.5, 0.8), scale=MAJOR,
        chords=("0340", "0044", "0354"), basses=("upright", "sub"),
        comps=("pluck", "wood", "reed"), leads=("bell", "wood", "square"),
    ),
    "glass chorale": Style(
        bpm=(60, 96), drift=0.025, swing=0.0, room=2.2, drive=0.1, loud=-20,
        kick="................", snare="................", hat="................",
        bass="0.......2.......", comp="c.......c...c...", density=0.1,
        register=79, mix=(0.2, 0.4, 0.8, 0.8), scale=MAJOR,
        chords=("0345", "0514", "0534"), basses=("organ", "sub"),
        comps=("choir", "organ", "pipe"), leads=("bell", "choir", "pipe"),
    ),
}  # fmt: skip

GENRES: tuple[str, ...] = tuple(STYLES)

FIRST = (
    "Amber Birch Cobalt Copper Coral Cedar Dapple Dusk Fable Fennel Feather Gentle Golden Hazel "
    "Indigo Ivory Juniper Linen Lunar Maple Marble Misty Opal Paper Pepper Quiet Saffron Silver"
)
SECOND = (
    "Anchors Arcade Beacons Bridges Canyons Clocks Comets Daughters Engines Ferries Foxes Gardens "
    "Herons Islands Kites Ladders Mariners Meadows Mirrors Orchards Otters Pilots Rivers Sparrows"
)
OPENING = "Above After Before Beyond Beneath Between Chasing Finding Leaving Past Toward Without"
CLOSING = "April Autumn Daylight Evening Harvest Home Midnight Morning Noon Rain Snow Thunder"
