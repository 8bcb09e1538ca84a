"""Artist and album as a source of knowledge, said to be one: the only way they become columns.

A model that knows the artist is right about that artist's other songs and no wiser about anybody
else's. So the score is always given twice, with the artists known and unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from audiogenre import evaluation, splits
from audiogenre.classifiers.context import CONTEXT, ContextClassifier
from audiogenre.dataset import Dataset
from audiogenre.errors import UsageError
from audiogenre.songs import plain

FIELDS = ("artist", "album")
NOBODY = -1.0


def parse(text: str) -> list[str]:
    """Return the fields that ``--context`` names.

    Raises
    ------
    UsageError
        If one is none, or stands there twice.

    Examples
    --------
    >>> parse("artist, album")
    ['artist', 'album']
    """
    fields = [each.strip().casefold() for each in text.split(",")]
    for field in fields:
        if field not in FIELDS:
            raise UsageError(f"--context takes {' and '.join(FIELDS)}, not {field!r}")
    if len(set(fields)) < len(fields):
        raise UsageError(f"--context names {fields[0]!r} twice")
    return fields


def key(field: str, row: Mapping[str, Any]) -> str:
    """Return an artist, or an album with its artist, in a form fit for comparing; "" if unknown.

    Examples
    --------
    >>> song = {"artist": "Björk feat. X", "album": "Début"}
    >>> key("artist", song), key("album", song), key("album", {"artist": "Björk"})
    ('bjork; x', 'bjork; x: debut', '')
    """
    artist = "; ".join(plain(each) for each in splits.artist_names(row.get("artist") or ""))
    if field == "artist":
        return artist
    album = plain(row.get("album") or "")
    return f"{artist}: {album}" if album else ""


def join(
    dataset: Dataset, rows: Mapping[str, Mapping[str, Any]], fields: Sequence[str]
) -> tuple[Dataset, dict[str, dict[str, float]]]:
    """Add a column of codes for each field.

    Parameters
    ----------
    dataset : Dataset
    rows : mapping of track id to its ``artist`` and ``album``
    fields : sequence of str
        Of `FIELDS`.

    Returns
    -------
    dataset : Dataset
        With the blocks ``context/FIELD`` at the end. A row that does not know its artist has a
        code of its own, as nobody else is known to be the same.
    codes : dict of field to name to code
        Of the training part, for clips that come later.

    Raises
    ------
    UsageError
        If artists are on both sides of the split, or no track knows a field.
    """
    if dataset.split == "random":
        raise UsageError(
            "--context goes with --split artist: of a random split the score would be that of "
            "artists it knows; the card says that one, too"
        )
    X, codes = dataset.X.copy(), {}
    for field in fields:
        names = [key(field, rows.get(str(each), {})) for each in X.index]
        known = {name: float(code) for code, name in enumerate(sorted(set(names) - {""}))}
        if not known:
            raise UsageError(f"no track knows its {field}: --context has nothing to learn from")
        alone = len(known) + np.arange(len(X), dtype=np.float64)
        X[column(field)] = [known.get(name, own) for name, own in zip(names, alone, strict=True)]
        learned = {name for name, test in zip(names, dataset.test, strict=True) if not test}
        codes[field] = {name: code for name, code in known.items() if name in learned}
    blocks = dataset.blocks + tuple(f"{CONTEXT}/{field}" for field in fields)
    return replace(dataset, X=X, blocks=blocks), codes


def column(field: str) -> str:
    """Return the name of a field's column."""
    return f"{CONTEXT}:{field}"


def of_tags(
    features: pd.DataFrame, codes: Mapping[str, Mapping[str, float]], tags: Mapping[str, str]
) -> pd.DataFrame:
    """Add what a file's tags say of its artist and album; nobody known if they say nothing."""
    found = {column(each): known.get(key(each, tags), NOBODY) for each, known in codes.items()}
    return features.assign(**found)


def measure(
    dataset: Dataset, family: ContextClassifier, parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Score a model with its artists known and unknown, each with context and without.

    Parameters
    ----------
    dataset : Dataset
        As `join` returns it.
    family : ContextClassifier
    parameters : mapping
        As they were chosen.

    Returns
    -------
    measured : dict
        ``known`` (folds over tracks) and ``unknown`` (over artists), each with ``with`` and
        ``without``: accuracy, interval, n; all rows, each predicted by a model without it.
    """
    X, y, seed = dataset.X.to_numpy(), dataset.y, dataset.seed
    n_plain = sum(not each.startswith(f"{CONTEXT}/") for each in dataset.blocks)
    measured: dict[str, Any] = {}
    for side, groups, name in (
        ("known", np.arange(len(y)), "track folds"),
        ("unknown", dataset.groups, "artist folds"),
    ):
        folds = splits.grouped_folds(y, groups, seed=seed)
        models = {
            "with": (family.build(dataset.blocks, seed), X),
            "without": (family.plain.build(dataset.blocks[:n_plain], seed), X[:, :n_plain]),
        }
        measured[side] = {
            way: _score(model.set_params(**parameters), values, y, groups, folds, dataset.groups)
            | {"protocol": f"{len(folds)} {name}"}
            for way, (model, values) in models.items()
        }
    return measured


def _score(
    model: Any,
    X: npt.NDArray[np.float64],
    y: npt.NDArray[np.str_],
    groups: splits.Groups,
    folds: splits.Folds,
    artists: splits.Groups,
) -> dict[str, Any]:
    from sklearn.base import clone

    from audiogenre.judging import fit_grouped

    right = np.empty(len(y))
    for train, held in folds:
        fitted = fit_grouped(clone(model), X[train], y[train], groups[train])
        right[held] = fitted.predict(X[held]) == y[held]
    return {
        "accuracy": float(right.mean()),
        "interval": list(evaluation.interval(right, artists)),
        "n": len(y),
    }
