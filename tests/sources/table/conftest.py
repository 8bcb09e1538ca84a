"""A clean table of Spotify's features, written and read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from audiogenre.sources.table import TableSource
from audiogenre.typing import Problem, Track

SPOTIFY = ["danceability", "energy", "loudness", "valence", "tempo"]
Write = Callable[..., Path]


def rows(n: int = 6) -> pd.DataFrame:
    """A clean table of Spotify's features."""
    rng = np.random.default_rng(0)
    values = pd.DataFrame(rng.uniform(0.1, 0.9, (n, 5)).round(3), columns=SPOTIFY)
    values["tempo"] = (100 * values["tempo"] + 50).round(1)
    values.insert(0, "track_id", [f"t{i}" for i in range(n)])
    return values.assign(genre=["rock", "pop", "jazz"] * (n // 3))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(table: pd.DataFrame, name: str = "songs.csv") -> Path:
        path = tmp_path / name
        if path.suffix == ".parquet":
            table.to_parquet(path, index=False)
        else:
            table.to_csv(path, index=False)
        return path

    return write


def read(path: Path, **options: Any) -> tuple[list[Track], list[Problem], list[str]]:
    source = TableSource(path, **options)
    listed = list(source.tracks())
    tracks = [each for each in listed if isinstance(each, Track)]
    return tracks, [each for each in listed if isinstance(each, Problem)], source.notes
