"""Tracks of several labels, drawn at random."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from audiogenre.dataset import Dataset

LABELS = ["calm", "dance", "folk"]
Main = Callable[..., int]


def small(seed: int = 0, *, noise: float = 1.0) -> Dataset:
    """A dataset of 40 artists with three tracks each, every third track of two labels."""
    rng = np.random.default_rng(seed)
    n = 120
    y = np.arange(n) // 3 % 3
    Y = np.eye(3, dtype=bool)[y]
    Y[::3, :] |= np.eye(3, dtype=bool)[(y[::3] + 1) % 3]
    X = 3 * Y @ rng.normal(size=(3, 6)) + noise * rng.normal(size=(n, 6))
    ids = [f"test:{each:03d}" for each in range(n)]
    return Dataset(
        X=pd.DataFrame(X, index=ids, columns=[f"rms_{each}" for each in range(6)]),
        y=np.array(LABELS)[y],
        groups=np.arange(n) // 3,
        test=np.arange(n) // 9 % 5 == 0,
        blocks=("own/rms",) * 6,
        sets=[],
        split="artist",
        seed=0,
        artists_known=1.0,
        targets=pd.DataFrame(Y, index=ids, columns=LABELS),
    )
