"""What goes into which playlist and why: pure functions of what is wanted, there and remembered."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import get_args
from urllib.parse import quote, unquote

from audiogenre.liked.records import (
    UNKNOWN,
    Answer,
    Change,
    NoAnswer,
    Placement,
    Song,
    State,
    Step,
    There,
    Wishes,
)

_MARKER = re.compile(r"\[audiogenre:([^\]\s]+)\]")


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
    >>> song, rock = Song("1", "spotify:track:1"), Answer({"rock": 0.8}, "rock", 0.8)
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
    elif not answer.known:
        goes = (UNKNOWN,) if wishes.unknown else ()
        why = "unlike anything the model knows"
    elif not answer.genres:
        why = "none of the model's labels"
    else:
        goes, why = _by_probability(answer, wishes)
    return Placement(
        song=song,
        playlists=goes,
        genre=genre,
        probability=probability,
        why="" if goes else why,
        by_hand=song.id in moves,
        undecided=isinstance(answer, NoAnswer) and song.id not in moves,
    )


def _by_probability(answer: Answer, wishes: Wishes) -> tuple[tuple[str, ...], str]:
    """Return where a song goes by the labels that are likely enough, and else why nowhere."""
    sure = {each for each, p in answer.genres.items() if p >= wishes.min_probability}
    goes = tuple(each for each in wishes.genres if each in sure)
    if not sure and wishes.unknown:
        goes = (UNKNOWN,)
    if sure and answer.genres.keys().isdisjoint(wishes.genres):
        return goes, "another genre"
    return goes, f"less likely than {wishes.min_probability:g}"


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
        ``in`` was done, ``out`` was undone by a person; ``own`` was seen there, put by a person.
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
    ours: State | None
    if present:
        ours = "in" if state in ("adding", "in", "removing") else state or "own"
        if wanted or wanted is None:
            return "keep", "in" if adopted and wanted else ours
        return ("remove", "in") if ours == "in" else ("leave", ours)
    # What was there, and we have not removed, a person has taken out.
    ours = "out" if state in ("in", "own", "out") else None
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
        if key not in songs and (key not in present or state in ("own", "out")):
            state = None  # liked no more: forgotten
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
