"""Who made a track, as a model may know it: how often each label was right for them before."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import TargetEncoder

from audiogenre.typing import Classifier

Values = npt.NDArray[np.float64]
CONTEXT = "context"  # the set that the blocks of such columns belong to
_N_FOLDS = 5


class ContextEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Replaces the last columns, codes of artists or albums, by shares of labels.

    While it learns, each row's shares come from other rows only (cross fitting, Micci-Barreca
    2001): else a row would tell its own label. Whoever has not been seen gets the shares of all.

    Parameters
    ----------
    n_fields : int
        How many of the last columns are codes.
    n_labels : int >= 2
        All that there are: a fold that lacks one gets a column of zeros in its place.
    seed : int

    Attributes
    ----------
    encoder_ : TargetEncoder
    """

    def __init__(self, n_fields: int = 1, n_labels: int = 2, seed: int = 0) -> None:
        self.n_fields = n_fields
        self.n_labels = n_labels
        self.seed = seed

    def fit(self, X: npt.ArrayLike, y: npt.NDArray[np.str_]) -> ContextEncoder:
        """Learn the shares of labels."""
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: npt.ArrayLike, y: npt.NDArray[np.str_]) -> Values:
        """Learn the shares, and return those of each row from other rows."""
        X = np.asarray(X, dtype=np.float64)
        folds = KFold(_N_FOLDS, shuffle=True, random_state=self.seed)
        kind = "binary" if self.n_labels == 2 else "multiclass"
        self.encoder_ = TargetEncoder(target_type=kind, cv=folds)
        # Where groups are routed, the encoder looks for some and fails if there are none.
        with config_context(enable_metadata_routing=False):
            shares = self.encoder_.fit_transform(X[:, -self.n_fields :], y)
        return self._joined(X, shares)

    def transform(self, X: npt.ArrayLike) -> Values:
        """Return the other columns, then a share for each label (of two, one) and field."""
        X = np.asarray(X, dtype=np.float64)
        return self._joined(X, self.encoder_.transform(X[:, -self.n_fields :]))

    def _joined(self, X: Values, shares: Values) -> Values:
        n_shares = n_columns(self.n_labels)
        shares = shares.reshape(len(X), self.n_fields, -1)
        shares = np.pad(shares, ((0, 0), (0, 0), (0, n_shares - shares.shape[2])))
        return np.hstack([X[:, : -self.n_fields], shares.reshape(len(X), -1)])


def n_columns(n_labels: int) -> int:
    """Return how many shares say all: of two labels one, as the other is the rest."""
    return 1 if n_labels == 2 else n_labels


class ContextClassifier(Classifier):
    """Another family, which is also told who made a track.

    Parameters
    ----------
    plain : Classifier
    n_labels : int >= 2
    """

    def __init__(self, plain: Classifier, n_labels: int) -> None:
        self.plain = plain
        self.n_labels = n_labels
        self.name, self.calibrate, self.complexity = plain.name, plain.calibrate, plain.complexity
        self.extra, self.images, self.costly = plain.extra, plain.images, plain.costly
        self.note = plain.note

    def build(self, blocks: tuple[str, ...], seed: int) -> Pipeline:
        """Return the unfitted pipeline; the blocks of codes are the last."""
        fields = [each for each in blocks if each.startswith(f"{CONTEXT}/")]
        n_shares = n_columns(self.n_labels)
        widened = blocks[: -len(fields)] + tuple(each for each in fields for _ in range(n_shares))
        encoder = ContextEncoder(len(fields), self.n_labels, seed)
        return Pipeline([("context", encoder), *self.plain.build(widened, seed).steps])

    def grid(self, n_rows: int, n_columns: int) -> list[dict[str, list[Any]]]:
        """Return the other family's candidates."""
        return self.plain.grid(n_rows, n_columns)
