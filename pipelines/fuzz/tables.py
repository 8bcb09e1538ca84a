"""Tables of features that somebody else computed."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from audiogenre.sources.table import TableSource
from audiogenre.typing import Problem
from pipelines.fuzz.targets import Target

_CSV = b"""id,genre,artist,danceability,energy,key,loudness,mode,tempo,duration_ms,own
a,rock,X,0.5,0.4,3,-7.5,1,120,200000,1.5
b,folk,Y,0.1,,11,-20,0,80.5,1e5,2
c,rock;folk,"Z, Q",nan,2,-1,0,0,x,,inf
"""


def _listed(file: Path) -> Callable[[bytes], object]:
    def one(data: bytes) -> None:
        file.write_bytes(data)
        for each in TableSource(path=file).tracks():
            if isinstance(each, Problem):
                continue
            for group in each.features.values():
                assert all(math.isfinite(value) for value in group.values())

    return one


def _parquet() -> list[bytes]:
    table = pd.read_csv(io.BytesIO(_CSV))
    found = []
    for each in (table, table[["genre", "own"]], pd.DataFrame({"genre": ["a"], "x": [True]})):
        file = io.BytesIO()
        each.to_parquet(file, index=False, compression=None)
        found.append(file.getvalue())
    return found


TARGETS = {
    "csv": Target(
        lambda folder: _listed(folder / "table.csv"),
        lambda: [_CSV, b"genre,a,b\nx,1,2\ny,3,4\n", b"mood,A,a \n1.0,1,2\n\n"],
    ),
    "parquet": Target(lambda folder: _listed(folder / "table.parquet"), _parquet, longest=16384),
}
