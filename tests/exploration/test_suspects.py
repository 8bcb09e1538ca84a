"""Labels that were made wrong on purpose are found, and nothing leaks into what is measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from blobs import blobs

from audiogenre.classifiers import CLASSIFIERS
from audiogenre.dataset import Dataset
from audiogenre.exploration import suspects
from audiogenre.exploration.outside import predict_outside

KNOWN = {"a": [0.0] * 6, "b": [6.0] * 3 + [0.0] * 3, "c": [0.0] * 3 + [6.0] * 3}


def mislabelled(dataset: Dataset, n: int) -> tuple[Dataset, set[str]]:
    """Give some tracks another label; return their ids, too."""
    rng = np.random.default_rng(3)
    rows = rng.choice(len(dataset.y), n, replace=False)
    y = dataset.y.copy()
    for row in rows:
        y[row] = rng.choice([each for each in dataset.labels if each != y[row]])
    return replace(dataset, y=y), set(dataset.X.index[rows])


def test_wrong_labels_come_first() -> None:
    true = blobs(KNOWN)
    dataset, wrong = mislabelled(true, 12)
    table = suspects.find_suspects(dataset, predict_outside(dataset, CLASSIFIERS["svc"]))
    first = set(table["track_id"].head(12))
    assert len(first & wrong) >= 10  # precision at 12; 12 of 120 are wrong
    assert len(wrong & set(table["track_id"])) >= 11
    right = dict(zip(true.X.index, true.y, strict=True))
    named = table[table["track_id"].isin(wrong)]
    assert (named["suggestion"] == named["track_id"].map(right)).all()
    assert (table["suggestion"] != table["label"]).all()
    assert table["label_probability"].is_monotonic_increasing
    assert (table["probability"] > table["label_probability"]).all()


def test_suspects_are_ranked_by_the_probability_of_their_label() -> None:
    probabilities = np.array([[0.6, 0.4, 0.0], [0.1, 0.3, 0.6], [0.3, 0.5, 0.2], [0.1, 0.1, 0.8]])
    y = np.array(["b", "a", "b", "b"])
    assert suspects.ranked(probabilities, y, ["a", "b", "c"]).tolist() == [1, 3, 0]


def test_leaving_wrong_labels_out_of_training_helps_a_model_that_learns_them_by_heart() -> None:
    dataset, _ = mislabelled(blobs(KNOWN), 24)
    outside = predict_outside(dataset, CLASSIFIERS["svc"])
    greedy = [each.set_params(model__C=1e4, model__gamma=5.0) for each in outside.models]
    calls: list[int] = []
    found = suspects.leave_out(
        dataset, replace(outside, models=greedy), progress=lambda: calls.append(1)
    )
    assert len(calls) == len(outside.folds)
    assert [each.share for each in found] == [0, *suspects.SHARES]
    assert found[0].difference.difference == found[0].n == 0
    assert found[-1].n > found[1].n > 0
    assert found[-1].accuracy > found[0].accuracy + 0.05
    # All rows are measured on, wrong labels too: nobody can be right on all of them.
    assert all(each.accuracy <= 1 - 20 / 120 for each in found)
    for each in found:
        assert each.difference.difference == pytest.approx(each.accuracy - found[0].accuracy)


def test_what_is_measured_on_has_no_say_in_what_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The rows that doubts are found among are those of the fold's training part."""
    dataset, _ = mislabelled(blobs(KNOWN), 12)
    outside = predict_outside(dataset, CLASSIFIERS["svc"])
    seen = []
    original = suspects.repeated_probabilities

    def noted(model: object, X: object, y: object, groups: object, *args: object, **kw: object):  # type: ignore[no-untyped-def]
        seen.append(np.unique(groups))  # type: ignore[call-overload]
        return original(model, X, y, groups, *args, **kw)  # type: ignore[arg-type]

    monkeypatch.setattr(suspects, "repeated_probabilities", noted)
    suspects.leave_out(dataset, outside)
    for groups, (_, test) in zip(seen, outside.folds, strict=True):
        assert not set(groups) & set(dataset.groups[test])


def test_a_label_keeps_half_of_its_tracks() -> None:
    y = np.array(["a"] * 6 + ["b"] * 4)
    rows = np.array([9, 8, 7, 6, 0, 1])
    assert suspects._sparing(rows, y).tolist() == [9, 8, 0, 1]


def test_no_suspects_is_an_empty_table() -> None:
    dataset = blobs({"a": [0.0], "b": [50.0]})
    table = suspects.find_suspects(dataset, predict_outside(dataset, CLASSIFIERS["svc"]))
    assert isinstance(table, pd.DataFrame)
    assert len(table) == 0
