"""What is said of songs and playlists: from what a person wants to what has to change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

UNKNOWN = "unknown"
PREFIX = "Liked: "

State = Literal["adding", "in", "removing", "own", "out"]
Step = Literal["add", "remove", "keep", "leave", "stay out"]
Action = Literal["create", "update", "deleted"]


@dataclass(frozen=True)
class Song:
    """A song as Spotify knows it; `duration` in seconds."""

    id: str
    uri: str
    title: str = ""
    artist: str = ""
    album: str = ""
    isrc: str = ""
    duration: float | None = None

    @property
    def name(self) -> str:
        """Artist and title, for a person."""
        return f"{self.artist or 'unknown artist'} - {self.title or self.id}"


@dataclass(frozen=True)
class Liked:
    """The liked songs, newest first, each once; and how many entries were no songs."""

    songs: tuple[Song, ...]
    skipped: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Playlist:
    """A playlist that the account owns and has in its library."""

    id: str
    name: str
    description: str


@dataclass(frozen=True)
class User:
    """Whose account it is."""

    id: str
    name: str


@dataclass(frozen=True)
class Wishes:
    """What a person wants.

    Attributes
    ----------
    genres : tuple of str
        Labels of the model that become playlists.
    min_probability : float, 0 to 1
        A genre that is less likely does not count; a song that has no other is one the model does
        not know.
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
    genres : mapping of str to float
        The labels it gives, with their probabilities.
    nearest : str
        The likeliest label, and `probability` its probability.
    known : bool
        Whether the song is like anything the model knows; it may still be given no label.
    """

    genres: Mapping[str, float]
    nearest: str
    probability: float
    known: bool = True


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
