"""What it costs that too many rows for an exact SVC are learned from through a map of the kernel.

Measured on as many training rows as both can learn from, and on rows of other artists of the
training part: the test part stays untouched, and no penalty is chosen on what is asked.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

from audiogenre.classifiers.mapped import MappedSvcClassifier
from audiogenre.classifiers.svc import EXACT_ROWS, SvcClassifier
from audiogenre.dataset import Dataset
from audiogenre.evaluation import paired_difference
from audiogenre.judging import judge
from audiogenre.splits import Groups, grouped_folds
from audiogenre.tuning import Choice, choose
from audiogenre.typing import Classifier

N_TRAIN, N_TEST = 8000, 4000  # rows: a matter of a minute
Values = npt.NDArray[np.float64]
Labels = npt.NDArray[np.str_]
Rows = npt.NDArray[np.int64]


def measure(dataset: Dataset, choice: Choice) -> dict[str, Any]:
    """Compare an exact SVC with the map on some of the rows that the map has learned from.

    Parameters
    ----------
    choice : Choice
        Of the map: its `gamma` is that of both.

    Returns
    -------
    measured : dict
        As `compare`.
    """
    train = ~dataset.test
    return compare(
        dataset.X.to_numpy()[train],
        dataset.y[train],
        dataset.groups[train],
        dataset.blocks,
        gamma=choice.taken.parameters["map__gamma"],
        seed=dataset.seed,
    )


def compare(
    X: Values,
    y: Labels,
    groups: Groups,
    blocks: tuple[str, ...],
    *,
    gamma: float,
    n_train: int = N_TRAIN,
    n_test: int = N_TEST,
    seed: int = 0,
) -> dict[str, Any]:
    """Compare an exact SVC with the map, each with a penalty chosen on artists among those learned.

    Returns
    -------
    measured : dict
        ``exact`` and ``mapped``, accuracies on the same ``n_test`` rows after learning from the
        same ``n_train``; ``difference`` of the latter to the former with its ``interval`` (95 %,
        bootstrap over artists).
    """
    rng = np.random.default_rng(seed)
    learned, held = (
        np.sort(rng.permutation(rows)[:most])
        for rows, most in zip(
            grouped_folds(y, groups, seed=seed)[0], (n_train, n_test), strict=True
        )
    )
    families: tuple[tuple[Classifier, str], ...] = (
        (MappedSvcClassifier(EXACT_ROWS), "map__gamma"),
        (SvcClassifier(), "model__gamma"),
    )
    mapped, exact = (
        (
            _answers(family, {name: gamma}, X, y, groups, learned, held, blocks, seed) == y[held]
        ).astype(np.float64)
        for family, name in families
    )
    return {
        "exact": float(exact.mean()),
        "mapped": float(mapped.mean()),
        **vars(paired_difference(mapped, exact, groups[held])),
        "n_train": len(learned),
        "n_test": len(held),
    }


def _answers(
    family: Classifier,
    kernel: dict[str, float],
    X: Values,
    y: Labels,
    groups: Groups,
    learned: Rows,
    held: Rows,
    blocks: tuple[str, ...],
    seed: int,
) -> Labels:
    """Answer the rows held out with the candidate best in one fold of those learned."""
    pipeline = family.build(blocks, seed)
    grid = [
        {**each, **{name: [value] for name, value in kernel.items()}}
        for each in family.grid(len(learned), X.shape[1])
    ]
    inner = grouped_folds(y[learned], groups[learned], seed=seed)[:1]
    results = judge(pipeline, grid, X[learned], y[learned], inner)
    best = choose(results, tolerance=np.inf, complexity=family.complexity).taken.parameters
    model = clone(pipeline).set_params(**best).fit(X[learned], y[learned])
    return np.asarray(model.predict(X[held]))
