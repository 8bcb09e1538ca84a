"""Training on changed copies of the rows, which are never rows of their own.

A row may carry a copy: columns d to 2d are the same columns of the same clip, changed (a phone
recording of it). So a copy is wherever its row is, in every fold, search and calibration, on the
training side of its artist; and what is validated, calibrated or predicted is the row itself.
A model that divides what it learns from once more, to stop early or to calibrate a member of a
vote, divides copies with their rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline
from sklearn.utils.metaestimators import available_if

Values = npt.NDArray[np.float64]


def has_copy(copies: Values) -> npt.NDArray[np.bool_]:
    """Tell which rows have a copy; one without is NaN."""
    return ~np.isnan(copies[:, 0])


def stack(
    X: npt.ArrayLike, n_columns: int, *alike: npt.NDArray[Any]
) -> tuple[npt.NDArray[Any], ...]:
    """Put copies below their rows.

    Parameters
    ----------
    X : ndarray, shape (n, d) or (n, 2d)
    n_columns : int
        d.
    *alike : ndarray, shape (n,)
        What else belongs to the rows, such as labels.

    Returns
    -------
    X, *alike : ndarray
        As they are if the rows carry no copies.

    Examples
    --------
    >>> X, y = stack([[1, 10], [2, np.nan], [3, 30]], 1, np.array(["a", "b", "c"]))
    >>> X.ravel().tolist(), y.tolist()
    ([1.0, 2.0, 3.0, 10.0, 30.0], ['a', 'b', 'c', 'a', 'c'])
    """
    X = np.asarray(X)
    if X.shape[1] == n_columns:
        return X, *alike
    clean, copies = X[:, :n_columns], X[:, n_columns:]
    there = has_copy(copies)
    stacked = np.concatenate([clean, copies[there]])
    return stacked, *(np.concatenate([each, each[there]]) for each in alike)


def _final_has(name: str) -> Callable[[Any], bool]:
    return lambda pipeline: hasattr(pipeline.steps[-1][1], name)


class AugmentedPipeline(Pipeline):  # type: ignore[misc]
    """A pipeline that learns from rows and their copies, and judges rows.

    `fit` takes rows with copies, shape (n, 2d); whatever asks a fitted one may leave them out.
    """

    def fit(self, X: npt.ArrayLike, y: Any = None, **params: Any) -> AugmentedPipeline:
        """Fit on rows and copies; what else belongs to the rows is told of the copies, too."""
        n_columns = np.asarray(X).shape[1] // 2
        params = {name: each for name, each in params.items() if each is not None}
        stacked, y, *values = stack(X, n_columns, y, *params.values())
        super().fit(stacked, y, **dict(zip(params, values, strict=True)))
        return self

    def _clean(self, X: npt.ArrayLike) -> Values:
        return np.asarray(X)[:, : self.n_features_in_]

    @available_if(_final_has("predict"))  # type: ignore[untyped-decorator]
    def predict(self, X: npt.ArrayLike, **params: Any) -> Any:
        """Predict rows."""
        return super().predict(self._clean(X), **params)

    @available_if(_final_has("predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: npt.ArrayLike, **params: Any) -> Any:
        """Return each label's probability for rows."""
        return super().predict_proba(self._clean(X), **params)

    @available_if(_final_has("decision_function"))  # type: ignore[untyped-decorator]
    def decision_function(self, X: npt.ArrayLike, **params: Any) -> Any:
        """Return the scores of rows."""
        return super().decision_function(self._clean(X), **params)

    @available_if(_final_has("score"))  # type: ignore[untyped-decorator]
    def score(self, X: npt.ArrayLike, y: Any = None, **params: Any) -> Any:
        """Return the accuracy on rows."""
        return super().score(self._clean(X), y, **params)
