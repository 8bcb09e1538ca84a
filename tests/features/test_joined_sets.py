"""Two feature sets together: stored, learned from and computed as one."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import SAMPLE_GENRES

from audiogenre.bundle import Bundle
from audiogenre.bundles import load_bundle
from audiogenre.catalog import Catalog
from audiogenre.dataset import load_dataset
from audiogenre.errors import MissingExtraError, UsageError
from audiogenre.extraction import default_fingerprints, feature_set
from audiogenre.features import FULL, MUSICNN, TAG_COLUMNS
from audiogenre.metadata import sets_of, tags_of
from audiogenre.store import FeatureStore, write_part
from audiogenre.transformer import AudioFeatures
from features.conftest import INSTALL, needs_weights

Main = Callable[..., int]
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def data(sample_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample with numbers for musicnn that tell the genres a little."""
    folder = tmp_path_factory.mktemp("musicnn") / "data"
    shutil.copytree(sample_data, folder)
    store = FeatureStore(folder / "features")
    ids, hashes = zip(*store.read(store.find("full")).index, strict=True)
    with Catalog(folder / "catalog.db") as catalog:
        labels = {row[0]: row[1] for row in catalog.labelled("genre")}
    codes = np.array([sorted(SAMPLE_GENRES).index(labels[each]) for each in ids])
    values = np.random.default_rng(0).normal(codes[:, None], 2, (len(ids), 450))
    chosen = feature_set("musicnn")
    metadata = {"name": "musicnn", "parameters": dict(chosen.parameters)}
    where = store.directory("musicnn", chosen.fingerprint)
    write_part(where, ids, hashes, chosen.names, values.astype(np.float32), metadata)
    return folder


