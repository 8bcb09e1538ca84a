"""What phone recordings cost a model, and what learning from simulated ones brings back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from audiogenre import evaluation
from audiogenre.candidates import search, search_folds
from audiogenre.catalog import Catalog
from audiogenre.classifiers import CLASSIFIERS
from audiogenre.dataset import Dataset, load_dataset
from audiogenre.phone import copy_name
from audiogenre.splits import N_FOLDS, grouped_folds
from audiogenre.store import FeatureStore
from audiogenre.tuning import TOLERANCE
from audiogenre.typing import Classifier
from pipelines.benchmark.measures import extract

Row = dict[str, Any]
Values = npt.NDArray[np.float64]
Answers = dict[tuple[str, str], npt.NDArray[np.str_]]

SETS = ("full", "musicnn")


def phone(data: Path, *, seeds: int = 5, jobs: int = 2) -> list[Row]:
    """Nested accuracy of the SVC on clips and on their simulated recordings, two ways trained."""
    return [row for name in SETS for row in _of_set(data, name, seeds=seeds, jobs=jobs)]


def _of_set(data: Path, name: str, *, seeds: int, jobs: int) -> list[Row]:
    extract(data, [name, copy_name(name)], jobs=jobs)
    store = FeatureStore.of(data)
    with Catalog(data / "catalog.db") as catalog:
        dataset = load_dataset(catalog, store, features="extracted", set_name=name, augment=True)
    answers = nested(dataset, CLASSIFIERS["svc"], seeds=seeds, jobs=jobs)
    protocol = (
        f"svc, nested, artist-grouped outer folds x {seeds} seeds, tolerance {TOLERANCE:g}, "
        f"n = {len(dataset.y)}, {len(dataset.labels)} labels, interval over artists"
    )

    def row(what: str, values: Values, unit: str) -> Row:
        low, high = evaluation.interval(values, dataset.groups)
        return {
            "what": f"{name}, {what}",
            "value": 100 * float(values.mean()),
            "unit": unit,
            "protocol": protocol,
            "interval": [100 * low, 100 * high],
        }

    right = {key: (each == dataset.y).mean(axis=0) for key, each in answers.items()}
    clean, augmented = right["clean", "clean"], right["augmented", "clean"]
    return [
        *(
            row(f"trained {trained}, tested {tested}", values, "%")
            for (trained, tested), values in right.items()
        ),
        row("trained clean: by phone less clean", right["clean", "by phone"] - clean, "points"),
        row("augmented: by phone less clean", right["augmented", "by phone"] - augmented, "points"),
        row("tested clean: augmented less trained clean", augmented - clean, "points"),
    ]


def nested(
    dataset: Dataset,
    family: Classifier,
    *,
    seeds: int,
    tolerance: float = TOLERANCE,
    n_splits: int = N_FOLDS,
    jobs: int = 1,
) -> Answers:
    """Predict rows and their copies from models that have seen neither, trained without and with.

    Parameters
    ----------
    dataset : Dataset
        With a copy of every row.
    seeds : int
        Repetitions of the outer folds.
    tolerance : float
        ``inf`` takes the best score.

    Returns
    -------
    answers : dict of (training, test) to ndarray, shape (seeds, n)
        Training is "clean" or "augmented", test "clean" or "by phone".
    """
    assert dataset.copies is not None
    tests = {"clean": dataset.X.to_numpy(), "by phone": dataset.copies.to_numpy()}
    trainings = {"clean": tests["clean"], "augmented": dataset.with_copies()}
    y, groups = dataset.y, dataset.groups
    answers = {(a, b): np.empty((seeds, len(y)), dtype=y.dtype) for a in trainings for b in tests}
    for seed in range(seeds):
        for train, test in grouped_folds(y, groups, seed=seed, n_splits=n_splits):
            folds = search_folds(family, y[train], groups[train], seed=seed)
            for trained, X in trainings.items():
                model, _ = search(
                    family,
                    X[train],
                    y[train],
                    folds,
                    dataset.blocks,
                    groups=groups[train],
                    tolerance=tolerance,
                    seed=seed,
                    jobs=jobs,
                )
                for tested, rows in tests.items():
                    answers[trained, tested][seed, test] = model.predict(rows[test])
    return answers
