"""What a model's metadata says: the sets to compute for it, its tags, the parents of its labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audiogenre.errors import BundleError, UsageError
from audiogenre.extraction import stored_set
from audiogenre.features import FEATURE_SETS, TAG_COLUMNS, FeatureSet
from audiogenre.multilabel import is_multilabel


def sets_of(metadata: Mapping[str, Any]) -> list[FeatureSet]:
    """Return the sets to compute from audio for a model, in the order of its columns.

    Raises
    ------
    UsageError
        If the model reads something that audio alone does not give.
    MissingExtraError
        If a set needs something that is not installed.
    BundleError
        If this version computes a set differently.
    """
    name, sets = metadata["name"], metadata["sets"]
    if any(each["name"] not in FEATURE_SETS for each in sets):
        names = " and ".join(each["name"] for each in sets)
        raise UsageError(
            f"the model {name!r} reads {names} features, which cannot be computed from audio; "
            "take one fitted with --features extracted"
        )
    said = [each["parameters"].get("max_seconds") or 0.0 for each in sets]
    if not all(_is_number(each) for each in said):
        raise BundleError(f"the model {name!r} does not say how its clips were cut")
    seconds = set(said)
    if len(seconds) > 1:
        raise UsageError(
            f"the model {name!r} was fitted on clips that were cut differently for each set; "
            "run 'audiogenre extract' with one --max-seconds, and 'audiogenre fit' again"
        )
    chosen = [stored_set(each["name"], max_seconds=min(seconds)) for each in sets]
    for ours, its in zip(chosen, sets, strict=True):
        if ours.fingerprint != its["fingerprint"]:
            raise BundleError(
                f"the model {name!r} was fitted on another version of the feature set "
                f"{ours.name!r}; run 'audiogenre extract' and 'audiogenre fit' again"
            )
    return chosen


def tags_of(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return a model's columns that hold tags, and which.

    Raises
    ------
    UsageError
        If the model reads none.
    """
    found = {column: tag for column, tag in TAG_COLUMNS.items() if column in metadata["columns"]}
    if not found:
        raise UsageError(
            f"the model {metadata['name']!r} hears no tags; take one fitted with --set musicnn or "
            "--set full+musicnn"
        )
    return found


def levels_of(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of the parents of a model's labels (`audiogenre.hierarchy.measure`).

    Raises
    ------
    UsageError
        If they have none, or a track has several labels.
    BundleError
        If it is not known of every label.
    """
    name = metadata["name"]
    if is_multilabel(metadata):
        raise UsageError(
            f"the model {name!r} was fitted with --multilabel, and answers each label by itself: "
            "take --level leaf"
        )
    found: dict[str, Any] = metadata.get("levels") or {}
    if not found:
        raise UsageError(
            f"the labels of the model {name!r} have no parents (genres.toml), or it was "
            "fitted before they were measured: take --level leaf, or fit it again"
        )
    parents, limit = found.get("parents"), found.get("limit")
    named = isinstance(parents, dict) and all(isinstance(x, str) for x in parents.values())
    if not named or set(parents or ()) != set(metadata["labels"]) or not _is_number(limit):
        raise BundleError(f"the parents of the labels of {name!r} cannot be read")
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
