"""A support vector classifier for more rows than an exact one can take.

An exact SVC looks at every pair of rows: twice as many take four to eight times as long. Here each
row is known by its kernel with some rows drawn at random (Nyström 1930; Williams and Seeger 2001),
from which a linear machine learns in time proportional to the rows.
"""

from __future__ import annotations

from typing import Any

from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import Pipeline

from audiogenre.classifiers.scaling import BlockScaler
from audiogenre.typing import Classifier

COMPONENTS = 1500
ALPHA = (10.0, 3.0, 1.0, 0.3, 0.1)
GAMMA = (0.5, 1.0)


class MappedSvcClassifier(Classifier):
    """Block scaling, a Nyström map in float32, then a least-squares SVC.

    With the squared loss (Suykens and Vandewalle 1999) a fit is one matrix product; with the hinge
    loss it took twenty times as long and was no better.

    Parameters
    ----------
    exact_rows : int
        Up to how many rows an exact one is fitted, for the note.
    """

    name = "svc"
    complexity = "-model__alpha"

    def __init__(self, exact_rows: int) -> None:
        self.note = (
            f"More than {exact_rows:,} training rows are too many for an exact SVC, whose time "
            f"grows with their square: it goes by a map of the kernel to {COMPONENTS:,} of them "
            "(Nyström), with a linear least-squares SVC on it."
        )

    def build(self, blocks: tuple[str, ...], seed: int) -> Pipeline:
        """Return the unfitted pipeline."""
        return Pipeline(
            [
                ("scale", BlockScaler(blocks, dtype="float32")),
                ("map", Nystroem(n_components=COMPONENTS, random_state=seed)),
                ("model", RidgeClassifier(solver="cholesky")),
            ]
        )

    def grid(self, n_rows: int, n_columns: int) -> list[dict[str, list[Any]]]:
        """Return the penalty x gamma; a penalty falls as C grows."""
        return [{"model__alpha": [*ALPHA], "map__gamma": [*GAMMA]}]
