"""What a model of several labels a track answers, and how that is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from audiogenre.errors import BundleError

NONE = "none"  # where no label reaches its threshold
_BETWEEN = "; "


def joined(marks: npt.NDArray[np.bool_], labels: Sequence[str]) -> list[str]:
    """Return the labels of each row as one text.

    Examples
    --------
    >>> joined(np.array([[True, True], [False, True], [False, False]]), ["pop", "rock"])
    ['pop; rock', 'rock', 'none']
    """
    return [_BETWEEN.join(each) or NONE for each in listed(marks, labels)]


def listed(marks: npt.NDArray[np.bool_], labels: Sequence[str]) -> list[list[str]]:
    """Return the labels of each row as a list."""
    names = np.asarray(labels)
    return [names[row].tolist() for row in marks]


def read_thresholds(metadata: Mapping[str, Any]) -> npt.NDArray[np.float64]:
    """Return from which probability each label is answered, in the order of the labels.

    Raises
    ------
    BundleError
        If the metadata does not say so for every label.
    """
    try:
        said = metadata["multilabel"]["thresholds"]
        thresholds = np.array([float(said[label]) for label in metadata["labels"]])
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(
            f"the thresholds of the model {metadata['name']!r} cannot be read ({error!r}); fit it "
            "again"
        ) from error
    if not ((thresholds >= 0) & (thresholds <= 1)).all():
        raise BundleError(
            f"the model {metadata['name']!r} has a threshold that is no probability; fit it again"
        )
    return thresholds