@pytest.fixture(scope="module")
def joined(data: Path, run_main: Main, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    models = tmp_path_factory.mktemp("models")
    common = ("--data", data, "--models", models, "--jobs", 2, "--quiet")
    assert run_main("fit", "--set", "full+musicnn", *common) == 0
    return load_bundle(models / "extracted-full+musicnn")


def test_a_model_of_two_sets_knows_both_by_fingerprint(joined: Bundle) -> None:
    assert [each["name"] for each in joined.metadata["sets"]] == ["full", "musicnn"]
    for each in joined.metadata["sets"]:
        assert each["fingerprint"] == default_fingerprints()[each["name"]]
        assert each["parameters"] == dict(feature_set(each["name"]).parameters)
    assert joined.columns == [*FULL.names, *MUSICNN.names]


def test_each_set_has_the_same_weight_and_in_it_each_family(joined: Bundle) -> None:
    scaler = joined.classifier.calibrated_classifiers_[0].estimator.named_steps["scale"]
    share = pd.Series(scaler.weights_**2).groupby(list(joined.metadata["blocks"])).sum()
    of_set = share.groupby(share.index.str.partition("/").get_level_values(0)).sum()
    assert of_set.to_dict() == pytest.approx({"full": 0.5, "musicnn": 0.5})
    assert share["musicnn/tag"] == pytest.approx(0.25)
    assert share["musicnn/embedding"] == pytest.approx(0.25)


def test_sets_are_joined_in_the_order_they_are_named(data: Path) -> None:
    store = FeatureStore(data / "features")
    with Catalog(data / "catalog.db") as catalog:

        def columns(names: str) -> list[str]:
            dataset = load_dataset(catalog, store, features="extracted", set_name=names)
            return list(dataset.X.columns)

        assert columns("musicnn+full") == [*MUSICNN.names, *FULL.names]
        assert columns("musicnn+full+musicnn") == [*MUSICNN.names, *FULL.names]
        with_prefix = columns("baseline+full")
        assert "baseline_mfcc_01_mean" in with_prefix
        assert "full_mfcc_01_mean" in with_prefix
        assert "full_mfcc_13_mean" not in with_prefix
        with pytest.raises(UsageError, match="are the same set"):
            columns(f"full+{store.find('full')}")
        with pytest.raises(UsageError, match="no features of a set called 'nothing'"):
            columns("full+nothing")


def test_without_the_weights_a_model_says_so_before_it_decodes(
    joined: Bundle, empty_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(empty_package)
    with pytest.raises(MissingExtraError, match=INSTALL):
        joined.predict(["nowhere.mp3"])


def test_a_model_that_reads_no_tags_says_so(sample_models: Path, mp3_bytes: bytes) -> None:
    full = load_bundle(sample_models / "extracted-full")
    with pytest.raises(UsageError, match="hears no tags; take one fitted with --set musicnn"):
        tags_of(full.metadata)


def test_sets_of_clips_that_were_cut_differently_are_refused(joined: Bundle) -> None:
    first, second = joined.metadata["sets"]
    second = second | {"parameters": second["parameters"] | {"max_seconds": 10.0}}
    model = replace(joined, metadata=joined.metadata | {"sets": [first, second]})
    with pytest.raises(UsageError, match="cut differently"):
        sets_of(model.metadata)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, mp3_bytes: bytes) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp3"
    path.write_bytes(mp3_bytes)
    return path


@needs_weights
def test_a_file_is_told_from_both_sets(joined: Bundle, clip: Path) -> None:
    X = np.hstack([AudioFeatures(set=name).transform([clip]) for name in ("full", "musicnn")])
    expected = joined.predict_features(pd.DataFrame(X, columns=joined.columns))
    found = joined.predict([clip])[expected.columns]
    pd.testing.assert_frame_equal(found, expected, rtol=1e-3)


@needs_weights
def test_predict_prints_the_tags_that_fit_best(
    joined: Bundle, clip: Path, run_main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    values = dict(
        zip(MUSICNN.names, AudioFeatures(set="musicnn").transform([clip])[0], strict=True)
    )
    fits = {tag: float(values[column]) for column, tag in TAG_COLUMNS.items()}
    best = dict(sorted(fits.items(), key=lambda item: -item[1])[:3])
    arguments = ("predict", joined.path, clip, "--tags", 3)

    assert run_main(*arguments, "--json", "--timeline") == 0
    (found,) = json.loads(capsys.readouterr().out)["predictions"]
    assert found["tags"] == pytest.approx(best, rel=1e-3)
    assert list(found["tags"]) == list(best)
    assert [len(window["tags"]) for window in found["timeline"]] == [3] * 6

    assert run_main(*arguments) == 0
    sentence = ", ".join(f"{tag} {100 * fit:.0f} %" for tag, fit in best.items())
    assert capsys.readouterr().out.endswith(f"; tags: {sentence}\n")

    assert run_main(*arguments, "--csv") == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["tags"] == sentence
    assert row["error"] == ""

    assert run_main("predict", joined.path, clip, "--json") == 0
    assert "tags" not in json.loads(capsys.readouterr().out)["predictions"][0]


@needs_weights
def test_both_sets_are_extracted_together(
    clip: Path, tmp_path: Path, run_main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "music" / "rock").mkdir(parents=True)
    shutil.copy(clip, tmp_path / "music" / "rock")
    data = tmp_path / "data"
    source = ("--source", "folder", "--path", tmp_path / "music")
    assert run_main("download", *source, "--data", data, "--quiet") == 0
    asked = ("extract", "--set", "full+musicnn", "--data", data, "--jobs", 1)
    assert run_main(*asked, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["set"], result["columns"], result["extracted"]) == ("full,musicnn", 1084, 1)
    store = FeatureStore(data / "features")
    for name in ("full", "musicnn"):
        expected = AudioFeatures(set=name).transform([clip])
        np.testing.assert_allclose(store.read(store.find(name)), expected, rtol=1e-3, atol=1e-3)
    assert run_main(*asked) == 0
    said = capsys.readouterr().out
    assert "1 track, nothing to do" in said
    step = "audiogenre fit --features extracted --set full+musicnn"
    assert said.endswith(f"next: {step} --data {data}\n")
