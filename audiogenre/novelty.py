"""How unlike the training data a clip is, for an honest "unknown".

The largest probability does not tell: a classifier is as sure of a foreign genre as of its own.
Distance to what was learned does, somewhat; `audiogenre.foreign` measures how well.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, clone
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA

from audiogenre.classifiers.augmented import stack
from audiogenre.classifiers.scaling import BlockScaler
from audiogenre.splits import Folds

Values = npt.NDArray[np.float64]
KEPT_SHARE = 0.95
_COMPONENTS = 20
_FLOOR = 1e-9  # of a variance, where those of all scaled columns add up to 1
# What a pretrained network hears tells a foreign genre far better than hand-made statistics, which
# only dilute it: where both are there, the distance is that of the former.
_PRETRAINED = ("musicnn",)


class NoveltyDetector(BaseEstimator):  # type: ignore[misc]
    r"""How unlikely a row is under the likeliest class, each a normal distribution of its own.

    .. math:: d^2(x) = \min_c \left[ (x - \mu_c)^T \Sigma_c^{-1} (x - \mu_c)
              + \ln |\Sigma_c| \right] - \min_c \ln |\Sigma_c|

    With one covariance for all it is the Mahalanobis distance to the nearest class (Lee et al.
    2018). The determinants keep a broad class from claiming what lies between the others. Each
    covariance is drawn to the common one (Friedman 1989), which is shrunken (Ledoit and Wolf 2004)
    and weighs as much as one row a component: a class of few rows keeps the common shape.

    Parameters
    ----------
    blocks : tuple of d str
        ``set/family`` of each column.

    Attributes
    ----------
    columns_ : ndarray of int
        The columns looked at: those of a pretrained network if there are any, else all but
        who made a track.
    scaler_, components_ : fitted scikit-learn estimators
    centres_ : ndarray, shape (n_labels, k)
    precisions_ : ndarray, shape (n_labels, k, k)
    offsets_ : ndarray, shape (n_labels,), >= 0
        Log determinant of each class less the smallest.
    threshold_ : float
        Set by `calibrate`.
    """

    def __init__(self, blocks: tuple[str, ...] = ()) -> None:
        self.blocks = blocks

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Models fitted by 0.1 have one covariance for all classes and look at all columns.
        if "covariance_" in state:
            state = dict(state)
            n_labels = len(state["centres_"])
            precision = state.pop("covariance_").get_precision()
            state["precisions_"] = np.repeat(precision[np.newaxis], n_labels, axis=0)
            state["offsets_"] = np.zeros(n_labels)
            state["columns_"] = np.arange(len(state["blocks"]))
        super().__setstate__(state)

    def fit(self, X: npt.ArrayLike, y: npt.NDArray[np.str_]) -> NoveltyDetector:
        """Learn where the classes lie and how they spread, copies that rows carry included."""
        pretrained = [
            i for i, each in enumerate(self.blocks) if each.partition("/")[0] in _PRETRAINED
        ]
        heard = [i for i, each in enumerate(self.blocks) if not each.startswith("context/")]
        self.columns_ = np.array(pretrained or heard, dtype=np.int64)
        blocks = tuple(self.blocks[each] for each in self.columns_)
        stacked, y = stack(X, len(self.blocks), y)
        values = np.asarray(stacked, dtype=np.float64)[:, self.columns_]
        self.scaler_ = BlockScaler(blocks, ranks=False).fit(values)
        scaled = self.scaler_.transform(values)
        k = max(1, min(_COMPONENTS, scaled.shape[1], len(scaled) // 4))
        # Of many rows the covariance tells the same, in a tenth of time and memory.
        solver = "covariance_eigh" if len(scaled) >= 10 * scaled.shape[1] else "full"
        self.components_ = PCA(k, svd_solver=solver).fit(scaled)
        reduced = self.components_.transform(scaled)
        labels, codes = np.unique(y, return_inverse=True)
        self.centres_ = np.stack([reduced[codes == i].mean(axis=0) for i in range(len(labels))])
        residuals = reduced - self.centres_[codes]
        common = LedoitWolf(assume_centered=True).fit(residuals).covariance_ + _FLOOR * np.eye(k)
        covariances = []
        for i in range(len(labels)):
            own = residuals[codes == i]
            covariances.append((own.T @ own + k * common) / (len(own) + k))
        self.precisions_ = np.linalg.inv(covariances)
        log_determinants = np.linalg.slogdet(covariances).logabsdet
        self.offsets_ = log_determinants - log_determinants.min()
        return self

    def distance(self, X: npt.ArrayLike) -> Values:
        """Return how far each row is from what was learned, shape (n,), >= 0."""
        values = np.asarray(X, dtype=np.float64)[:, self.columns_]
        reduced = self.components_.transform(self.scaler_.transform(values))
        squared = [
            np.einsum("ij,jk,ik->i", reduced - centre, precision, reduced - centre) + offset
            for centre, precision, offset in zip(
                self.centres_, self.precisions_, self.offsets_, strict=True
            )
        ]
        return np.asarray(np.sqrt(np.maximum(np.min(squared, axis=0), 0)))

    def out_of_fold(self, X: Values, y: npt.NDArray[np.str_], folds: Folds) -> Values:
        """Return the distance of each row from detectors that have not seen its group; else NaN."""
        distances = np.full(len(y), np.nan)
        for train, held in folds:
            distances[held] = clone(self).fit(X[train], y[train]).distance(X[held])
        return distances

    def calibrate(
        self, X: Values, y: npt.NDArray[np.str_], folds: Folds, share: float = KEPT_SHARE
    ) -> NoveltyDetector:
        """Fit on all rows and set the threshold that keeps a share of the out-of-fold ones."""
        distances = self.out_of_fold(X, y, folds)
        self.fit(X, y)
        self.threshold_ = float(np.nanquantile(distances, share))
        return self

    def is_known(self, distances: Values) -> npt.NDArray[Any]:
        """Tell which distances are within the threshold."""
        return distances <= self.threshold_
