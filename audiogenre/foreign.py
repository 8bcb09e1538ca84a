"""How well "unknown" tells a foreign genre: each label in turn is one the detector never heard.

On the training part, in its folds: without the label's rows, a detector learns from the other
artists, and the rows held out are ranked by its distance. The test part stays untouched.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from audiogenre.evaluation import LEVEL, N_RESAMPLES
from audiogenre.novelty import KEPT_SHARE, NoveltyDetector
from audiogenre.splits import Folds, Groups

Values = npt.NDArray[np.float64]
_LARGE = 2000  # rows; of more than that, one fold tells enough
_MOST = 12  # labels


def leave_one_label_out(
    detector: NoveltyDetector,
    X: Values,
    y: npt.NDArray[np.str_],
    groups: Groups,
    folds: Folds,
    *,
    share: float = KEPT_SHARE,
    seed: int = 0,
) -> dict[str, Any]:
    """Measure a detector on labels it has not learned.

    Parameters
    ----------
    detector : NoveltyDetector
        Only its parameters count.
    X : ndarray, shape (n, d)
        The training part.
    y : ndarray, shape (n,)
    groups : ndarray, shape (n,)
        What the intervals resample.
    folds : list of (train, held)
        Of artists.
    share : float, 0 to 1
        Of the known that have to be accepted.

    Returns
    -------
    measured : dict
        ``auroc`` (0.5 is chance, 1 perfect) and ``false_accept``, the share of foreign rows within
        the distance that accepts `share` of the known, both the mean over labels; ``interval`` and
        ``false_accept_interval``, 95 % by bootstrap over groups; ``n`` rows and ``n_groups``;
        ``per_label``. The twelve most frequent labels take their turn.

    Raises
    ------
    ValueError
        If there is only one label, or no fold.
    """
    labels, counts = np.unique(y, return_counts=True)
    if len(labels) < 2 or not folds:
        raise ValueError(f"{len(labels)} labels and {len(folds)} folds: nothing can be left out")
    folds = folds if len(y) < _LARGE else folds[:1]
    held = np.sort(np.concatenate([rows for _, rows in folds]))
    names, codes = np.unique(groups[held], return_inverse=True)
    drawn = np.random.default_rng(seed).multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=N_RESAMPLES
    )
    per_label, resampled = {}, []
    for label in labels[np.argsort(-counts, kind="stable")[:_MOST]]:
        without = [(train[y[train] != label], rows) for train, rows in folds]
        distances = clone(detector).out_of_fold(X, y, without)[held]
        foreign = y[held] == label
        if not 0 < foreign.sum() < len(held):
            continue
        limit = np.quantile(distances[~foreign], share)
        per_label[str(label)] = {
            "auroc": float(roc_auc_score(foreign, distances)),
            "false_accept": float(np.mean(distances[foreign] <= limit)),
            "n": int(foreign.sum()),
        }
        resampled.append(_resampled(distances, foreign, codes, drawn, share))
    # A resample without a row of some label says nothing of it.
    means = np.array([each for each in np.mean(resampled, axis=0) if np.isfinite(each).all()])
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(means, [tail, 1 - tail], axis=0)
    return {
        "auroc": float(np.mean([each["auroc"] for each in per_label.values()])),
        "interval": [float(low[0]), float(high[0])],
        "false_accept": float(np.mean([each["false_accept"] for each in per_label.values()])),
        "false_accept_interval": [float(low[1]), float(high[1])],
        "known_accept": share,
        "n": len(held),
        "n_groups": len(names),
        "per_label": dict(sorted(per_label.items())),
    }


def _resampled(
    distances: Values,
    foreign: npt.NDArray[np.bool_],
    codes: npt.NDArray[np.int64],
    drawn: npt.NDArray[np.int64],
    share: float,
) -> Values:
    """Return AUROC and false-accept rate with rows weighted as often as their group was drawn."""
    order = np.argsort(distances, kind="stable")
    codes, foreign = codes[order], foreign[order]
    found = np.full((len(drawn), 2), np.nan)
    for row, times in enumerate(drawn):
        weight = times[codes]
        known = np.cumsum(weight * ~foreign)
        strange = weight * foreign
        if known[-1] and strange.any():
            below = np.searchsorted(known, share * known[-1])
            found[row] = known @ strange / known[-1], strange[: below + 1].sum()
            found[row] /= strange.sum()
    return found
