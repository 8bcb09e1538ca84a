"""Models on disk: written whole or not at all, and safe to load."""

from __future__ import annotations

import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from audiogenre import partials
from audiogenre.bundle import Bundle
from audiogenre.errors import BundleError, StoreError
from audiogenre.features import FEATURE_SETS
from audiogenre.multilabel import is_multilabel
from audiogenre.multilabel.answers import read_thresholds
from audiogenre.soundness import check_content
from audiogenre.trust import ALLOWED, UntrustedError, check_file, model_files

SCHEMA_VERSION = 1
# What is read of metadata.json: in a list one shape for all, None where it may be missing.
_SHAPE: dict[str, Any] = {
    "name": str,
    "model": str,
    "label_kind": str,
    "labels": [str],
    "columns": [str],
    "sets": [{"name": str}],
    "split": (None, {"kind": str}),
    "scores": (None, {"protocol": str}),
    "tolerance": (None, {}),
    "importance": (None, {}),
    "unknown": (None, {}),
    "levels": (None, {}),
    "augmentation": (None, {}),
    "multilabel": (None, {"thresholds": {}}),
    "context": (None, {"codes": {}, "scores": {}}),
}
_COMPUTED = [{"fingerprint": str, "parameters": {}}]  # of a set that is computed from audio


def load_bundle(path: str | os.PathLike[str]) -> Bundle:
    """Load a model.

    Parameters
    ----------
    path : path
        The folder that ``audiogenre fit`` wrote.

    Raises
    ------
    BundleError
        If it is no bundle, of another schema, damaged, or holds types that are not allowed.
    MissingExtraError
        If it is a network, and what runs it is not installed.
    """
    from audiogenre.classifiers import CLASSIFIERS
    from audiogenre.classifiers.neural import require

    folder = Path(path)
    metadata = read_metadata(folder)
    if is_multilabel(metadata):
        read_thresholds(metadata)
    if metadata["model"] in CLASSIFIERS and CLASSIFIERS[metadata["model"]].extra:
        require()

    file = folder / "model.skops"
    try:
        check_file(file)
        content = model_files().load(file, trusted=sorted(ALLOWED))
        check_content(content)
        bundle = Bundle(folder, metadata, content["classifier"], content["novelty"])
        _check_agreement(bundle)
        return bundle
    except UntrustedError as error:
        raise BundleError(f"{file} is not to be trusted: {error}") from error
    except Exception as error:  # a damaged file can fail anywhere inside zipfile, json and skops
        raise BundleError(f"{file} is damaged or not a model file ({error})") from error


def _check_agreement(bundle: Bundle) -> None:
    """Check that a model has the labels and columns that its metadata name.

    Raises
    ------
    UntrustedError
    """
    said, columns = bundle.metadata["labels"], bundle.columns
    model = bundle.classifier
    n_labels = len(model.estimators_ if bundle.is_multilabel else model.classes_)
    if not n_labels == len(set(said)) == len(said) or set(said) != set(bundle.labels):
        raise UntrustedError("its labels are not those of its metadata.json")
    if not len(bundle.novelty.blocks) == len(set(columns)) == len(columns):
        raise UntrustedError("its columns are not those of its metadata.json")


def read_metadata(folder: Path) -> dict[str, Any]:
    """Read what a bundle says of itself, without loading the model.

    Raises
    ------
    BundleError
        If it is no bundle, of another schema, or damaged.
    """
    file = folder / "metadata.json"
    try:
        metadata = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        others = sorted(each.parent.name for each in folder.parent.glob("*/metadata.json"))
        there = f"; there are: {', '.join(others)}" if others else ""
        raise BundleError(f"there is no model in {folder}{there}") from error
    except (OSError, ValueError) as error:
        raise BundleError(f"{file} cannot be read: {error}") from error
    version = metadata.get("schema_version") if isinstance(metadata, dict) else None
    if version != SCHEMA_VERSION:
        raise BundleError(
            f"{folder} has schema {version}, and this version of audiogenre reads schema "
            f"{SCHEMA_VERSION}; fit the model again"
        )
    for key, shape in _SHAPE.items():
        good = _has(metadata.get(key), shape)
        if key == "sets" and good:  # those of a table have no parameters
            computed = [each for each in metadata[key] if each["name"] in FEATURE_SETS]
            good = not computed or _has(computed, _COMPUTED)
        if not good:
            raise BundleError(f"{file} is damaged: it says no {key}; fit the model again")
    return dict(metadata)


def _has(value: Any, shape: Any) -> bool:
    """Tell whether a value of JSON has a shape of `_SHAPE`."""
    if isinstance(shape, tuple):
        return value is None or _has(value, shape[1])
    if isinstance(shape, list):
        return isinstance(value, list) and value != [] and all(_has(v, shape[0]) for v in value)
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(_has(value.get(k), shape[k]) for k in shape)
    return isinstance(value, shape) and bool(value)


def find_bundle(name: str, models: Path) -> Path:
    """Return the folder of a model given by name or by path."""
    return Path(name) if Path(name, "metadata.json").is_file() else models / name


def save_bundle(
    folder: Path,
    *,
    metadata: dict[str, Any],
    classifier: Any,
    novelty: Any,
    predictions: pd.DataFrame,
    describe: Any,
) -> None:
    """Write a model beside its place, then move it there whole.

    Parameters
    ----------
    folder : Path
        ``models/NAME``; a model of that name is replaced.
    describe : callable
        Given the folder being written, adds card and figures.

    Raises
    ------
    StoreError
        If it cannot be written; what was there before stays.
    BundleError
        If it could not be loaded again, as it holds a type that is not allowed.
    """
    beside, old = partials.beside(folder), partials.beside(folder, "old")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _tidy(folder)
        beside.mkdir()
        content = model_files().dumps({"classifier": classifier, "novelty": novelty})
        check_file(io.BytesIO(content))
        (beside / "model.skops").write_bytes(content)
        text = json.dumps({"schema_version": SCHEMA_VERSION, **metadata}, indent=2, default=_plain)
        (beside / "metadata.json").write_text(text + "\n", encoding="utf-8")
        predictions.to_parquet(beside / "predictions.parquet", index=False)
        describe(beside)
        if not (folder.exists() and partials.exchange(beside, folder)):
            if folder.exists():
                folder.rename(old)
            beside.rename(folder)
    except OSError as error:
        raise StoreError(f"cannot write {folder}: {error.strerror or error}") from error
    except UntrustedError as error:
        raise BundleError(
            f"the model {folder.name!r} could not be loaded again, and was not written: {error} "
            "(a family's types are named in audiogenre/trust.py)"
        ) from error
    finally:
        if old.exists() and not folder.exists():
            old.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(beside, ignore_errors=True)


def _tidy(folder: Path) -> None:
    """Give back a model that was being replaced when somebody was killed; delete the leftovers."""
    for old in [*partials.abandoned(folder, "old")]:
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.rename(folder)
    partials.clear_abandoned(folder)


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "get_params"):
        return repr(value)
    raise TypeError(f"{type(value).__name__} does not go into metadata.json")
