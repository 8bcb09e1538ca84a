"""What it costs that too many rows for an exact SVC are learned from through a map of the kernel.

Measured on as many training rows as both can learn from, and on rows of other artists of the
training part: the test part stays untouched.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

from audiogenre.classifiers.mapped import MappedSvcClassifier
from audiogenre.classifiers.svc import SvcClassifier
from audiogenre.dataset import Dataset
from audiogenre.evaluation import paired_difference
from audiogenre.judging import judge
from audiogenre.splits import grouped_folds
from audiogenre.tuning import Choice, choose
from audiogenre.typing import Classifier

N_TRAIN, N_TEST = 8000, 4000  # rows: a matter of a minute


def measure(dataset: Dataset, family: MappedSvcClassifier, choice: Choice) -> dict[str, Any]:
    """Compare an exact SVC with the map on some of the rows, each with its own best penalty.

    Parameters
    ----------
    choice : Choice
        Of the map on all rows: its `gamma` is that of both.

    Returns
    -------
    measured : dict
        ``exact`` and ``mapped``, accuracies on the same ``n_test`` rows after learning from the
        same ``n_train``; ``difference`` of the latter to the former with its ``interval`` (95 %,
        bootstrap over artists).
    """
    train = ~dataset.test
    X, y = dataset.with_copies()[train][:, : len(dataset.blocks)], dataset.y[train]
    groups, seed = dataset.groups[train], dataset.seed
    rng = np.random.default_rng(seed)
    learned, held = (
        np.sort(rng.permutation(rows)[:most])
        for rows, most in zip(
            grouped_folds(y, groups, seed=seed)[0], (N_TRAIN, N_TEST), strict=True
        )
    )
    gamma = choice.taken.parameters["map__gamma"]
    exact = _answers(SvcClassifier(), {"model__gamma": gamma}, X, y, learned, held, dataset)
    mapped = _answers(family, {"map__gamma": gamma}, X, y, learned, held, dataset)
    right = [(each == y[held]).astype(np.float64) for each in (mapped, exact)]
    return {
        "exact": float(right[1].mean()),
        "mapped": float(right[0].mean()),
        **vars(paired_difference(*right, groups[held])),
        "n_train": len(learned),
        "n_test": len(held),
    }


def _answers(
    family: Classifier,
    kernel: dict[str, float],
    X: npt.NDArray[np.float64],
    y: npt.NDArray[np.str_],
    learned: npt.NDArray[np.int64],
    held: npt.NDArray[np.int64],
    dataset: Dataset,
) -> npt.NDArray[np.str_]:
    """Answer the rows held out with a family's best candidate for them."""
    pipeline = family.build(dataset.blocks, dataset.seed)
    grid = [
        {**each, **{key: [value] for key, value in kernel.items()}}
        for each in family.grid(len(learned), X.shape[1])
    ]
    results = judge(pipeline, grid, X, y, [(learned, held)])
    best = choose(results, tolerance=np.inf, complexity=family.complexity).taken.parameters
    model = clone(pipeline).set_params(**best).fit(X[learned], y[learned])
    return np.asarray(model.predict(X[held]))
