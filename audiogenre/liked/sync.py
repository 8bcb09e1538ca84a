"""From what a person wants to what stands at Spotify: look, plan, and carry the plan out.

Nothing is told to Spotify twice without looking in between. A run that ends anywhere, by being
killed, by a busy service or a dead login, is gone on with by planning and applying again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from audiogenre.errors import FetchError, HostBusyError, UsageError
from audiogenre.liked.account import BATCH, Account, UncertainError
from audiogenre.liked.memory import Memory
from audiogenre.liked.plan import change, marked, marker, place
from audiogenre.liked.records import (
    UNKNOWN,
    Answer,
    Change,
    Liked,
    NoAnswer,
    Plan,
    Playlist,
    Song,
    State,
    There,
    User,
    Wishes,
)

_ROUNDS = 3  # of looking and writing, where Spotify does not say whether it has done it


@dataclass(frozen=True)
class Written:
    """One thing that was written to Spotify: a playlist made, or songs added or removed."""

    what: str
    genre: str
    songs: int = 0


@dataclass
class Applied:
    """What has become of a plan; `failures` are sentences, one for each playlist with trouble."""

    created: int = 0
    added: int = 0
    removed: int = 0
    failures: tuple[str, ...] = ()


Told = Callable[[Written], None]


def check(wishes: Wishes, labels: Sequence[str]) -> None:
    """Check that a model can tell what a person wants.

    Raises
    ------
    UsageError
        If there is nothing to be made, or a label the model does not know; names it.
    """
    if not wishes.playlists:
        raise UsageError(f"name the genres that become playlists; there are {', '.join(labels)}")
    for each in wishes.genres:
        if each not in labels:
            raise UsageError(f"the model knows no {each!r}; it knows {', '.join(labels)}")


def make_plan(
    account: Account,
    memory: Memory,
    user: User,
    liked: Liked,
    answers: Mapping[str, Answer | NoAnswer],
    wishes: Wishes,
    *,
    model: str,
    moves: Mapping[str, str | None] | None = None,
) -> Plan:
    """Look at the playlists there are, and say what has to change; nothing is written.

    Parameters
    ----------
    answers : mapping of song id to Answer or NoAnswer
        Of every liked song.
    model : str
        The name of the model that has given them.
    moves : mapping of song id to genre or None, optional
        Where a person wants songs, besides what is remembered of that.

    Raises
    ------
    FetchError
        If Spotify does not tell.
    """
    before, new = memory.moves(), dict(moves or {})
    known = {each.id for each in liked.songs}
    for song, genre in new.items():
        if song not in known:
            raise UsageError(f"{song!r} is not among the liked songs")
        if genre is not None and genre not in wishes.playlists:
            raise UsageError(f"there is to be no playlist {genre!r} that a song could be moved to")
    new = {song: genre for song, genre in new.items() if before.get(song, "") != genre}
    wanted = before | new
    placements = tuple(place(each, answers[each.id], wishes, wanted) for each in liked.songs)
    playlists = account.playlists(user)
    changes = []
    for genre in wishes.playlists:
        there = look(account, memory, genre, playlists)
        forced = {song for song, goal in new.items() if goal == genre}
        changes.append(change(genre, there, placements, wishes, forced))
    return Plan(user, model, wishes, placements, tuple(changes), liked.skipped, new)


def look(account: Account, memory: Memory, genre: str, playlists: Sequence[Playlist]) -> There:
    """Find the playlist of a genre, by its remembered id or by its marker, and read it."""
    remembered = memory.playlists().get(genre)
    by_id = next((each for each in playlists if each.id == remembered), None)
    found = by_id or next((each for each in playlists if marked(each.description) == genre), None)
    states = memory.states(genre)
    if found is None:
        return There(states=states, deleted=remembered is not None)
    songs = tuple(account.songs(found.id))
    if by_id is None:  # what was done to another playlist says nothing about this one
        states = {song: state for song, state in states.items() if state == "out"}
    return There(found, songs, states, adopted=by_id is None)


def apply(
    plan: Plan, account: Account, memory: Memory, told: Told = lambda written: None
) -> Applied:
    """Carry a plan out; each playlist is looked at again first, as time has passed.

    Parameters
    ----------
    told : callable
        Told of each thing that was written.

    Returns
    -------
    applied : Applied
        A playlist with trouble does not keep the others from being written.

    Raises
    ------
    HostBusyError
        If Spotify wants to be left alone.
    LoginError
        If the login has ended.
    """
    run = _Run(plan, account, memory, told)
    for each in plan.changes:  # what a person has taken out or moved, before anything is written
        if each.playlist is not None:
            memory.set_playlist(each.genre, each.playlist)
        memory.mark(each.genre, each.settled)
    memory.set_moves(plan.moves)
    for each in plan.changes:
        try:
            run.carry_out(each)
        except HostBusyError:
            raise
        except FetchError as error:
            run.applied.failures += (f"the playlist {each.name!r}: {error}",)
    return run.applied


class _Run:
    """One application of a plan."""

    def __init__(self, plan: Plan, account: Account, memory: Memory, told: Told) -> None:
        self.applied = Applied()
        self._plan, self._account, self._memory, self._told = plan, account, memory, told

    def carry_out(self, planned: Change) -> None:
        """Make one playlist what it is to be."""
        if not planned.is_needed:
            return
        genre, there = planned.genre, None
        if planned.playlist is None:
            made = self._create(genre, planned.name)
            there = There(made, states=self._memory.states(genre)) if made else None
        for attempt in range(1, _ROUNDS + 1):
            try:
                self._write(genre, there or self._look(genre))
                return
            except UncertainError:
                if attempt == _ROUNDS:
                    raise
                there = None  # Spotify did not say: see what it has done

    def _create(self, genre: str, name: str) -> Playlist | None:
        """Make a playlist, unless it turns out to be there; None if its songs have to be read."""
        found = self._find(genre)
        made = None
        if found is None:
            try:
                found = made = self._account.create(name, description(genre))
            except UncertainError as error:
                found = self._find(genre)
                if found is None:
                    raise FetchError(
                        error.reason,
                        "Spotify did not say whether it was made; look there, then apply again",
                    ) from error
            self.applied.created += 1
            self._told(Written("create", genre))
        self._memory.set_playlist(genre, found.id)
        return made

    def _find(self, genre: str) -> Playlist | None:
        playlists = self._account.playlists(self._plan.user)
        return next((each for each in playlists if marked(each.description) == genre), None)

    def _look(self, genre: str) -> There:
        playlists = self._account.playlists(self._plan.user)
        return look(self._account, self._memory, genre, playlists)

    def _write(self, genre: str, there: There) -> None:
        """Add and remove what a playlist differs by; what is begun is remembered before it is."""
        if there.playlist is None:
            raise FetchError("gone", "it was deleted meanwhile")
        todo = change(genre, there, self._plan.placements, self._plan.wishes)
        self._memory.mark(genre, todo.settled)
        for batch in _batches(todo.remove):
            self._memory.mark(genre, _all(batch, "removing"))
            self._account.remove(there.playlist.id, batch)
            self._memory.mark(genre, _all(batch, None))
            self.applied.removed += len(batch)
            self._told(Written("remove", genre, len(batch)))
        for batch in _batches(todo.add):
            self._memory.mark(genre, _all(batch, "adding"))
            self._account.add(there.playlist.id, batch)
            self._memory.mark(genre, _all(batch, "in"))
            self.applied.added += len(batch)
            self._told(Written("add", genre, len(batch)))


def _batches(songs: Sequence[Song]) -> Iterator[Sequence[Song]]:
    yield from (songs[start : start + BATCH] for start in range(0, len(songs), BATCH))


def _all(songs: Sequence[Song], state: State | None) -> dict[str, State | None]:
    return {each.id: state for each in songs}


def description(genre: str) -> str:
    """Return the description of a playlist: what it is, and the marker that we know it by."""
    what = "Liked songs unlike anything known" if genre == UNKNOWN else f"Liked songs: {genre}"
    return f"{what}. Kept up to date by audiogenre {marker(genre)}"
