"""Models from strangers: what they say of themselves, and what they are made of.

A zip file that is changed at random is hardly ever one afterwards. So the bytes of an input are
taken for a list of changes to a sound model: in its description of objects, in its arrays, in its
metadata.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import atheris
import numpy as np
import numpy.typing as npt
import pandas as pd
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import ExtraTreesClassifier, VotingClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline

from audiogenre.bundles import load_bundle, read_metadata
from audiogenre.classifiers import CLASSIFIERS
from audiogenre.classifiers.context import ContextClassifier
from audiogenre.classifiers.neural import require
from audiogenre.errors import AudiogenreError, MissingExtraError, UsageError
from audiogenre.extraction import stored_set
from audiogenre.hierarchy import answer_above
from audiogenre.metadata import levels_of, sets_of, tags_of
from audiogenre.novelty import NoveltyDetector
from pipelines.fuzz.descriptions import NUMBERS, SHARES, Description, Input
from pipelines.fuzz.targets import Target

BLOCKS = ("full/mfcc", "full/mfcc", "full/key", "full/rhythm")
LABELS = ["folk", "jazz", "rock"]
_TYPES = ("<f8", "<f4", "<i8", "<i4", "|b1", "|u1", "<U3", "<U0", "|V0", "<c16", ">f8")
_MOST_ITEMS = 10**6
Schema = dict[str, Any]
Estimator = Any


def _estimators() -> dict[str, Estimator]:
    """Return fitted models of each family, as small as they may be."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(36, len(BLOCKS)))
    y = np.array(LABELS)[np.arange(36) % 3]
    small: dict[str, dict[str, Any]] = {
        "svc": {},
        "linear": {"model__max_iter": 20},
        "boosting": {"model__max_iter": 1, "model__min_samples_leaf": 3},
        "forest": {"model__n_estimators": 1},
        "majority": {},
    }
    with suppress(MissingExtraError):
        require()
        small["mlp"] = {"model__layers": (4,), "model__dropout": (0.0,), "model__epochs": 1}
    found: dict[str, Estimator] = {}
    for name, parameters in small.items():
        pipeline = CLASSIFIERS[name].build(BLOCKS, 0).set_params(**parameters)
        if CLASSIFIERS[name].calibrate:
            pipeline = CalibratedClassifierCV(pipeline, method="sigmoid", cv=2, ensemble=False)
        found[name] = pipeline.fit(X, y)
    members = [("trees", ExtraTreesClassifier(1, random_state=0))]
    found["ensemble"] = Pipeline([("model", VotingClassifier(members, voting="soft"))]).fit(X, y)
    codes = np.column_stack([X[:, :3], np.arange(36) % 5])
    plain = CLASSIFIERS["linear"]
    context = ContextClassifier(plain, 3).build((*BLOCKS[:3], "context/artist"), 0)
    found["context"] = context.fit(codes, y)
    binary = CLASSIFIERS["linear"].build(BLOCKS, 0)
    one = CalibratedClassifierCV(binary, method="sigmoid", cv=2, ensemble=False)
    several = np.column_stack([y == each for each in LABELS]).astype(np.int64)
    found["several"] = OneVsRestClassifier(one).fit(X, several)
    return found


def _metadata(name: str) -> Schema:
    baseline = stored_set("baseline")
    about: Schema = {
        "schema_version": 1,
        "name": name,
        "model": name if name in CLASSIFIERS else "svc",
        "label_kind": "genre",
        "labels": LABELS,
        "columns": [f"c{i}" for i in range(len(BLOCKS))],
        "sets": [
            {
                "name": "baseline",
                "fingerprint": baseline.fingerprint,
                "parameters": baseline.parameters,
            }
        ],
        "levels": {"parents": {"folk": "folk", "jazz": "jazz", "rock": "folk"}, "limit": 0.5},
    }
    if name == "several":
        about["multilabel"] = {"thresholds": dict.fromkeys(LABELS, 0.5)}
    return about


class Model:
    """A sound model in parts, to be put together again after changes."""

    def __init__(self, name: str, classifier: Estimator) -> None:
        rng = np.random.default_rng(1)
        X, y = rng.normal(size=(36, len(BLOCKS))), np.array(LABELS)[np.arange(36) % 3]
        novelty = NoveltyDetector(BLOCKS).fit(X, y)
        novelty.threshold_ = 3.0
        content = skops.io.dumps({"classifier": classifier, "novelty": novelty})
        with ZipFile(io.BytesIO(content)) as archive:
            members = {each: archive.read(each) for each in archive.namelist()}
        self.schema = Description(members.pop("schema.json").decode())
        self.arrays = members
        self.metadata = Description(json.dumps(_metadata(name)))

    def write(self, folder: Path, changes: Input | None) -> None:
        """Write the model, after a number of changes."""
        arrays = dict(self.arrays)
        for _ in range(0 if changes is None else changes.ConsumeIntInRange(1, 4)):
            assert changes is not None
            where = changes.ConsumeIntInRange(0, 9)
            if where < 6:
                self.schema.change(changes)
            elif where < 9:
                _change_array(arrays, changes)
            else:
                self.metadata.change(changes)
        with ZipFile(folder / "model.skops", "w") as archive:
            archive.writestr("schema.json", self.schema.taken())
            for name, content in arrays.items():
                archive.writestr(name, content)
        text = self.metadata.taken()
        (folder / "metadata.json").write_text(text, "utf-8", "surrogatepass")


