"""From audio to features: the sets by name, and what computes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from audiogenre import attributes, phone
from audiogenre.audio import MAX_SECONDS, SAMPLE_RATE
from audiogenre.errors import AudioError, UsageError
from audiogenre.features import FEATURE_SETS, FeatureSet
from audiogenre.store import FeatureStore

if TYPE_CHECKING:
    from audiogenre.storage import Place


def feature_set(name: str, *, max_seconds: float = MAX_SECONDS) -> FeatureSet:
    """Return a set as it is computed from clips of this sample rate, cut at `max_seconds`.

    Raises
    ------
    UsageError
        If there is no such set.
    """
    if name not in FEATURE_SETS:
        raise UsageError(
            f"there is no feature set {name!r}; the sets are {', '.join(FEATURE_SETS)}"
        )
    return FEATURE_SETS[name].having(sr=SAMPLE_RATE, max_seconds=float(max_seconds))


def default_fingerprints() -> dict[str, str]:
    """Return the fingerprint of each set as this version computes it by default."""
    return {name: feature_set(name).fingerprint for name in FEATURE_SETS}


def stored_set(name: str, *, max_seconds: float = MAX_SECONDS) -> FeatureSet:
    """Return what goes by this name in the store: a set, its copies, or estimated attributes.

    Raises
    ------
    UsageError
        If there is no such set.
    MissingExtraError
        If it needs something that is not installed.
    """
    if name != attributes.NAME:
        chosen = feature_set(phone.copied_name(name), max_seconds=max_seconds)
        chosen.check()
        if not phone.is_copy(name):
            return chosen
        phone.check()
        return phone.copied(chosen)
    return attributes.attribute_set().having(sr=SAMPLE_RATE, max_seconds=float(max_seconds))


def directory(store: FeatureStore, chosen: FeatureSet) -> Place:
    """Return the folder of a set; estimated attributes lie beside the measured ones."""
    beside = chosen.name == attributes.NAME
    return store.directory(chosen.name, None if beside else chosen.fingerprint)


def lacking(store: FeatureStore, chosen: FeatureSet, keys: Any) -> set[str]:
    """Return which of these tracks have no row of this very set (`FeatureStore.lacking`)."""
    return store.lacking(directory(store, chosen), chosen.fingerprint, keys)


def compute(chosen: FeatureSet, y: npt.NDArray[np.float32], sr: int) -> npt.NDArray[np.float32]:
    """Compute a set's columns, and refuse a clip for which one of them is not a number.

    Raises
    ------
    AudioError
        With reason ``features``.
    """
    try:
        values = chosen.compute(y, sr)
    except ValueError as error:
        raise AudioError("features", f"they cannot be computed: {error}") from error
    if not np.isfinite(values).all():
        raise AudioError("features", "one of them is not a number")
    return values


def compute_something(sets: Iterable[str]) -> None:
    """Import and run all that a worker needs for these sets, once, on noise."""
    import pyarrow.parquet  # noqa: F401

    noise = np.random.default_rng(0).standard_normal(30 * SAMPLE_RATE, dtype=np.float32)
    compute_all([stored_set(name) for name in sets], noise, SAMPLE_RATE, seed="")


def compute_all(
    sets: Sequence[FeatureSet], y: npt.NDArray[np.float32], sr: int, *, seed: str
) -> list[npt.NDArray[np.float32]]:
    """Compute sets from a clip, and sets of copies from what a phone would record of it."""
    copies = [phone.is_copy(each.name) for each in sets]
    copy = phone.simulate(y, sr, seed=seed) if any(copies) else y
    return [
        compute(each, copy if of_copy else y, sr)
        for each, of_copy in zip(sets, copies, strict=True)
    ]
