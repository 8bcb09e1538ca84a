"""From frames to one number: the statistics a column name ends with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.floating]

DRIFT_SECONDS = 1.0


def _skew(frames: Values) -> Values:
    """Fisher's skewness (scipy.stats.skew); 0 for a row that does not vary."""
    mean = frames.mean(axis=1)
    centred = frames - mean[:, None]
    squared = np.square(centred)
    variance = squared.mean(axis=1)
    third = np.einsum("ct,ct->c", squared, centred) / frames.shape[1]
    flat = variance <= 1e-12 * (1 + np.square(mean) + variance)
    return np.where(flat, 0.0, third / np.where(flat, 1.0, variance) ** 1.5)


STATISTICS: dict[str, tuple[Callable[[Values], Values], str]] = {
    "mean": (lambda x: x.mean(axis=1), "mean over frames"),
    "std": (lambda x: x.std(axis=1), "standard deviation over frames"),
    "min": (lambda x: x.min(axis=1), "minimum over frames"),
    "max": (lambda x: x.max(axis=1), "maximum over frames"),
    "median": (lambda x: np.median(x, axis=1), "median over frames"),
    "skew": (_skew, "skewness over frames"),
}
_UNITLESS = {"skew"}


def summarise(frames: Values, names: Sequence[str]) -> Values:
    """Summarise each component over its frames.

    Parameters
    ----------
    frames : ndarray, shape (n_frames, n_components)
    names : sequence of str
        Keys of `STATISTICS`.

    Returns
    -------
    values : ndarray, shape (n_components * len(names),), float64
        Component by component, the statistics in the order of `names`.
    """
    # Sums of 2,584 single-precision squares lose the fourth digit; in double they do not. One
    # component a row: sums along memory are several times faster than across it.
    wide = np.asarray(frames.T, dtype=np.float64, order="C")
    return np.stack([STATISTICS[name][0](wide) for name in names], axis=1).ravel()


def drift(frames: Values, *, frames_per_block: int) -> Values:
    """Return how much a component's one-second means wander over the clip.

    Parameters
    ----------
    frames : ndarray, shape (n_frames, n_components)
    frames_per_block : int > 0

    Returns
    -------
    values : ndarray, shape (n_components,)
        Standard deviation of the block means; 0 for a clip of less than two blocks.
    """
    n_blocks = len(frames) // frames_per_block
    if n_blocks < 2:
        return np.zeros(frames.shape[1])
    blocks = frames[: n_blocks * frames_per_block].reshape(n_blocks, frames_per_block, -1)
    return np.asarray(blocks.mean(axis=1, dtype=np.float64).std(axis=0))


def describe(component: str, statistic: str) -> str:
    """Return the description of a column from that of its component."""
    text = "spread of one-second means" if statistic == "drift" else STATISTICS[statistic][1]
    return f"{component}, {text}"


def unit_of(unit: str, statistic: str) -> str:
    """Return the unit of a statistic of a component measured in `unit`."""
    return "1" if statistic in _UNITLESS else unit
