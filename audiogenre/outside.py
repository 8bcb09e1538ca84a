"""A test set from elsewhere: whose clips count, and how a model does on them."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from audiogenre import evaluation, phone, songs, splits
from audiogenre.bundle import Bundle
from audiogenre.catalog import Catalog
from audiogenre.errors import UsageError
from audiogenre.genres import GenreTree
from audiogenre.sidebyside import read_entry
from audiogenre.sources.folder import FolderSource
from audiogenre.typing import Problem, Track

CONDITIONS = ("clean", "phone")
Watch = Callable[[Iterator[Any], int], Iterator[Any]]


@dataclass(frozen=True)
class OutsideSet:
    """Clips that a model can be judged by, and what had to be left out.

    Attributes
    ----------
    clips : DataFrame
        A row a file: path, label, artist, title, isrc, sha256.
    unknown_labels : dict of str to int
        Labels that the model does not know, with their numbers of clips.
    unlabelled : int
        Clips without a label.
    failures : list of (path, error)
    notes : list of str
        What the folder says of itself.
    """

    clips: pd.DataFrame
    unknown_labels: dict[str, int]
    unlabelled: int
    failures: list[tuple[str, str]]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Judged:
    """What a model answered.

    Attributes
    ----------
    answers : DataFrame
        A row a song that can be read: the columns of `OutsideSet.clips`, group (rows by the same
        artists), artist_known, and ``CONDITION_predicted``, ``_known`` and ``_probability``.
    duplicates : int
        Further clips of a song, which were left out.
    failures : list of (path, error)
    """

    answers: pd.DataFrame
    duplicates: int
    failures: list[tuple[str, str]]


def read_outside(source: FolderSource, bundle: Bundle, tree: GenreTree) -> OutsideSet:
    """Find the clips of a folder whose labels a model knows.

    A track with several labels counts as the first of them that the model knows.

    Parameters
    ----------
    source : FolderSource
    bundle : Bundle
    tree : GenreTree
        What is another name of what.

    Raises
    ------
    UsageError
        If there is no such clip.
    """
    kind, parents = bundle.metadata["label_kind"], bool(bundle.metadata.get("parents"))
    failures: list[tuple[str, str]] = []
    rows: list[dict[str, Any]] = []
    unknown: Counter[str] = Counter()
    unlabelled = 0
    for track in source.tracks():
        if isinstance(track, Problem):
            failures.append((str(source.path), track.reason))
            continue
        said = [each.name for each in track.labels if each.kind == kind]
        named = [
            each if each in bundle.labels or kind != "genre" else tree.label(each, parents=parents)
            for each in said
        ]
        label = next((each for each in named if each in bundle.labels), None)
        if label is None:
            unlabelled += not said
            unknown.update(named[:1])
            continue
        path = cast(Path, track.path)
        try:
            sha256 = file_hash(path)
        except OSError as error:
            failures.append((os.fspath(path), f"unreadable: {error.strerror}"))
            continue
        rows.append(_row(track, path, label, sha256))
    clips = pd.DataFrame(rows, columns=["path", "label", "artist", "title", "isrc", "sha256"])
    if clips.empty:
        there = f"there are {', '.join(sorted(unknown))}" if unknown else "no clip has a label"
        raise UsageError(
            f"no audio in {source.path} has a label that the model {bundle.name!r} knows "
            f"({', '.join(bundle.labels)}); {there}"
        )
    return OutsideSet(
        clips=clips,
        unknown_labels=dict(sorted(unknown.items())),
        unlabelled=unlabelled,
        failures=failures,
        notes=source.notes,
    )


def file_hash(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _row(track: Track, path: Path, label: str, sha256: str) -> dict[str, Any]:
    told = {key: getattr(track, key) or "" for key in ("artist", "title", "isrc")}
    return {"path": os.fspath(path), "label": label, "sha256": sha256, **told}


def _one_a_song(clips: pd.DataFrame) -> pd.DataFrame:
    """Keep the first clip of each song, and tell which are by the same artist."""
    rows = clips.assign(duration=None).itertuples()
    first = clips.assign(song=splits.connect(songs.song_keys(rows))).drop_duplicates("song")
    names = [[songs.plain(x) for x in splits.artist_names(each)] for each in first["artist"]]
    known = np.array([bool(each) for each in names])
    return first.assign(group=splits.connect(names), artist_known=known).reset_index(drop=True)


def familiar(bundle: Bundle, catalog: Catalog) -> set[str]:
    """Return the hashes of the catalogue's audio that is not of test tracks of the model.

    Raises
    ------
    BundleError
        If the model's test predictions cannot be read.
    """
    tested = read_entry(bundle.path).predictions.index
    return {each.sha256 for track, each in catalog.previews().items() if track not in tested}


def as_by_phone(
    y: npt.NDArray[np.float32], sr: int, path: str | os.PathLike[str]
) -> npt.NDArray[np.float32]:
    """Return a file's signal as a phone would record it."""
    return phone.simulate(y, sr, seed=file_hash(path))


