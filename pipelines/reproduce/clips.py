"""Clips of the earlier systems, through the commands: download, extract, then a dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from audiogenre import download as download_command
from audiogenre import extract as extract_command
from audiogenre.candidates import search
from audiogenre.catalog import Catalog
from audiogenre.dataset import Dataset, load_dataset
from audiogenre.extraction import default_fingerprints, stored_set
from audiogenre.phone import copy_name
from audiogenre.songs import plain
from audiogenre.splits import artist_names, grouped_folds
from audiogenre.store import FeatureStore
from audiogenre.typing import Classifier
from pipelines.benchmark.recordings import nested
from pipelines.reproduce.protocols import BEST, Score, on_test


def features(
    path: Path,
    work: Path,
    set_name: str,
    *,
    source: str = "folder",
    augment: bool = False,
    jobs: int = 1,
) -> Dataset:
    """Return the features of a folder of clips; what was computed before is taken as it is.

    Raises
    ------
    MissingExtraError
        If the set, or `augment` (a copy of each clip as by phone), needs something else installed.
    """
    stored_set(copy_name(set_name) if augment else set_name)
    common = ["--data", str(work), "-q"]
    copies = ["--augment", "phone"] if augment else []
    if download_command.main(["--source", source, "--path", str(path), *common]) > 1:
        raise SystemExit(2)
    if extract_command.main(["--set", set_name, "--jobs", str(jobs), *copies, *common]) > 1:
        raise SystemExit(2)
    with Catalog(work / "catalog.db") as catalog:
        return load_dataset(
            catalog,
            FeatureStore.of(work),
            features="extracted",
            set_name=set_name,
            fingerprints=default_fingerprints(),
            augment=augment,
        )


def artists(work: Path, dataset: Dataset) -> list[set[str]]:
    """Return the artists of each row of `features`, spelt for comparing; none where unknown."""
    with Catalog(work / "catalog.db") as catalog:
        known = catalog.known()
    credits = [known[each].artist or "" for each in dataset.X.index]
    return [{plain(name) for name in artist_names(each)} for each in credits]


def own_split(dataset: Dataset, family: Classifier, *, jobs: int = 1) -> Score:
    """Choose on folds of the training part of the set's own split, answer its test part."""
    train, test = np.flatnonzero(~dataset.test), np.flatnonzero(dataset.test)
    folds = grouped_folds(dataset.y[train], dataset.groups[train], seed=0)
    return on_test(dataset, family, train, test, folds, jobs=jobs)


def by_phone(
    dataset: Dataset, family: Classifier, *, repeats: int, jobs: int = 1
) -> tuple[Score, Score]:
    """Cross-validate on simulated recordings of the clips.

    Parameters
    ----------
    dataset : Dataset
        With copies.

    Returns
    -------
    clean, augmented : Score
        Learned from clips as they are, and from one copy of each as well.
    """
    answers = nested(dataset, family, seeds=repeats, tolerance=BEST, jobs=jobs)
    y = np.tile(dataset.y, (repeats, 1))
    clean, augmented = (
        Score(y, answers[trained, "by phone"], dataset.groups) for trained in ("clean", "augmented")
    )
    return clean, augmented


def on_recordings(
    dataset: Dataset,
    recordings: Dataset,
    family: Classifier,
    *,
    recorded: npt.NDArray[np.bool_],
    jobs: int = 1,
) -> tuple[Score, Score]:
    """Learn from the training part of clips, answer recordings made elsewhere.

    Parameters
    ----------
    dataset : Dataset
        With copies.
    recordings : Dataset
        With the same columns.
    recorded : ndarray, shape (n,), bool
        Which clips are by an artist of a recording: neither they nor their groups are learned from.

    Returns
    -------
    clean, augmented : Score
        Learned from clips as they are, and from one simulated copy of each as well.
    """
    train = ~dataset.test & ~np.isin(dataset.groups, dataset.groups[recorded])
    y, groups = dataset.y[train], dataset.groups[train]
    folds = grouped_folds(y, groups, seed=0)

    def score(X: npt.NDArray[np.float64]) -> Score:
        model, _ = search(
            family,
            X[train],
            y,
            folds,
            dataset.blocks,
            groups=groups,
            tolerance=BEST,
            jobs=jobs,
        )
        predicted = model.predict(recordings.X[dataset.X.columns].to_numpy())
        return Score(recordings.y[None], predicted[None], recordings.groups)

    return score(dataset.X.to_numpy()), score(dataset.with_copies())
