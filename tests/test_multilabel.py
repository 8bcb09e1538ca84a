"""Several labels a song: no label is lost, no song counts twice, no threshold sees a test row."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    label_ranking_average_precision_score,
    precision_recall_fscore_support,
)
from sklearn.model_selection import ParameterGrid
from sklearn.multiclass import OneVsRestClassifier

from audiogenre import evaluation
from audiogenre.bundle import load_bundle
from audiogenre.catalog import Catalog
from audiogenre.classifiers import CLASSIFIERS
from audiogenre.dataset import Dataset, load_dataset
from audiogenre.errors import UsageError
from audiogenre.multilabel import metrics
from audiogenre.multilabel.rows import label_folds
from audiogenre.multilabel.training import (
    FAMILIES,
    FittedLabels,
    best_threshold,
    calibrated,
    fit,
    ranking_score,
    search,
)
from audiogenre.sources.folder import read_tags
from audiogenre.splits import grouped_folds, repeated_folds
from audiogenre.store import FeatureStore, write_part
from audiogenre.typing import Label, Track

LABELS = ["calm", "dance", "folk"]
Main = Callable[..., int]
Marks = npt.NDArray[np.bool_]


def answered(
    seed: int, n: int = 40
) -> tuple[Marks, npt.NDArray[np.float64], Marks, npt.NDArray[np.int64]]:
    """Labels, probabilities (with ties), answers and groups of some tracks."""
    rng = np.random.default_rng(seed)
    targets = rng.random((n, 3)) < 0.4
    targets[np.arange(n), rng.integers(0, 3, n)] = True
    probabilities = (0.4 * targets + 0.6 * rng.random((n, 3))).round(1)
    return targets, probabilities, probabilities >= [0.5, 0.4, 0.6], rng.integers(0, 12, n)


# ---------------------------------------------------------------- metrics


@settings(max_examples=30, deadline=None)
@given(seed=some.integers(0, 10_000), n=some.integers(1, 60))
def test_metrics_are_those_of_scikit_learn(seed: int, n: int) -> None:
    targets, probabilities, answers, _ = answered(seed, n)
    found = metrics.metrics(metrics.tallies(targets, probabilities, answers).sum(axis=0))
    there = (targets | answers).any(axis=0)  # a label that nobody names has no F1
    with np.errstate(all="ignore"):
        expected = {
            metrics.RANKING: label_ranking_average_precision_score(targets, probabilities),
            "micro_f1": f1_score(targets, answers, average="micro", zero_division=0),
            "macro_f1": f1_score(
                targets[:, there], answers[:, there], average="macro", zero_division=0
            )
            if there.sum() > 1
            else found["macro_f1"],
            "exact_match": accuracy_score(targets, answers),
        }
    assert {name: float(found[name]) for name in metrics.METRICS} == pytest.approx(expected)


def test_scores_of_a_label_are_those_of_scikit_learn() -> None:
    targets, _, answers, _ = answered(0)
    found = metrics.per_label(targets, answers, LABELS)
    expected = precision_recall_fscore_support(targets, answers)
    for column, label in enumerate(LABELS):
        own = [found[label][key] for key in ("precision", "recall", "f1", "n")]
        assert own == pytest.approx([each[column] for each in expected])
        assert found[label]["answered"] == answers[:, column].sum()


def test_ranking_precision_by_hand() -> None:
    targets = np.array([[True, False, False], [True, False, True], [False, False, True]])
    scores = np.array([[0.9, 0.5, 0.1], [0.1, 0.5, 0.9], [0.2, 0.2, 0.2]])
    # First; first and third of three; tied with two others.
    expected = [1, (1 + 2 / 3) / 2, 1 / 3]
    assert metrics.ranking_precision(targets, scores).tolist() == pytest.approx(expected)


def test_intervals_resample_artists_as_those_of_accuracies_do() -> None:
    targets, probabilities, answers, groups = answered(1, 200)
    found = metrics.intervals(metrics.tallies(targets, probabilities, answers), groups)
    exact = (targets == answers).all(axis=1).astype(np.float64)
    assert found["exact_match"] == pytest.approx(evaluation.interval(exact, groups))
    ranking = metrics.ranking_precision(targets, probabilities)
    assert found[metrics.RANKING] == pytest.approx(evaluation.interval(ranking, groups))
    for name, value in metrics.summary(targets, probabilities, answers, groups, LABELS).items():
        if name in metrics.METRICS:
            low, high = found[name]
            assert 0 <= low < value < high <= 1


def test_a_perfect_score_does_not_have_an_interval_of_nothing() -> None:
    targets, _, _, groups = answered(2)
    perfect = metrics.intervals(metrics.tallies(targets, targets.astype(float), targets), groups)
    bound = evaluation.interval(np.ones(len(groups)), groups)
    assert bound[0] < 1
    assert set(perfect.values()) == {bound}


def test_differences_are_paired() -> None:
    targets, probabilities, answers, groups = answered(3, 100)
    worse = np.random.default_rng(0).permuted(probabilities, axis=1)
    first = metrics.tallies(targets, probabilities, answers)
    second = metrics.tallies(targets, worse, worse >= 0.5)
    same, other = (
        metrics.differences(first, first, groups),
        metrics.differences(first, second, groups),
    )
    assert {each["difference"] for each in same.values()} == {0}
    assert {each["interval"] for each in same.values()} == {(0, 0)}
    right = [(targets == each).all(axis=1).astype(np.float64) for each in (answers, worse >= 0.5)]
    expected = evaluation.paired_difference(*right, groups)
    assert other["exact_match"]["difference"] == pytest.approx(expected.difference)
    assert other["exact_match"]["interval"] == pytest.approx(expected.interval)


@pytest.mark.parametrize(
    ("targets", "answers", "said"),
    [
        (np.zeros((0, 3), dtype=bool), np.zeros((0, 3), dtype=bool), "no labels to evaluate"),
        (np.ones((2, 3), dtype=bool), np.ones((3, 3), dtype=bool), "shape"),
        (np.zeros((2, 3), dtype=bool), np.ones((2, 3), dtype=bool), "a track has no label"),
    ],
)
def test_metrics_refuse_what_does_not_fit(targets: Marks, answers: Marks, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        metrics.tallies(targets, answers.astype(float), answers)


# ---------------------------------------------------------------- thresholds


@settings(max_examples=30, deadline=None)
@given(seed=some.integers(0, 10_000), n=some.integers(2, 50))
def test_no_other_threshold_has_a_better_f1(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    own = rng.random(n) < 0.3
    own[0] = True
    values = rng.random(n).round(2)
    reached = f1_score(own, values >= best_threshold(own, values), zero_division=0)
    others = [f1_score(own, values >= each, zero_division=0) for each in np.unique(values)]
    assert reached == pytest.approx(max(others))


def small(seed: int = 0, *, noise: float = 1.0) -> Dataset:
    """A dataset of 40 artists with three tracks each, every third track of two labels."""
    rng = np.random.default_rng(seed)
    n = 120
    y = np.arange(n) // 3 % 3
    Y = np.eye(3, dtype=bool)[y]
    Y[::3, :] |= np.eye(3, dtype=bool)[(y[::3] + 1) % 3]
    X = 3 * Y @ rng.normal(size=(3, 6)) + noise * rng.normal(size=(n, 6))
    ids = [f"test:{each:03d}" for each in range(n)]
    return Dataset(
        X=pd.DataFrame(X, index=ids, columns=[f"rms_{each}" for each in range(6)]),
        y=np.array(LABELS)[y],
        groups=np.arange(n) // 3,
        test=np.arange(n) // 9 % 5 == 0,
        blocks=("own/rms",) * 6,
        sets=[],
        split="artist",
        seed=0,
        artists_known=1.0,
        targets=pd.DataFrame(Y, index=ids, columns=LABELS),
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_that_is_offered_can(name: str) -> None:
    dataset = small()
    assert dataset.targets is not None
    X, Y = dataset.X.to_numpy(), dataset.targets.to_numpy()
    parts = [held for _, held in label_folds(Y, dataset.groups, LABELS, seed=0)]
    first, second = np.concatenate(parts[:3]), np.concatenate(parts[3:])
    folds = [(first, second), (second, first)]
    family = CLASSIFIERS[name]
    estimator, choice = search(family, X, Y, folds, dataset.blocks)
    assert len(choice.candidates) == max(1, len(ParameterGrid(family.grid(*X.shape) or [{}])))
    assert set(choice.taken.parameters) == set((family.grid(*X.shape) or [{}])[0])
    classifier, found = calibrated(estimator, X, Y, folds, sigmoid=family.calibrate)
    assert found.shape == Y.shape
    if name != "majority":
        assert choice.taken.validation > 0.8
        assert ranking_score(classifier, X, Y) > 0.8
        assert found[Y].mean() > found[~Y].mean() + 0.2


def test_a_fit_is_better_than_not_looking() -> None:
    found = fit(small(), CLASSIFIERS["linear"])
    blind = found.scores["by_frequency"]
    assert found.scores["micro_f1"] > blind["micro_f1"] + 0.1
    assert found.scores[metrics.RANKING] > blind[metrics.RANKING] + 0.1
    assert list(found.thresholds) == LABELS


def test_what_is_chosen_does_not_depend_on_the_test_part() -> None:
    dataset = small()
    rng = np.random.default_rng(1)
    X, Y = dataset.X.copy(), dataset.targets
    assert Y is not None
    Y = Y.copy()
    X[dataset.test] = rng.normal(size=X[dataset.test].shape)
    Y[dataset.test] = (
        ~Y[dataset.test] | np.eye(3, dtype=bool)[rng.integers(0, 3, dataset.test.sum())]
    )
    first = fit(dataset, CLASSIFIERS["linear"])
    second = fit(replace(dataset, X=X, targets=Y), CLASSIFIERS["linear"])
    assert first.scores[metrics.RANKING] != second.scores[metrics.RANKING]
    assert first.thresholds == second.thresholds
    assert first.choice == second.choice
    assert first.novelty.threshold_ == second.novelty.threshold_


def test_thresholds_go_by_rows_that_a_model_has_not_seen() -> None:
    dataset = small(noise=500.0)  # nothing to be learned, much to be remembered
    assert dataset.targets is not None
    X, Y = dataset.X.to_numpy(), dataset.targets.to_numpy()
    folds = label_folds(Y, dataset.groups, LABELS, seed=0)
    estimator = OneVsRestClassifier(CLASSIFIERS["forest"].build(dataset.blocks, 0)).fit(X, Y)
    _, found = calibrated(estimator, X, Y, folds, sigmoid=True)
    remembered = metrics.ranking_precision(Y, estimator.predict_proba(X)).mean()
    assert remembered > 0.9
    assert metrics.ranking_precision(Y, found).mean() < 0.8


def test_calibrated_probabilities_mean_what_they_say() -> None:
    found: FittedLabels = fit(small(), CLASSIFIERS["svc"])
    table = found.predictions
    for label in LABELS:
        # Over all tracks, probabilities add up to about as many as have the label.
        assert table[f"p_{label}"].sum() == pytest.approx(table[f"is_{label}"].sum(), abs=4)
        answer = table["predicted"].str.split("; ").apply(lambda each, own=label: own in each)
        expected = table[f"p_{label}"] >= found.thresholds[label]
        pd.testing.assert_series_equal(answer, expected, check_names=False)


# ---------------------------------------------------------------- rows, folds and sides


@pytest.mark.parametrize("cut", [grouped_folds, repeated_folds])
def test_folds_hold_every_track_once_with_its_artist(cut: Any) -> None:
    dataset = small()
    assert dataset.targets is not None
    Y = dataset.targets.to_numpy()
    folds = label_folds(Y, dataset.groups, LABELS, seed=3, cut=cut)
    held = np.concatenate([test for _, test in folds])
    assert np.bincount(held).tolist() == [len(folds) // 5] * len(Y)
    for train, test in folds:
        assert not set(dataset.groups[train]) & set(dataset.groups[test])
        assert sorted([*train, *test]) == list(range(len(Y)))
        np.testing.assert_allclose(Y[test].mean(axis=0), Y.mean(axis=0), atol=0.15)


def test_a_label_that_every_track_has_is_refused() -> None:
    Y = np.ones((30, 2), dtype=bool)
    Y[::2, 1] = False
    with pytest.raises(UsageError, match=r"every track .* label 'calm'.*--only"):
        label_folds(Y, np.arange(30), ["calm", "dance"], seed=0)


def track(number: int, *labels: str, **more: Any) -> Track:
    """A track of an artist of its own."""
    return Track(
        id=f"test:{number:03d}",
        source="test",
        labels=tuple(Label("genre", each, "test") for each in labels),
        **{"artist": f"artist {number}", "title": f"song {number}"} | more,
    )


def library() -> list[Track]:
    """Tracks of sixteen artists, three of whom are under two labels."""
    several = {7: ("calm", "folk"), 8: ("dance", "calm"), 9: ("folk", "dance")}
    return [
        track(
            3 * artist + each,
            *several.get(artist, (LABELS[artist % 3],)),
            artist=f"artist {artist}",
        )
        for artist in range(16)
        for each in range(3)
    ]


def load(folder: Path, tracks: list[Track], **options: Any) -> Dataset:
    """Put tracks with random features into a data folder and load them."""
    store = FeatureStore(folder / "features")
    with Catalog(folder / "catalog.db") as catalog:
        with catalog.transaction():
            for each in tracks:
                catalog.add(each, None)
        ids = [each.id for each in tracks]
        values = np.random.default_rng(0).normal(size=(len(ids), 2)).astype(np.float32)
        columns = ["rms_mean", "tempo_bpm"]
        described = {"name": "own", "parameters": {}}
        write_part(store.directory("own"), ids, [""] * len(ids), columns, values, described)
        options = {"features": "extracted", "set_name": "own", "multilabel": True} | options
        return load_dataset(catalog, store, **options)


def said(dataset: Dataset, number: int) -> set[str]:
    assert dataset.targets is not None
    row = dataset.targets.loc[f"test:{number:03d}"]
    return set(row.index[row])


@pytest.mark.parametrize("split", ["artist", "random", "frozen"])
def test_a_track_of_several_labels_is_there_once_with_all(tmp_path: Path, split: str) -> None:
    tracks = library()
    dataset = load(tmp_path, tracks, split=split)
    assert list(dataset.X.index) == [each.id for each in tracks]
    assert dataset.targets is not None
    assert dataset.targets.index.equals(dataset.X.index)
    for number, each in enumerate(tracks):
        assert said(dataset, number) == {label.name for label in each.labels}
        assert dataset.y[number] == each.labels[0].name
    assert dataset.labels == LABELS
    for side in (dataset.test, ~dataset.test):
        assert dataset.targets[side].any().all()
    if split != "random":
        assert not set(dataset.groups[dataset.test]) & set(dataset.groups[~dataset.test])
    assert "all labels count: 9 of 48 tracks have several" in dataset.notes


def test_without_it_the_first_label_counts_and_a_note_says_so(tmp_path: Path) -> None:
    copy = track(90, "folk", artist="artist 0", title="song 0")  # elsewhere it is calm
    dataset = load(tmp_path, [*library(), copy], multilabel=False)
    assert len(dataset.X) == 48
    assert dataset.targets is None
    assert dataset.notes[:2] == [
        "9 further labels of tracks with several were left out: the first counts",
        "1 songs have another first label in another copy: the first copy counts",
    ]


def test_a_song_has_the_labels_of_all_its_copies(tmp_path: Path) -> None:
    copy = track(90, "folk", "calm", artist="artist 0", title="song 0")
    dataset = load(tmp_path, [*library(), copy])
    assert said(dataset, 0) == {"calm", "folk"}
    assert "test:090" not in dataset.X.index
    assert len(dataset.X) == 48


def test_a_correction_stands_for_all_labels_of_a_song(tmp_path: Path) -> None:
    tracks = library()
    load(tmp_path, tracks)
    with Catalog(tmp_path / "catalog.db") as catalog:
        with catalog.transaction():
            catalog.correct("test:021", Label("genre", "dance", "user"))
        store = FeatureStore(tmp_path / "features")
        dataset = load_dataset(
            catalog, store, features="extracted", set_name="own", multilabel=True
        )
    assert said(dataset, 21) == {"dance"}
    assert said(dataset, 22) == {"calm", "folk"}


def test_genres_of_one_name_and_one_parent_are_one_label(tmp_path: Path) -> None:
    names = {"calm": "hiphop", "dance": "techno", "folk": "house"}
    tracks = [
        replace(each, labels=tuple(replace(x, name=names[x.name]) for x in each.labels))
        for each in library()
    ]
    dataset = load(tmp_path / "a", tracks)
    assert dataset.labels == ["hip-hop", "house", "techno"]
    dataset = load(tmp_path / "b", tracks, parents=True)
    assert dataset.labels == ["electronic", "hip-hop"]
    assert said(dataset, 27) == {"electronic"}  # of house and techno
    assert said(dataset, 21) == {"electronic", "hip-hop"}


def test_only_and_a_rare_label_take_labels_away_and_leave_the_track(tmp_path: Path) -> None:
    tracks = library()
    rare = Label("genre", "polka", "test")
    tracks[0] = replace(tracks[0], labels=(rare, *tracks[0].labels))
    dataset = load(tmp_path, tracks)
    assert "fewer than 3 artists, left out: polka" in dataset.notes
    assert said(dataset, 0) == {"calm"}
    dataset = load(tmp_path, tracks, only=["calm", "dance"])
    assert said(dataset, 21) == {"calm"}
    assert "test:002" in dataset.X.index
    assert "test:006" not in dataset.X.index  # folk alone


def test_drawn_tracks_bring_their_other_labels_along(tmp_path: Path) -> None:
    dataset = load(tmp_path, library(), per_label=5)
    assert len(dataset.X) < 48
    assert dataset.targets is not None
    assert (dataset.targets.sum() >= 5).all()
    for name in dataset.X.index:
        number = int(name[-3:])
        assert said(dataset, number) == {each.name for each in library()[number].labels}


def test_the_hash_of_the_data_changes_with_a_further_label(tmp_path: Path) -> None:
    tracks = library()
    first = load(tmp_path / "a", tracks)
    tracks[0] = replace(tracks[0], labels=(*tracks[0].labels, Label("genre", "folk", "test")))
    second = load(tmp_path / "b", tracks)
    assert first.y.tolist() == second.y.tolist()
    assert first.data_hash != second.data_hash


# ---------------------------------------------------------------- commands


@pytest.fixture(scope="module")
def place(
    run_main: Main, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, dict[str, Any]]]:
    """A folder with a table's data and models of it, and what the fits printed."""
    folder = tmp_path_factory.mktemp("several")
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(3, 6))
    columns = ["danceability", "energy", "valence", "liveness", "speechiness", "acousticness"]
    with (folder / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["track_id", "artists", "track_genre", *columns])
        for number in range(180):
            first = number % 3
            own = {first, (first + 1) % 3} if number % 4 == 0 else {first}
            values = 0.5 + 0.15 * centres[sorted(own)].sum(axis=0) + 0.05 * rng.normal(size=6)
            for each in sorted(own):
                row = [f"t{number}", f"artist {number // 6}", LABELS[each]]
                writer.writerow([*row, *values.clip(0, 1).round(4)])
    where = ("--data", folder / "data", "--models", folder / "models")
    source = ("--source", "table", "--path", folder / "table.csv", "--accept-terms")
    assert run_main("download", *source, *where, "-q") == 0
    found = {}
    for name, *own in (
        ("several", "--multilabel", "--model", "linear"),
        ("blind", "--multilabel", "--model", "majority"),
        ("single", "--model", "linear"),
    ):
        out = io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.stdout", out)
            fixed = ("--features", "spotify", "--name", name, "--jobs", 1, "--json")
            assert run_main("fit", *own, *fixed, *where) == 0
        found[name] = json.loads(out.getvalue())
    return folder, found


