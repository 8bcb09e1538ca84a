"""Rows with their copies beside them, and models that are fitted to both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from audiogenre import phone
from audiogenre.catalog import Catalog, Preview
from audiogenre.classifiers import CLASSIFIERS
from audiogenre.classifiers.ensemble import EnsembleClassifier
from audiogenre.classifiers.mlp import MlpClassifier
from audiogenre.dataset import Dataset, load_dataset
from audiogenre.errors import UsageError
from audiogenre.features import FeatureSet
from audiogenre.features.sets import Column
from audiogenre.store import FeatureStore, write_part
from audiogenre.training import fit
from audiogenre.typing import Classifier, Label, Track
from augmented.conftest import needs_torch

LABELS = ("classical", "pop", "rock")
N_ARTISTS, N_EACH = 8, 3  # a label
OWN = FeatureSet(
    "own",
    {},
    tuple(Column(f"{family}_{i}", "", "") for family in ("rms", "key") for i in range(4)),
    lambda y, sr: np.zeros(8, dtype=np.float32),
)


def tracks() -> list[Track]:
    return [
        Track(
            id=f"test:{label}-{artist}-{number}",
            source="test",
            labels=(Label("genre", label, "test"),),
            artist=f"{label} artist {artist}",
            title=f"song {number}",
        )
        for label in LABELS
        for artist in range(N_ARTISTS)
        for number in range(N_EACH)
    ]


class Folder:
    """A data folder with rows by hand: the copies are the rows, and 3 to the first column."""

    def __init__(self, path: Path) -> None:
        self.path, self.store, self.tracks = path, FeatureStore(path / "features"), tracks()
        rng = np.random.default_rng(0)
        codes = np.arange(len(self.tracks)) // (N_ARTISTS * N_EACH)
        self.values = rng.normal(size=(len(self.tracks), 8)).astype(np.float32)
        self.values[:, 1:3] += 6 * (codes[:, None] - 1)
        self.write(OWN, self.values)
        with Catalog(path / "catalog.db") as catalog, catalog.transaction():
            for each in self.tracks:
                catalog.add(each, Preview(f"{each.id}.mp3", f"hash of {each.id}", 1, 30.0, 1))

    def write(self, chosen: FeatureSet, values: npt.NDArray[np.float32], first: int = 0) -> None:
        kept = self.tracks[first:]
        metadata = {"name": chosen.name, "parameters": dict(chosen.parameters)}
        write_part(
            self.store.directory(chosen.name, chosen.fingerprint),
            [each.id for each in kept],
            [f"hash of {each.id}" for each in kept],
            chosen.names,
            values[first:],
            metadata | {"fingerprint": chosen.fingerprint},
        )

    def copies(self) -> npt.NDArray[np.float32]:
        return self.values + np.eye(8, dtype=np.float32)[0] * 3

    def load(self, **options: Any) -> Dataset:
        with Catalog(self.path / "catalog.db") as catalog:
            return load_dataset(
                catalog, self.store, features="extracted", **{"set_name": "own", **options}
            )


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_every_row_has_its_own_copy_beside_it(folder: Folder) -> None:
    folder.write(phone.copied(OWN), folder.copies())
    dataset, plain = folder.load(augment=True), folder.load()
    assert dataset.copies is not None
    assert plain.copies is None
    pd.testing.assert_frame_equal(dataset.X, plain.X)
    assert dataset.copies.index.equals(dataset.X.index)
    assert dataset.copies.columns.equals(dataset.X.columns)
    moved = (dataset.copies - dataset.X).to_numpy()
    np.testing.assert_allclose(moved, np.tile(3 * np.eye(8)[0], (len(dataset.X), 1)), atol=1e-6)
    assert dataset.data_hash != plain.data_hash


def test_a_track_without_a_copy_stays_and_is_told(folder: Folder) -> None:
    folder.write(phone.copied(OWN), folder.copies(), first=5)
    dataset = folder.load(augment=True)
    assert dataset.copies is not None
    assert len(dataset.X) == len(folder.tracks)
    assert dataset.copies.isna().all(axis=1).sum() == 5
    assert "5 of 72 tracks have no simulated copy" in dataset.notes
    fitted = fit(dataset, CLASSIFIERS["svc"], jobs=1)
    there = dataset.copies.notna().all(axis=1).to_numpy()
    assert fitted.copies["n_train"] == (there & ~dataset.test).sum()
    assert fitted.copies["scores"]["n"] == (there & dataset.test).sum()


def test_most_copies_missing_none_or_of_another_set_is_refused(folder: Folder) -> None:
    with pytest.raises(UsageError, match=r"no simulated copies of the set own-.*extract --augment"):
        folder.load(augment=True)
    folder.write(phone.copied(OWN.having(sr=8000)), folder.copies())  # made of another set
    with pytest.raises(UsageError, match="no simulated copies of the set own-"):
        folder.load(augment=True)
    folder.write(phone.copied(OWN), folder.copies(), first=50)
    with pytest.raises(UsageError, match="50 of 72 tracks have no simulated copy"):
        folder.load(augment=True)


def test_a_set_of_a_table_has_no_copies(folder: Folder) -> None:
    kept = [each.id for each in folder.tracks]
    table = {"name": "measured", "parameters": {}}
    where = folder.store.directory("measured")
    write_part(where, kept, [""] * len(kept), OWN.names, folder.values, table)
    assert len(folder.load(set_name="measured").X) == len(kept)
    with pytest.raises(UsageError, match="measured was not computed from audio: leave out --augm"):
        folder.load(set_name="measured", augment=True)


def test_copies_lie_apart_and_are_no_set_of_their_own_by_that_name(folder: Folder) -> None:
    folder.write(phone.copied(OWN), folder.copies())
    assert folder.store.find("own") == f"own-{OWN.fingerprint}"
    assert len(folder.load().X) == len(folder.tracks)


def test_copies_bring_back_what_the_change_takes(folder: Folder) -> None:
    """In copies another column tells the label: only who has learned from them knows which."""
    folder.write(phone.copied(OWN), np.roll(folder.values, 4, axis=1))
    dataset = folder.load(augment=True)
    assert dataset.copies is not None
    augmented = fit(dataset, CLASSIFIERS["svc"], tolerance=1, jobs=1)
    plain = fit(folder.load(), CLASSIFIERS["svc"], tolerance=1, jobs=1)
    y = dataset.y[dataset.test]
    unheard = plain.classifier.predict(dataset.copies.to_numpy()[dataset.test])
    assert augmented.copies["scores"]["accuracy"] > (unheard == y).mean() + 0.2
    assert augmented.scores["accuracy"] >= plain.scores["accuracy"] - 0.1
    assert augmented.choice.taken.copies is not None
    assert augmented.choice.taken.copies > 0.7
    assert augmented.copies["difference"]["difference"] == pytest.approx(
        augmented.copies["scores"]["accuracy"] - augmented.scores["accuracy"]
    )


class QuickVote(EnsembleClassifier):
    """The vote with a few small trees."""

    def build(self, blocks: tuple[str, ...], seed: int) -> Pipeline:
        vote = super().build(blocks, seed)
        return vote.set_params(model__boosting="drop", model__trees__n_estimators=5)

    def grid(self, n_rows: int, n_columns: int) -> list[dict[str, list[Any]]]:
        return []


class QuickNetwork(MlpClassifier):
    """The network after a few epochs."""

    costly = True

    def grid(self, n_rows: int, n_columns: int) -> list[dict[str, list[Any]]]:
        return [{"model__epochs": [10]}]


@pytest.mark.parametrize("family", [QuickVote(), pytest.param(QuickNetwork(), marks=needs_torch)])
def test_a_model_that_asks_for_groups_learns_from_copies(
    folder: Folder, family: Classifier
) -> None:
    folder.write(phone.copied(OWN), folder.copies())
    fitted = fit(folder.load(augment=True), family, tolerance=1, jobs=1)
    assert fitted.scores["accuracy"] > 0.6
    assert fitted.copies["scores"]["accuracy"] > 0.6
    assert fitted.choice.taken.copies is not None
    assert fitted.choice.taken.copies > 0.6
    assert bool(fitted.learning) == (family.name == "mlp")


def test_copies_of_several_sets_are_joined(folder: Folder) -> None:
    other = replace(OWN, name="other").having(sr=8000)
    folder.write(phone.copied(OWN), folder.copies(), first=5)
    folder.write(other, 2 * folder.values)
    folder.write(phone.copied(other), 2 * folder.copies())
    dataset = folder.load(augment=True, set_name="own+other")
    assert dataset.copies is not None
    assert dataset.copies.columns.equals(dataset.X.columns)
    moved = (dataset.copies - dataset.X).to_numpy()
    there = ~np.isnan(moved).any(axis=1)
    assert there.sum() == len(folder.tracks) - 5
    assert np.isnan(moved[~there]).all()  # a copy is whole or none
    expected = 3 * np.eye(8)[0]
    np.testing.assert_allclose(
        moved[there], np.tile(np.hstack([expected, 2 * expected]), (there.sum(), 1)), atol=1e-5
    )
