"""Several labels a song: rows, models, metrics and what is said of them."""

from collections.abc import Mapping
from typing import Any


def is_multilabel(metadata: Mapping[str, Any]) -> bool:
    """Tell whether a model answers several labels a track; one that does not say so does not."""
    return metadata.get("multilabel") is not None
