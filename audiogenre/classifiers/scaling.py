"""Standardised columns, with an equal say for every family of features."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.preprocessing import StandardScaler

Values = npt.NDArray[np.float64]


class BlockScaler(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Standardise columns and weigh them by block.

    A hundred cepstral statistics would drown five of dynamics in a distance. So each feature set
    gets the same total variance, within a set each family, within a family each column; all of it
    adds up to 1, which makes an RBF kernel's `gamma` mean the same for any number of columns.

    Parameters
    ----------
    blocks : tuple of d str
        ``set/family`` of each column.
    clip : float > 0 or None
        Values further from the mean are pulled back to this many standard deviations.

    Attributes
    ----------
    scaler_ : StandardScaler
    weights_ : ndarray, shape (d,)
    """

    def __init__(self, blocks: tuple[str, ...] = (), clip: float | None = 2.5) -> None:
        self.blocks = blocks
        self.clip = clip

    def fit(self, X: npt.ArrayLike, y: Any = None) -> BlockScaler:
        """Learn means, standard deviations and weights.

        Raises
        ------
        ValueError
            If the number of columns is not that of `blocks`.
        """
        self.scaler_ = StandardScaler().fit(X)
        self.n_features_in_ = self.scaler_.n_features_in_
        if len(self.blocks) != self.n_features_in_:
            raise ValueError(f"{self.n_features_in_} columns, but {len(self.blocks)} blocks")
        self.weights_ = block_weights(self.blocks)
        return self

    def transform(self, X: npt.ArrayLike) -> Values:
        """Return the scaled columns, shape (n, d)."""
        scaled = self.scaler_.transform(X)
        if self.clip is not None:
            np.clip(scaled, -self.clip, self.clip, out=scaled)
        return np.asarray(scaled * self.weights_)


def block_weights(blocks: tuple[str, ...]) -> Values:
    """Return the weight of each column; their squares add up to 1.

    Examples
    --------
    >>> (block_weights(("full/mfcc", "full/mfcc", "full/key")) ** 2).round(2).tolist()
    [0.25, 0.25, 0.5]
    """
    sets = {block.partition("/")[0] for block in blocks}
    families: dict[str, set[str]] = {}
    for block in blocks:
        families.setdefault(block.partition("/")[0], set()).add(block)
    sizes = {block: blocks.count(block) for block in set(blocks)}
    shares = [
        len(sets) * len(families[block.partition("/")[0]]) * sizes[block] for block in blocks
    ]
    return 1 / np.sqrt(np.array(shares, dtype=np.float64))
