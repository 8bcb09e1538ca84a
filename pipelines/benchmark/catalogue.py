"""What a large catalogue costs each command that looks into it: seconds and memory, by its size."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pipelines.benchmark import synthetic
from pipelines.benchmark.processes import watched

Row = dict[str, Any]
SIZES = (10_000, 1_000_000)
KNOWN = 10_000  # files, and tracks of a playlist, that are known already
PER_PART = 200  # rows: what an extract writes; half of it where that would be too few parts
_PLAYLIST = "908000000"  # of the fake's first genre; of ten of its songs it has almost three
_SHARE = 0.29
_OPEN = (
    "import sys; from pathlib import Path; from audiogenre.catalog import Catalog; "
    "from audiogenre.store import FeatureStore; data = Path(sys.argv[1]); "
    "catalog = Catalog(data / 'catalog.db'); store = FeatureStore(data / 'features'); "
)
_PLAN = (
    "from audiogenre.parts import plan; p = plan(catalog, store, data, ['baseline'], jobs=2); "
    "assert sum(len(part.items) for part in p.parts) == int(sys.argv[2])"
)
_MERGE = (
    "from audiogenre.compaction import compact; from audiogenre.extraction import feature_set; "
    "from audiogenre.parts import metadata_of; s = feature_set('baseline'); "
    "assert compact(store.directory(s.name, s.fingerprint), metadata_of(s))"
)
_LOAD = (
    "from audiogenre.dataset import load_dataset; load_dataset(catalog, store, "
    "features='extracted', set_name='baseline', only=sys.argv[2:])"
)


def catalogue(*, quick: bool = False) -> list[Row]:
    """Run each operation in a fresh process, on synthetic catalogues of two sizes (quick: one)."""
    try:
        from tests.services import Service
    except ImportError as error:
        raise SystemExit(
            "the measure 'catalogue' needs the fake services in tests/: run it in a checkout, with "
            "the packages of the extra 'dev'"
        ) from error
    known = KNOWN // 10 if quick else KNOWN
    with tempfile.TemporaryDirectory() as folder, ExitStack() as open_until_the_end:
        here = Path(folder)
        options = {"tracks_per_genre": int(known / _SHARE), "genres": 1, "latency": 0.0}
        service = open_until_the_end.enter_context(Service(here / "clips", **options))
        return [
            row
            for n in (SIZES[:1] if quick else SIZES)
            for row in _of_size(n, known, here / str(n), service)
        ]


def _of_size(n: int, known: int, here: Path, service: Any) -> list[Row]:
    data, music = here / "data", here / "music"
    per_part = min(PER_PART, n // 100)
    synthetic.fill(data, n, per_part=per_part)
    synthetic.know_folder(data, music, known)
    listed = synthetic.know_playlist(data, _PLAYLIST, service.urls["deezer"])
    environment = os.environ | service.environment()
    in_data = ["--data", str(data), "--quiet"]
    download = ["-m", "audiogenre.download", *in_data, "--source"]
    waiting = str(synthetic.WAITING + known)
    operations = {
        f"status, parts of {per_part}": ["-m", "audiogenre.status", *in_data],
        f"plan an extract, parts of {per_part}": ["-c", _OPEN + _PLAN, str(data), waiting],
        "merge the parts": ["-c", _OPEN + _MERGE, str(data)],
        "status": ["-m", "audiogenre.status", *in_data],
        "plan an extract": ["-c", _OPEN + _PLAN, str(data), waiting],
        f"download {known} known files": [*download, "folder", "--path", str(music)],
        f"download {listed} known tracks of a playlist": [
            *(*download, "deezer", "--playlist", _PLAYLIST, "--genre", "rock")
        ],
        "read two genres of twenty": ["-c", _OPEN + _LOAD, str(data), "genre 03", "genre 04"],
        "read all genres": ["-c", _OPEN + _LOAD, str(data)],
    }
    protocol = "each in a fresh process, start of Python included; parts are merged but where said"
    rows = []
    for what, command in operations.items():
        cost = watched([sys.executable, *command], environment=environment)
        for value, unit in zip(cost, ("s", "s of processor", "MB"), strict=True):
            row = {"what": f"{n:,} tracks: {what}", "value": value, "unit": unit}
            rows.append(row | {"protocol": protocol})
    return rows
