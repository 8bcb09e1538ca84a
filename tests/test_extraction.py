"""The transformer: what scikit-learn asks of it, and the same answer by every way in."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import soundfile as sf
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

import audiogenre
from audiogenre.audio import decode
from audiogenre.errors import AudioError, UsageError
from audiogenre.extraction import feature_set
from audiogenre.features import BASELINE, FULL
from audiogenre.transformer import AudioFeatures


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Six clips of six seconds: three tones, three noises."""
    folder = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(0)
    paths = []
    for number in range(6):
        t = np.arange(6 * 22_050) / 22_050
        tone = 0.4 * np.sin(2 * np.pi * 220 * (number + 1) * t)
        y = tone if number < 3 else 0.1 * rng.standard_normal(len(t))
        paths.append(folder / f"{number}.wav")
        sf.write(paths[-1], y, 22_050)
    return paths


def test_it_is_promised_to_outsiders() -> None:
    assert audiogenre.AudioFeatures is AudioFeatures
    assert audiogenre.decode is decode
    assert set(audiogenre.__all__) == {"AudioFeatures", "load_bundle", "decode", "__version__"}


@pytest.mark.parametrize(("name", "n"), [("baseline", 56), ("full", 634)])
def test_names_are_known_before_any_audio_is_read(name: str, n: int) -> None:
    names = AudioFeatures(set=name).get_feature_names_out()
    assert names.shape == (n,)
    assert tuple(names) == (BASELINE if name == "baseline" else FULL).names


@pytest.mark.parametrize("name", ["baseline", "full"])
def test_rows_are_the_set_computed_from_the_decoded_clip(name: str, clips: list[Path]) -> None:
    values = AudioFeatures(set=name).fit_transform(clips[:2])
    chosen = feature_set(name)
    assert values.dtype == np.float32
    expected = [chosen.compute(*decode(each)) for each in clips[:2]]
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-4)


def test_path_text_bytes_and_file_object_give_the_same_numbers(clips: list[Path]) -> None:
    path = clips[4]
    with path.open("rb") as file:
        sources = [path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes()), file]
        values = AudioFeatures().transform(sources)
    assert len(np.unique(values, axis=0)) == 1


def test_two_processes_give_the_same_numbers_in_the_same_order(clips: list[Path]) -> None:
    alone = AudioFeatures(set="full").transform(clips)
    shared = AudioFeatures(set="full", n_jobs=2).transform(clips)
    np.testing.assert_array_equal(shared, alone)


def test_order_of_the_input_is_order_of_the_rows(clips: list[Path]) -> None:
    features = AudioFeatures()
    forward = features.transform(clips)
    np.testing.assert_array_equal(features.transform(clips[::-1]), forward[::-1])


def test_no_clips_are_no_rows() -> None:
    assert AudioFeatures(set="full").transform([]).shape == (0, 634)


def test_a_clone_has_the_same_parameters() -> None:
    original = AudioFeatures("full", 2, min_seconds=1.0, max_seconds=10.0)
    assert clone(original).get_params() == original.get_params()
    assert original.get_params() == {
        "set": "full",
        "n_jobs": 2,
        "min_seconds": 1.0,
        "max_seconds": 10.0,
    }


def test_pandas_output_has_the_columns_by_name(clips: list[Path]) -> None:
    features = AudioFeatures().set_output(transform="pandas")
    table = features.fit_transform(clips[:2])
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns) == list(BASELINE.names)
    np.testing.assert_array_equal(table.to_numpy(), AudioFeatures().transform(clips[:2]))


def test_it_works_in_a_pipeline(clips: list[Path]) -> None:
    model = make_pipeline(AudioFeatures(), StandardScaler(), LogisticRegression())
    y = np.array(["tone"] * 3 + ["noise"] * 3)
    assert model.fit(clips, y).score(clips, y) == 1
    assert list(model[:-1].get_feature_names_out()) == list(BASELINE.names)


def test_it_needs_no_fitting_and_says_so(clips: list[Path]) -> None:
    tags = get_tags(AudioFeatures())
    assert not tags.requires_fit
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    features = AudioFeatures()
    assert features.fit(clips) is features


def test_an_unknown_set_is_refused_with_the_names_of_those_there_are(clips: list[Path]) -> None:
    with pytest.raises(UsageError, match="'nothing'; the sets are baseline, full, musicnn"):
        AudioFeatures(set="nothing").fit(clips)


def test_a_bad_clip_is_an_error_and_not_a_missing_row(clips: list[Path], tmp_path: Path) -> None:
    page = tmp_path / "page.mp3"
    page.write_bytes(b"<html>not found</html>")
    with pytest.raises(AudioError, match="web page"):
        AudioFeatures().transform([clips[0], page])


def test_the_limits_of_length_are_those_of_decode(clips: list[Path]) -> None:
    with pytest.raises(AudioError, match="too short"):
        AudioFeatures(min_seconds=7.0).transform(clips[:1])
    y, sr = decode(clips[3])
    cut = AudioFeatures(min_seconds=1.0, max_seconds=2.0).transform([clips[3]])[0]
    np.testing.assert_array_equal(cut, BASELINE.compute(y[: 2 * sr], sr))


def test_the_fingerprint_tells_how_clips_are_cut() -> None:
    assert feature_set("full").fingerprint == feature_set("full", max_seconds=30).fingerprint
    assert feature_set("full").fingerprint != feature_set("full", max_seconds=29).fingerprint
    assert feature_set("full").parameters["sr"] == 22_050
    assert feature_set("full").names == FULL.names


def test_a_sample_clip_has_finite_features(mp3_bytes: bytes) -> None:
    values: npt.NDArray[np.float32] = AudioFeatures(set="full").transform([mp3_bytes])
    assert values.shape == (1, 634)
    assert np.isfinite(values).all()
