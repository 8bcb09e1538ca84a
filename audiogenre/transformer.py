"""Features of files as a scikit-learn transformer.

Apart from what computes them, as importing scikit-learn takes longer than most commands do.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin

from audiogenre.audio import MAX_SECONDS, MIN_SECONDS, decode
from audiogenre.extraction import compute, compute_something, feature_set
from audiogenre.features import FeatureSet
from audiogenre.integrity import AudioSource
from audiogenre.pool import workers


class AudioFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn audio files into named features, as a scikit-learn transformer.

    Parameters
    ----------
    set : {"baseline", "full", "musicnn"}
    n_jobs : int
        Processes; 1 computes in this one.
    min_seconds, max_seconds : float > 0
        As for `audiogenre.decode`.

    Examples
    --------
    >>> features = AudioFeatures(set="baseline")
    >>> features.get_feature_names_out()[:2].tolist()
    ['energy_mean', 'energy_std']
    """

    def __init__(
        self,
        set: str = "baseline",
        n_jobs: int = 1,
        *,
        min_seconds: float = MIN_SECONDS,
        max_seconds: float = MAX_SECONDS,
    ) -> None:
        self.set = set
        self.n_jobs = n_jobs
        self.min_seconds = min_seconds
        self.max_seconds = max_seconds

    def fit(self, X: Iterable[AudioSource], y: Any = None) -> AudioFeatures:
        """Check the parameters; there is nothing to learn."""
        feature_set(self.set).check()
        return self

    def transform(self, X: Iterable[AudioSource]) -> npt.NDArray[np.float32]:
        """Compute the features of clips.

        Parameters
        ----------
        X : sequence of n paths, bytes or binary file objects

        Returns
        -------
        values : ndarray, shape (n, d), float32
            With ``set_output(transform="pandas")`` a DataFrame with named columns.

        Raises
        ------
        AudioError
            If a clip is refused.
        """
        from joblib import Parallel, delayed

        chosen = feature_set(self.set, max_seconds=self.max_seconds)
        with workers(self.n_jobs, first=partial(compute_something, [self.set])):
            rows = Parallel()(
                delayed(_features)(source, chosen, self.min_seconds, self.max_seconds)
                for source in X
            )
        return np.stack(rows) if rows else np.empty((0, len(chosen.names)), dtype=np.float32)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return the column names, known before any audio is read."""
        return np.asarray(feature_set(self.set).names, dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags


def _features(
    source: AudioSource, chosen: FeatureSet, min_seconds: float, max_seconds: float
) -> npt.NDArray[np.float32]:
    y, sr = decode(source, min_seconds=min_seconds, max_seconds=max_seconds)
    return compute(chosen, y, sr)
