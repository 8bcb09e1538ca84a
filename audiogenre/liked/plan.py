"""What goes into which playlist and why: pure functions of what is wanted, there and remembered."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args
from urllib.parse import quote, unquote

from audiogenre.liked.account import Playlist, Song, User

UNKNOWN = "unknown"
PREFIX = "Liked: "

State = Literal["adding", "in", "removing", "out"]
Step = Literal["add", "remove", "keep", "leave", "stay out"]
Action = Literal["create", "update", "deleted"]

_MARKER = re.compile(r"\[audiogenre:([^\]\s]+)\]")


@dataclass(frozen=True)
class Wishes:
    """What a person wants.

    Attributes
    ----------
    genres : tuple of str
        Labels of the model that become playlists.
    min_probability : float, 0 to 1
        A song whose genre is less likely counts as one the model does not know.
    unknown : bool
        Whether there is a playlist of what the model does not know.
    prefix : str
        What the name of a new playlist begins with.
    recreate : bool
        Whether to make a playlist anew that was deleted by hand.
    """

    genres: tuple[str, ...]
    min_probability: float = 0.0
    unknown: bool = False
    prefix: str = PREFIX
    recreate: bool = False

    @property
    def playlists(self) -> tuple[str, ...]:
        """The playlists there are to be, by genre."""
        return self.genres + ((UNKNOWN,) if self.unknown else ())


@dataclass(frozen=True)
class Answer:
    """What a model says of a song.

    Attributes
    ----------
    genres : tuple of str
        The labels it gives; none if it does not know.
    nearest : str
        The likeliest label, and `probability` its probability.
    """

    genres: tuple[str, ...]
    nearest: str
    probability: float


@dataclass(frozen=True)
class NoAnswer:
    """Why there is nothing to be said of a song."""

    why: str


@dataclass(frozen=True)
class Placement:
    """A song, the playlists it belongs in, and if there are none why.

    Attributes
    ----------
    genre, probability : optional
        The model's likeliest label of the song.
    by_hand : bool
        Whether a person has said so.
    undecided : bool
        Whether the song stays wherever it is, as nothing is known of it.
    """

    song: Song
    playlists: tuple[str, ...] = ()
    genre: str | None = None
    probability: float | None = None
    why: str = ""
    by_hand: bool = False
    undecided: bool = False


@dataclass(frozen=True)
class There:
    """A playlist as it is at Spotify, and what is remembered of it.

    Attributes
    ----------
    playlist : Playlist or None
        None if there is none, or not in the account any more.
    songs : tuple of Song
        What is in it.
    states : mapping of song id to State
        What we have done with songs there before.
    deleted : bool
        Whether there was one, and a person has deleted it.
    adopted : bool
        Whether it was known by its marker only: then its songs count as ours.
    """

    playlist: Playlist | None = None
    songs: tuple[Song, ...] = ()
    states: Mapping[str, State] = field(default_factory=dict)
    deleted: bool = False
    adopted: bool = False


@dataclass(frozen=True)
class Change:
    """What has to be done to one playlist.

    Attributes
    ----------
    stay_out : tuple of Song
        They would belong here, but were removed by hand.
    settled : mapping of song id to State or None
        What is to be remembered of songs that need no write; None to forget one.
    """

    genre: str
    name: str
    action: Action
    playlist: str | None = None
    add: tuple[Song, ...] = ()
    remove: tuple[Song, ...] = ()
    stay_out: tuple[Song, ...] = ()
    kept: int = 0
    settled: Mapping[str, State | None] = field(default_factory=dict)

    @property
    def is_needed(self) -> bool:
        """Whether anything has to be written."""
        return self.action != "deleted" and bool(self.add or self.remove)


@dataclass(frozen=True)
class Plan:
    """Every liked song with where it goes, and what that changes at Spotify.

    Attributes
    ----------
    skipped : mapping of str to int
        How many of the liked entries were no songs, by what they were.
    moves : mapping of song id to genre or None
        What a person has moved by hand since the last plan that was applied.
    """

    user: User
    model: str
    wishes: Wishes
    placements: tuple[Placement, ...]
    changes: tuple[Change, ...]
    skipped: Mapping[str, int]
    moves: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing has to be written."""
        return not any(each.is_needed for each in self.changes)

    @property
    def left_out(self) -> Counter[str]:
        """How many songs go nowhere, by reason."""
        return Counter(each.why for each in self.placements if not each.playlists)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        plain = asdict(self)
        plain["left_out"] = dict(self.left_out)
        plain["skipped"] = dict(self.skipped)
        for change, each in zip(plain["changes"], self.changes, strict=True):
            change["needed"] = each.is_needed
            del change["settled"]
        return plain


