"""The words that several floors share: records of a track, and the Protocols to extend by."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

LabelKind = Literal["genre", "mood"]
LISTING = "listing"  # the reason of a Problem that is not a track's
LABEL_KINDS: tuple[LabelKind, ...] = ("genre", "mood")


@dataclass(frozen=True)
class Label:
    """A genre or mood of a track, and who said so."""

    kind: LabelKind
    name: str
    provenance: str


@dataclass(frozen=True)
class Track:
    """One song as a source lists it.

    Attributes
    ----------
    id : str
        ``SOURCE:ID``, the same every time the source is asked.
    duration : float or None
        Length of the whole song in seconds, not of its preview.
    split : {"train", "test"} or None
        The side of the source's own artist-disjoint split, if it has one.
    path : Path or None
        Where the audio lies, if it is read in place.
    features : Mapping
        Values a source already has, ``{set name: {column: value}}``.
    audio : bool
        Whether the source has audio of it.
    """

    id: str
    source: str
    labels: tuple[Label, ...] = ()
    title: str | None = None
    artist: str | None = None
    album: str | None = None
    isrc: str | None = None
    licence: str | None = None
    duration: float | None = None
    split: str | None = None
    path: Path | None = None
    features: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    audio: bool = True


@dataclass(frozen=True)
class Problem:
    """Something a source could not use: it goes to the ledger instead of the catalogue.

    A `passing` one is not the item's fault, and is asked for again the next time.
    """

    item: str
    reason: str
    passing: bool = False


@dataclass(frozen=True)
class Memory:
    """What the catalogue and the store remember, for a source that has to know.

    Attributes
    ----------
    tracks : callable
        Returns every track by id.
    failed : callable
        Returns the items of the ledger that are not to be tried again now.
    measured : callable
        Returns the ids of the tracks with measured attributes.
    blocked : Mapping
        Hosts that want to be left alone, and until when.
    """

    tracks: Callable[[], Mapping[str, Track]]
    failed: Callable[[], Collection[str]]
    measured: Callable[[], Collection[str]]
    blocked: Mapping[str, float]


class Source(Protocol):
    """Where tracks come from. Making one checks its options; asking it does the work.

    Attributes
    ----------
    notes : list of str
        Sentences about the listing as a whole (what was cleaned, what was ignored); complete once
        `tracks` is exhausted.
    terms : str
        What may be done with what comes from here; empty if there is nothing to be said.
    restricted : bool
        Whether a person has to accept the terms first.
    partial : bool
        Whether a listing shows only part of what the source has (a chart, a search): then labels
        add up over time, and what failed is tried again although it is no longer listed.
    seconds : float
        Length of a whole preview; 0 if it varies.
    blocked : dict
        Hosts that want to be left alone, and until when (seconds since the epoch).
    """

    name: str
    notes: list[str]
    terms: str
    restricted: bool
    partial: bool
    seconds: float
    blocked: dict[str, float]

    def begin(self, memory: Memory) -> None:
        """Learn what is known from earlier."""
        ...

    def tracks(self) -> Iterator[Track | Problem]:
        """List every track, cheaply, in a stable order."""
        ...

    def fetch(self, track: Track) -> bytes:
        """Return the bytes of one preview; only called for a track without a `path`."""
        ...

    def described(self, track: Track) -> Track:
        """Return a track with what has become known of it while it was fetched."""
        ...

    def stop(self) -> None:
        """Let what is being fetched come to its end soon."""
        ...

    def end(self) -> None:
        """Let go of connections."""
        ...


class Classifier(Protocol):
    """A family of models: builds an estimator and the candidates to search; nothing else.

    Attributes
    ----------
    calibrate : bool
        Whether its probabilities have to be calibrated.
    complexity : str
        The candidates' parameter that goes from simple to complex as it grows, or with a minus in
        front, as it falls; empty if there is none.
    extra : str
        The optional packages it needs.
    images : bool
        Whether it learns from spectrogram images instead of columns.
    costly : bool
        Whether one cut into folds has to be enough.
    note : str
        What is to be known of how it learns, a sentence; empty if its name says all.
    """

    name: str
    calibrate: bool = True
    complexity: str = ""
    extra: str = ""
    images: bool = False
    costly: bool = False
    note: str = ""

    def sized(self, n_rows: int) -> Classifier:
        """Return the family that stands for this one where it learns from so many rows."""
        return self

    def build(self, blocks: tuple[str, ...], seed: int) -> Any:
        """Return an unfitted scikit-learn pipeline for columns of these blocks."""
        ...

    def grid(self, n_rows: int, n_columns: int) -> list[dict[str, list[Any]]]:
        """Return the candidates as `GridSearchCV` takes them; empty if there is no choice."""
        ...
