"""Where the time of extraction goes: the stages of the real code, timed on every clip."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import soxr
from matplotlib.figure import Figure
from threadpoolctl import threadpool_limits

from audiogenre import audio
from audiogenre.features import (
    BASELINE,
    FULL,
    FeatureSet,
    baseline,
    dynamics,
    full,
    harmony,
    rhythm,
    statistics,
    timbre,
)
from audiogenre.figures import BLUE, GREEN, GREY, ORANGE, STYLE
from audiogenre.store import write_part

Row = dict[str, Any]

_PART = 20  # clips written to a file at a time
_DECODING = ("open", "decode", "check the frames", "mono, peak", "resample")
_WRITING = "write Parquet"
_REST = "rest"
# What each stage calls, where the code that is measured looks it up. A stage that another one
# calls counts for itself only.
STAGES: dict[str, list[tuple[Any, str]]] = {
    "open": [(audio, "decode")],
    "decode": [(audio, "_read_soundfile")],
    "check the frames": [(audio, "check_container"), (audio, "mp3_frames")],
    "mono, peak": [(audio, "_finish")],
    "resample": [(soxr, "resample")],
    "spectrum": [
        (each, name) for each in (baseline, full) for name in ("frame", "power_spectrogram")
    ],
    "mel bands": [
        (each, name) for each in (baseline, full) for name in ("mel_power", "power_to_db")
    ],
    "cepstra": [(baseline, "cepstrum"), (full, "cepstrum"), (timbre, "deltas")],
    "spectral shape": [(timbre, "spectral_shape"), (timbre, "zero_crossings")],
    "contrast": [(timbre, "spectral_contrast")],
    "harmony": [(harmony, name) for name in ("chroma", "tonnetz", "harmony_summary")],
    "rhythm": [(rhythm, "rhythm_summary")],
    "energy, dynamics": [
        (baseline, "energy"),
        *((dynamics, name) for name in ("energy", "level", "dynamics_summary")),
    ],
    "statistics": [(baseline, "summarise"), (statistics, "summarise"), (statistics, "drift")],
}


def profile(clips: Sequence[Path], folder: Path) -> list[Row]:
    """Time each stage of `baseline` and of `full` on every clip, on one core, and draw it."""
    rows, drawn = [], {}
    protocol = (
        f"CPU time, one core, the stages of a clip in turn, median over {len(clips)} clips; "
        f"files of {_PART} rows"
    )
    with threadpool_limits(1):
        for chosen in (BASELINE, FULL):
            drawn[chosen.name] = _medians(clips, chosen)
            total = sum(drawn[chosen.name].values())
            for stage, each in drawn[chosen.name].items():
                what, share = f"{chosen.name}: {stage}", 100 * each / total
                rows.append(_row(what, each, protocol) | {"share": share})
            rows.append(_row(f"{chosen.name}: all stages", total, protocol))
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):
        draw(drawn, n=len(clips)).savefig(folder / "profile.png")
    return rows


def _row(what: str, seconds: float, protocol: str) -> Row:
    return {"what": what, "value": 1e3 * seconds, "unit": "ms a clip", "protocol": protocol}


def _medians(clips: Sequence[Path], chosen: FeatureSet) -> dict[str, float]:
    """Return the median seconds of each stage that a set needs, in the order of the work."""
    chosen.compute(*audio.decode(clips[0]))
    spent: dict[str, list[float]] = defaultdict(list)
    values = []
    for clip in clips:
        with _timed() as seconds:
            y, sr = audio.decode(clip)
            started = time.process_time()
            decoded = sum(seconds.values())
            values.append(chosen.compute(y, sr))
            computing = time.process_time() - started
        seconds[_REST] = computing - (sum(seconds.values()) - decoded)
        for stage, each in seconds.items():
            spent[stage].append(each)
    spent[_WRITING] = list(_writing(chosen, values))
    order = [*STAGES, _REST, _WRITING]
    return {stage: float(np.median(spent[stage])) for stage in order if stage in spent}


def _writing(chosen: FeatureSet, values: list[Any]) -> Iterator[float]:
    """Write parts of rows; give the seconds that each took for a row."""
    import pyarrow.parquet  # noqa: F401  (a worker does it once)

    metadata = {"name": chosen.name, "parameters": dict(chosen.parameters)}
    with tempfile.TemporaryDirectory() as folder:
        for start in range(0, len(values), _PART):
            ids = [f"clip:{number:06d}" for number in range(start, start + _PART)]
            part = np.take(values, range(start, start + _PART), axis=0, mode="wrap")
            started = time.process_time()
            write_part(Path(folder), ids, ["0" * 64] * len(ids), chosen.names, part, metadata)
            yield (time.process_time() - started) / _PART


@contextmanager
def _timed() -> Iterator[dict[str, float]]:
    """Give the seconds spent in each stage so far, without the stages it calls."""
    seconds: dict[str, float] = {}
    within: list[float] = [0.0]  # seconds spent in the stages that the current one calls

    def clocked(stage: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            within.append(0.0)
            started = time.process_time()
            try:
                return call(*args, **kwargs)
            finally:
                whole = time.process_time() - started
                seconds[stage] = seconds.get(stage, 0.0) + whole - within.pop()
                within[-1] += whole

        return run

    with ExitStack() as stack:
        for stage, places in STAGES.items():
            for module, name in places:
                call = getattr(module, name)
                stack.callback(setattr, module, name, call)
                setattr(module, name, clocked(stage, call))
        yield seconds


def draw(drawn: dict[str, dict[str, float]], *, n: int) -> Figure:
    """Draw the milliseconds of each stage, a panel a set on one scale.

    Parameters
    ----------
    drawn : dict
        Set to the median seconds of its stages.
    n : int
        Clips that were measured.
    """
    rows = [len(stages) for stages in drawn.values()]
    figure = Figure(figsize=(7.5, 1.4 + 0.27 * sum(rows)))
    panels = figure.subplots(len(rows), 1, sharex=True, height_ratios=rows, squeeze=False)[:, 0]
    for axes, (name, stages) in zip(panels, drawn.items(), strict=True):
        milliseconds = [1e3 * each for each in stages.values()]
        total = sum(milliseconds)
        bars = axes.barh(range(len(stages)), milliseconds, color=[_colour(s) for s in stages])
        texts = [f"{each:.1f} ms, {100 * each / total:.0f} %" for each in milliseconds]
        axes.bar_label(bars, texts, padding=3, fontsize=8)
        axes.set_yticks(range(len(stages)), list(stages))
        axes.invert_yaxis()
        axes.set_title(f"{name}: {total:.1f} ms")
    panels[-1].set_xlim(0, 1.2 * 1e3 * max(max(stages.values()) for stages in drawn.values()))
    panels[-1].set_xlabel(f"ms of CPU time a clip, one core, median of {n} clips")
    labels = {"decoding": BLUE, "features": ORANGE, "the rest": GREY, "writing": GREEN}
    handles = [mpl.patches.Patch(color=colour, label=text) for text, colour in labels.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def _colour(stage: str) -> str:
    if stage in _DECODING:
        return BLUE
    return {_REST: GREY, _WRITING: GREEN}.get(stage, ORANGE)
