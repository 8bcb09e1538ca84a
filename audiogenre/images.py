"""Log-mel images of clips, for networks that look at the spectrogram itself.

An image is no table: it is kept in a cache of its own below the data folder, one small file a clip
under the audio's SHA-256, and can be deleted at any time.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from audiogenre.audio import SAMPLE_RATE, decode
from audiogenre.catalog import Preview
from audiogenre.dataset import Dataset
from audiogenre.errors import AudioError, MissingExtraError, StoreError, UsageError
from audiogenre.features.spectrum import frame, mel_power, power_spectrogram, power_to_db
from audiogenre.pool import workers
from audiogenre.storage import Storage, audio

Images = npt.NDArray[np.uint8]

N_BANDS, N_FRAMES = 64, 2584  # 30 s at 22,050 Hz and a hop of 256, as in the earlier work
N_FFT, HOP_LENGTH = 1024, 256
TOP_DB = 80.0
DESCRIPTION = f"log-mel, {N_BANDS} bands x {N_FRAMES} frames"
_FOLDER = f"images/logmel-{N_BANDS}x{N_FRAMES}-{N_FFT}-{HOP_LENGTH}"
_BANDS_A_BLOCK = 8


def image(y: npt.NDArray[np.float32], sr: int) -> Images:
    """Return the log-mel spectrogram of a clip as bytes.

    Parameters
    ----------
    y : ndarray, shape (n,), float32
        A longer clip than 30 s is cut; a shorter one is repeated, as silence at its end would be
        something to learn.
    sr : int, Hz

    Returns
    -------
    image : ndarray, shape (N_BANDS * N_FRAMES,), uint8
        Band after band; 255 is the loudest value of the clip and 0 is 80 dB below it.
    """
    frames = frame(y, frame_length=N_FFT, hop_length=HOP_LENGTH)[:N_FRAMES]
    db = power_to_db(mel_power(power_spectrogram(frames), sr=sr, n_mels=N_BANDS), top_db=TOP_DB)
    whole = np.pad(db, ((0, N_FRAMES - len(db)), (0, 0)), mode="wrap")
    levels = (whole - whole.max() + TOP_DB) * np.float32(255 / TOP_DB)
    return np.ascontiguousarray(levels.round().astype(np.uint8).T).ravel()


@lru_cache(maxsize=1)
def band_blocks() -> tuple[str, ...]:
    """Return ``image/FROM-TO Hz`` of each value of an image: its eighth of the bands."""
    import librosa

    edges = librosa.mel_frequencies(n_mels=N_BANDS + 2, fmin=0, fmax=SAMPLE_RATE / 2)
    names = [
        f"image/{edges[low]:.0f}-{edges[low + _BANDS_A_BLOCK + 1]:.0f} Hz"
        for low in range(0, N_BANDS, _BANDS_A_BLOCK)
    ]
    return tuple(name for name in names for _ in range(_BANDS_A_BLOCK * N_FRAMES))


def of_dataset(
    dataset: Dataset, previews: Mapping[str, Preview], data: Path, *, jobs: int = 1
) -> tuple[Dataset, Images]:
    """Return the images of a dataset's tracks, and the dataset without those that have none.

    Raises
    ------
    UsageError
        If a label has none at all on one side of the split.
    """
    images, there = load(previews, [str(each) for each in dataset.X.index], data, jobs=jobs)
    if there.all():
        return dataset, images
    for side in (dataset.test, ~dataset.test):
        lost = sorted({*map(str, dataset.y[side])} - {*map(str, dataset.y[side & there])})
        if lost:
            raise UsageError(
                f"the audio of {lost[0]!r} is not there any more, and images are made from it: run "
                "'audiogenre download' again, without --discard-audio in 'audiogenre extract'"
            )
    left = f"{int((~there).sum())} tracks whose audio is not there any more were left out"
    kept = replace(
        dataset,
        X=dataset.X[there],
        y=dataset.y[there],
        groups=dataset.groups[there],
        test=dataset.test[there],
        notes=[*dataset.notes, left],
    )
    return kept, images


def load(
    previews: Mapping[str, Preview], ids: Sequence[str], data: Path, *, jobs: int = 1
) -> tuple[Images, npt.NDArray[np.bool_]]:
    """Return the images of tracks, computing those that are not in the cache.

    Parameters
    ----------
    previews : mapping
        ``Catalog.previews()``.
    ids : sequence of n track ids
    data : Path
        The data folder.
    jobs : int
        Processes.

    Returns
    -------
    images : ndarray, shape (m, N_BANDS * N_FRAMES), uint8
    there : ndarray, shape (n,), bool
        False for a track whose audio is not there any more.

    Raises
    ------
    StoreError
        If the cache cannot be written.
    """
    from joblib import Parallel, delayed

    wanted = [previews.get(track_id) for track_id in ids]
    with workers(jobs, first=_compute_something):
        paths = Parallel()(delayed(_cached)(each, data) for each in wanted)
    there = np.array([path is not None for path in paths], dtype=bool)
    images = [np.load(path, allow_pickle=False) for path in paths if path is not None]
    return np.stack(images) if images else np.empty((0, N_BANDS * N_FRAMES), np.uint8), there


def _compute_something() -> None:
    image(np.random.default_rng(0).standard_normal(30 * SAMPLE_RATE, dtype=np.float32), SAMPLE_RATE)


def _cached(preview: Preview | None, data: Path) -> Path | None:
    """Return where a preview's image lies, made now if need be; None if there is no audio."""
    if preview is None:
        return None
    path = data / _FOLDER / preview.sha256[:2] / f"{preview.sha256}.npy"
    if path.is_file():
        return path
    if not preview.path:
        return None
    try:
        made = image(*decode(audio(Storage(data).address(preview.path))))
    except (AudioError, MissingExtraError):
        return None
    partial = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            np.save(file, made)
        partial.replace(path)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)
    return path
