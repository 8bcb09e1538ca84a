"""Whether a model that was loaded is one that `fit` could have written: numbers that fit together.

A type that is allowed is not harmless yet. Trees and support vectors are walked by compiled code
that trusts the numbers in them: one that points outside an array reads another's memory or ends
the process. A count or a shape that nothing else agrees with asks for all the memory there is.
And an attribute under the name of a method is called in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from audiogenre.trust import UntrustedError

_MOST_LABELS = 10_000
_MOST_FIELDS = 8


def check_content(content: Any) -> None:
    """Check that nothing in a model points outside its arrays, or makes more of them than it has.

    Raises
    ------
    UntrustedError
    """
    checks = _checks()
    for each in _objects(content):
        kind = type(each).__name__
        mine = getattr(each, "__dict__", {})
        if hidden := sorted(str(name) for name in mine if hasattr(type(each), str(name))):
            raise UntrustedError(f"a {kind} in it has {hidden[0]!r} instead of its own")
        if mine.get("n_jobs") not in (None, 1) or mine.get("memory") is not None:
            raise UntrustedError(f"a {kind} in it asks for processes or files of its own")
        for types, fitted, is_sound in checks:
            # What is not fitted, such as the pattern of a forest's trees, has nothing to check.
            if isinstance(each, types) and hasattr(each, fitted) and not is_sound(each):
                raise UntrustedError(f"a {kind} in it points outside its own arrays")


def _checks() -> tuple[tuple[Any, str, Callable[[Any], bool]], ...]:
    """Return types, the attribute that says that one is fitted, and whether such a one is sound."""
    from sklearn.decomposition import PCA
    from sklearn.dummy import DummyClassifier
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.ensemble._forest import ForestClassifier
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import LogisticRegression, RidgeClassifier
    from sklearn.preprocessing import MinMaxScaler, StandardScaler
    from sklearn.svm import SVC
    from sklearn.tree import DecisionTreeClassifier
    from sklearn.tree._tree import Tree

    from audiogenre.classifiers.context import ContextEncoder
    from audiogenre.classifiers.mlp import DenseNetwork
    from audiogenre.classifiers.neural import NetworkClassifier
    from audiogenre.classifiers.scaling import BlockScaler
    from audiogenre.novelty import NoveltyDetector

    return (
        (Tree, "node_count", _tree_is_sound),
        (DecisionTreeClassifier, "tree_", _estimator_is_sound),
        (ForestClassifier, "estimators_", _forest_is_sound),
        (HistGradientBoostingClassifier, "_predictors", _boosting_is_sound),
        (SVC, "_n_support", _svc_is_sound),
        (DummyClassifier, "classes_", _has_one_output),
        ((LogisticRegression, RidgeClassifier), "coef_", _linear_is_sound),
        (Nystroem, "components_", _map_is_sound),
        (PCA, "components_", _components_are_sound),
        ((StandardScaler, MinMaxScaler), "n_features_in_", _scaler_is_sound),
        (BlockScaler, "weights_", _blocks_are_sound),
        (ContextEncoder, "encoder_", _encoder_is_sound),
        (NoveltyDetector, "centres_", _novelty_is_sound),
        (DenseNetwork, "weights_", _network_is_sound),
        (NetworkClassifier, "weights_", lambda each: each.device == "auto"),
    )


def _objects(content: Any) -> Iterator[Any]:
    """Give every object that another one holds, each once."""
    waiting, seen = [content], set()
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, (str, bytes, int, float, type(None))):
            continue
        seen.add(id(each))
        yield each
        if isinstance(each, dict):
            waiting.extend(each.values())
        elif isinstance(each, (list, tuple)):
            waiting.extend(each)
        else:
            waiting.extend(getattr(each, "__dict__", {}).values())


def _tree_is_sound(tree: Any) -> bool:
    inner = tree.children_left != -1
    return bool(tree.n_outputs == 1 and tree.node_count == tree.capacity) and _points_inside(
        inner, (tree.children_left, tree.children_right), tree.feature, tree.n_features
    )


def _estimator_is_sound(estimator: Any) -> bool:
    return _has_one_output(estimator) and bool(
        estimator.tree_.n_features == estimator.n_features_in_
        and estimator.tree_.max_n_classes == estimator.n_classes_
    )


def _forest_is_sound(forest: Any) -> bool:
    # The forest checks the columns of what it is asked, and its trees no more.
    return _has_one_output(forest) and all(
        each.tree_.n_features == forest.n_features_in_
        and each.tree_.max_n_classes == forest.n_classes_
        for each in forest.estimators_
    )


def _has_one_output(estimator: Any) -> bool:
    return bool(estimator.n_outputs_ == 1 and estimator.n_classes_ == len(estimator.classes_))


def _boosting_is_sound(model: Any) -> bool:
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE

    n_trees = model.n_trees_per_iteration_
    if n_trees != (1 if len(model.classes_) == 2 else len(model.classes_)):
        return False
    if model._preprocessor is not None or model._bin_mapper.is_categorical_.any():
        return False
    if any(len(trees) != n_trees for trees in model._predictors):
        return False
    for predictor in (each for trees in model._predictors for each in trees):
        nodes = predictor.nodes
        if (
            nodes.dtype != PREDICTOR_RECORD_DTYPE
            or nodes.ndim != 1
            or nodes["is_categorical"].any()
        ):
            return False
        inner = nodes["is_leaf"] == 0
        children = (nodes["left"], nodes["right"])
        if not _points_inside(inner, children, nodes["feature_idx"], model.n_features_in_):
            return False
    return True


def _points_inside(inner: Any, children: tuple[Any, Any], features: Any, n_features: int) -> bool:
    """Tell whether inner nodes ask for columns there are, and lead to later nodes that are there.

    Later ones, as every builder of trees numbers them: so no way down goes in a circle.
    """
    here, n_nodes = np.arange(len(inner)), len(inner)
    asked = features[inner].astype(np.int64)
    after = [each[inner].astype(np.int64) for each in children]
    return (
        n_nodes > 0
        and bool(((asked >= 0) & (asked < n_features)).all())
        and all(bool(((each > here[inner]) & (each < n_nodes)).all()) for each in after)
    )


def _svc_is_sound(svc: Any) -> bool:
    n_rows, n_labels = len(svc.support_), len(svc._n_support)
    return (
        svc.kernel in ("rbf", "linear")
        and not svc._sparse
        and svc._probA.size == svc._probB.size == 0
        and n_labels == len(svc.classes_) >= 2
        and bool((svc._n_support >= 0).all())
        and int(svc._n_support.sum()) == n_rows
        and svc.support_vectors_.shape == (n_rows, svc.n_features_in_)
        and svc._dual_coef_.shape == (n_labels - 1, n_rows)
        and svc._intercept_.shape == (n_labels * (n_labels - 1) // 2,)
    )


def _linear_is_sound(model: Any) -> bool:
    n_rows = 1 if len(model.classes_) == 2 else len(model.classes_)
    return bool(
        model.coef_.shape == (n_rows, model.n_features_in_) and model.intercept_.shape == (n_rows,)
    )


def _map_is_sound(mapping: Any) -> bool:
    n_rows, n_columns = mapping.components_.shape
    return bool(
        mapping.kernel == "rbf"
        and n_columns == mapping.n_features_in_
        and mapping.normalization_.shape == (n_rows, n_rows)
    )


def _components_are_sound(pca: Any) -> bool:
    n_columns = pca.n_features_in_
    return bool(
        pca.components_.shape == (pca.n_components_, n_columns)
        and pca.mean_.shape == (n_columns,)
        and pca.explained_variance_.shape == (pca.n_components_,)
    )


def _scaler_is_sound(scaler: Any) -> bool:
    learned = [getattr(scaler, each, None) for each in ("mean_", "scale_", "min_")]
    return all(each is None or each.shape == (scaler.n_features_in_,) for each in learned)


def _blocks_are_sound(scaler: Any) -> bool:
    n_columns = scaler.n_features_in_
    if scaler.dtype not in ("float32", "float64"):
        return False
    if scaler.weights_.shape != (n_columns,) or scaler.scaler_.n_features_in_ != n_columns:
        return False
    if not scaler.ranks:
        return True
    quantiles, levels = scaler.scaler_.quantiles_, scaler.scaler_.references_
    return bool(quantiles.shape == (len(levels), n_columns) and levels.ndim == 1)


def _encoder_is_sound(encoder: Any) -> bool:
    return bool(2 <= encoder.n_labels <= _MOST_LABELS and 1 <= encoder.n_fields <= _MOST_FIELDS)


def _novelty_is_sound(novelty: Any) -> bool:
    n_labels, k = novelty.centres_.shape
    columns = novelty.columns_
    return (
        columns.ndim == 1
        and novelty.scaler_.n_features_in_ == len(columns)
        and bool(((columns >= 0) & (columns < len(novelty.blocks))).all())
        and novelty.components_.components_.shape == (k, len(columns))
        and novelty.precisions_.shape == (n_labels, k, k)
        and novelty.offsets_.shape == (n_labels,)
    )


def _network_is_sound(network: Any) -> bool:
    """Tell whether the layers are those whose weights are there: PyTorch makes them first."""
    from audiogenre.classifiers.mlp import PRESETS

    widths = [network.n_features_in_, *network.layers, len(network.classes_)]
    weights = [each.shape for each in network.weights_.values() if each.ndim == 2]
    return (
        weights == [(after, before) for before, after in pairwise(widths)]
        and network.activation in {each["activation"] for each in PRESETS.values()}
        and network.norm in {each["norm"] for each in PRESETS.values()}
    )
