"""A model file of allowed types may still be made to do harm: it is refused before it is used."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest
import skops.io
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

from audiogenre import trust
from audiogenre.bundles import load_bundle
from audiogenre.errors import BundleError
from audiogenre.metadata import levels_of, sets_of
from audiogenre.trust import UntrustedError, check_file

X = np.random.default_rng(0).normal(size=(60, 4))
Y = np.array(["a", "b", "c"])[np.arange(60) % 3]


def rewrite(file: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """Change the members of a model file."""
    with ZipFile(file) as archive:
        members = {each: archive.read(each) for each in archive.namelist()}
    change(members)
    with ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def describe(file: Path, change: Callable[[Any], None]) -> None:
    """Change the description of the objects in a model file."""

    def members(content: dict[str, bytes]) -> None:
        schema = json.loads(content["schema.json"])
        change(schema)
        content["schema.json"] = json.dumps(schema).encode()

    rewrite(file, members)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Return a file of two arrays in a list, which is sound."""
    file = tmp_path / "model.skops"
    skops.io.dump({"arrays": [np.arange(6.0), np.arange(3)]}, file)
    check_file(file)
    return file


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("__reduce__", "args", "content", 1), np.array([2**40])),
        (("__reduce__", "args", "content", 1), np.array([-3])),
        (("__reduce__", "args", "content", 1), np.array(3)),
        (("__reduce__", "args", "content", 1), np.zeros(0, dtype=np.int64)),
        (("__reduce__", "args", "content", 1), np.array([3.0])),
        (("__reduce__", "args", "content", 2), "4096"),
        (("content", "content", "node_count"), "10000"),
        (("content", "content", "values"), np.zeros((5, 1, 3))),
        (("content", "content", "nodes"), np.zeros(2)),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else repr(value),
)
def test_a_tree_whose_arrays_do_not_fit_each_other_is_refused(
    place: tuple[Any, ...], value: Any, tmp_path: Path
) -> None:
    """scikit-learn's code takes memory for it, and copies, before anybody could look."""
    file = tmp_path / "model.skops"
    skops.io.dump(DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, Y), file)
    check_file(file)
    arrays: dict[str, bytes] = {}

    def change(schema: Any) -> None:
        (node,) = (each for each in trust._nodes(schema) if each["__loader__"] == "TreeNode")
        for key in place:
            node = node[key]
        if isinstance(value, str):
            node |= {"content": value, "__id__": 1}  # small numbers stand elsewhere, too
        else:
            content = io.BytesIO()
            np.save(content, value)
            arrays[node["file"]] = content.getvalue()

    describe(file, change)
    rewrite(file, lambda members: members.update(arrays))
    with pytest.raises(UntrustedError, match="a tree whose arrays do not fit"):
        check_file(file)


def test_a_tree_is_not_made_of_what_stands_elsewhere_under_its_number(tmp_path: Path) -> None:
    """The loader takes the first description with a number, and looks at no other."""
    file = tmp_path / "model.skops"
    tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, Y)
    skops.io.dump([np.zeros(0), tree], file)
    check_file(file)

    def change(schema: Any) -> None:
        (node,) = (each for each in trust._nodes(schema) if each["__loader__"] == "TreeNode")
        other = json.loads(json.dumps(node["__reduce__"]["args"]))
        other["content"][1] = schema["content"][0]
        schema["content"].insert(0, other)

    describe(file, change)
    with pytest.raises(UntrustedError, match="a tree whose arrays do not fit"):
        check_file(file)


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

    def change(schema: Any) -> None:
        schema["content"]["classifier"]["__loader__"] = "ConstructorFromReduceNode"

    describe(copied / "model.skops", change)
    with pytest.raises(BundleError, match="something that is not allowed: ConstructorFromReduce"):
        load_bundle(copied)


@pytest.mark.parametrize(
    ("module", "name", "loader"),
    [
        ("builtins", "list", "TupleNode"),
        ("numpy", "ndarray", "ListNode"),  # would make an array of that shape of what lay there
        ("numpy", "ndarray", "ObjectNode"),
        ("sklearn.svm._classes", "SVC", "TypeNode"),
    ],
)
def test_a_type_is_only_built_in_its_own_way(
    plain: Path, module: str, name: str, loader: str
) -> None:
    built = {"__module__": module, "__class__": name, "__loader__": loader}
    describe(plain, lambda schema: schema["content"]["arrays"].update(built))
    with pytest.raises(UntrustedError, match=f"not allowed: {loader} of {module}.{name}"):
        check_file(plain)


