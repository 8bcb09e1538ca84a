"""Everything a plan needs, opened and closed together: what the command and the page begin with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from audiogenre.bundle import Bundle
from audiogenre.catalog import Catalog
from audiogenre.errors import AudiogenreError, StoreError, UsageError
from audiogenre.liked import hearing, sync
from audiogenre.liked.account import Account
from audiogenre.liked.login import Login
from audiogenre.liked.memory import Memory, memory_path
from audiogenre.liked.records import Liked, Plan, User, Wishes
from audiogenre.net import MAX_WAIT
from audiogenre.sources.deezer import Deezer

Progress = Callable[[str, int, int], None]  # what is being done, how much of how much


class Session:
    """A person's account, a data folder, and what is remembered of the two.

    Parameters
    ----------
    data : Path
        The data folder.
    client_id : str
    max_wait : float, s
        How long a request may wait for a busy service.

    Attributes
    ----------
    notes : list of str
        Sentences for the person about what was noticed on the way.

    Raises
    ------
    UsageError
        On entering, if another one is at work on this data folder.
    LoginError
        On entering, if nobody is logged in.
    """

    def __init__(self, data: Path, client_id: str, *, max_wait: float = MAX_WAIT) -> None:
        self.notes: list[str] = []
        self.trouble: AudiogenreError | None = None
        self._data, self._client_id, self._max_wait = data, client_id, max_wait

    def __enter__(self) -> Session:
        login = Login(self._client_id)
        login.check()
        with ExitStack() as opened:
            opened.enter_context(self._alone())
            self.catalog = opened.enter_context(Catalog(self._data / "catalog.db"))
            self._blocked = self.catalog.blocked()
            opened.callback(self._remember_blocked)
            self.memory = opened.enter_context(Memory(memory_path(self._data, self._client_id)))
            self.account = Account(login, max_wait=self._max_wait, blocked=self._blocked)
            opened.callback(self.account.close)
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._opened.__exit__(*error)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock = FileLock(self._data / ".playlists.lock")
        try:
            self._data.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout as error:
            raise UsageError("playlists are being worked on already; wait for that") from error
        except OSError as error:
            raise StoreError(f"cannot write to {self._data}: {error.strerror}") from error
        try:
            yield
        finally:
            lock.release()

    def _remember_blocked(self) -> None:
        with self.catalog.transaction():
            self.catalog.block(self._blocked)

    def liked(self, progress: Progress = lambda what, done, total: None) -> tuple[User, Liked]:
        """Read whose account it is, and the liked songs."""
        user = self.account.user()
        if self.memory.belong_to(user):
            self.notes.append("this is another account; what was remembered of the last is deleted")
        liked = self.account.liked(lambda done, total: progress("reading", done, total))
        self.memory.keep_only(liked.songs)
        return user, liked

    def plan(
        self,
        bundle: Bundle,
        wishes: Wishes,
        *,
        moves: Mapping[str, str | None] | None = None,
        deezer: Deezer | None = None,
        keep_audio: bool = False,
        progress: Progress = lambda what, done, total: None,
    ) -> Plan:
        """Read, listen, look and compare; nothing is written to Spotify.

        Parameters
        ----------
        bundle : Bundle
            The model.
        wishes : Wishes
        moves : mapping of song id to genre or None, optional
            Songs that the person has moved by hand since.
        deezer : Deezer, optional
            Where songs are heard that the data folder does not know; its terms are accepted.
        keep_audio : bool
            Whether what is heard there stays in the data folder.

        Raises
        ------
        UsageError
            If the model cannot tell what is wanted.
        FetchError
            If Spotify does not answer, or wants to be left alone.
        LoginError
            If the login has ended.
        """
        sync.check(wishes, bundle.labels)
        user, liked = self.liked(progress)
        ears = hearing.Ears(bundle, self.catalog, self._data, deezer, keep_audio)
        if deezer is not None:
            deezer.blocked.update(self.catalog.blocked())
        try:
            answers, self.trouble = hearing.answers(
                liked.songs,
                ears,
                self.memory,
                lambda done, total: progress("listening", done, total),
            )
        finally:
            if deezer is not None:
                self._blocked |= deezer.blocked
                deezer.end()
        return sync.make_plan(
            self.account,
            self.memory,
            user,
            liked,
            answers,
            wishes,
            model=bundle.name,
            moves=moves,
        )

    def check_owner(self, plan: Plan) -> None:
        """Check that a plan is of the account that is logged in now.

        Raises
        ------
        UsageError
        """
        if self.account.user().id != plan.user.id:
            raise UsageError(
                f"the plan is of another account ({plan.user.name}); make one for this login"
            )

    def apply(self, plan: Plan, told: sync.Told = lambda written: None) -> sync.Applied:
        """Carry a plan out (`audiogenre.liked.sync.apply`).

        Raises
        ------
        UsageError
            If it is another account's.
        """
        self.check_owner(plan)
        return sync.apply(plan, self.account, self.memory, told)


def forget(data: Path, client_id: str) -> list[str]:
    """Delete the login and everything that is remembered of the account; say what was deleted.

    The playlists at Spotify stay; they are the person's own.
    """
    deleted = []
    if Login(client_id).delete():
        deleted.append("the login to Spotify")
    path = memory_path(data, client_id)
    if path.is_file():
        deleted.append(
            "what was remembered of the account: which songs went into which playlist, which were "
            "taken out or moved by hand, and the features of songs that were heard"
        )
    for each in (path, *(path.with_name(path.name + end) for end in ("-journal", "-wal", "-shm"))):
        each.unlink(missing_ok=True)
    return deleted
