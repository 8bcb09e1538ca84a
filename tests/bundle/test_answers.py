"""A loaded model answers as it did when it was tested: rows of features, and files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile as sf
from sklearn.pipeline import Pipeline

import audiogenre
from audiogenre import bundle
from audiogenre.bundle import UNKNOWN, Bundle, check_columns
from audiogenre.bundles import load_bundle, save_bundle
from audiogenre.catalog import Catalog
from audiogenre.errors import BundleError
from audiogenre.measuring import Measured

GENRES = ["iron stomp", "lantern waltz", "neon relay", "velvet drift"]
SHARES = [f"p_{each}" for each in GENRES]


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


def test_clips_answered_together_are_answered_as_each_alone(
    full: Bundle, features: pd.DataFrame
) -> None:
    rows = features.to_numpy(dtype=np.float32)
    clips = [Measured(rows[:1]), Measured(rows[1:5]), Measured(rows[5:6])]  # one with windows
    together, alone = full.answers(clips), [full.answer(each) for each in clips]
    assert [len(each) for each in together] == [1, 4, 1]
    assert together[1]["start"].tolist()[1:] == [0, 5, 10]
    for one, other in zip(together, alone, strict=True):
        pd.testing.assert_frame_equal(one, other)
    assert full.answers([]) == []


def test_many_files_are_all_answered_in_order_with_the_bad_ones(
    full: Bundle, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "_MANY", 3)
    monkeypatch.setattr(bundle, "_BATCH", 2)
    bad = tmp_path / "bad.mp3"
    bad.write_bytes(b"nothing")
    found = list(full.predict_each([clip, bad, clip, bad, clip]))
    assert [path for path, _, _ in found] == [clip, bad, clip, bad, clip]
    assert [answer is None for _, answer, _ in found] == [False, True, False, True, False]
    pd.testing.assert_frame_equal(found[0][1], found[4][1])


def test_the_majority_model_answers_its_label_for_everything(
    sample_models: Path, features: pd.DataFrame
) -> None:
    bundle = load_bundle(sample_models / "extracted-full-majority")
    answers = bundle.predict_features(features)
    assert answers["nearest"].nunique() == 1
    assert isinstance(bundle.classifier, Pipeline)
