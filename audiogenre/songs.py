"""When two tracks are the same song.

The same recording is (ISRC, or the bytes of the audio), and so are an artist and a title that say
the same, unless the lengths contradict. A wrong merge costs more than a missed one: a song that
counts twice is at least kept on one side of a split by its artist.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from typing import Any

from audiogenre.splits import artist_names
from audiogenre.typing import Track

SAME_LENGTH = 2.0  # seconds

_PARTS = re.compile(r"\s+[-\u2010-\u2015]\s+|[()\[\]{}]")
_GUESTS = re.compile(r"(?:^|(?<=[^\d\s]))\s*\b(?:feat|ft|featuring)\b.*")  # not "6 ft. under"
_SILENT = re.compile("['`\u00b4\u2018\u2019\u02bc]|(?<!\\d)\\.|\\.(?!\\d)")
# A part in brackets or after a dash is packaging if it has one of the first words, and beside them
# at most the second and numbers; the third make another song of it, wherever they stand.
_PACKAGING, _BESIDE, _OTHER_VERSIONS = (
    frozenset(words.split())
    for words in (
        "remaster remastered remastering deluxe expanded anniversary edition reissue bonus "
        "explicit clean official",
        "a in on the digital digitally new newly super special limited collectors platinum gold "
        "original recording album version track tracks mono stereo bit audio video music lyric "
        "lyrics visualizer visualiser",
        "live remix mix acoustic instrumental demo edit version dub karaoke cover session sessions "
        "unplugged rework bootleg vip extended orchestral",
    )
)
_PLAIN_VERSIONS = frozenset({"album version", "lp version", "original version", "original mix"})
_ASCII_WORD = re.compile("[a-z0-9]+")
_NUMBER = re.compile(r"\d+(?:st|nd|rd|th|bit)?")


def plain(text: str) -> str:
    """Return a text fit for comparing: lower case, without accents and punctuation.

    Examples
    --------
    >>> plain("Beyoncé"), plain("AC/DC"), plain("Rock'n'Roll & R.E.M."), plain("!!!")
    ('beyonce', 'ac dc', 'rocknroll and rem', '!!!')
    """
    if text.isascii():  # all of the below comes to this, in a fifth of the time
        folded = text.casefold()
        spelt = _SILENT.sub("", folded).replace("&", " and ")
        return " ".join(_ASCII_WORD.findall(spelt)) or " ".join(folded.split())
    # Folded between, as what is taken apart may bring capitals to light (mathematical letters).
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    # Only accents: the marks of other scripts tell words apart.
    bare = unicodedata.normalize("NFC", re.sub("[\u0300-\u036f]", "", folded))
    spelt = _SILENT.sub("", bare).replace("&", " and ")
    words = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in spelt).split()
    return " ".join(words) or " ".join(folded.split())


def normalise(title: str, artists: Collection[str] = ()) -> str:
    """Return a title fit for comparing: without guests, and without what only tells its packaging.

    Parameters
    ----------
    title : str
    artists : collection of str
        Everybody the song is credited to (`audiogenre.splits.artist_names`): of them alone
        a title may say "with".

    Examples
    --------
    >>> normalise("Héroes (feat. X) [2017 Remaster]"), normalise("Heroes - Live (Remastered 2009)")
    ('heroes', 'heroes live')
    """
    folded = unicodedata.normalize("NFKC", title).casefold()
    parts = [each.strip() for each in _PARTS.split(folded) if each.strip()]
    if not parts:
        return plain(title)
    kept = [_without_guests(parts[0]) or parts[0]]
    for part in parts[1:]:
        if not (_is_packaging(plain(part)) or _is_credit(part, artists)):
            kept.append(_without_guests(part))
    return plain(" ".join(kept))


def _is_packaging(part: str) -> bool:
    words = {each for each in part.split() if not _NUMBER.fullmatch(each)}
    return part in _PLAIN_VERSIONS or bool(words & _PACKAGING and words <= _PACKAGING | _BESIDE)


def _is_credit(part: str, artists: Collection[str]) -> bool:
    with_, _, names = part.partition(" ")
    guests = artist_names(names) if with_ == "with" else []
    return bool(guests) and set(guests) <= set(artists)


def _without_guests(part: str) -> str:
    cut = _GUESTS.search(part)
    if cut is None or _OTHER_VERSIONS & set(plain(cut[0]).split()):
        return part
    return part[: cut.start()]


def song_name(artist: str | None, title: str | None) -> str | None:
    """Return what a song is called, None if that is not known.

    The catalogue keeps it: what changes here takes a new step of its schema.

    Examples
    --------
    >>> song_name("Foxes feat. X", "Tide (Remastered)"), song_name("Various Artists", "Tide")
    ('foxes / tide', None)
    """
    artists = artist_names(artist or "")
    return f"{plain(artists[0])} / {normalise(title, artists)}" if artists and title else None


def plain_isrc(isrc: str | None) -> str | None:
    """Return the code of a recording, the same however it is written; None if it is not known.

    Examples
    --------
    >>> plain_isrc("de-a62-12-00001 "), plain_isrc("")
    ('DEA621200001', None)
    """
    return (isrc or "").upper().replace("-", "").strip() or None


def same_length(first: float | None, second: float | None) -> bool:
    """Tell whether lengths (in seconds) allow two tracks to be one song; None allows any."""
    return first is None or second is None or abs(first - second) <= SAME_LENGTH


def song_keys(rows: Iterable[Any]) -> list[list[str]]:
    """Return for each row the keys that it shares with other rows of the same song.

    They are meant for `audiogenre.splits.connect`. Rows of one name are cut by length into songs
    none of which spans more than `SAME_LENGTH`; a row of unknown length goes with the largest of
    them.

    Parameters
    ----------
    rows : iterable of objects with artist, title, isrc, sha256, duration
        A text that is not known is empty, a length None or NaN.
    """
    keys: list[list[str]] = []
    named: dict[str, list[tuple[float, int]]] = {}
    unmeasured: list[tuple[str, int]] = []
    for number, row in enumerate(rows):
        keys.append([])
        if code := plain_isrc(row.isrc):
            keys[-1].append(f"isrc {code}")
        if row.sha256:
            keys[-1].append(f"audio {row.sha256}")
        if name := song_name(row.artist, row.title):
            if row.duration is None or row.duration != row.duration:
                unmeasured.append((name, number))
            else:
                named.setdefault(name, []).append((row.duration, number))
    largest: dict[str, str] = {}
    for name, members in named.items():
        songs: list[list[int]] = []
        start = float("-inf")
        for duration, number in sorted(members):
            if not same_length(duration, start):
                start = duration
                songs.append([])
            songs[-1].append(number)
            keys[number].append(f"song {name} {len(songs)}")
        largest[name] = f"song {name} {1 + songs.index(max(songs, key=len))}"
    for name, number in unmeasured:
        keys[number].append(largest.get(name, f"song {name} 1"))
    return keys


class SongIndex:
    """Which song is known already, by the same rule, for tracks that come one at a time.

    Parameters
    ----------
    tracks : iterable of Track
        What is known at the beginning.
    """

    def __init__(self, tracks: Iterable[Track] = ()) -> None:
        self._by_isrc: dict[str, list[str]] = {}
        self._by_name: dict[str, dict[str, float | None]] = {}
        for track in tracks:
            self.add(track)

    def add(self, track: Track) -> None:
        """Remember a track."""
        if code := plain_isrc(track.isrc):
            self._by_isrc.setdefault(code, []).append(track.id)
        if name := song_name(track.artist, track.title):
            self._by_name.setdefault(name, {})[track.id] = track.duration

    def find(self, track: Track) -> str | None:
        """Return the id of another track that is the same song, None if there is none."""
        code = plain_isrc(track.isrc)
        for known in self._by_isrc.get(code, ()) if code else ():
            if known != track.id:
                return known
        name = song_name(track.artist, track.title)
        alike = self._by_name.get(name, {}) if name else {}
        for known, duration in alike.items():
            if known != track.id and same_length(track.duration, duration):
                return known
        return None
