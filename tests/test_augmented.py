"""Learning from simulated copies: they are learned from, and never judged by nor divided from."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from audiogenre import phone
from audiogenre.bundle import load_bundle
from audiogenre.candidates import search
from audiogenre.catalog import Catalog, Preview
from audiogenre.classifiers import CLASSIFIERS
from audiogenre.classifiers.augmented import AugmentedPipeline, score_copies
from audiogenre.classifiers.ensemble import EnsembleClassifier
from audiogenre.classifiers.mlp import MlpClassifier
from audiogenre.dataset import Dataset, load_dataset
from audiogenre.errors import UsageError
from audiogenre.features import FeatureSet
from audiogenre.features.sets import Column
from audiogenre.hierarchy import out_of_fold
from audiogenre.novelty import NoveltyDetector
from audiogenre.splits import grouped_folds, repeated_folds
from audiogenre.store import FeatureStore, write_part
from audiogenre.training import fit
from audiogenre.typing import Classifier, Label, Track

F64 = npt.NDArray[np.float64]
Strings = npt.NDArray[np.str_]
Main = Callable[..., int]
LABELS = ("classical", "pop", "rock")
N_ARTISTS, N_EACH = 8, 3  # a label
OWN = FeatureSet(
    "own",
    {},
    tuple(Column(f"{family}_{i}", "", "") for family in ("rms", "key") for i in range(4)),
    lambda y, sr: np.zeros(8, dtype=np.float32),
)
needs_extra = pytest.mark.skipif(
    find_spec("audiomentations") is None or find_spec("fast_mp3_augment") is None,
    reason="the extra 'augment' (audiomentations, fast-mp3-augment) is not installed",
)
needs_torch = pytest.mark.skipif(
    find_spec("torch") is None or find_spec("skorch") is None,
    reason="the extra 'neural' (torch, skorch) is not installed",
)


class Noting(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier that notes which numbers it has seen, in training and in prediction."""

    def __init__(self, seen: Any = None) -> None:
        self.seen = seen

    def __sklearn_clone__(self) -> Noting:
        return Noting(self.seen)  # every clone writes into the same lists

    def fit(self, X: F64, y: Strings) -> Noting:
        self.seen["fit"].append(X[:, 0].tolist())
        self.n_features_in_ = X.shape[1]
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: F64) -> Strings:
        self.seen["predict"].append(X[:, 0].tolist())
        return np.full(len(X), self.classes_[0])


