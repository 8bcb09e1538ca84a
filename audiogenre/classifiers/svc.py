"""A support vector classifier with an RBF kernel, the model of the earlier work."""

from __future__ import annotations

from typing import Any

from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC

from audiogenre.classifiers.scaling import BlockScaler

C = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
GAMMA = (0.25, 0.5, 1.0, 2.0)
COMPONENTS = (10, 20, 40)


class SvcClassifier:
    """Block scaling, principal components if they help, SVC."""

    name = "svc"
    calibrate = True

    def build(self, blocks: tuple[str, ...], seed: int) -> Pipeline:
        """Return the unfitted pipeline."""
        return Pipeline(
            [
                ("scale", BlockScaler(blocks)),
                ("reduce", "passthrough"),
                ("model", SVC(kernel="rbf", cache_size=500, random_state=seed)),
            ]
        )

    def grid(self, n_rows: int, n_columns: int) -> list[dict[str, list[Any]]]:
        """Return C x gamma x number of principal components, as far as there are columns."""
        sizes = [k for k in COMPONENTS if k < min(n_columns, n_rows // 2)]
        reduce = ["passthrough", *(PCA(k, svd_solver="full") for k in sizes)]
        return [{"reduce": reduce, "model__C": [*C], "model__gamma": [*GAMMA]}]
