"""What is measured of one clip for a model to read: features, windows, images, tags."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from audiogenre.audio import decode, reachable
from audiogenre.errors import AudioError, MissingExtraError
from audiogenre.extraction import compute
from audiogenre.features import FeatureSet
from audiogenre.images import Images, image
from audiogenre.sources.folder import read_tags

Signal = npt.NDArray[np.float32]
Change = Callable[[Signal, int, str | os.PathLike[str]], Signal]

WINDOW_SECONDS = 5.0


@dataclass(frozen=True)
class Measured:
    """What is measured of one clip, for a model to read.

    Attributes
    ----------
    values : ndarray, shape (1 + n_windows, d)
        The whole clip's features, then those of its windows if they were asked for.
    images : ndarray or None
        A spectrogram image of each of them, for a model that looks at images.
    said : dict
        What the file's tags say, for a model that reads artist and album.
    """

    values: npt.NDArray[np.float32]
    images: Images | None = None
    said: dict[str, str] = field(default_factory=dict)


def measure_file(
    path: str | os.PathLike[str],
    chosen: Sequence[FeatureSet],
    timeline: bool,
    with_images: bool,
    with_context: bool,
    change: Change | None,
) -> Measured | str:
    """What is measured of a file and, if asked for, of its windows; or why nothing is."""
    try:
        y, sr = decode(path, max_seconds=clip_seconds(chosen))
        y = change(y, sr, path) if change else y
        found = measure(y, sr, chosen, timeline=timeline, with_images=with_images)
        with reachable():
            return replace(found, said=read_tags(path) if with_context else {})
    except (AudioError, MissingExtraError) as error:
        return str(error)


def clip_seconds(chosen: Sequence[FeatureSet]) -> float:
    """Return at what length a clip is cut for these sets, in seconds."""
    return float(chosen[0].parameters["max_seconds"] or 0)


def measure(
    y: npt.NDArray[np.float32],
    sr: int,
    chosen: Sequence[FeatureSet],
    *,
    timeline: bool = False,
    with_images: bool = False,
) -> Measured:
    """Compute what a model reads of a decoded clip, and of its windows if `timeline`."""
    pieces = _pieces(y, sr, timeline)
    values = [np.hstack([compute(each, piece, sr) for each in chosen]) for piece in pieces]
    images = np.stack([image(each, sr) for each in pieces]) if with_images else None
    return Measured(np.stack(values), images)


def _pieces(y: npt.NDArray[np.float32], sr: int, timeline: bool) -> list[npt.NDArray[np.float32]]:
    """Cut a clip: the whole of it, then its windows; the last one may be half as long."""
    size = round(WINDOW_SECONDS * sr)
    pieces = [y]
    if timeline:
        windows = [y[start : start + size] for start in range(0, len(y), size)]
        pieces += [window for window in windows if len(window) >= size / 2]
    return pieces
