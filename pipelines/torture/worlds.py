"""The worlds that commands are tortured in: a folder before, the command, and the folder after."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile as sf

from audiogenre.sources.synth import render
from pipelines.torture.facts import (
    Facts,
    facts_of,
    is_between,
    is_same,
    leftovers,
    without_failures,
)
from pipelines.torture.processes import Ended, Started

GENRES = ("iron stomp", "velvet drift")
TRACKS = 2  # of each artist
SECONDS, SR = 5.2, 22_050  # of a clip; five is the least that is extracted
_COLUMNS = ("energy", "valence", "liveness", "acousticness", "danceability", "speechiness")


class World:
    """A folder as it was before a command, the command, and what it makes of the folder.

    The folder is always at the same place, as catalogues hold absolute paths of music that is read
    in place, and is put back for every trial.

    Parameters
    ----------
    name : str
    root : Path
    command : sequence of str
        The module whose ``main`` it is, and its arguments.
    build : callable
        Given the empty folder, makes it what it is before.
    environment : mapping, optional
    weight : float
        Its share of trials; what takes long has few.
    again : sequence of str
        What the command is told besides, to try again what is not due yet.
    replaces : bool
        Whether it takes something else for what has failed: then there is no one end any more.
    """

    def __init__(
        self,
        name: str,
        root: Path,
        command: Callable[[Path], Sequence[str]],
        build: Callable[[Path], None],
        *,
        environment: Mapping[str, str] | None = None,
        again: Sequence[str] = (),
        replaces: bool = False,
        weight: float = 1.0,
    ) -> None:
        self.name, self.root, self.weight = name, root, weight
        self.folder, self.said = root / name / "now", root / name / "said"
        self.environment = dict(environment or {})
        self.command, self.again, self.replaces = list(command(self.folder)), again, replaces
        self._build = build
        self.before: Facts = Facts()
        self.after: Facts = Facts()
        self.seconds = 0.0
        self.codes = {0}  # what it may end with; run again it may be 0, as failures are not due yet

    def prepare(self) -> None:
        """Build the folder, and run the command undisturbed, twice: it has to end alike."""
        self.said.mkdir(parents=True)
        self.folder.mkdir()
        self._build(self.folder)
        self._copy(self.folder, self._kept)
        self.before = self.facts()
        ends = []
        for _ in range(2):
            self.reset()
            ended = self.run()
            ends.append((ended.code, self.facts()))
            self.seconds = ended.seconds
        code, self.after = ends[0]
        self.codes = {0, code}
        wrong = is_same(ends[1][1], self.after) or leftovers(self.folder)
        if code not in (0, 1) or ends[1][0] != code or wrong:
            raise RuntimeError(f"{self.name} is not even sound undisturbed: {wrong} {ended}")

    @property
    def _kept(self) -> Path:
        return self.root / self.name / "before"

    def reset(self) -> None:
        """Put the folder back to what it was before."""
        self._copy(self._kept, self.folder)

    def _copy(self, source: Path, target: Path) -> None:
        for each in target.iterdir() if target.exists() else ():
            shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)

    def start(
        self,
        options: Sequence[str] = (),
        *,
        held: bool = False,
        largest_file: int | None = None,
        said: Path | None = None,
    ) -> Started:
        """Start the command, with options besides its own."""
        module, *arguments = self.command
        return Started(
            module,
            [*arguments, *options],
            said or self.said,
            environment=self.environment,
            held=held,
            largest_file=largest_file,
        )

    def run(self, options: Sequence[str] = ()) -> Ended:
        """Run the command to its end."""
        return self.start(options).wait()

    def facts(self) -> Facts:
        """Return what there is now."""
        return facts_of(self.folder)

    def what_is_wrong_on_the_way(self, *, some_failed: bool = False) -> str:
        """Tell what is wrong with a folder in which the command was cut off; "" if nothing is.

        Parameters
        ----------
        some_failed : bool
            Whether the command says that something has failed.
        """
        try:
            found = self.facts()
            if some_failed and self.replaces:
                return ""
            facts = (found, self.before, self.after)
            return is_between(*(map(without_failures, facts) if some_failed else facts))
        except Exception as error:  # whatever cannot be read is half written
            return f"cannot be read: {error}"

    def what_is_wrong_at_the_end(self, *, tidy: bool = True) -> str:
        """Tell what is wrong after the command has been run to its end; "" if nothing is.

        Parameters
        ----------
        tidy : bool
            Whether nothing half written may be left: not all of it could be deleted, perhaps.
        """
        try:
            wrong = is_same(self.facts(), self.after)
        except Exception as error:
            return f"cannot be read: {error}"
        left = leftovers(self.folder) if tidy else []
        return wrong or (f"left behind: {', '.join(left)}" if left else "")


def music(folder: Path, *, artists: int, suffix: str = "wav") -> None:
    """Write clips with a manifest, labelled, and by so many artists of each genre."""
    folder.mkdir(parents=True)
    rows = []
    for genre in GENRES:
        for artist in range(artists):
            for track in range(TRACKS):
                name = f"{genre.replace(' ', '-')}-{artist}-{track}.{suffix}"
                y = render(genre, artist=artist, track=track, seconds=SECONDS)
                sf.write(folder / name, y, SR)
                rows.append((name, genre, f"{genre} {artist}"))
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "genre", "artist"), *rows])


def table(path: Path, artists: Sequence[int]) -> None:
    """Write a table of attributes: two tracks of artists of each genre."""
    rng = np.random.default_rng(0)
    rows = []
    for place, genre in enumerate((*GENRES, "tin carnival")):
        centre = np.where(np.arange(len(_COLUMNS)) % 3 == place, 0.65, 0.35)
        for artist in range(max(artists) + 1):
            sound = centre + rng.normal(scale=0.12, size=len(centre))
            for number in range(TRACKS):
                values = np.clip(sound + rng.normal(scale=0.03, size=len(sound)), 0, 1)
                row = {"track_id": f"{place}-{artist}-{number}", "genre": genre}
                row |= {"artist": f"{genre} {artist}"}
                if artist in artists:
                    rows.append(row | dict(zip(_COLUMNS, values, strict=True)))
    pd.DataFrame(rows).to_csv(path, index=False)


def call(said: Path, *command: object) -> None:
    """Run a command that has to succeed, to build a world; its words go into the folder `said`."""
    ended = Started(str(command[0]), [str(each) for each in command[1:]], said).wait()
    if ended.code != 0:
        raise RuntimeError(f"{command} ended with {ended.code}: {ended.out}{ended.err}")
