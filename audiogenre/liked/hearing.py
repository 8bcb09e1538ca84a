"""From liked songs to what a model says of them: the data folder first, then audio from Deezer."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from audiogenre.audio import PASSING, decode
from audiogenre.bundle import Bundle
from audiogenre.catalog import Catalog, Preview
from audiogenre.errors import (
    AudioError,
    AudiogenreError,
    FetchError,
    HostBusyError,
    MissingExtraError,
    UsageError,
)
from audiogenre.extraction import compute, compute_something
from audiogenre.features import FeatureSet
from audiogenre.liked.library import Library, answer
from audiogenre.liked.memory import Memory, Numbers, Unheard, is_due
from audiogenre.liked.records import Answer, NoAnswer, Song
from audiogenre.measuring import clip_seconds
from audiogenre.metadata import sets_of
from audiogenre.pool import workers
from audiogenre.previews import obtain, patience
from audiogenre.sources.deezer import Deezer
from audiogenre.storage import Storage, audio, place, remove
from audiogenre.typing import Source, Track

_THREADS = 4  # enough for as many songs as Deezer gives
_LATER = 30 * 24 * 3600.0  # s until a service is asked again for what it does not have
_FOLDER = ".listening"

Progress = Callable[[int, int], None]
_Heard = tuple[Numbers, Track | None, Preview | None]


@dataclass(frozen=True)
class Ears:
    """What it takes to hear a song: a model's features, and where audio comes from.

    Attributes
    ----------
    deezer : Deezer or None
        None asks no service.
    keep_audio : bool
        Whether previews stay in the data folder, and in its catalogue.
    """

    bundle: Bundle
    catalog: Catalog
    data: Path
    deezer: Deezer | None = None
    keep_audio: bool = False


def answers(
    songs: Iterable[Song],
    ears: Ears,
    memory: Memory,
    progress: Progress = lambda done, total: None,
) -> tuple[dict[str, Answer | NoAnswer], AudiogenreError | None]:
    """Ask a model about songs; what was heard once is remembered, and not asked for again.

    Parameters
    ----------
    progress : callable
        Told how many of how many songs have been listened to.

    Returns
    -------
    answers : dict of str to Answer or NoAnswer
        By song id, of every song.
    trouble : HostBusyError, AudioError or None
        Why not all was heard that should have been, and will be the next time.

    Raises
    ------
    UsageError
        If the model cannot be asked about songs.
    """
    if ears.bundle.sees_images:
        raise UsageError(
            f"the model {ears.bundle.name!r} looks at images, which are not kept: playlists take "
            "a model that reads features"
        )
    shutil.rmtree(ears.data / _FOLDER, ignore_errors=True)  # of a run that was killed
    library = Library(ears.catalog, ears.data, ears.bundle)
    key = features_key(ears.bundle)
    remembered, missed = memory.heard(key), memory.unheard()
    numbers: dict[str, Numbers] = {}
    missing: dict[str, str] = {}
    wanted: list[tuple[Song, Path | None]] = []
    order: list[str] = []
    for song in songs:
        order.append(song.id)
        found = library.features(song)
        found = remembered.get(song.id) if found is None else found
        if found is not None:
            numbers[song.id] = found
            continue
        path = library.audio(song)
        why = _why_not(song, path, ears, missed.get(song.id))
        if why:
            missing[song.id] = why
        else:
            wanted.append((song, path))
    hearing = _Hearing(ears, memory, missed, key)
    if wanted:
        hearing.run(wanted, progress)
    known = numbers | hearing.numbers
    # In the songs' own order: where a row stands among the others decides on its last digit.
    found_all = answer(ears.bundle, {each: known[each] for each in order if each in known})
    left = {key: NoAnswer(why) for key, why in (missing | hearing.missing).items()}
    return found_all | left, hearing.busy or hearing.unread


def features_key(bundle: Bundle) -> str:
    """Return a name for the features of a model, the same for all models that read them."""
    return "+".join(f"{each['name']}-{each['fingerprint']}" for each in bundle.metadata["sets"])


def _why_not(song: Song, path: Path | None, ears: Ears, missed: Unheard | None) -> str:
    """Say why a song cannot be listened to now; empty if it can."""
    if path is not None:
        return ""
    if ears.deezer is None:
        return "not in the library"
    if not song.isrc:
        return "no audio: it has no ISRC to find it by"
    return f"no audio: {missed.reason}" if missed and not is_due(missed) else ""


class _Hearing:
    """Listening to songs in threads; memory and catalogue are only touched by this one."""

    def __init__(self, ears: Ears, memory: Memory, missed: Mapping[str, Unheard], key: str) -> None:
        self.numbers: dict[str, Numbers] = {}
        self.missing: dict[str, str] = {}
        self.busy: HostBusyError | None = None
        self.unread: AudioError | None = None
        self._ears, self._memory, self._missed, self._key = ears, memory, missed, key
        self._folder = ears.data / ("" if ears.keep_audio else _FOLDER)

    def run(self, wanted: list[tuple[Song, Path | None]], progress: Progress) -> None:
        """Listen to songs, each once; what was heard before an interruption is kept."""
        try:
            sets = sets_of(self._ears.bundle.metadata)
        except MissingExtraError:
            raise
        except UsageError:  # it reads what audio does not give
            self.missing = {song.id: "not in the library" for song, _ in wanted}
            return
        compute_something([each.name for each in sets])
        if self._ears.deezer is not None:
            _ = self._ears.deezer.client  # made here, once for all threads
        progress(0, len(wanted))
        recordings: dict[tuple[str, Path | None], list[Song]] = {}
        for song, path in wanted:  # two songs of one recording are one file
            recordings.setdefault((song.isrc or song.id, path), []).append(song)
        pool = ThreadPoolExecutor(_THREADS)
        try:
            with workers(1, first=lambda: None):  # the threads are the pool
                songs = {
                    pool.submit(self._hear, same[0], path, sets): same
                    for (_, path), same in recordings.items()
                }
                done = 0
                for future in as_completed(songs):
                    for song in songs[future]:
                        self._take(song, future)
                    done += len(songs[future])
                    progress(done, len(wanted))
        except BaseException:
            if self._ears.deezer is not None:
                self._ears.deezer.stop()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
            if not self._ears.keep_audio:
                shutil.rmtree(self._folder, ignore_errors=True)

    def _hear(self, song: Song, path: Path | None, sets: list[FeatureSet]) -> _Heard:
        """Get the features of one recording, in a thread of its own.

        Raises
        ------
        AudioError, FetchError
            If there is no audio, or none that can be used.
        MissingExtraError
            If its format takes an optional package.
        """
        track = preview = None
        address = str(path)
        if path is None:
            track, preview = self._fetch(song)
            address = Storage(self._folder).address(preview.path)
        try:
            y, sr = decode(audio(address), max_seconds=clip_seconds(sets))
        finally:
            if preview is not None and not self._ears.keep_audio:
                remove(place(address))
        return np.hstack([compute(each, y, sr) for each in sets]), track, preview

    def _fetch(self, song: Song) -> tuple[Track, Preview]:
        deezer = self._ears.deezer
        assert deezer is not None
        if self.busy is not None:
            raise self.busy
        missed = self._missed.get(song.id)
        tried = missed.attempts if missed else 0
        found = deezer.recording(song.isrc)
        track, result = obtain(cast(Source, deezer), found, self._folder, tried=tried)
        if isinstance(result, Preview):
            return track, result
        if result.reason == HostBusyError.REASON:
            raise HostBusyError("Deezer", result.next_try or 0.0)
        raise FetchError(result.reason, result.detail, final=result.next_try is None)

    def _take(self, song: Song, future: Future[_Heard]) -> None:
        """Take over what has become of a song."""
        try:
            numbers, track, preview = future.result()
        except HostBusyError as error:
            self.busy = error
            self.missing[song.id] = "not heard yet: Deezer wants to be left alone"
        except MissingExtraError as error:  # may be there the next time: not remembered
            self.missing[song.id] = f"no audio: {error}"
        except (AudioError, FetchError) as error:
            self.missing[song.id] = f"no audio: {error.reason}"
            if isinstance(error, AudioError) and error.reason in PASSING:
                self.unread = error  # the disk may give it the next time
                return
            final = isinstance(error, AudioError) or error.final
            missed = self._missed.get(song.id)
            wait = _LATER if final else patience(missed.attempts if missed else 0)
            self._memory.miss(song.id, error.reason, time.time() + wait)
        else:
            self._memory.hear(song.id, self._key, numbers)
            self.numbers[song.id] = numbers
            if self._ears.keep_audio and track and preview:
                with self._ears.catalog.transaction():
                    self._ears.catalog.add(track, preview)