def place(
    song: Song,
    answer: Answer | NoAnswer,
    wishes: Wishes,
    moves: Mapping[str, str | None],
) -> Placement:
    """Say which playlists a song belongs in, and if there are none why.

    Parameters
    ----------
    moves : mapping of song id to genre or None
        Where a person wants songs, whatever the model says; None is nowhere.

    Examples
    --------
    >>> song, rock = Song("1", "spotify:track:1"), Answer(("rock",), "rock", 0.8)
    >>> place(song, rock, Wishes(("rock", "jazz")), {}).playlists
    ('rock',)
    >>> place(song, rock, Wishes(("jazz",)), {}).why
    'another genre'
    """
    genre = answer.nearest if isinstance(answer, Answer) else None
    probability = answer.probability if isinstance(answer, Answer) else None
    goes: tuple[str, ...] = ()
    if song.id in moves:
        goal = moves[song.id]
        goes = (goal,) if goal in wishes.playlists else ()
        why = "left out by hand" if goal is None else "another genre"
    elif isinstance(answer, NoAnswer):
        why = answer.why
    elif answer.genres and answer.probability >= wishes.min_probability:
        goes = tuple(each for each in wishes.genres if each in answer.genres)
        why = "another genre"
    else:
        goes = (UNKNOWN,) if wishes.unknown else ()
        unsure = f"less likely than {wishes.min_probability:g}"
        why = unsure if answer.genres else "unlike anything the model knows"
    return Placement(
        song=song,
        playlists=goes,
        genre=genre,
        probability=probability,
        why="" if goes else why,
        by_hand=song.id in moves,
        undecided=isinstance(answer, NoAnswer) and song.id not in moves,
    )


def decide(
    wanted: bool | None,
    *,
    present: bool,
    state: State | None,
    adopted: bool = False,
    forced: bool = False,
) -> tuple[Step, State | None]:
    """Say what to do with a song and a playlist; everything else only carries it out.

    Parameters
    ----------
    wanted : bool or None
        Whether the song belongs there; None if that is not known yet.
    present : bool
        Whether it is there.
    state : State or None
        What we have done before: ``adding`` and ``removing`` were begun and perhaps not done,
        ``in`` was done, ``out`` was undone by a person.
    adopted : bool
        Whether nothing is remembered of the playlist: what belongs there counts as put by us.
    forced : bool
        Whether a person has just asked for it here.

    Returns
    -------
    step : {"add", "remove", "keep", "leave", "stay out"}
        ``leave``: what a person has put there is not ours to remove.
    state : State or None
        What to remember until the step is carried out.
    """
    ours: State | None = "in" if state in ("adding", "in", "removing") else state
    if present:
        if wanted or wanted is None:
            return "keep", "in" if adopted and wanted else ours
        return ("remove", "in") if ours == "in" else ("leave", ours)
    if state == "in":  # a person has taken it out
        ours = "out"
    elif state != "out":
        ours = None
    if wanted and (ours is None or forced):
        return "add", None
    return "stay out" if wanted else "leave", ours


def change(
    genre: str,
    there: There,
    placements: Sequence[Placement],
    wishes: Wishes,
    forced: Collection[str] = (),
) -> Change:
    """Compare a playlist as it is with what belongs there.

    Parameters
    ----------
    forced : collection of song ids
        Songs that a person has just moved by hand.
    """
    name = there.playlist.name if there.playlist else wishes.prefix + genre
    if there.playlist is None and there.deleted and not wishes.recreate:
        return Change(genre, name, "deleted")
    states = dict(there.states)
    if there.playlist is None:  # of a playlist that is no more only what was refused still counts
        states = {key: each for key, each in states.items() if each == "out"}
    wanted = {
        each.song.id: None if each.undecided else genre in each.playlists for each in placements
    }
    songs = {each.song.id: each.song for each in placements}
    present = _identified(there.songs, songs, states)
    steps: dict[Step, list[Song]] = {each: [] for each in get_args(Step)}
    settled: dict[str, State | None] = {}
    for key in dict.fromkeys((*songs, *present, *states)):
        step, state = decide(
            wanted.get(key, False),
            present=key in present,
            state=states.get(key),
            adopted=there.adopted,
            forced=key in forced,
        )
        steps[step].append(present.get(key) or songs.get(key) or Song(key, key))
        if state != there.states.get(key):
            settled[key] = state
    return Change(
        genre=genre,
        name=name,
        action="update" if there.playlist else "create",
        playlist=there.playlist.id if there.playlist else None,
        add=tuple(steps["add"]),
        remove=tuple(steps["remove"]),
        stay_out=tuple(steps["stay out"]),
        kept=len(steps["keep"]),
        settled=settled,
    )


def _identified(
    found: Iterable[Song], songs: Mapping[str, Song], states: Mapping[str, State]
) -> dict[str, Song]:
    """Return the songs of a playlist under the ids by which we know them.

    Spotify may list a song under another id than the one it was added by; the recording (ISRC)
    tells, unless that id is known, too.
    """
    known = {*songs, *states}
    present = {each.id: each for each in found}
    by_isrc = {each.isrc: key for key, each in songs.items() if each.isrc and key not in present}
    ours = (
        (key if key in known else by_isrc.get(each.isrc, key), each)
        for key, each in present.items()
    )
    return {key: replace(each, id=key) for key, each in ours}


def marker(genre: str) -> str:
    """Return what a playlist of ours has in its description.

    Examples
    --------
    >>> marker("drum & bass"), marked(marker("drum & bass"))
    ('[audiogenre:drum%20%26%20bass]', 'drum & bass')
    """
    return f"[audiogenre:{quote(genre, safe='')}]"


def marked(description: str) -> str | None:
    """Return the genre that a description is marked with; Spotify returns it as HTML."""
    found = _MARKER.search(html.unescape(description))
    return unquote(found[1]) if found else None
