"""A model file of allowed types may still be made to do harm: it is refused before it is used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC

from audiogenre import trust
from audiogenre.bundles import load_bundle
from audiogenre.errors import BundleError

X = np.random.default_rng(0).normal(size=(60, 4))
Y = np.array(["a", "b", "c"])[np.arange(60) % 3]
FAR = 10_000_000


def _forest() -> Any:
    return RandomForestClassifier(3, random_state=0).fit(X, Y)


def _boosting() -> Any:
    return HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=5, random_state=0).fit(X, Y)


def _svc() -> Any:
    return SVC(random_state=0).fit(X, Y)


def _set(path: str, value: Any, place: Any = 0) -> Callable[[Any], None]:
    def change(array: Any) -> None:
        for name in path.split("."):
            array = array[int(name)] if name.isdigit() else getattr(array, name)
        array[place] = value

    return change


def _node(field: str, value: int) -> Callable[[Any], None]:
    return lambda model: model._predictors[0][0].nodes[field].__setitem__(0, value)


def _give(**attributes: Any) -> Callable[[Any], None]:
    return lambda model: vars(model).update(attributes)


HARM: dict[str, tuple[Callable[[], Any], Callable[[Any], None]]] = {
    "a tree's child that is not there": (_forest, _set("estimators_.0.tree_.children_left", FAR)),
    "a tree that goes in a circle": (_forest, _set("estimators_.1.tree_.children_right", 0)),
    "a tree's column before the first": (_forest, _set("estimators_.2.tree_.feature", -FAR)),
    "a tree's column after the last": (_forest, _set("estimators_.0.tree_.feature", 4)),
    "a forest of fewer columns": (_forest, _give(n_features_in_=3)),
    "a boosted tree's child that is not there": (_boosting, _node("left", FAR)),
    "a boosted tree that goes in a circle": (_boosting, _node("right", 0)),
    "a boosted tree's column after the last": (_boosting, _node("feature_idx", 4)),
    "a boosted tree that asks for a category": (_boosting, _node("is_categorical", 1)),
    "boosted trees of fewer columns": (_boosting, _give(n_features_in_=1)),
    "more support vectors than there are": (_svc, _set("_n_support", FAR)),
    "a negative number of support vectors": (_svc, _set("_n_support", -1)),
    "support vectors of fewer columns": (_svc, lambda m: _give(support_vectors_=X[:, :2])(m)),
    "fewer coefficients": (_svc, lambda m: _give(_dual_coef_=m._dual_coef_[:1])(m)),
    "fewer intercepts": (_svc, lambda m: _give(_intercept_=m._intercept_[:1])(m)),
    "a kernel that reads rows by number": (_svc, _give(kernel="precomputed")),
    "support vectors that are said to be sparse": (_svc, _give(_sparse=True)),
}


@pytest.mark.parametrize("harm", HARM)
def test_a_model_that_points_outside_its_arrays_is_refused(copied: Path, harm: str) -> None:
    make, change = HARM[harm]
    model = make()
    file = copied / "model.skops"
    skops.io.dump({"classifier": [model], "novelty": None}, file)
    load_bundle(copied)  # as it was fitted, and however deep it lies, it is sound
    change(model)
    skops.io.dump({"classifier": [model], "novelty": None}, file)
    with pytest.raises(BundleError, match=r"not to be trusted: a .* points outside its own arrays"):
        load_bundle(copied)


@pytest.mark.parametrize(
    "model",
    [
        FunctionTransformer(np.exp),
        KNeighborsClassifier().fit(X, Y),
        {"method": np.random.default_rng(0).normal},
    ],
    ids=["a function", "another estimator of scikit-learn", "a method"],
)
def test_what_no_model_of_ours_holds_is_refused(copied: Path, model: Any) -> None:
    """Skops trusts all of scikit-learn; a file may hold only what `fit` writes."""
    skops.io.dump({"classifier": model, "novelty": None}, copied / "model.skops")
    with pytest.raises(BundleError, match=r"not to be trusted: it holds .* not allowed"):
        load_bundle(copied)


def test_a_small_file_that_unpacks_to_a_large_one_is_refused(copied: Path) -> None:
    model = {"classifier": np.zeros(5_000_000), "novelty": None}
    skops.io.dump(model, copied / "model.skops", compression=ZIP_DEFLATED)
    with pytest.raises(BundleError, match="not to be trusted: it is compressed"):
        load_bundle(copied)


def test_a_file_that_says_it_is_huge_is_refused(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trust, "MAX_BYTES", 1000)
    with pytest.raises(BundleError, match="not to be trusted: it is larger than"):
        load_bundle(copied)


def test_nothing_of_a_file_is_built_before_its_types_are_known(copied: Path) -> None:
    """A type under the name of another way to build it is no way in."""
    file = copied / "model.skops"
    with ZipFile(file) as archive:
        content = {each: archive.read(each) for each in archive.namelist()}
    schema = json.loads(content["schema.json"])
    schema["content"]["classifier"]["__loader__"] = "ConstructorFromReduceNode"
    content["schema.json"] = json.dumps(schema).encode()
    with ZipFile(file, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    with pytest.raises(BundleError, match="something that is not allowed: ConstructorFromReduce"):
        load_bundle(copied)


@pytest.mark.parametrize(
    "wrong",
    [
        {"sets": [3]},
        {"sets": [{"name": "full"}]},
        {"labels": [1, 2]},
        {"columns": [None]},
        {"scores": []},
        {"multilabel": {"thresholds": 5}},
        {"context": "me"},
    ],
    ids=str,
)
def test_metadata_of_another_shape_is_refused_by_name(copied: Path, wrong: dict[str, Any]) -> None:
    file = copied / "metadata.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | wrong))
    with pytest.raises(BundleError, match=f"is damaged: it says no {next(iter(wrong))}; fit"):
        load_bundle(copied)
