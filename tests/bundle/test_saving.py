"""A model is replaced by its successor whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from sklearn.neighbors import NearestCentroid

from audiogenre import partials
from audiogenre.bundle import Bundle
from audiogenre.bundles import load_bundle, save_bundle
from audiogenre.errors import BundleError, StoreError


def saved(folder: Path, full: Bundle, describe: Callable[[Path], None], name: str = "new") -> None:
    save_bundle(
        folder,
        metadata=full.metadata | {"name": name},
        classifier=full.classifier,
        novelty=full.novelty,
        predictions=pd.DataFrame({"track_id": ["a"]}),
        describe=describe,
    )


def disk_full(beside: Path) -> None:
    raise OSError(28, "No space left on device")


def test_a_model_replaces_one_of_its_name(copied: Path, full: Bundle) -> None:
    saved(copied, full, lambda beside: None)
    assert load_bundle(copied).name == "new"
    assert not (copied / "figures").exists()  # nothing of the old one is mixed in
    assert [each.name for each in copied.parent.iterdir()] == ["extracted-full"]


def test_a_model_stays_when_writing_its_successor_fails(copied: Path, full: Bundle) -> None:
    before = {each: each.read_bytes() for each in copied.rglob("*") if each.is_file()}
    with pytest.raises(StoreError, match=r"cannot write .*extracted-full: No space left on device"):
        saved(copied, full, disk_full)
    assert {each: each.read_bytes() for each in copied.rglob("*") if each.is_file()} == before
    assert [each.name for each in copied.parent.iterdir()] == ["extracted-full"]


def test_a_first_model_that_cannot_be_written_leaves_nothing(tmp_path: Path, full: Bundle) -> None:
    with pytest.raises(StoreError):
        saved(tmp_path / "models" / "first", full, disk_full)
    assert list((tmp_path / "models").iterdir()) == []


def test_a_model_that_could_not_be_loaded_again_is_not_written(
    tmp_path: Path, full: Bundle
) -> None:
    own = replace(full, classifier=NearestCentroid().fit([[0.0], [1.0], [2.0], [4.0]], [*"aabb"]))
    with pytest.raises(
        BundleError, match=r"a type that is not allowed: sklearn.neighbors.*trust.py"
    ):
        saved(tmp_path / "models" / "own", own, lambda beside: None)
    assert list((tmp_path / "models").iterdir()) == []


@pytest.mark.parametrize("error", [ValueError("a figure"), KeyboardInterrupt()])
def test_whatever_stops_the_writing_leaves_nothing_beside_the_model(
    copied: Path, full: Bundle, error: BaseException
) -> None:
    def stop(beside: Path) -> None:
        raise error

    with pytest.raises(type(error)):
        saved(copied, full, stop)
    assert load_bundle(copied).name == "extracted-full"
    assert [each.name for each in copied.parent.iterdir()] == ["extracted-full"]


def test_the_old_model_is_back_when_the_new_one_cannot_be_moved_into_place(
    copied: Path, full: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename
    monkeypatch.setattr(partials, "exchange", lambda *_: False)  # as on other systems

    def failing(self: Path, target: Path) -> Path:
        if self.name.endswith(".tmp"):
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(StoreError, match="Input/output error"):
        saved(copied, full, lambda beside: None)
    assert load_bundle(copied).name == "extracted-full"
