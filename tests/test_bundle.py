"""A model on disk: the same after loading, whole or not at all, and refusing what does not fit."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
import soundfile as sf
from sklearn.pipeline import Pipeline

import audiogenre
from audiogenre.bundle import (
    SCHEMA_VERSION,
    UNKNOWN,
    Bundle,
    check_columns,
    find_bundle,
    load_bundle,
    read_metadata,
    save_bundle,
)
from audiogenre.catalog import Catalog
from audiogenre.errors import BundleError, StoreError, UsageError
from audiogenre.store import FeatureStore

GENRES = ["iron stomp", "lantern waltz", "neon relay", "velvet drift"]
SHARES = [f"p_{each}" for each in GENRES]


@pytest.fixture(scope="module")
def full(sample_models: Path) -> Bundle:
    return load_bundle(sample_models / "extracted-full")


@pytest.fixture(scope="module")
def features(sample_data: Path) -> pd.DataFrame:
    """The sample's features by track id, as they were stored."""
    store = FeatureStore(sample_data / "features")
    return store.read(store.find("full")).droplevel(1)


@pytest.fixture
def copied(sample_models: Path, tmp_path: Path) -> Path:
    """A copy of a model, to be damaged."""
    folder = tmp_path / "models" / "extracted-full"
    shutil.copytree(sample_models / "extracted-full", folder)
    return folder


def edit(folder: Path, **changes: Any) -> None:
    file = folder / "metadata.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


# ---------------------------------------------------------------- what is written


@pytest.mark.parametrize(
    "name", ["extracted-full", "extracted-baseline", "extracted-full-majority"]
)
def test_a_model_is_five_things(sample_models: Path, name: str) -> None:
    folder = sample_models / name
    assert {each.name for each in folder.iterdir()} == {
        "model.skops",
        "metadata.json",
        "README.md",
        "figures",
        "predictions.parquet",
    }
    assert len(list((folder / "figures").glob("*.png"))) >= 4
    assert not list(sample_models.glob(".*"))  # nothing is left beside them


def test_the_metadata_has_the_score_with_protocol_n_and_interval(full: Bundle) -> None:
    scores = full.metadata["scores"]
    low, high = scores["interval"]
    assert 0 <= low <= scores["accuracy"] <= high <= 1
    assert scores["protocol"] == "artist split"
    assert scores["n"] == full.metadata["n_test"] > 0
    assert scores["n_groups"] > 1
    assert full.metadata["schema_version"] == SCHEMA_VERSION
    assert full.metadata["split"] == {"kind": "artist", "seed": 0}


def test_the_metadata_says_how_the_features_were_computed(full: Bundle) -> None:
    (described,) = full.metadata["sets"]
    (chosen,) = full.feature_sets()
    assert described["name"] == "full"
    assert described["fingerprint"] == chosen.fingerprint
    assert described["parameters"] == dict(chosen.parameters)
    assert full.columns == list(chosen.names)


def test_every_prediction_of_the_test_part_is_there(
    sample_models: Path, sample_data: Path, full: Bundle
) -> None:
    table = pd.read_parquet(sample_models / "extracted-full" / "predictions.parquet")
    assert len(table) == full.metadata["n_test"]
    assert table["track_id"].is_unique
    assert (table["label"] == table["predicted"]).mean() == full.metadata["scores"]["accuracy"]
    with Catalog(sample_data / "catalog.db") as catalog:
        labels = {row[0]: row[1] for row in catalog.labelled("genre")}
    assert {labels[each] for each in table["track_id"]} == set(GENRES)
    assert [labels[each] for each in table["track_id"]] == table["label"].tolist()
    probabilities = table[SHARES]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-9)


def test_two_models_of_one_sample_are_tested_on_the_same_tracks(sample_models: Path) -> None:
    first, second = (
        set(pd.read_parquet(sample_models / name / "predictions.parquet")["track_id"])
        for name in ("extracted-full", "extracted-baseline")
    )
    assert first == second


def test_the_card_says_score_protocol_tolerance_and_data(sample_models: Path, full: Bundle) -> None:
    card = (sample_models / "extracted-full" / "README.md").read_text()
    scores = full.metadata["scores"]
    assert f"{100 * scores['accuracy']:.1f} %" in card
    assert "95 % interval" in card
    assert f"n = {scores['n']} tracks; artist split" in card
    assert "olerance" in card
    assert "Always answering the most frequent label" in card
    assert full.metadata["data_hash"] in card
    for figure in (sample_models / "extracted-full" / "figures").iterdir():
        assert f"(figures/{figure.name})" in card


