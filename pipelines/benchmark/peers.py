"""Other programs' features beside ours, clip by clip in one run (``make bench-peers``).

Each route begins with the file and ends with the numbers that stand for the clip. Which of them
reads the file itself and which gets soundfile's decode is part of its name.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
import soxr
from threadpoolctl import threadpool_limits

from audiogenre.audio import SAMPLE_RATE as SR
from audiogenre.audio import decode
from audiogenre.features import BASELINE, FULL, FeatureSet
from pipelines.benchmark.measures import seconds
from pipelines.benchmark.recipes import FRAME, HOP, decode_only

Row = dict[str, Any]
Route = Callable[[Path], Any]

_N_MFCC, _N_MELS = 12, 128
# What makes essentia's coefficients those of librosa.
_ESSENTIA_WINDOW = {"type": "hann", "size": FRAME, "normalized": False, "zeroPhase": False}
_ESSENTIA_MFCC = {
    "inputSize": FRAME // 2 + 1,
    "sampleRate": SR,
    "numberBands": _N_MELS,
    "numberCoefficients": _N_MFCC,
    "lowFrequencyBound": 0,
    "highFrequencyBound": SR / 2,
    "warpingFormula": "slaneyMel",
    "weighting": "linear",
    "normalize": "unit_tri",
    "type": "power",
    "logType": "dbpow",
    "dctType": 2,
}


def peers(clips: Sequence[Path]) -> list[Row]:
    """Time each route on every clip, in turn, on one core; ratios are medians over clips."""
    routes: dict[str, Route] = {"decode only (soundfile.read)": decode_only}
    against: dict[str, str] = {}
    for chosen, others in ((BASELINE, _BESIDE_BASELINE), (FULL, _BESIDE_FULL)):
        routes[chosen.name] = _ours(chosen)
        for name, make in others.items():
            try:
                routes[name] = make()
            except ImportError as error:
                print(f"{name} is left out: {error}", file=sys.stderr)
            else:
                against[name] = chosen.name
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for work in routes.values():
            work(clips[0])
        times = {name: np.zeros(len(clips)) for name in routes}
        for number, clip in enumerate(clips):
            for name, work in routes.items():
                times[name][number] = seconds(work, clip)
    protocol = f"CPU time, one core, every route in turn on each of {len(clips)} clips, median"
    floor = times["decode only (soundfile.read)"]
    rows = [
        _row(name, 1e3 * np.median(each), "ms a clip", protocol)
        | {"decode_only": float(np.median(each / floor))}
        for name, each in times.items()
    ]
    for name, ours in against.items():
        rows.append(
            _row(f"{name}: times {ours}", np.median(times[name] / times[ours]), "x", protocol)
        )
    return rows


def _row(what: str, value: float, unit: str, protocol: str) -> Row:
    return {"what": what, "value": float(value), "unit": unit, "protocol": protocol}


def _ours(chosen: FeatureSet) -> Route:
    return lambda path: chosen.compute(*decode(path))


def _soundfile(path: Path) -> Any:
    """Decode as one would who has to give a program a signal at 22,050 Hz."""
    channels, rate = sf.read(path, dtype="float32", always_2d=True)
    return soxr.resample(channels.mean(axis=1), rate, SR)


def _summary(frames: Any) -> Any:
    return np.stack([frames.mean(0), frames.std(0), frames.min(0), frames.max(0)])


def _essentia() -> Any:
    import essentia

    essentia.log.infoActive = essentia.log.warningActive = False
    return essentia


def _essentia_frames() -> Route:
    _essentia()
    import essentia.standard as es

    window, spectrum = es.Windowing(**_ESSENTIA_WINDOW), es.Spectrum(size=FRAME)
    mfcc, energy, rms = es.MFCC(**_ESSENTIA_MFCC), es.Energy(), es.RMS()

    def work(path: Path) -> Any:
        y = es.MonoLoader(filename=str(path), sampleRate=SR)()
        found: tuple[list[Any], ...] = ([], [], [])
        for each in es.FrameGenerator(y, frameSize=FRAME, hopSize=HOP, startFromZero=False):
            found[0].append(energy(each))
            found[1].append(rms(each))
            found[2].append(mfcc(spectrum(window(each)))[1])
        return [_summary(np.array(each)) for each in found]

    return work


def _essentia_network() -> Route:
    essentia = _essentia()
    import essentia.streaming as es

    def work(path: Path) -> Any:
        pool = essentia.Pool()
        loader = es.MonoLoader(filename=str(path), sampleRate=SR)
        cutter = es.FrameCutter(frameSize=FRAME, hopSize=HOP, startFromZero=False)
        window, spectrum = es.Windowing(**_ESSENTIA_WINDOW), es.Spectrum(size=FRAME)
        mfcc, energy, rms = es.MFCC(**_ESSENTIA_MFCC), es.Energy(), es.RMS()
        connections = (
            (loader.audio, cutter.signal),
            (cutter.frame, energy.array),
            (cutter.frame, rms.array),
            (cutter.frame, window.frame),
            (window.frame, spectrum.frame),
            (spectrum.spectrum, mfcc.spectrum),
            (mfcc.bands, None),
            (energy.energy, (pool, "energy")),
            (rms.rms, (pool, "rms")),
            (mfcc.mfcc, (pool, "mfcc")),
        )
        for source, sink in connections:
            source >> sink
        essentia.run(loader)
        return [_summary(pool[name]) for name in ("energy", "rms", "mfcc")]

    return work


def _essentia_extractor() -> Route:
    _essentia()
    import essentia.standard as es

    return lambda path: es.MusicExtractor()(str(path))


def _python_speech_features() -> Route:
    from python_speech_features import mfcc

    windows = {"winlen": FRAME / SR, "winstep": HOP / SR, "nfft": FRAME}
    kept = {"numcep": _N_MFCC, "nfilt": _N_MELS}
    return lambda path: _summary(mfcc(_soundfile(path), SR, **windows, **kept))


def _audioflux() -> Route:
    import audioflux

    windows = {"radix2_exp": FRAME.bit_length() - 1, "slide_length": HOP, "samplate": SR}
    kept = {"cc_num": _N_MFCC, "mel_num": _N_MELS}
    return lambda path: _summary(audioflux.mfcc(_soundfile(path), **windows, **kept)[0].T)


def _opensmile() -> Route:
    import opensmile

    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02,
        feature_level=opensmile.FeatureLevel.Functionals,
    )
    return lambda path: smile.process_file(str(path))


def _pyaudioanalysis() -> Route:
    from pyAudioAnalysis.MidTermFeatures import mid_feature_extraction

    def work(path: Path) -> Any:
        channels, rate = sf.read(path, dtype="float32", always_2d=True)
        # As in its own examples: seconds of frames of 50 ms, at the rate of the file.
        windows = (rate, rate, 0.05 * rate, 0.05 * rate)
        return mid_feature_extraction(channels.mean(axis=1), rate, *windows)[0].mean(axis=1)

    return work


_BESIDE_BASELINE: dict[str, Callable[[], Route]] = {
    "essentia, the same features, own loader": _essentia_frames,
    "essentia, the same as a streaming network, own loader": _essentia_network,
    "python_speech_features, 12 MFCCs, soundfile's decode": _python_speech_features,
    "audioflux, 12 MFCCs, soundfile's decode": _audioflux,
}
_BESIDE_FULL: dict[str, Callable[[], Route]] = {
    "essentia MusicExtractor, own loader": _essentia_extractor,
    "openSMILE eGeMAPSv02, own reader, one channel": _opensmile,
    "pyAudioAnalysis, mid-term, soundfile's decode": _pyaudioanalysis,
}
