"""Imports, and uses once, what the commands will: the process that all of them are forks of does.

Everything here happens while this module is imported, before the first fork; libraries compile,
load and look for fonts on their first use, which would take each command seconds.
"""

from __future__ import annotations

import io
import json
import os
from importlib import import_module

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
_COMMANDS = ("download", "extract", "fit", "playlists", "predict", "relabel", "serve", "status")
_PARTS = ("acquisition", "contest", "corrections", "figures", "m3u", "record", "tagging")
_MODULES = (
    *(f"audiogenre.{name}" for name in (*_COMMANDS, *_PARTS)),
    *("audiogenre.liked.session", "audiogenre.web.app", "audiogenre.refresh"),
    *("audiogenre.nightly.night", "pyarrow.parquet", "skops.io", "sklearn.svm"),
    *("mutagen.id3", "mutagen.mp3", "mutagen.flac", "mutagen.oggvorbis", "mutagen.mp4"),
)


def _use() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import numpy as np
    import pandas as pd
    import soundfile as sf
    from matplotlib import pyplot as plt
    from threadpoolctl import threadpool_limits

    from audiogenre.audio import decode
    from audiogenre.extraction import compute_something

    threadpool_limits(1)
    compute_something(["baseline"])
    for kind in ("MP3", "FLAC", "OGG", "WAV"):
        clip = io.BytesIO()
        sf.write(clip, np.sin(np.arange(130_000) / 20).astype(np.float32), 22_050, format=kind)
        clip.seek(0)
        decode(clip)
    pd.read_parquet(io.BytesIO(pd.DataFrame({"a": [1.0]}).to_parquet()))
    figure, axes = plt.subplots()
    axes.set_title(json.dumps({}))
    figure.savefig(io.BytesIO())
    plt.close(figure)


for _name in _MODULES:
    import_module(_name)
_use()
