"""What of a model does not fit together is refused before compiled code walks through it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from audiogenre.bundle import Bundle
from audiogenre.classifiers.context import ContextEncoder
from audiogenre.classifiers.mlp import DenseNetwork
from audiogenre.classifiers.scaling import BlockScaler
from audiogenre.errors import BundleError
from audiogenre.novelty import NoveltyDetector
from audiogenre.soundness import check_content
from audiogenre.trust import ALLOWED, UntrustedError

X = np.random.default_rng(0).normal(size=(60, 4))
Y = np.array(["a", "b", "c"])[np.arange(60) % 3]
FAR = 10_000_000
BLOCKS = ("full/mfcc", "full/mfcc", "full/key", "full/rhythm")


def _forest() -> Any:
    return RandomForestClassifier(3, random_state=0).fit(X, Y)


def _boosting() -> Any:
    return HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=5, random_state=0).fit(X, Y)


def _svc() -> Any:
    return SVC(random_state=0).fit(X, Y)


def _logistic() -> Any:
    return LogisticRegression().fit(X, Y)


def _map() -> Any:
    return Nystroem(n_components=8, kernel="rbf", random_state=0).fit(X)


def _pca() -> Any:
    return PCA(2).fit(X)


def _scaler() -> Any:
    return StandardScaler().fit(X)


def _blocks() -> Any:
    return BlockScaler(BLOCKS).fit(X)


def _encoder() -> Any:
    return ContextEncoder(1, 3).fit(np.column_stack([X[:, :3], np.arange(60) % 5]), Y)


def _novelty() -> Any:
    return NoveltyDetector(BLOCKS).fit(X, Y)


def _dummy() -> Any:
    return DummyClassifier().fit(X, Y)


def _network() -> Any:
    """Return what PyTorch would have learned, without PyTorch."""
    network = DenseNetwork(layers=(8,), dropout=(0.0,), norm="none")
    network.classes_, network.n_features_in_ = np.unique(Y), 4
    shapes = {"0.weight": (8, 4), "0.bias": (8,), "4.weight": (3, 8), "4.bias": (3,)}
    network.weights_ = {name: np.zeros(each, np.float32) for name, each in shapes.items()}
    return network


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
    "support vectors with probabilities": (_svc, _give(_probA=np.zeros(1))),
    "a forest of more labels than there are": (_forest, _give(n_classes_=FAR)),
    "a forest of two answers": (_forest, _give(n_outputs_=2)),
    "boosted trees for labels that are not there": (_boosting, _give(n_trees_per_iteration_=FAR)),
    "boosted trees behind another model": (_boosting, _give(_preprocessor=_pca())),
    "rounds of fewer trees": (_boosting, lambda m: m._predictors[0].pop()),
    "an answer of more labels than there are": (_dummy, _give(n_classes_=FAR)),
    "intercepts in another direction": (_logistic, _give(intercept_=np.zeros((FAR // 1000, 1)))),
    "coefficients of fewer columns": (_logistic, lambda m: _give(coef_=m.coef_[:, :2])(m)),
    "components of fewer columns": (_pca, lambda m: _give(components_=m.components_[:, :2])(m)),
    "means in another direction": (_scaler, _give(mean_=np.zeros((FAR // 1000, 1)))),
    "weights in another direction": (_blocks, _give(weights_=np.zeros((FAR // 1000, 1)))),
    "scaled rows of another kind": (_blocks, _give(dtype=f"U{FAR}")),
    "a map of fewer columns": (_map, lambda m: _give(components_=m.components_[:, :2])(m)),
    "a map of another kernel": (_map, _give(kernel="precomputed")),
    "a scaler of fewer columns": (_blocks, lambda m: vars(m.scaler_).update(n_features_in_=2)),
    "shares of more labels than there are": (_encoder, _give(n_labels=FAR)),
    "shares of more fields than there are": (_encoder, _give(n_fields=FAR)),
    "classes that lie elsewhere": (_novelty, _give(centres_=np.zeros((3, FAR // 1000)))),
    "a distance over columns that are not there": (_novelty, _set("columns_", FAR)),
    "layers that have no weights": (_network, _give(layers=(FAR,))),
    "a layer of another kind": (_network, _give(activation="Module")),
    "a network on another device": (_network, _give(device="meta")),
}


def loaded(model: Any) -> Any:
    """Return a model as it comes out of a file."""
    return skops.io.loads(skops.io.dumps({"model": [model]}), trusted=sorted(ALLOWED))


@pytest.mark.parametrize("harm", HARM)
def test_a_model_that_points_outside_its_arrays_is_refused(harm: str) -> None:
    make, change = HARM[harm]
    model = make()
    check_content(loaded(model))  # as it was fitted, and however deep it lies, it is sound
    change(model)
    with pytest.raises(UntrustedError, match=r"a .* in it points outside its own arrays"):
        check_content(loaded(model))


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"predict_proba": dict}, "has 'predict_proba' instead of its own"),
        ({"_validate_X_predict": list}, "has '_validate_X_predict' instead of its own"),
        ({"__sklearn_tags__": dict}, "has '__sklearn_tags__' instead of its own"),
        ({"n_jobs": 5000}, "asks for processes or files of its own"),
    ],
    ids=str,
)
def test_an_attribute_in_the_place_of_a_method_is_refused(
    attributes: dict[str, Any], message: str
) -> None:
    model = _forest()
    vars(model).update(attributes)
    with pytest.raises(UntrustedError, match=f"a RandomForestClassifier in it {message}"):
        check_content([model])


def test_a_pipeline_with_a_memory_on_disk_is_refused() -> None:
    """What lies in such a folder would be unpickled."""
    model = Pipeline([("model", _svc())], memory="somewhere")
    with pytest.raises(UntrustedError, match="a Pipeline in it asks for processes or files"):
        check_content({"model": model})


@pytest.mark.parametrize(
    "change",
    [
        lambda model: delattr(model, "class_prior_"),
        _give(class_prior_=np.array([0.5, 0.5])),
        _give(class_prior_=np.array([np.nan, 0, 1])),
        _give(class_prior_=np.array([-1.0, 0, 2])),
    ],
)
def test_what_answers_no_probabilities_is_told_in_a_sentence(
    full: Bundle, change: Callable[[Any], None]
) -> None:
    model = DummyClassifier(strategy="prior").fit(X, Y)
    change(model)
    bundle = replace(full, classifier=model)
    zeros = pd.DataFrame(np.zeros((2, len(full.columns))), columns=full.columns)
    with pytest.raises(BundleError, match=r"'extracted-full' (cannot answer|is damaged: it answ)"):
        bundle.predict_features(zeros)
