"""What a model file may hold: exactly these types, each built in its own way, of a bounded size.

All of it is read off the file before anything in it is built. What is built of allowed types is
not harmless yet: see `audiogenre.soundness`.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_STORED, ZipFile

import numpy as np

MAX_BYTES = 8 * 2**30
MAX_SCHEMA = 2**28  # bytes of the description: Python needs some ten times as much for it
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
# How skops may build them, none of which looks up a function by name; what stands in no line here
# is an object, made from its attributes.
LOADERS = {
    "builtins.dict": "DictNode",
    "builtins.list": "ListNode",
    "builtins.str": "JsonNode",  # and everything else that JSON knows
    "builtins.tuple": "TupleNode",
    "numpy.float32": "NdArrayNode",
    "numpy.float64": "NdArrayNode",
    "numpy.int64": "NdArrayNode",
    "numpy.ndarray": "NdArrayNode",
    "numpy.random._generator.Generator": "RandomGeneratorNode",
    "numpy.uint64": "NdArrayNode",
    "sklearn._loss._loss.CyHalfBinomialLoss": "LossNode",
    "sklearn._loss._loss.CyHalfMultinomialLoss": "LossNode",
    "sklearn.tree._tree.Tree": "TreeNode",
    "sklearn.utils._bunch.Bunch": "DictNode",
}
_KEYS = ("builtins.str", "TypeNode")  # the type of a dictionary's keys
Kind = tuple[np.dtype[Any], tuple[int, ...]]  # of an array
_OWN = {"__id__", "file"}  # differ between two descriptions of one object


class UntrustedError(ValueError):
    """A file holds what it may not hold."""


def model_files() -> Any:
    """Return the module `skops.io`, without the list of what it would trust by itself.

    For that list it imports all of scikit-learn, which takes longer than all else that a model
    needs; here exactly `ALLOWED` is trusted.
    """
    if "skops.io" in sys.modules:
        return sys.modules["skops.io"]
    import sklearn.utils

    listed = sklearn.utils.all_estimators
    sklearn.utils.all_estimators = lambda *_, **__: []
    try:
        return import_module("skops.io")
    finally:
        sklearn.utils.all_estimators = listed


def check_file(file: Path | IO[bytes]) -> None:
    """Check size, types and arrays of a model file before anything of it is loaded.

    Raises
    ------
    UntrustedError
        If it is compressed or too large (a small file that unpacks to a huge one), names a type
        that is not among `ALLOWED` or a way to build it that is not its own, describes one object
        in two ways (a few that hold each other over and over unpack to a huge one, too), has an
        array that is not as large as it says, a tree whose arrays do not fit each other, or a
        generator of random numbers that is not NumPy's usual one.
    """
    with ZipFile(file) as archive:
        members = archive.infolist()
        if any(each.compress_type != ZIP_STORED for each in members):
            raise UntrustedError("it is compressed, which audiogenre never does")
        if sum(each.file_size for each in members) > MAX_BYTES:
            raise UntrustedError(f"it is larger than {MAX_BYTES >> 30} GiB")
        if archive.getinfo("schema.json").file_size > MAX_SCHEMA:
            raise UntrustedError(f"its description is larger than {MAX_SCHEMA >> 20} MiB")
        nodes = list(_nodes(json.loads(archive.read("schema.json"))))
        _check_types(nodes)
        _check_identity(nodes)
        names = {each["file"] for each in nodes if each["__loader__"] == "NdArrayNode"}
        arrays = {each: _check_array(archive, each) for each in names}
        by_id: dict[Any, list[dict[str, Any]]] = {}
        for each in nodes:
            by_id.setdefault(each["__id__"], []).append(each)
        for each in nodes:
            if each["__loader__"] == "TreeNode":
                _check_tree(archive, arrays, by_id, each)


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


def _check_types(nodes: list[dict[str, Any]]) -> None:
    pairs = {(f"{x['__module__']}.{x['__class__']}", str(x["__loader__"])) for x in nodes}
    if other := sorted({name for name, _ in pairs} - ALLOWED):
        raise UntrustedError(f"it holds a type that is not allowed: {other[0]}")
    for name, loader in sorted(pairs - {_KEYS}):
        if loader != LOADERS.get(name, "ObjectNode"):
            raise UntrustedError(f"it holds something that is not allowed: {loader} of {name}")
    for each in nodes:
        if each["__loader__"] == "RandomGeneratorNode":
            _check_generator(each["content"])


def _check_generator(parts: dict[str, Any]) -> None:
    """Check what a generator is made with: a name that is looked up and called, and a size."""
    kind = parts["bit_generator"]["content"]["bit_generator"]["content"]
    if kind != '"PCG64"':
        raise UntrustedError(f"it holds something that is not allowed: {kind}")
    pool = parts["seed_seq"]["content"]["pool_size"]
    if (pool["__loader__"], pool["content"]) != ("JsonNode", "4"):  # NumPy's own
        raise UntrustedError("it holds a generator that takes memory for a seed of its own size")


def _check_identity(nodes: list[dict[str, Any]]) -> None:
    """Check that what has the same number is the same: the loader takes it for that, unseen."""
    first: dict[Any, dict[str, Any]] = {}
    for each in nodes:
        if not _alike(each, first.setdefault(each["__id__"], each)):
            raise UntrustedError("it describes one object in two ways")
        # Arrays of objects, which could hold each other, are in no model of ours.
        if each["__loader__"] == "NdArrayNode" and (each["type"], each.get("file")) != (
            "numpy",
            f"{each['__id__']}.npy",
        ):
            raise UntrustedError("it has an array that is not in a file of its own")


def _alike(one: Any, other: Any) -> bool:
    """Tell whether two descriptions are the same but for the numbers of what they hold."""
    waiting = [] if one is other else [(one, other)]
    while waiting:
        a, b = waiting.pop()
        if isinstance(a, dict) and isinstance(b, dict):
            keys = a.keys() - _OWN
            if keys != b.keys() - _OWN:
                return False
            waiting.extend((a[key], b[key]) for key in keys)
        elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
            waiting.extend(zip(a, b, strict=True))
        elif a != b:
            return False
    return True


def _check_array(archive: ZipFile, name: str) -> Kind:
    """Check that an array takes as many bytes as its header says, and holds numbers or text."""
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    with archive.open(name) as file:
        shape, _, dtype = read[np.lib.format.read_magic(file)](file)
        size = archive.getinfo(name).file_size - file.tell()
    count = 1
    for each in shape:  # in Python's numbers, which do not overflow
        count *= each
    if dtype.kind not in "biufUV" or dtype.hasobject or min((0, *shape)) < 0:
        raise UntrustedError(f"it has an array of a kind that is not allowed: {dtype}")
    if count * dtype.itemsize != size or (count > 0 and dtype.itemsize == 0):
        raise UntrustedError(f"it has an array that is not as large as it says: {name}")
    return dtype, shape


def _check_tree(
    archive: ZipFile,
    arrays: dict[str, Kind],
    by_id: dict[Any, list[dict[str, Any]]],
    node: dict[str, Any],
) -> None:
    """Check what a tree is made with: its code takes memory, and copies, as it is told, unseen."""
    arguments, content = node["__reduce__"]["args"], node["content"]
    _, classes, n_outputs = arguments["content"]
    state = content["content"]
    n_nodes = int(state["node_count"]["content"])
    sound = n_outputs["content"] == "1" and arrays[classes["file"]] == (np.dtype(np.int64), (1,))
    if sound:
        (n_classes,) = np.load(io.BytesIO(archive.read(classes["file"])))
        shapes = [arrays[state[each]["file"]][1] for each in ("nodes", "values")]
        sound = shapes == [(n_nodes,), (n_nodes, 1, n_classes)]
    # The loader takes the first description with a number: any other has to be this one, files too.
    parts = (arguments, content, *arguments["content"], *state.values())
    if not sound or any(each != part for part in parts for each in by_id[part["__id__"]]):
        raise UntrustedError("it has a tree whose arrays do not fit each other")
