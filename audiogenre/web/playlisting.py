"""Liked songs into playlists, as the page does it: one piece of work at a time, told as it goes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cachetools import TTLCache

from audiogenre.bundle import Bundle
from audiogenre.errors import AudiogenreError, LoginError, UsageError
from audiogenre.liked.login import Login, PendingLogin, begin, find_client_id, finish
from audiogenre.liked.records import Plan, Wishes
from audiogenre.liked.session import Session, forget
from audiogenre.liked.sync import Applied, Written
from audiogenre.sources.deezer import Deezer

logger = logging.getLogger(__name__)
What = Literal["planning", "applying"]
_PATIENCE = 600.0  # s for a person to agree at Spotify
_SAID = {"create": "the playlist was made", "add": "songs added", "remove": "songs removed"}


@dataclass
class Work:
    """What is being done, and how far it is.

    Attributes
    ----------
    text : str
        In words.
    log : list of str
        One sentence for each write.
    error : str
        What ended it before its time.
    login_again : bool
        Whether that was a login that is no longer good.
    """

    what: What
    text: str = "Asking Spotify"
    done: int = 0
    total: int = 0
    log: list[str] = field(default_factory=list)
    finished: bool = False
    error: str = ""
    login_again: bool = False


@dataclass(frozen=True)
class Audio:
    """Where songs are heard that the data folder does not know.

    Attributes
    ----------
    deezer : bool
        At Deezer.
    accepted : bool
        Whether the person has just accepted its terms.
    """

    deezer: bool = False
    accepted: bool = False


class Playlister:
    """The account that this server works on.

    Parameters
    ----------
    data : Path
    """

    def __init__(self, data: Path) -> None:
        self._data = data
        self._pending: TTLCache[str, PendingLogin] = TTLCache(20, _PATIENCE)
        self._lock = threading.Lock()
        self.forget_plan()

    def forget_plan(self) -> None:
        """Begin anew."""
        self.work: Work | None = None
        self.plan: Plan | None = None
        self.applied: Applied | None = None
        self.notes: list[str] = []
        self.moves: dict[str, str | None] = {}
        self._audio = Audio()

    @property
    def is_busy(self) -> bool:
        """Whether something is being done."""
        return self.work is not None and not self.work.finished

    def client_id(self) -> str:
        """Return the client id of the user's app, "" if there is none."""
        try:
            return find_client_id()
        except UsageError:
            return ""

    def is_connected(self) -> bool:
        """Tell whether there is a login."""
        client_id = self.client_id()
        return bool(client_id) and Login(client_id).is_there()

    def connect(self, redirect_uri: str) -> PendingLogin:
        """Begin a login; its state has to come back in the same session."""
        pending = begin(find_client_id(), redirect_uri)
        self._pending[pending.state] = pending
        return pending

    def come_back(self, state: str, address: str) -> None:
        """End a login.

        Raises
        ------
        LoginError
            If it was not begun here, or refused.
        """
        pending = self._pending.pop(state, None)
        if pending is None:
            raise LoginError("this login was not begun here, or long ago; connect again")
        finish(pending, address)
        self.forget_plan()

    def disconnect(self) -> list[str]:
        """Delete the login and what is remembered; say what was deleted."""
        if self.is_busy:
            raise UsageError("playlists are being worked on; wait for that")
        self.forget_plan()
        return forget(self._data, find_client_id())

    def move(self, song_id: str, genre: str | None) -> None:
        """Remember where a person wants a song; None is nowhere."""
        self.moves[song_id] = genre

    def start_plan(self, bundle: Bundle, wishes: Wishes, audio: Audio) -> None:
        """Make a plan in a thread of its own."""

        def make(work: Work) -> None:
            self.plan, self.applied, self._audio = None, None, audio
            with self._session() as session:
                self.plan = self._make(session, bundle, wishes, work)

        self._start("planning", make)

    def start_apply(self, bundle: Bundle) -> None:
        """Carry the plan out in a thread of its own; moves made since are planned first."""
        plan = self.plan
        if plan is None:
            raise UsageError("there is no plan yet")

        def carry_out(work: Work) -> None:
            with self._session() as session:
                wanted = plan
                if self.moves != dict(plan.moves):
                    session.check_owner(plan)
                    wanted = self.plan = self._make(session, bundle, plan.wishes, work)
                work.text = "Writing to Spotify"
                total = sum(len(x.add) + len(x.remove) for x in wanted.changes if x.is_needed)
                work.done, work.total = 0, total
                self.applied = session.apply(wanted, lambda each: _note(work, each))
            self.moves = {}

        self._start("applying", carry_out)

    def _make(self, session: Session, bundle: Bundle, wishes: Wishes, work: Work) -> Plan:
        def progress(what: str, done: int, total: int) -> None:
            names = {"reading": "Reading your liked songs", "listening": "Listening to them"}
            work.text, work.done, work.total = names.get(what, what), done, total

        plan = session.plan(
            bundle, wishes, moves=self.moves, deezer=self._deezer(session), progress=progress
        )
        self.notes = list(session.notes)
        if session.trouble:
            self.notes.append(f"Not all songs were heard: {session.trouble}.")
        return plan

    def _deezer(self, session: Session) -> Deezer | None:
        if not self._audio.deezer:
            return None
        deezer = Deezer()
        if not session.catalog.has_consent(deezer.name, deezer.terms):
            if not self._audio.accepted:
                raise UsageError("to hear songs at Deezer its terms have to be accepted")
            with session.catalog.transaction():
                session.catalog.consent(deezer.name, deezer.terms)
        return deezer

    def _session(self) -> Session:
        return Session(self._data, find_client_id())

    def _start(self, what: What, do: Callable[[Work], None]) -> None:
        with self._lock:
            if self.is_busy:
                raise UsageError("playlists are being worked on already; wait for that")
            work = self.work = Work(what)
        threading.Thread(target=self._run, args=(work, do), daemon=True).start()

    def _run(self, work: Work, do: Callable[[Work], None]) -> None:
        try:
            do(work)
        except AudiogenreError as error:
            work.error, work.login_again = str(error), isinstance(error, LoginError)
        except Exception:
            logger.exception("playlists")
            work.error = "something went wrong here, and the server's log says what"
        finally:
            work.finished = True


def _note(work: Work, written: Written) -> None:
    count = f"{written.songs} " if written.songs else ""
    work.log.append(f"{written.genre}: {count}{_SAID[written.what]}")
    work.done += written.songs


def rows(plan: Plan, moves: Mapping[str, str | None]) -> dict[str, list[dict[str, object]]]:
    """Return the songs of each playlist there is to be, and of none (""), as they are shown."""
    added = {each.genre: {song.id for song in each.add} for each in plan.changes}
    out = {each.genre: {song.id for song in each.stay_out} for each in plan.changes}
    found: dict[str, list[dict[str, object]]] = {each.genre: [] for each in plan.changes}
    found[""] = []
    for placed in plan.placements:
        for genre in placed.playlists or ("",):
            song = placed.song
            state = "new" if song.id in added.get(genre, ()) else ""
            if song.id in out.get(genre, ()):
                state = "you took it out"
            moved = song.id in moves and moves[song.id] not in placed.playlists
            found.setdefault(genre, []).append(
                {
                    "id": song.id,
                    "title": song.title or song.id,
                    "artist": song.artist or "unknown artist",
                    "genre": placed.genre,
                    "probability": placed.probability,
                    "why": placed.why,
                    "state": f"goes to {moves[song.id] or 'none'}" if moved else state,
                    "by_hand": placed.by_hand,
                }
            )
    return found