@pytest.mark.parametrize(
    ("part", "key", "content", "why"),
    [
        # The name is looked up in numpy.random, where there are functions, too, and called.
        ("bit_generator", "bit_generator", '"test"', 'not allowed: "test"'),
        ("seed_seq", "pool_size", "2147483647", "a generator that takes memory"),  # 8 GiB
    ],
)
def test_a_generator_is_numpys_usual_one(
    tmp_path: Path, part: str, key: str, content: str, why: str
) -> None:
    file = tmp_path / "model.skops"
    skops.io.dump({"rng": np.random.default_rng(0)}, file)
    check_file(file)
    describe(
        file,
        lambda schema: schema["content"]["rng"]["content"][part]["content"][key].update(
            content=content
        ),
    )
    with pytest.raises(UntrustedError, match=why):
        check_file(file)


def test_an_object_cannot_hold_itself(plain: Path) -> None:
    """Nor can a few that hold each other over and over stand for a huge one."""

    def change(schema: Any) -> None:
        arrays = schema["content"]["arrays"]
        again = {key: arrays[key] for key in ("__class__", "__module__", "__loader__", "__id__")}
        arrays["content"].append(again | {"content": []})

    describe(plain, change)
    with pytest.raises(UntrustedError, match="it describes one object in two ways"):
        check_file(plain)


def test_the_same_object_may_be_there_twice(tmp_path: Path) -> None:
    shared = {"a": np.arange(3), "b": ["x"]}
    skops.io.dump({"one": shared, "other": [shared, shared["a"]]}, tmp_path / "model.skops")
    check_file(tmp_path / "model.skops")


def test_many_arrays_cannot_share_one_file(plain: Path) -> None:
    """Each would be read anew: a small file would fill the memory."""

    def change(schema: Any) -> None:
        arrays = schema["content"]["arrays"]["content"]
        arrays.append(arrays[0] | {"__id__": 5})

    describe(plain, change)
    with pytest.raises(UntrustedError, match="an array that is not in a file of its own"):
        check_file(plain)


def test_an_array_of_objects_is_refused(tmp_path: Path) -> None:
    skops.io.dump({"objects": np.array([[1], "x"], dtype=object)}, tmp_path / "model.skops")
    with pytest.raises(UntrustedError, match="an array that is not in a file of its own"):
        check_file(tmp_path / "model.skops")


@pytest.mark.parametrize(
    ("shape", "kind", "message"),
    [
        ((10**12,), "<f8", "not as large as it says"),
        ((2**62, 4), "<f8", "not as large as it says"),  # 0 bytes to whom 64 bits are enough
        ((10**12,), "<U0", "not as large as it says"),
        ((-3, -1), "<f8", "of a kind that is not allowed"),
        ((3,), "<c16", "of a kind that is not allowed: complex128"),
        ((3,), "|O", "of a kind that is not allowed: object"),
    ],
)
def test_an_array_is_what_its_header_says(
    plain: Path, shape: tuple[int, ...], kind: str, message: str
) -> None:
    header = io.BytesIO()
    said = {"descr": kind, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, said)

    def change(members: dict[str, bytes]) -> None:
        name = next(each for each in members if each.endswith(".npy"))
        members[name] = header.getvalue()

    rewrite(plain, change)
    with pytest.raises(UntrustedError, match=message):
        check_file(plain)


def test_a_description_without_end_is_refused(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "MAX_SCHEMA", 100)
    with pytest.raises(UntrustedError, match="its description is larger than"):
        check_file(plain)


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


def test_the_set_of_a_table_has_no_parameters(copied: Path) -> None:
    """Nor a version: it was computed by somebody else."""
    file = copied / "metadata.json"
    sets = [{"name": "spotify", "origin": "measured", "fingerprint": ""}]
    file.write_text(json.dumps(json.loads(file.read_text()) | {"sets": sets}))
    assert load_bundle(copied).metadata["sets"] == sets


@pytest.mark.parametrize("seconds", ["30", [30], {"a": 1}])
def test_a_length_that_is_no_number_is_refused(copied: Path, seconds: Any) -> None:
    file = copied / "metadata.json"
    metadata = json.loads(file.read_text())
    metadata["sets"][0]["parameters"]["max_seconds"] = seconds
    file.write_text(json.dumps(metadata))
    with pytest.raises(BundleError, match="does not say how its clips were cut"):
        sets_of(load_bundle(copied).metadata)


@pytest.mark.parametrize(
    ("key", "other", "message"),
    [
        ("labels", ["a", "b"], "labels are not those"),
        ("columns", ["x", "x"], "columns are not those"),
    ],
)
def test_metadata_of_another_model_are_refused(
    copied: Path, key: str, other: list[str], message: str
) -> None:
    file = copied / "metadata.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: other}))
    with pytest.raises(BundleError, match=f"not to be trusted: its {message} of its metadata"):
        load_bundle(copied)


@pytest.mark.parametrize(
    "levels", [{"parents": {}}, {"parents": 3, "limit": 0.5}, {"parents": None, "limit": "x"}]
)
def test_parents_of_another_shape_are_refused(copied: Path, levels: dict[str, Any]) -> None:
    file = copied / "metadata.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"levels": levels}))
    with pytest.raises(BundleError, match=r"the parents of the labels of .* cannot be read"):
        levels_of(load_bundle(copied).metadata)