def rows(n: int = 60) -> tuple[F64, F64, Strings, npt.NDArray[np.int64]]:
    """Rows numbered from 0, their copies from 1000, labels, and groups of three rows."""
    number = np.arange(n, dtype=float)
    X = np.stack([number, np.zeros(n)], axis=1)
    y = np.array(["a", "b"])[(number // 3 % 2).astype(int)]
    return X, X + 1000, y, (number // 3).astype(np.int64)


# ---------------------------------------------------------------- the pipeline


def test_copies_are_learned_from_where_their_row_is_and_never_judged() -> None:
    X, copies, y, groups = rows()
    copies[7] = np.nan  # one row has none
    seen: dict[str, list[list[float]]] = {"fit": [], "predict": []}

    class Family(Classifier):
        name, calibrate = "noting", False

        def build(self, blocks: tuple[str, ...], seed: int) -> Pipeline:
            return Pipeline([("model", Noting(seen))])

        def grid(self, n_rows: int, n_columns: int) -> list[dict[str, list[Any]]]:
            return []

    folds = repeated_folds(y, groups, seed=0)
    search(Family(), np.hstack([X, copies]), y, folds, ("own/a", "own/b"), jobs=1)
    assert len(seen["fit"]) == len(folds) + 1  # and once more on everything
    for learned, (train, held) in zip(seen["fit"], folds, strict=False):
        expected = {*train.tolist(), *(1000 + train[train != 7]).tolist()}
        assert sorted(learned) == sorted(expected)
        artists = {int(groups[int(each) % 1000]) for each in learned}
        assert artists.isdisjoint(groups[held].tolist())


def test_the_score_and_the_gap_are_those_of_clean_rows() -> None:
    rng = np.random.default_rng(0)
    X = np.hstack([rng.normal(size=(120, 1)), rng.normal(size=(120, 1))])
    y = np.where(X[:, 0] > 0, "high", "low")
    copies = -X  # of the opposite label: whoever counts them is right half of the time
    groups = np.arange(120) // 3
    folds = grouped_folds(y, groups, seed=0)
    plain = clone(CLASSIFIERS["svc"].build(("own/a", "own/b"), 0))
    _, choice = search(
        CLASSIFIERS["svc"], np.hstack([X, copies]), y, folds, ("own/a", "own/b"), jobs=1
    )
    augmented = AugmentedPipeline(plain.set_params(**choice.taken.parameters).steps)
    train, validation, of_copies = [], [], []
    for learned, held in folds:
        model = clone(augmented).fit(np.hstack([X, copies])[learned], y[learned])
        train.append(model.score(X[learned], y[learned]))
        validation.append(model.score(X[held], y[held]))
        of_copies.append(model.score(copies[held], y[held]))
    assert choice.taken.train == pytest.approx(np.mean(train))
    assert choice.taken.validation == pytest.approx(np.mean(validation))
    assert choice.taken.copies == pytest.approx(np.mean(of_copies))


def test_without_copies_nothing_is_scored_on_them() -> None:
    X, _, y, groups = rows()
    folds = grouped_folds(y, groups, seed=0)
    model, choice = search(CLASSIFIERS["svc"], X, y, folds, ("own/a", "own/b"), jobs=1)
    assert type(model) is Pipeline
    assert all(each.copies is None for each in choice.candidates)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_it_predicts_rows_with_and_without_their_copies_alike(method: str) -> None:
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(60, 3)), np.repeat(["a", "b"], 30)
    steps = [("scale", StandardScaler()), ("model", LogisticRegression())]
    model = AugmentedPipeline(steps).fit(np.hstack([X, X + 1]), y)
    ask = getattr(model, method)
    np.testing.assert_array_equal(ask(X), ask(np.hstack([X, X + 9])))
    reference = Pipeline(clone(model).steps).fit(np.vstack([X, X + 1]), np.tile(y, 2))
    np.testing.assert_allclose(
        np.unique(ask(X), return_inverse=True)[1],
        np.unique(getattr(reference, method)(X), return_inverse=True)[1],
    )


def test_it_has_no_method_that_its_model_lacks() -> None:
    forest = AugmentedPipeline([("model", RandomForestClassifier())])
    assert not hasattr(forest, "decision_function")
    assert hasattr(forest, "predict_proba")


def test_calibration_sees_every_clean_row_once_and_no_copy() -> None:
    X, copies, y, groups = rows()
    seen: dict[str, list[list[float]]] = {"fit": [], "predict": []}

    class Deciding(Noting):
        def __sklearn_clone__(self) -> Deciding:
            return Deciding(self.seen)

        def decision_function(self, X: F64) -> F64:
            self.seen["predict"].append(X[:, 0].tolist())
            return X[:, 0]

    model = AugmentedPipeline([("model", Deciding(seen))])
    folds = grouped_folds(y, groups, seed=0)
    CalibratedClassifierCV(model, method="sigmoid", cv=folds, ensemble=False).fit(
        np.hstack([X, copies]), y
    )
    judged = [each for part in seen["predict"] for each in part]
    assert sorted(judged) == X[:, 0].tolist()


def test_what_belongs_to_rows_belongs_to_their_copies() -> None:
    weights: list[Any] = []

    class Weighted(Noting):
        def fit(self, X: F64, y: Strings, sample_weight: Any = None) -> Weighted:
            weights.extend(sample_weight.tolist())
            self.n_features_in_ = X.shape[1]
            self.classes_ = np.unique(y)
            return self

    X = np.array([[1.0], [2.0], [3.0]])
    copies = np.array([[10.0], [np.nan], [30.0]])
    pipeline = AugmentedPipeline([("model", Weighted({}))])
    pipeline.fit(
        np.hstack([X, copies]), np.array(["a", "b", "a"]), model__sample_weight=np.array([5, 6, 7])
    )
    assert weights == [5, 6, 7, 5, 7]


def test_groups_reach_a_model_that_divides_once_more_with_those_of_the_copies() -> None:
    got: list[tuple[list[float], list[int]]] = []

    class Dividing(Noting):
        __metadata_request__fit = {"groups": True}  # noqa: RUF012

        def fit(self, X: F64, y: Strings, groups: Any = None) -> Dividing:
            got.append((X[:, 0].tolist(), groups.tolist()))
            self.n_features_in_ = X.shape[1]
            self.classes_ = np.unique(y)
            return self

        def __sklearn_clone__(self) -> Dividing:
            return Dividing(self.seen)

    class Family(Classifier):
        name, calibrate = "dividing", False

        def build(self, blocks: tuple[str, ...], seed: int) -> Pipeline:
            return Pipeline([("model", Dividing({"fit": [], "predict": []}))])

        def grid(self, n_rows: int, n_columns: int) -> list[dict[str, list[Any]]]:
            return []

    X, copies, y, groups = rows()
    copies[7] = np.nan
    folds = grouped_folds(y, groups, seed=0)
    search(Family(), np.hstack([X, copies]), y, folds, ("own/a", "own/b"), groups=groups, jobs=1)
    assert len(got) == len(folds) + 1
    for numbers, of in got:
        assert max(numbers) >= 1000
        assert of == [int(groups[int(each) % 1000]) for each in numbers]


def test_the_score_of_copies_leaves_out_rows_without() -> None:
    X, copies, y, _ = rows(12)
    model = AugmentedPipeline([("model", Noting({"fit": [], "predict": []}))])
    both = np.hstack([X, copies])
    model.fit(both, y)
    both[y == "b", 2:] = np.nan
    assert score_copies(model, both, y) == 1
    both[:, 2:] = np.nan
    assert np.isnan(score_copies(model, both, y))


def test_novelty_learns_copies_and_keeps_its_share_of_clean_rows() -> None:
    rng = np.random.default_rng(0)
    X, shift = rng.normal(size=(300, 4)), np.array([6.0, 0, 0, 0])
    y = np.array(["a", "b", "c"])[np.arange(300) % 3]
    X[:, 1] += 4 * (np.arange(300) % 3)
    copies = X + shift + rng.normal(size=X.shape)
    folds = grouped_folds(y, np.arange(300), seed=0)
    blocks = tuple(f"own/{i}" for i in range(4))
    plain = NoveltyDetector(blocks).calibrate(X, y, folds)
    both = NoveltyDetector(blocks).calibrate(np.hstack([X, copies]), y, folds)
    assert plain.is_known(plain.distance(copies)).mean() < 0.2
    assert both.is_known(both.distance(copies)).mean() > 0.6
    assert both.is_known(both.distance(X)).mean() == pytest.approx(0.95, abs=0.04)
    np.testing.assert_array_equal(both.distance(X), both.distance(np.hstack([X, copies])))


def test_novelty_out_of_fold_learns_copies_of_the_others_and_judges_rows() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 4)), np.array(["a", "b"])[np.arange(120) % 2]
    copies = X + rng.normal(size=X.shape)
    folds = grouped_folds(y, np.arange(120) // 3, seed=0)
    detector = NoveltyDetector(("musicnn/tags", "musicnn/tags", "own/0", "own/1"))
    distances = detector.out_of_fold(np.hstack([X, copies]), y, folds)
    for train, held in folds:
        learned = np.vstack([X[train], copies[train]])
        alone = clone(detector).fit(learned, np.tile(y[train], 2))
        np.testing.assert_allclose(distances[held], alone.distance(X[held]))


def test_levels_are_measured_with_copies_of_the_others() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 2)), np.array(["a", "b"])[np.arange(120) % 2]
    X[:, 0] += y == "a"
    copies, groups = X + rng.normal(size=X.shape), np.arange(120) // 3
    folds = grouped_folds(y, groups, seed=0)
    steps = [("model", LogisticRegression())]
    model = AugmentedPipeline(steps)
    found = out_of_fold(model, np.hstack([X, copies]), y, groups, folds, seed=0)
    for train, held in folds:
        learned = np.vstack([X[train], copies[train]])
        alone = Pipeline(clone(model).steps).fit(learned, np.tile(y[train], 2))
        np.testing.assert_allclose(found[held], alone.predict_proba(X[held]))
    calibrated = CalibratedClassifierCV(model, method="sigmoid", cv=folds, ensemble=False)
    found = out_of_fold(calibrated, np.hstack([X, copies]), y, groups, folds, seed=0)
    np.testing.assert_allclose(found.sum(axis=1), 1)