Place = tuple[Path, dict[str, dict[str, Any]]]


def test_fit_prints_what_it_measured(place: Place) -> None:
    folder, results = place
    found = results["several"]
    assert found["multilabel"] is True
    assert found["score"] == metrics.RANKING
    assert found["n_train"] + found["n_test"] == 180  # of 225 rows: none is twice or missing
    assert found["gap"] == pytest.approx(found["train_score"] - found["validation_score"])
    for name in metrics.METRICS:
        low, high = found["test_intervals"][name]
        assert low <= found[f"test_{name}"] <= high
        assert found[f"test_{name}"] > found["by_frequency"][name]
    assert set(found["thresholds"]) == set(found["per_label"]) == set(LABELS)
    f1 = [each["f1"] for each in found["per_label"].values()]
    assert found["test_macro_f1"] == pytest.approx(np.mean(f1))
    blind = results["blind"]
    assert {name: blind[f"test_{name}"] for name in metrics.METRICS} == pytest.approx(
        found["by_frequency"]
    )
    stored = json.loads((folder / "models" / "several" / "metadata.json").read_text())
    assert stored["multilabel"]["thresholds"] == found["thresholds"]
    assert stored["scores"]["protocol"] == found["protocol"] == "artist split"


def test_scores_follow_from_the_stored_predictions(place: Place) -> None:
    folder, results = place
    table = pd.read_parquet(folder / "models" / "several" / "predictions.parquet")
    found = results["several"]
    targets = table[[f"is_{label}" for label in LABELS]].to_numpy()
    shares = table[[f"p_{label}" for label in LABELS]].to_numpy()
    answers = shares >= [found["thresholds"][label] for label in LABELS]
    assert targets.sum() > len(table)
    expected = label_ranking_average_precision_score(targets, shares)
    assert found[f"test_{metrics.RANKING}"] == pytest.approx(expected)
    assert found["test_micro_f1"] == pytest.approx(f1_score(targets, answers, average="micro"))
    assert found["test_exact_match"] == pytest.approx(accuracy_score(targets, answers))