def _change_array(arrays: dict[str, bytes], changes: Input) -> None:
    """Change numbers, type or shape of one array, or what is said of them."""
    names = list(arrays)  # in the order in which they were written, the same every time
    name = names[changes.ConsumeIntInRange(0, len(names) - 1)]
    kind = changes.ConsumeIntInRange(0, 6)
    if kind == 0:
        data = bytearray(arrays[name])
        data[changes.ConsumeIntInRange(0, len(data) - 1)] = changes.ConsumeIntInRange(0, 255)
        arrays[name] = bytes(data)
        return
    if kind == 1:
        arrays[name] = arrays[names[changes.ConsumeIntInRange(0, len(names) - 1)]]
        return
    if kind == 2:
        arrays[name] = _only_said(changes)
        return
    with suppress(Exception):  # an array that was changed before may be none any more
        array = np.load(io.BytesIO(arrays[name]))
        if array.size > _MOST_ITEMS:  # of nothing, as only its header says: no more to change
            return
        file = io.BytesIO()
        np.save(file, _other(array, kind, changes))
        arrays[name] = file.getvalue()


def _only_said(changes: Input) -> bytes:
    """Return an array of which there is not much more than the statement of its size."""
    size = changes.PickValueInList([0, 1, 10**6, 2**31, 10**12, 2**62])
    header = {
        "descr": changes.PickValueInList(list(_TYPES)),
        "fortran_order": changes.ConsumeBool(),
        "shape": changes.PickValueInList([(size,), (size, 1), (1, size), (size, size), ()]),
    }
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + bytes(changes.ConsumeIntInRange(0, 16))


def _other(array: npt.NDArray[Any], kind: int, changes: Input) -> npt.NDArray[Any]:
    if kind == 3:
        return array.astype(changes.PickValueInList(list(_TYPES[:6])))
    if kind == 4:
        cut = changes.ConsumeIntInRange(0, 3)
        return (array[:cut], array[..., :cut], array.ravel(), np.repeat(array, 2, axis=0))[cut]
    array = array.copy()
    if array.dtype.names:  # the nodes of trees
        target = array[array.dtype.names[changes.ConsumeIntInRange(0, len(array.dtype.names) - 1)]]
    else:
        target = array
    numbers = NUMBERS if kind == 5 or target.dtype.kind != "f" else SHARES
    value = changes.PickValueInList(list(numbers))
    with np.errstate(all="ignore"):
        new = np.array(value).astype(target.dtype)
    target.flat[changes.ConsumeIntInRange(0, max(target.size - 1, 0))] = new
    return array


def _use(folder: Path) -> None:
    """Load a model, and let it answer about zeros."""
    bundle = load_bundle(folder)
    for look in (sets_of, tags_of, levels_of):
        with suppress(AudiogenreError):
            look(bundle.metadata)
    zeros = np.zeros((2, len(bundle.columns)))
    answers = bundle.predict_features(pd.DataFrame(zeros, columns=bundle.columns))
    shares = answers[[f"p_{each}" for each in bundle.labels]].to_numpy(dtype=np.float64)
    assert np.isfinite(shares).all() and len(answers) == 2
    assert (shares >= 0).all() and (shares <= 1 + 1e-9).all()
    with suppress(UsageError):
        answer_above(answers, levels_of(bundle.metadata))


def _bundle(folder: Path) -> Callable[[bytes], object]:
    models = [Model(*each) for each in _estimators().items()]
    for each in models:
        each.write(folder, None)
        _use(folder)

    def one(data: bytes) -> None:
        changes = atheris.FuzzedDataProvider(data)
        models[changes.ConsumeIntInRange(0, len(models) - 1)].write(folder, changes)
        _use(folder)

    return one


def _only_metadata(folder: Path) -> Callable[[bytes], object]:
    file = folder / "metadata.json"

    def one(data: bytes) -> None:
        file.write_bytes(data)
        read_metadata(folder)

    return one


TARGETS = {
    "metadata": Target(
        _only_metadata,
        lambda: [json.dumps(_metadata(each)).encode() for each in ("svc", "several")],
    ),
    "bundle": Target(
        _bundle,
        lambda: [np.random.default_rng(i).bytes(48) for i in range(64)],
        longest=256,
    ),
}
