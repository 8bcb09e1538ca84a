"""What is no model, is damaged, or does not fit is refused in a sentence."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import skops.io

from audiogenre.bundle import Bundle
from audiogenre.bundles import SCHEMA_VERSION, find_bundle, load_bundle, read_metadata
from audiogenre.errors import BundleError, UsageError
from audiogenre.metadata import sets_of


def edit(folder: Path, **changes: Any) -> None:
    file = folder / "metadata.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_a_missing_model_is_told_with_the_names_of_the_others(copied: Path) -> None:
    with pytest.raises(BundleError, match=r"no model in .*nothing; there are: extracted-full"):
        load_bundle(copied.parent / "nothing")


def test_a_missing_model_where_there_is_none_at_all(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"there is no model in .*/nothing$"):
        load_bundle(tmp_path / "nothing")


@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, 0, None, "1"])
def test_another_schema_is_refused(copied: Path, version: object) -> None:
    edit(copied, schema_version=version)
    with pytest.raises(BundleError, match=f"has schema {version}, .*fit the model again"):
        load_bundle(copied)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00"])
def test_damaged_metadata_is_refused(copied: Path, text: str) -> None:
    (copied / "metadata.json").write_text(text)
    with pytest.raises(BundleError):
        read_metadata(copied)


@pytest.mark.parametrize("key", ["name", "model", "label_kind", "labels", "columns", "sets"])
def test_metadata_that_lacks_something_is_refused_by_name(copied: Path, key: str) -> None:
    metadata = json.loads((copied / "metadata.json").read_text())
    for wrong in ({}, {key: None}, {key: 5}, {key: type(metadata[key])()}):
        rest = {name: value for name, value in metadata.items() if name != key}
        (copied / "metadata.json").write_text(json.dumps(rest | wrong))
        with pytest.raises(BundleError, match=f"is damaged: it says no {key}; fit the model again"):
            load_bundle(copied)


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    for place in range(200, len(data), 997):
        data[place] ^= 0xFF
    file.write_bytes(data)


def _without_content(file: Path) -> None:
    skops.io.dump({"something": "else"}, file)


def _pickled(file: Path) -> None:
    file.write_bytes(pickle.dumps({"classifier": None, "novelty": None}))


DAMAGE: dict[str, Callable[[Path], Any]] = {
    "cut in half": _cut,
    "bits flipped": _flip,
    "empty": lambda file: file.write_bytes(b""),
    "text": lambda file: file.write_text("not a model"),
    "gone": Path.unlink,
    "another content": _without_content,
    "a pickle": _pickled,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_model_is_refused_in_a_sentence(copied: Path, damage: str) -> None:
    file = copied / "model.skops"
    DAMAGE[damage](file)
    with pytest.raises(BundleError, match="damaged or not a model file"):
        load_bundle(copied)


class Evil:
    """What a file from a stranger may hold."""


def test_a_type_that_is_not_allowed_is_refused_by_name(copied: Path) -> None:
    skops.io.dump({"classifier": Evil(), "novelty": None}, copied / "model.skops")
    with pytest.raises(BundleError, match=r"not to be trusted: .* not allowed: .*Evil"):
        load_bundle(copied)


def test_a_function_of_the_system_is_refused(copied: Path) -> None:
    """The classic attack: a file that names `os.system` where a harmless thing stood."""
    skops.io.dump({"classifier": os.system, "novelty": None}, copied / "model.skops")
    with pytest.raises(BundleError, match=r"holds a type that is not allowed: (os|posix)\.system"):
        load_bundle(copied)


def test_a_model_of_another_version_of_the_features_is_refused(
    full: Bundle, mp3_bytes: bytes, tmp_path: Path
) -> None:
    sets = [full.metadata["sets"][0] | {"fingerprint": "0" * 12}]
    stale = replace(full, metadata=full.metadata | {"sets": sets})
    (tmp_path / "clip.mp3").write_bytes(mp3_bytes)
    with pytest.raises(BundleError, match=r"another version of the feature set 'full'.*extract"):
        stale.predict([tmp_path / "clip.mp3"])


def test_a_model_that_reads_what_audio_does_not_give_says_so(full: Bundle) -> None:
    spotify = {"name": "spotify", "fingerprint": "", "parameters": {}}
    model = replace(full, metadata=full.metadata | {"sets": [full.metadata["sets"][0], spotify]})
    with pytest.raises(UsageError, match="reads full and spotify features, which cannot be comp"):
        sets_of(model.metadata)


def test_a_model_is_found_by_name_or_by_path(copied: Path) -> None:
    assert find_bundle("extracted-full", copied.parent) == copied
    assert find_bundle(str(copied), Path("elsewhere")) == copied