def test_the_card_has_thresholds_intervals_and_figures(place: Place) -> None:
    folder, results = place
    card = (folder / "models" / "several" / "README.md").read_text()
    for label, threshold in results["several"]["thresholds"].items():
        assert f"| {label} | {threshold:.2f} |" in card
    for text in ("micro F1", "macro F1", "exact match", "artist split", "95 % interval"):
        assert text in card
    assert "Training and validation label-ranking average precision are means" in card
    assert "accuracy" not in card.lower()
    drawn = {each.name for each in (folder / "models" / "several" / "figures").iterdir()}
    assert {"scores-by-label.png", "thresholds.png", "answers-by-label.png"} <= drawn
    assert all(f"figures/{name}" in card for name in drawn)


def test_what_is_measured_of_one_label_a_track_only_is_not_said(place: Place) -> None:
    folder, results = place
    for name, measured in (("several", False), ("single", True)):
        assert (results[name]["levels"] is not None) == measured
        assert bool(results[name]["unknown"]["left_out"]) == measured
        card = (folder / "models" / name / "README.md").read_text()
        assert ("left out of training" in card) == measured
        assert ("At the parent level" in card) == measured
        assert '"unknown"' in card


def test_context_and_parents_are_refused_in_a_sentence(
    run_main: Main, place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = place
    where = ("--models", folder / "models")
    given = ("--multilabel", "--context", "artist", "--data", folder / "data")
    assert run_main("fit", *given, *where) == 2
    assert "--context is learned for one label a track" in capsys.readouterr().err
    clip = tmp_path / "clip.wav"
    clip.touch()
    assert run_main("predict", "several", clip, "--level", "parent", *where) == 2
    assert "fitted with --multilabel" in capsys.readouterr().err


def test_a_model_of_one_label_is_as_it_was(place: Place) -> None:
    folder, results = place
    metadata = json.loads((folder / "models" / "single" / "metadata.json").read_text())
    assert "multilabel" not in metadata
    bundle = load_bundle(folder / "models" / "single")
    assert not bundle.is_multilabel
    assert bundle.labels == LABELS
    assert set(results["single"]) >= {"test_accuracy", "train_accuracy", "macro_f1", "per_label"}
    assert any("45 further labels" in note for note in metadata["notes"])


def test_compare_is_paired_on_the_same_tracks(
    run_main: Main, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, results = place
    where = ("--models", folder / "models")
    assert run_main("compare", "several", "blind", *where, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    first, second = found["models"]
    assert found["n"] == results["several"]["n_test"]
    for each in (first, second):
        for name in metrics.METRICS:
            fitted = results[each["name"]]
            assert each[name] == pytest.approx(fitted[f"test_{name}"])
            assert each["intervals"][name] == pytest.approx(fitted["test_intervals"][name])
    assert found["difference"] == pytest.approx(first[metrics.RANKING] - second[metrics.RANKING])
    low, high = found["difference_interval"]
    assert 0 < low < found["difference"] < high
    assert found["p_value"] < 0.01
    assert run_main("compare", "several", "blind", *where) == 0
    out = capsys.readouterr().out
    assert "several less blind" in out
    assert "McNemar p = " in out
    assert all(label in out for label in LABELS)


def test_compare_does_not_mix_kinds_of_models(
    run_main: Main, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = place
    where = ("--models", folder / "models")
    assert run_main("compare", "several", "single", *where) == 2
    assert "fit all with --multilabel, or none" in capsys.readouterr().err
    assert run_main("compare", "several", "blind", "single", *where) == 0
    assert "single tells labels that no other model here tells" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["ensemble", "mlp", "cnn"])
def test_families_that_cannot_are_refused_with_those_that_can(
    run_main: Main, place: Place, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    folder, _ = place
    where = ("--data", folder / "data", "--models", folder / "models")
    assert run_main("fit", "--multilabel", "--model", name, *where) == 2
    err = capsys.readouterr().err
    assert f"--model {name} is not made for" in err
    assert "svc, linear, boosting, forest or majority" in err


@pytest.fixture
def damaged(place: Place, tmp_path: Path) -> Path:
    """A copy of the models, to be damaged."""
    return Path(shutil.copytree(place[0] / "models", tmp_path / "models"))


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        ({"calm": 0.5}, "cannot be read"),
        ({"calm": 0.5, "dance": "high", "folk": 0.5}, "cannot be read"),
        ({"calm": 0.5, "dance": 50, "folk": 0.5}, "is no probability"),
        (None, "cannot be read"),
    ],
)
def test_a_model_with_damaged_thresholds_is_refused(
    run_main: Main,
    damaged: Path,
    capsys: pytest.CaptureFixture[str],
    thresholds: Any,
    message: str,
) -> None:
    file = damaged / "several" / "metadata.json"
    metadata = json.loads(file.read_text())
    file.write_text(json.dumps(metadata | {"multilabel": {"thresholds": thresholds}}))
    assert run_main("predict", "several", damaged, "--models", damaged) == 2
    assert run_main("compare", "blind", "several", "--models", damaged) == 2
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err


def test_compare_refuses_predictions_without_a_label(
    run_main: Main, damaged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = damaged / "blind" / "predictions.parquet"
    pd.read_parquet(file).drop(columns="p_folk").to_parquet(file)
    assert run_main("compare", "several", "blind", "--models", damaged) == 2
    assert "predictions of 'blind' lack the column 'p_folk'" in capsys.readouterr().err


@pytest.fixture(scope="module")
def heard(
    run_main: Main, sample_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Path]]:
    """A folder with a model of the sample, whose clips are also swift or slow, and four clips."""
    folder = tmp_path_factory.mktemp("heard")
    data = Path(shutil.copytree(sample_data, folder / "data"))
    with Catalog(data / "catalog.db") as catalog, catalog.transaction():
        for each in catalog.known().values():
            swift = each.labels[0].name in ("iron stomp", "neon relay")
            more = Label("genre", "swift" if swift else "slow", "test")
            catalog.add(replace(each, labels=(*each.labels, more)), catalog.previews()[each.id])
        paths = [data / each.path for each in catalog.previews().values()][::15]
    where = ("--data", data, "--models", folder / "models")
    own = ("--multilabel", "--set", "baseline", "--model", "linear", "--name", "heard")
    assert run_main("fit", *own, *where, "--jobs", 1, "-q") == 0
    return folder, paths


def test_predict_gives_every_label_from_its_threshold_on(
    run_main: Main, heard: tuple[Path, list[Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, paths = heard
    (folder / "bad.mp3").write_bytes(b"<html>404</html>")
    where = ("--models", folder / "models", "--jobs", 1)
    assert run_main("predict", "heard", *paths, folder / "bad.mp3", *where, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    *good, bad = found["predictions"]
    assert (bad["label"], bad["labels"]) == (None, [])
    assert any(len(each["labels"]) == 2 for each in good)
    for each in good:
        over = [x for x, p in each["probabilities"].items() if p >= found["thresholds"][x]]
        assert each["labels"] == (over if each["known"] else [])
        assert each["label"] == ("; ".join(over) or "none" if each["known"] else "unknown")
        assert each["probability"] == max(each["probabilities"].values())


def test_predict_says_the_same_as_text_and_csv(
    run_main: Main, heard: tuple[Path, list[Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, paths = heard
    where = ("--models", folder / "models", "--jobs", 1)
    assert run_main("predict", "heard", *paths, *where, "--json") == 0
    found = json.loads(capsys.readouterr().out)["predictions"]
    assert run_main("predict", "heard", *paths, *where, "--csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["label"] for row in rows] == [each["label"] for each in found]
    assert [float(row["swift"]) for row in rows] == [
        each["probabilities"]["swift"] for each in found
    ]
    assert run_main("predict", "heard", *paths, *where, "--top", 1) == 0
    short = capsys.readouterr().out.splitlines()
    assert run_main("predict", "heard", *paths, *where, "--top", 6) == 0
    for line, all_six, each in zip(short, capsys.readouterr().out.splitlines(), found, strict=True):
        assert all_six.count("%") == 6
        if each["known"] and each["labels"]:
            assert line.count("%") == len(each["labels"])
            assert all(label in line for label in each["labels"])


def test_predict_writes_every_answered_label(
    run_main: Main,
    heard: tuple[Path, list[Path]],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    folder, paths = heard
    songs = [Path(shutil.copy(path, tmp_path / f"{n}.mp3")) for n, path in enumerate(paths)]
    where = ("--models", folder / "models", "--jobs", 1, "--json")
    own = ("--write-tags", "--m3u", tmp_path / "lists")
    assert run_main("predict", "heard", *songs, *own, *where) == 0
    found = json.loads(capsys.readouterr().out)
    lists: dict[str, list[str]] = {}
    for song, each in zip(songs, found["predictions"], strict=True):
        given = each["tagging"]["after"] if each["tagging"] else []
        assert given == each["labels"]
        assert read_tags(song).get("genre", "") == ";".join(given)
        for label in given or [each["label"]]:
            lists.setdefault(label, []).append(str(song))
    assert any(len(each["labels"]) == 2 for each in found["predictions"])
    assert {each["label"]: each["files"] for each in found["playlists"]} == lists


def test_a_clip_unlike_all_is_unknown_and_one_below_all_thresholds_is_none(
    heard: tuple[Path, list[Path]],
) -> None:
    folder, _ = heard
    bundle = load_bundle(folder / "models" / "heard")
    store = FeatureStore(folder / "data" / "features")
    features = store.read(store.find("baseline"))
    far = bundle.predict_features(1000 + 100 * features)
    assert set(far["label"]) == {"unknown"}
    assert far["labels"].tolist() == [[]] * len(far)
    high = dict.fromkeys(bundle.labels, 1.0)
    strict = replace(bundle, metadata=bundle.metadata | {"multilabel": {"thresholds": high}})
    answers = strict.predict_features(features)
    assert set(answers["label"]) == {"none", "unknown"}
    assert answers.loc[answers["known"], "nearest"].isin(bundle.labels).all()


def test_predict_from_python_has_lists_of_labels(heard: tuple[Path, list[Path]]) -> None:
    folder, paths = heard
    table = load_bundle(folder / "models" / "heard").predict(paths)
    joined = ["; ".join(each) for each in table.loc[table["known"], "labels"]]
    assert joined == table.loc[table["known"], "label"].replace("none", "").tolist()
    assert len(joined) > 0