def judge(
    bundle: Bundle,
    outside: OutsideSet,
    conditions: tuple[str, ...],
    *,
    jobs: int = 1,
    watch: Watch = lambda answers, total: answers,
) -> Judged:
    """Have a model answer every clip under every condition.

    Parameters
    ----------
    conditions : tuple of {"clean", "phone"}
        In this order.
    watch : callable
        Given the answers as they come and their number, passes them on: a progress bar.

    Raises
    ------
    UsageError
        If no clip can be read.
    """
    failures = list(outside.failures)  # several may be of one path, that of the folder
    readable = _answer(bundle, outside.clips, "clean", failures, jobs, watch)
    answers = _one_a_song(readable)  # of those that can be read: a damaged copy counts for nothing
    for condition in conditions[1:]:
        answers = _answer(bundle, answers, condition, failures, jobs, watch)
    return Judged(answers, len(readable) - len(answers), failures)


def _answer(
    bundle: Bundle,
    clips: pd.DataFrame,
    condition: str,
    failures: list[tuple[str, str]],
    jobs: int,
    watch: Watch,
) -> pd.DataFrame:
    """Return the clips that can be read, with the model's answers; enter the others."""
    paths = list(clips["path"])
    change = as_by_phone if condition == "phone" else None
    rows: list[dict[str, Any]] = []
    n_before = len(failures)
    for path, answer, error in watch(
        bundle.predict_each(paths, n_jobs=jobs, change=change), len(paths)
    ):
        rows.append({})
        if answer is None:
            failures.append((os.fspath(path), error))
        else:
            whole = answer.iloc[0]
            rows[-1] = {"predicted": whole["nearest"]} | {
                key: whole[key] for key in ("known", "probability")
            }
    answered = [bool(row) for row in rows]
    if not any(answered):
        path, error = failures[n_before]
        raise UsageError(f"none of the {len(paths)} clips can be read (first {path}: {error})")
    table = pd.DataFrame(rows, index=clips.index).add_prefix(f"{condition}_")
    return clips.join(table)[answered]


def protocol(answers: pd.DataFrame) -> str:
    """Return what a model was judged by, and what its intervals resample, in words."""
    known = float(answers["artist_known"].mean())
    over = "artists"
    if known == 0:
        over = "clips (no artist is known)"
    elif known < 1:
        over = f"artists (known for {known:.0%} of the clips, each other one counts for itself)"
    return f"outside test set, interval over {over}"


def scores(answers: pd.DataFrame, condition: str, labels: list[str]) -> dict[str, Any]:
    """Return the scores of a condition, means over labels being over those that the clips have.

    The confusion counts go over all labels of the model, as it may answer each of them.
    """
    y = answers["label"].to_numpy(dtype=str)
    predicted = answers[f"{condition}_predicted"].to_numpy(dtype=str)
    groups = answers["group"].to_numpy()
    there = [label for label in labels if label in set(y)]
    known = answers[f"{condition}_known"].to_numpy(dtype=bool)
    right = (y == predicted).astype(np.float64)
    return {
        "protocol": protocol(answers),
        "n": len(y),
        "n_groups": len(np.unique(groups)),
        "accuracy": evaluation.accuracy(y, predicted),
        "interval": evaluation.interval(right, groups),
        "macro_f1": evaluation.macro_f1(y, predicted, there),
        "unknown_share": float(1 - known.mean()),
        "per_label": evaluation.per_label(y, predicted, there),
        "confusion": evaluation.confusion(y, predicted, labels).tolist(),
    }


def difference(answers: pd.DataFrame) -> dict[str, Any]:
    """Return accuracy by phone less accuracy as the clips are, on the same clips."""
    by_phone, clean = (
        np.asarray(answers[f"{each}_predicted"] == answers["label"], dtype=np.float64)
        for each in ("phone", "clean")
    )
    return vars(evaluation.paired_difference(by_phone, clean, answers["group"].to_numpy()))
