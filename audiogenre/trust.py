"""What a model file may hold: exactly these types, a bounded size, and indices that stay inside.

A type that is allowed is not yet harmless: trees and support vectors are walked by compiled code
that trusts the numbers in them, and a number that points outside an array reads another's memory
or ends the process.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import numpy as np

MAX_BYTES = 8 * 2**30
# Networks are our own estimators with NumPy arrays in them: nothing of PyTorch is stored or loaded.
ALLOWED = frozenset(
    [
        "audiogenre.classifiers.augmented.AugmentedPipeline",
        "audiogenre.classifiers.cnn.ImageNetwork",
        "audiogenre.classifiers.context.ContextEncoder",
        "audiogenre.classifiers.mlp.DenseNetwork",
        "audiogenre.classifiers.scaling.BlockScaler",
        "audiogenre.classifiers.svc.MarginSVC",
        "audiogenre.novelty.NoveltyDetector",
        "builtins.dict",
        "builtins.list",
        "builtins.str",
        "builtins.tuple",
        "numpy.float32",
        "numpy.float64",
        "numpy.int64",
        "numpy.ndarray",
        "numpy.random._generator.Generator",
        "numpy.uint64",
        "sklearn._loss._loss.CyHalfBinomialLoss",
        "sklearn._loss._loss.CyHalfMultinomialLoss",
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.link.MultinomialLogit",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss.loss.HalfMultinomialLoss",
        "sklearn.calibration.CalibratedClassifierCV",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.covariance._shrunk_covariance.LedoitWolf",
        "sklearn.decomposition._pca.PCA",
        "sklearn.dummy.DummyClassifier",
        "sklearn.ensemble._forest.ExtraTreesClassifier",
        "sklearn.ensemble._forest.RandomForestClassifier",
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.ensemble._voting.VotingClassifier",
        "sklearn.kernel_approximation.Nystroem",
        "sklearn.linear_model._logistic.LogisticRegression",
        "sklearn.linear_model._ridge.RidgeClassifier",
        "sklearn.model_selection._split.KFold",
        "sklearn.model_selection._split.StratifiedGroupKFold",
        "sklearn.multiclass.OneVsRestClassifier",
        "sklearn.pipeline.Pipeline",
        "sklearn.preprocessing._data.MinMaxScaler",
        "sklearn.preprocessing._data.QuantileTransformer",
        "sklearn.preprocessing._data.StandardScaler",
        "sklearn.preprocessing._label.LabelBinarizer",
        "sklearn.preprocessing._label.LabelEncoder",
        "sklearn.preprocessing._target_encoder.TargetEncoder",
        "sklearn.svm._classes.SVC",
        "sklearn.tree._classes.DecisionTreeClassifier",
        "sklearn.tree._classes.ExtraTreeClassifier",
        "sklearn.tree._tree.Tree",
        "sklearn.utils._bunch.Bunch",
    ]
)
# How skops may build them: none of these looks up a function by name.
LOADERS = frozenset(
    [
        "DictNode",
        "JsonNode",
        "ListNode",
        "LossNode",
        "NdArrayNode",
        "ObjectNode",
        "RandomGeneratorNode",
        "TreeNode",
        "TupleNode",
        "TypeNode",
    ]
)


class UntrustedError(ValueError):
    """A file holds what it may not hold."""


def check_file(file: Path) -> None:
    """Check size and types of a model file before anything of it is loaded.

    Raises
    ------
    UntrustedError
        If it is compressed or too large (a small file that unpacks to a huge one), or names a
        type that is not among `ALLOWED` or a way to build it that is not among `LOADERS`.
    """
    with ZipFile(file) as archive:
        members = archive.infolist()
        if any(each.compress_type != ZIP_STORED for each in members):
            raise UntrustedError("it is compressed, which audiogenre never does")
        if sum(each.file_size for each in members) > MAX_BYTES:
            raise UntrustedError(f"it is larger than {MAX_BYTES >> 30} GiB")
        schema = json.loads(archive.read("schema.json"))
    nodes = list(_nodes(schema))
    names = {f"{each['__module__']}.{each['__class__']}" for each in nodes}
    if other := sorted(names - ALLOWED):
        raise UntrustedError(f"it holds a type that is not allowed: {other[0]}")
    if other := sorted({str(each["__loader__"]) for each in nodes} - LOADERS):
        raise UntrustedError(f"it holds something that is not allowed: {other[0]}")


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Give every description of an object in a file's schema, however deep."""
    waiting = [schema]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if "__loader__" in each or "__class__" in each:
                yield each
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)


def check_content(content: Any) -> None:
    """Check that no tree and no support vector machine in it points outside its arrays.

    Raises
    ------
    UntrustedError
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.ensemble._forest import ForestClassifier
    from sklearn.svm import SVC
    from sklearn.tree import DecisionTreeClassifier

    # What is not fitted, such as the pattern of a forest's trees, has nothing to walk through.
    checks: tuple[tuple[type, str, Callable[[Any], bool]], ...] = (
        (ForestClassifier, "estimators_", _forest_is_sound),
        (DecisionTreeClassifier, "tree_", _tree_is_sound),
        (HistGradientBoostingClassifier, "_predictors", _boosting_is_sound),
        (SVC, "_n_support", _svc_is_sound),
    )
    for each in _objects(content):
        for kind, fitted, is_sound in checks:
            if isinstance(each, kind) and hasattr(each, fitted) and not is_sound(each):
                raise UntrustedError(f"a {type(each).__name__} in it points outside its own arrays")


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
        elif isinstance(each, np.ndarray):
            waiting.extend(each.ravel() if each.dtype == object else ())
        else:
            waiting.extend(getattr(each, "__dict__", {}).values())


def _forest_is_sound(forest: Any) -> bool:
    # The forest checks the columns of what it is asked, and its trees no more.
    return all(each.tree_.n_features == forest.n_features_in_ for each in forest.estimators_)


def _tree_is_sound(estimator: Any) -> bool:
    tree = estimator.tree_
    inner = tree.children_left != -1
    return bool(tree.n_features == estimator.n_features_in_) and _points_inside(
        inner, (tree.children_left, tree.children_right), tree.feature, tree.n_features
    )


def _boosting_is_sound(model: Any) -> bool:
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE

    if model._bin_mapper.is_categorical_.any():
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
        and n_labels == len(svc.classes_) >= 2
        and bool((svc._n_support >= 0).all())
        and int(svc._n_support.sum()) == n_rows
        and svc.support_vectors_.shape == (n_rows, svc.n_features_in_)
        and svc._dual_coef_.shape == (n_labels - 1, n_rows)
        and svc._intercept_.shape == (n_labels * (n_labels - 1) // 2,)
    )
