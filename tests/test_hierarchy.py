"""Answers at two levels: probabilities add up, and the limit is where the rule says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.tree import DecisionTreeClassifier

from audiogenre.genres import GenreTree
from audiogenre.hierarchy import answer_above, certain_above, measure, out_of_fold, summed
from audiogenre.hierarchy import parents_of as parents
from audiogenre.sources.folder import read_tags
from audiogenre.splits import grouped_folds

LABELS = ["house", "jazz", "punk", "techno"]
PARENTS = {"house": "electronic", "jazz": "jazz", "punk": "rock", "techno": "electronic"}
RunMain = Callable[..., int]


def test_labels_have_the_top_genres_of_the_tree() -> None:
    tree = GenreTree.load()
    assert parents(LABELS, tree) == PARENTS
    assert parents(["deep house", "nobody knows"], tree) == {
        "deep house": "electronic",
        "nobody knows": "nobody knows",
    }


def test_where_all_are_top_genres_there_are_no_levels() -> None:
    assert parents(["electronic", "rock", "nobody knows"], GenreTree.load()) == {}


def test_probabilities_of_parents_add_up() -> None:
    p = np.random.default_rng(0).dirichlet(np.ones(4), size=50)
    names, sums = summed(p, LABELS, PARENTS)
    assert names == ["electronic", "jazz", "rock"]
    np.testing.assert_allclose(sums.sum(axis=1), 1)
    np.testing.assert_allclose(sums[:, 0], p[:, 0] + p[:, 3])
    np.testing.assert_array_equal(sums[:, 1:], p[:, 1:3])


def test_the_limit_is_where_labels_are_as_good_as_parents() -> None:
    # Of ten, the parent is right nine times; the label in the surest five, then half the time.
    highest = np.array([0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.58, 0.56, 0.54])
    p = np.zeros((10, 4))
    p[:, 0], p[:, 3] = highest, 1 - highest  # house, else techno
    y = np.array(["house"] * 5 + ["techno", "house", "techno", "house", "jazz"])
    limit = certain_above(p, LABELS, y, PARENTS)
    assert limit == pytest.approx(0.65)
    assert np.mean(y[highest > limit] == "house") == 1


def test_labels_that_are_always_right_are_always_certain() -> None:
    y = np.array(LABELS)
    assert certain_above(np.eye(4) * 0.6 + 0.1, LABELS, y, PARENTS) == 0


def test_labels_that_are_never_as_good_are_never_certain() -> None:
    p = np.tile([0.6, 0.0, 0.0, 0.4], (4, 1))
    assert certain_above(p, LABELS, np.array(["techno"] * 4), PARENTS) == pytest.approx(0.6)


def answers() -> pd.DataFrame:
    p = np.array([[0.9, 0.05, 0.05, 0.0], [0.3, 0.36, 0.04, 0.3], [0.3, 0.36, 0.04, 0.3]])
    table = pd.DataFrame(p, columns=[f"p_{label}" for label in LABELS])
    nearest = np.array(LABELS)[p.argmax(axis=1)]
    known = np.array([True, True, False])
    label = np.where(known, nearest, "unknown")
    return table.assign(label=label, nearest=nearest, known=known, probability=p.max(axis=1))


def test_the_uncertain_are_answered_above() -> None:
    found = answer_above(answers(), {"parents": PARENTS, "limit": 0.5})
    assert found["level"].tolist() == ["leaf", "parent", "parent"]
    assert found["label"].tolist() == ["house", "electronic", "unknown"]
    assert found["nearest"].tolist() == ["house", "electronic", "electronic"]
    np.testing.assert_allclose(found["probability"], [0.9, 0.6, 0.6])
    np.testing.assert_allclose(found.filter(like="above_").sum(axis=1), 1)


def test_scores_count_answers_as_their_parents() -> None:
    said = answers().assign(predicted=lambda rows: rows["nearest"], group=[0, 1, 2])
    said["label"] = ["techno", "house", "jazz"]
    p, y = np.eye(4)[[0, 0, 1, 2, 3]] * 0.6 + 0.1, np.array(["house", *LABELS])
    found = measure(said, PARENTS, p, y)
    assert found["limit"] == 0
    assert found["scores"]["accuracy"] == pytest.approx(2 / 3)  # techno as house, jazz as jazz
    assert found["scores"]["n"] == 3
    assert found["answered_at_leaf"] == 1
    assert found["accuracy_by_level"] == pytest.approx(1 / 3)


def test_no_row_is_judged_by_a_model_that_saw_its_artist() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 3)
    y = rng.permutation(np.repeat(LABELS, 10))[groups]
    X = groups[:, np.newaxis] + 0.0  # a tree knows an artist it has seen, and nothing else
    folds = grouped_folds(y, groups, seed=0)
    tree = DecisionTreeClassifier(random_state=0)
    for model in (tree, CalibratedClassifierCV(tree, cv=folds, ensemble=False)):
        p = out_of_fold(model, X, y, groups, folds, seed=0)
        np.testing.assert_allclose(p.sum(axis=1), 1)
        assert np.mean(np.array(LABELS)[p.argmax(axis=1)] == y) < 0.5
    assert tree.fit(X, y).score(X, y) == 1


# ---------------------------------------------------------------- the commands


TREE = """
"waltzes" = {}
"lantern waltz" = { parent = "waltzes" }
"velvet drift" = { parent = "waltzes" }
"""


def test_fit_and_predict_at_two_levels(
    sample_data: Path, tmp_path: Path, run_main: RunMain, capsys: pytest.CaptureFixture[str]
) -> None:
    data, models = tmp_path / "data", tmp_path / "models"
    shutil.copytree(sample_data, data)
    (data / "genres.toml").write_text(TREE, encoding="utf-8")
    common = ("--models", models, "--jobs", 1, "--json")
    assert run_main("fit", "--set", "baseline", "--data", data, *common) == 0
    result = json.loads(capsys.readouterr().out)
    levels = result["levels"]
    assert levels["parents"]["velvet drift"] == "waltzes"
    assert levels["parents"]["iron stomp"] == "iron stomp"
    assert levels["scores"]["accuracy"] >= result["test_accuracy"]
    card = (models / "extracted-baseline" / "README.md").read_text(encoding="utf-8")
    assert "velvet drift is waltzes" in card
    assert "labels left out of training are told with AUROC" in card

    # However sure, every label is uncertain now.
    file = models / "extracted-baseline" / "metadata.json"
    metadata = json.loads(file.read_text(encoding="utf-8"))
    metadata["levels"]["limit"] = 1.0
    file.write_text(json.dumps(metadata), encoding="utf-8")
    clip = next(iter(sorted((data / "raw").rglob("*.mp3"))))
    given = ("predict", "extracted-baseline", clip, *common)
    assert run_main(*given, "--level", "parent") == 0
    (above,) = json.loads(capsys.readouterr().out)["predictions"]
    assert run_main(*given) == 0
    (leaf,) = json.loads(capsys.readouterr().out)["predictions"]
    p = leaf["probabilities"]
    assert "level" not in leaf
    assert above["level"] == "parent"
    assert above["parents"]["waltzes"] == pytest.approx(p["lantern waltz"] + p["velvet drift"])
    assert sum(above["parents"].values()) == pytest.approx(1)
    assert above["probability"] == max(above["parents"].values())

    song = Path(shutil.copy(clip, tmp_path / "song.mp3"))
    given = ("predict", "extracted-baseline", song, "--level", "parent", *common)
    assert run_main(*given, "--write-tags", "--m3u", tmp_path / "lists") == 0
    result = json.loads(capsys.readouterr().out)
    (above,) = result["predictions"]
    assert above["known"]
    assert read_tags(song)["genre"] == above["label"]
    assert above["label"] in above["parents"]
    assert [each["label"] for each in result["playlists"]] == [above["label"]]


def test_a_model_without_parents_says_so(
    sample_models: Path, tmp_path: Path, run_main: RunMain, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = tmp_path / "clip.wav"
    clip.touch()
    given = ("predict", "extracted-full", clip, "--models", sample_models)
    assert run_main(*given, "--level", "parent") == 2
    assert "have no parents (genres.toml)" in capsys.readouterr().err
    assert run_main(*given, "--level", "grandparent") == 2