# ---------------------------------------------------------------- the dataset


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


# ---------------------------------------------------------------- the commands


@pytest.fixture(scope="module")
def augmented(
    run_main: Main, sample_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A data folder of the sample with copies of `baseline`, and a model that learned from them."""
    import shutil

    folder = tmp_path_factory.mktemp("augmented")
    data, models = Path(shutil.copytree(sample_data, folder / "data")), folder / "models"
    common = ("--data", data, "--jobs", 1, "-q")
    assert run_main("extract", "--set", "baseline", "--augment", "phone", *common) == 0
    own = ("--set", "baseline", "--augment", "phone", "--models", models)
    assert run_main("fit", "--features", "extracted", *own, *common) == 0
    return data, models


@needs_extra
def test_extract_makes_copies_once_and_beside_the_set(
    augmented: tuple[Path, Path], run_main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    data, _ = augmented
    store = FeatureStore(data / "features")
    clean, copies = store.read(store.find("baseline")), store.read(store.find("baseline.phone"))
    assert clean.index.equals(copies.index)
    assert list(clean.columns) == list(copies.columns)
    assert not np.isclose(clean["rms_max"], copies["rms_max"], rtol=1e-3).any()
    run = ("extract", "--set", "baseline", "--augment", "phone", "--data", data, "--jobs", 1)
    assert run_main(*run, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["set"], found["extracted"], found["skipped"]) == (
        "baseline,baseline.phone",
        0,
        60,
    )


@needs_extra
def test_copies_that_were_lost_are_made_again_and_equal(
    augmented: tuple[Path, Path], run_main: Main, tmp_path: Path
) -> None:
    import shutil

    data = Path(shutil.copytree(augmented[0], tmp_path / "data"))
    store = FeatureStore(data / "features")
    folder = store.find("baseline.phone")
    before = store.read(folder)
    next(iter(sorted((store.root / folder).glob("part-*.parquet")))).unlink()
    assert len(store.read(folder)) < len(before)
    run = ("extract", "--set", "baseline", "--augment", "phone", "--data", data, "--jobs", 1, "-q")
    assert run_main(*run) == 0
    pd.testing.assert_frame_equal(store.read(folder), before)


@needs_extra
def test_card_and_metadata_tell_both_scores(augmented: tuple[Path, Path]) -> None:
    folder = augmented[1] / "extracted-baseline-phone"
    metadata = json.loads((folder / "metadata.json").read_text())
    told = metadata["augmentation"]
    assert told["name"] == "phone"
    assert told["n_train"] == metadata["n_train"]
    assert told["scores"]["n"] == metadata["n_test"]
    assert told["parameters"]["snr_db"] == "10 to 30"
    card = (folder / "README.md").read_text()
    assert "### Phone recordings" in card
    assert "as it is | by phone, simulated" in card
    assert f"{100 * told['scores']['accuracy']:.1f} %" in card
    assert f"a copy of {metadata['n_train']} of its {metadata['n_train']} training tracks" in card


@needs_extra
def test_the_model_predicts_files_from_its_folder(
    augmented: tuple[Path, Path], mp3_bytes: bytes, tmp_path: Path
) -> None:
    (tmp_path / "a.mp3").write_bytes(mp3_bytes)
    bundle = load_bundle(augmented[1] / "extracted-baseline-phone")
    answers = bundle.predict([tmp_path / "a.mp3"])
    assert answers["error"].tolist() == [""]
    assert answers["nearest"][0] in bundle.labels


def test_without_copies_fit_says_what_to_run(
    run_main: Main, sample_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ("--data", sample_data, "--models", tmp_path, "--augment", "phone")
    assert run_main("fit", "--features", "extracted", *common) == 2
    assert "extract --augment phone" in capsys.readouterr().err
    assert run_main("fit", "--features", "spotify", *common) == 2
    assert "--features extracted" in capsys.readouterr().err


@needs_torch
def test_a_model_that_learns_from_images_is_refused(
    run_main: Main, sample_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ("--data", sample_data, "--models", tmp_path, "--augment", "phone")
    assert run_main("fit", "--features", "extracted", "--model", "cnn", *common) == 2
    captured = capsys.readouterr()
    assert "--model cnn learns from images" in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("other", [("--multilabel",), ("--context", "artist")])
def test_what_copies_are_not_made_for_is_refused(
    run_main: Main,
    sample_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    other: tuple[str, ...],
) -> None:
    common = ("--data", sample_data, "--models", tmp_path, "--augment", "phone")
    assert run_main("fit", "--features", "extracted", *other, *common) == 2
    captured = capsys.readouterr()
    assert f"leave out {other[0]}" in captured.err
    assert captured.err.count("\n") == 1


def test_a_card_of_a_plain_model_does_not_speak_of_phones(sample_models: Path) -> None:
    assert "Phone recordings" not in (sample_models / "extracted-full" / "README.md").read_text()