# ---------------------------------------------------------------- loading


def test_loading_is_promised_to_outsiders() -> None:
    assert audiogenre.load_bundle is load_bundle


def test_a_loaded_model_predicts_what_it_predicted_when_it_was_tested(
    sample_models: Path, full: Bundle, features: pd.DataFrame
) -> None:
    tested = pd.read_parquet(sample_models / "extracted-full" / "predictions.parquet")
    again = full.predict_features(features.loc[tested["track_id"]])
    assert again["nearest"].tolist() == tested["predicted"].tolist()
    assert again["known"].tolist() == tested["known"].tolist()
    for label in full.labels:
        np.testing.assert_allclose(again[f"p_{label}"], tested[f"p_{label}"], atol=1e-9)


def test_a_saved_and_loaded_model_answers_the_same(
    full: Bundle, features: pd.DataFrame, tmp_path: Path
) -> None:
    save_bundle(
        tmp_path / "again",
        metadata=full.metadata,
        classifier=full.classifier,
        novelty=full.novelty,
        predictions=pd.DataFrame({"track_id": ["a"]}),
        describe=lambda beside: None,
    )
    again = load_bundle(tmp_path / "again")
    pd.testing.assert_frame_equal(again.predict_features(features), full.predict_features(features))
    assert again.name == full.name
    assert again.labels == full.labels == GENRES


def test_an_answer_is_the_nearest_label_or_unknown(full: Bundle, features: pd.DataFrame) -> None:
    answers = full.predict_features(features)
    known = answers["known"]
    assert (answers["label"][known] == answers["nearest"][known]).all()
    assert (answers["label"][~known] == UNKNOWN).all()
    assert known.mean() > 0.7
    np.testing.assert_allclose(answers["probability"], answers[SHARES].max(axis=1))
    assert answers["nearest"].radd("p_").tolist() == answers[SHARES].idxmax(axis=1).tolist()


def test_what_is_like_nothing_learned_is_unknown(full: Bundle, features: pd.DataFrame) -> None:
    strange = features.iloc[:1] + 1000 * features.std()
    answer = full.predict_features(strange).iloc[0]
    assert not answer["known"]
    assert answer["label"] == UNKNOWN
    assert answer["nearest"] in GENRES


# ---------------------------------------------------------------- columns


def test_a_missing_column_is_named(full: Bundle, features: pd.DataFrame) -> None:
    with pytest.raises(BundleError, match=r"'shape_flux_mean' is missing \(1 in all\)"):
        full.predict_features(features.drop(columns="shape_flux_mean"))


def test_an_extra_column_is_named(full: Bundle, features: pd.DataFrame) -> None:
    with pytest.raises(BundleError, match="does not know the column 'Unnamed: 0'"):
        full.predict_features(features.assign(**{"Unnamed: 0": range(len(features))}))


def test_columns_in_another_order_are_refused_and_named(
    full: Bundle, features: pd.DataFrame
) -> None:
    columns = list(features.columns)
    columns[4], columns[5] = columns[5], columns[4]
    with pytest.raises(BundleError, match="column 5 should be 'mfcc_01_skew', but is") as error:
        full.predict_features(features[columns])
    assert repr(columns[4]) in str(error.value)


def test_columns_that_are_right_pass() -> None:
    check_columns(["a", "b"], ["a", "b"])
    with pytest.raises(BundleError):
        check_columns(["a", "b"], ["b", "a"])


# ---------------------------------------------------------------- what is refused


def test_a_missing_model_is_told_with_the_names_of_the_others(copied: Path) -> None:
    with pytest.raises(BundleError, match=r"no model in .*nothing; there are: extracted-full"):
        load_bundle(copied.parent / "nothing")


def test_a_missing_model_where_there_is_none_at_all(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"there is no model in .*/nothing$"):
        load_bundle(tmp_path / "nothing")


@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, 0, None, "1"])
def test_another_schema_is_refused(copied: Path, version: object) -> None:
    edit(copied, schema_version=version)
    with pytest.raises(BundleError, match=f"has schema {version}, .*fit the model again"):
        load_bundle(copied)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00"])
