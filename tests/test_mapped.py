"""More rows than an exact SVC can take: who stands in for it, and what that is worth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import skops.io
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.kernel_approximation import Nystroem

from audiogenre import approximation, fit
from audiogenre.bundles import load_bundle
from audiogenre.classifiers import CLASSIFIERS, mapped, svc
from audiogenre.classifiers.mapped import MappedSvcClassifier
from audiogenre.soundness import check_content
from audiogenre.splits import grouped_folds
from audiogenre.trust import ALLOWED, check_file
from pipelines.benchmark.fitting import LABELS, SET, made, make_store

BLOCKS = tuple(f"{SET}/{i // 4}" for i in range(12))
F64 = npt.NDArray[np.float64]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have few rows count as many."""
    monkeypatch.setattr(svc, "EXACT_ROWS", 300)
    monkeypatch.setattr(approximation, "EXACT_ROWS", 300)
    monkeypatch.setattr(mapped, "COMPONENTS", 150)


def problem(n: int = 900) -> tuple[F64, npt.NDArray[np.str_], npt.NDArray[np.int64]]:
    X, codes, artist = made(n, len(BLOCKS), seed=2)
    return X.astype(np.float64), np.array(LABELS)[codes], artist


@pytest.mark.parametrize("name", ["svc", "ensemble"])
def test_only_what_has_too_many_rows_is_replaced_and_says_so(name: str) -> None:
    family = CLASSIFIERS[name]
    assert family.sized(svc.EXACT_ROWS).note == ""
    many = family.sized(svc.EXACT_ROWS + 1)
    assert many.name == name
    assert "too many for an exact SVC" in many.note
    pipeline = many.build(BLOCKS, 0)
    assert any(isinstance(each, Nystroem) for each in parts(pipeline))
    assert not any(isinstance(each, svc.MarginSVC) for each in parts(pipeline))


def parts(estimator: object) -> list[object]:
    """Every estimator inside another one."""
    return list(estimator.get_params(deep=True).values())  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["linear", "boosting", "forest", "majority"])
def test_other_families_take_any_number_of_rows(name: str) -> None:
    assert CLASSIFIERS[name].sized(10**6) is CLASSIFIERS[name]


def test_it_learns_what_a_straight_line_cannot(few: None) -> None:
    X = np.random.default_rng(0).normal(size=(600, 2))
    y = np.where(np.hypot(*X.T) > 1.1, "outside", "inside")
    model = MappedSvcClassifier(300).build(("a/x", "a/y"), 0).set_params(map__gamma=1.0)
    assert model.fit(X[:400], y[:400]).score(X[400:], y[400:]) > 0.9
    assert model[:-1].transform(X).dtype == np.float32


def test_a_calibrated_one_is_stored_and_loaded_whole_within_bounds(
    few: None, tmp_path: Path
) -> None:
    X, y, artist = problem()
    pipeline = MappedSvcClassifier(300).build(BLOCKS, 0)
    folds = grouped_folds(y, artist, seed=0)
    model = CalibratedClassifierCV(pipeline, method="sigmoid", cv=folds, ensemble=False).fit(X, y)
    file, twice = tmp_path / "model.skops", tmp_path / "twice.skops"
    skops.io.dump(model, file)
    check_file(file)
    loaded = skops.io.load(file, trusted=sorted(ALLOWED))
    check_content(loaded)
    probabilities = loaded.predict_proba(X)
    np.testing.assert_array_equal(probabilities, model.predict_proba(X))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    skops.io.dump(clone(pipeline).fit(np.vstack([X, X]), np.tile(y, 2)), twice)
    assert twice.stat().st_size < 1.1 * file.stat().st_size  # whatever the number of rows


def test_the_comparison_is_on_the_same_rows_of_other_artists(few: None) -> None:
    X, y, artist = problem()
    found = approximation.compare(X, y, artist, BLOCKS, gamma=1.0, n_train=500, n_test=150)
    assert (found["n_train"], found["n_test"]) == (500, 150)
    assert found["difference"] == pytest.approx(found["mapped"] - found["exact"])
    low, high = found["interval"]
    assert low <= found["difference"] <= high
    assert found["exact"] > 0.15  # of ten labels


def test_fit_says_which_and_why_and_what_it_costs(
    few: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_store(tmp_path, 500, len(BLOCKS))
    folders = ["--data", str(tmp_path), "--models", str(tmp_path / "models")]
    chosen = ["--set", SET, "--name", "many", "--jobs", "1"]
    assert fit.main([*folders, *chosen]) == 0
    said = capsys.readouterr().out
    bundle = load_bundle(tmp_path / "models" / "many")
    approximated = bundle.metadata["approximation"]
    card = (bundle.path / "README.md").read_text()
    assert "More than 300 training rows are too many for an exact SVC" in approximated["note"]
    for text in (said, card):
        assert approximated["note"] in text
        assert "of these rows, an exact SVC is right about" in text
    answers = bundle.predict_features(pd.DataFrame(problem(50)[0], columns=bundle.columns))
    assert set(answers["nearest"]) <= set(LABELS)
    # The test part is only looked at once: the comparison is inside the training part.
    assert approximated["n_train"] + approximated["n_test"] <= bundle.metadata["n_train"]


def test_fewer_rows_are_learned_from_exactly_and_nothing_is_said(tmp_path: Path) -> None:
    make_store(tmp_path, 300, len(BLOCKS))
    folders = ["--data", str(tmp_path), "--models", str(tmp_path / "models")]
    assert fit.main([*folders, "--set", SET, "--name", "few", "--jobs", "1", "--quiet"]) == 0
    metadata = json.loads((tmp_path / "models" / "few" / "metadata.json").read_text())
    assert metadata["approximation"] is None
    assert "model__C" in metadata["parameters"]
