"""Arrays in, named numbers out; nothing here opens a file.

`FEATURE_SETS` lists the sets by name; each knows its columns before any audio is read.
"""

from __future__ import annotations

from audiogenre.features.baseline import BASELINE
from audiogenre.features.full import FULL
from audiogenre.features.sets import Column, FeatureSet

FEATURE_SETS: dict[str, FeatureSet] = {each.name: each for each in (BASELINE, FULL)}

__all__ = ["BASELINE", "FEATURE_SETS", "FULL", "Column", "FeatureSet"]