def test_damaged_metadata_is_refused(copied: Path, text: str) -> None:
    (copied / "metadata.json").write_text(text)
    with pytest.raises(BundleError):
        read_metadata(copied)


@pytest.mark.parametrize("key", ["name", "model", "label_kind", "labels", "columns", "sets"])
def test_metadata_that_lacks_something_is_refused_by_name(copied: Path, key: str) -> None:
    metadata = json.loads((copied / "metadata.json").read_text())
    for wrong in ({}, {key: None}, {key: 5}, {key: type(metadata[key])()}):
        rest = {name: value for name, value in metadata.items() if name != key}
        (copied / "metadata.json").write_text(json.dumps(rest | wrong))
        with pytest.raises(BundleError, match=f"is damaged: it says no {key}; fit the model again"):
            load_bundle(copied)


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    for place in range(200, len(data), 997):
        data[place] ^= 0xFF
    file.write_bytes(data)


def _without_content(file: Path) -> None:
    skops.io.dump({"something": "else"}, file)


def _pickled(file: Path) -> None:
    file.write_bytes(pickle.dumps({"classifier": None, "novelty": None}))


DAMAGE: dict[str, Callable[[Path], Any]] = {
    "cut in half": _cut,
    "bits flipped": _flip,
    "empty": lambda file: file.write_bytes(b""),
    "text": lambda file: file.write_text("not a model"),
    "gone": Path.unlink,
    "another content": _without_content,
    "a pickle": _pickled,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_model_is_refused_in_a_sentence(copied: Path, damage: str) -> None:
    file = copied / "model.skops"
    DAMAGE[damage](file)
    with pytest.raises(BundleError, match="damaged or not a model file"):
        load_bundle(copied)


class Evil:
    """What a file from a stranger may hold."""


def test_a_type_that_is_not_allowed_is_refused_by_name(copied: Path) -> None:
    skops.io.dump({"classifier": Evil(), "novelty": None}, copied / "model.skops")
    with pytest.raises(BundleError, match=r"holds a type that is not allowed: .*Evil"):
        load_bundle(copied)


def test_a_function_of_the_system_is_refused(copied: Path) -> None:
    """The classic attack: a file that names `os.system` where a harmless thing stood."""
    skops.io.dump({"classifier": os.system, "novelty": None}, copied / "model.skops")
    with pytest.raises(BundleError, match=r"holds a type that is not allowed: (os|posix)\.system"):
        load_bundle(copied)


def test_a_model_of_another_version_of_the_features_is_refused(
    full: Bundle, mp3_bytes: bytes, tmp_path: Path
) -> None:
    sets = [full.metadata["sets"][0] | {"fingerprint": "0" * 12}]
    stale = replace(full, metadata=full.metadata | {"sets": sets})
    (tmp_path / "clip.mp3").write_bytes(mp3_bytes)
    with pytest.raises(BundleError, match=r"another version of the feature set 'full'.*extract"):
        stale.predict([tmp_path / "clip.mp3"])


def test_a_model_that_reads_what_audio_does_not_give_says_so(full: Bundle) -> None:
    spotify = {"name": "spotify", "fingerprint": "", "parameters": {}}
    model = replace(full, metadata=full.metadata | {"sets": [full.metadata["sets"][0], spotify]})
    with pytest.raises(UsageError, match="reads full and spotify features, which cannot be comp"):
        model.feature_sets()


def test_a_model_is_found_by_name_or_by_path(copied: Path) -> None:
    assert find_bundle("extracted-full", copied.parent) == copied
    assert find_bundle(str(copied), Path("elsewhere")) == copied


# ---------------------------------------------------------------- saving


def saved(folder: Path, full: Bundle, describe: Callable[[Path], None], name: str = "new") -> None:
    save_bundle(
        folder,
        metadata=full.metadata | {"name": name},
        classifier=full.classifier,
        novelty=full.novelty,
        predictions=pd.DataFrame({"track_id": ["a"]}),
        describe=describe,
    )


def disk_full(beside: Path) -> None:
    raise OSError(28, "No space left on device")


def test_a_model_replaces_one_of_its_name(copied: Path, full: Bundle) -> None:
    saved(copied, full, lambda beside: None)
    assert load_bundle(copied).name == "new"
    assert not (copied / "figures").exists()  # nothing of the old one is mixed in
    assert [each.name for each in copied.parent.iterdir()] == ["extracted-full"]


def test_a_model_stays_when_writing_its_successor_fails(copied: Path, full: Bundle) -> None:
    before = {each: each.read_bytes() for each in copied.rglob("*") if each.is_file()}
    with pytest.raises(StoreError, match=r"cannot write .*extracted-full: No space left on device"):
        saved(copied, full, disk_full)
    assert {each: each.read_bytes() for each in copied.rglob("*") if each.is_file()} == before
    assert [each.name for each in copied.parent.iterdir()] == ["extracted-full"]


def test_a_first_model_that_cannot_be_written_leaves_nothing(tmp_path: Path, full: Bundle) -> None:
    with pytest.raises(StoreError):
        saved(tmp_path / "models" / "first", full, disk_full)
    assert list((tmp_path / "models").iterdir()) == []


@pytest.mark.parametrize("error", [ValueError("a figure"), KeyboardInterrupt()])
def test_whatever_stops_the_writing_leaves_nothing_beside_the_model(
    copied: Path, full: Bundle, error: BaseException
) -> None:
    def stop(beside: Path) -> None:
        raise error

    with pytest.raises(type(error)):
        saved(copied, full, stop)
    assert load_bundle(copied).name == "extracted-full"
    assert [each.name for each in copied.parent.iterdir()] == ["extracted-full"]


def test_the_old_model_is_back_when_the_new_one_cannot_be_moved_into_place(
    copied: Path, full: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name.endswith(".tmp"):
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(StoreError, match="Input/output error"):
        saved(copied, full, lambda beside: None)
    assert load_bundle(copied).name == "extracted-full"


# ---------------------------------------------------------------- from audio


@pytest.fixture(scope="module")
def clip(mp3_bytes: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp3"
    path.write_bytes(mp3_bytes)
    return path


def test_files_are_predicted_as_their_stored_features_are(
    full: Bundle, sample_data: Path, features: pd.DataFrame
) -> None:
    with Catalog(sample_data / "catalog.db") as catalog:
        previews = dict(list(catalog.previews().items())[:3])
    answers = full.predict([sample_data / each.path for each in previews.values()])
    stored = full.predict_features(features.loc[list(previews)])
    assert answers["label"].tolist() == stored["label"].tolist()
    np.testing.assert_allclose(
        answers[SHARES],
        stored[SHARES],
        atol=1e-3,
    )
    assert answers["error"].tolist() == [""] * 3


def test_one_row_a_file_in_order_also_for_a_bad_one(
    full: Bundle, clip: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.mp3"
    bad.write_bytes(b"<html>")
    silent = tmp_path / "silent.wav"
    sf.write(silent, np.zeros(22_050 * 6), 22_050)
    answers = full.predict([bad, clip, silent, clip])
    assert answers["path"].tolist() == [str(bad), str(clip), str(silent), str(clip)]
    assert list(answers.columns) == [
        "path", "label", "nearest", "known", "probability", *SHARES, "error",
    ]  # fmt: skip
    assert "web page" in answers["error"][0]
    assert answers["error"][2].startswith("silent")
    assert answers["label"].isna().tolist() == [True, False, True, False]
    assert answers["error"][1] == answers["error"][3] == ""
    assert answers.loc[1, SHARES].tolist() == answers.loc[3, SHARES].tolist()


def test_bad_files_alone_still_give_a_table(full: Bundle, tmp_path: Path) -> None:
    (tmp_path / "empty.mp3").write_bytes(b"")
    answers = full.predict([tmp_path / "empty.mp3", tmp_path / "missing.mp3"])
    assert len(answers) == 2
    assert answers["error"].str.len().gt(0).all()
    assert list(answers.columns)[1] == "label"


def test_no_files_are_no_rows(full: Bundle) -> None:
    assert full.predict([]).shape == (0, 10)


def test_two_processes_answer_the_same(full: Bundle, clip: Path) -> None:
    alone, shared = full.predict([clip] * 3), full.predict([clip] * 3, n_jobs=2)
    pd.testing.assert_frame_equal(alone, shared)


def test_the_majority_model_answers_its_label_for_everything(
    sample_models: Path, features: pd.DataFrame
) -> None:
    bundle = load_bundle(sample_models / "extracted-full-majority")
    answers = bundle.predict_features(features)
    assert answers["nearest"].nunique() == 1
    assert isinstance(bundle.classifier, Pipeline)
