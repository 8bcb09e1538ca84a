"""The set musicnn: its network against a plain one and against musicnn's own answers.

The weights come with `pip install --no-deps musicnn==0.1.0`; tests that need them skip without.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest

from audiogenre.errors import MissingExtraError, MissingWeightsError
from audiogenre.features import MUSICNN, TAG_COLUMNS
from audiogenre.features.musicnn import TAGS, log_mel, windows
from audiogenre.features.musicnn_network import Network
from audiogenre.features.musicnn_weights import Weights, find_weights, read_weights, tensor_shapes
from audiogenre.features.spectrum import Array
from audiogenre.sources.synth import render
from audiogenre.transformer import AudioFeatures
from features.conftest import INSTALL, needs_weights

SR = 16_000
REFERENCE = json.loads(Path(__file__).with_name("musicnn_reference.json").read_text())
Main = Callable[..., int]
pytestmark = pytest.mark.usefixtures("one_thread")


# ---------------------------------------------------------------- columns


def test_there_are_two_numbers_a_unit_of_the_embedding_and_one_a_tag() -> None:
    assert len(MUSICNN.names) == len(set(MUSICNN.names)) == 450
    families = [column.family for column in MUSICNN.columns]
    assert families == ["embedding"] * 400 + ["tag"] * 50
    assert MUSICNN.names[:2] == ("musicnn_embedding_000_mean", "musicnn_embedding_000_std")
    assert MUSICNN.names[399] == "musicnn_embedding_199_std"
    assert MUSICNN.names[400:] == tuple(TAG_COLUMNS)
    assert TAG_COLUMNS["musicnn_tag_hip_hop"] == "hip-hop"


@needs_weights
def test_the_tags_are_those_of_the_package_in_its_order() -> None:
    spec = spec_from_file_location("configuration", find_weights().parents[1] / "configuration.py")
    assert spec is not None
    assert spec.loader is not None
    configuration = module_from_spec(spec)
    spec.loader.exec_module(configuration)
    assert [tag.lower() for tag in configuration.MSD_LABELS] == list(TAGS)


# ---------------------------------------------------------------- what goes in


def test_the_spectrogram_is_librosas() -> None:
    y = render("velvet drift", artist=0, track=0, seconds=6, sr=SR)
    mel = librosa.feature.melspectrogram(y=y, sr=SR, n_fft=512, hop_length=256, n_mels=96)
    expected = np.log10(10_000 * mel.T + 1)
    found = log_mel(y)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_loud_bass_stays_finite() -> None:
    y = np.sin(2 * np.pi * 60 * np.arange(SR) / SR).astype(np.float32)
    assert 65_504 < 10 ** log_mel(y).max() < np.inf  # where half precision ends


@pytest.mark.parametrize(
    ("n_frames", "starts"),
    [
        (187, [0]),
        (280, [0]),
        (281, [0, 94]),
        (313, [0, 126]),  # five seconds, a window of the timeline
        (1870, list(range(0, 1870, 187))),
        (1876, [0, 188, 375, 563, 751, 938, 1126, 1314, 1501, 1689]),  # half a minute
    ],
)
def test_windows_reach_from_the_first_frame_to_the_last(n_frames: int, starts: list[int]) -> None:
    mel = np.repeat(np.arange(n_frames, dtype=np.float32)[:, None], 96, axis=1)
    found = windows(mel)
    assert found.shape == (len(starts), 187, 96)
    assert found[:, 0, 0].tolist() == starts
    assert (np.diff(found, axis=1) == 1).all()
    assert n_frames - found[-1, -1, 0] <= (1 if len(starts) > 1 else n_frames - 186)


def test_a_clip_shorter_than_a_window_is_repeated() -> None:
    mel = np.random.default_rng(0).random((100, 96), dtype=np.float32)
    (found,) = windows(mel)
    np.testing.assert_array_equal(found, np.concatenate([mel, mel[:87]]))


# ---------------------------------------------------------------- the network


@pytest.fixture(scope="module")
def invented() -> Weights:
    """Weights of the right shapes, with factors of both signs, that mean nothing."""
    rng = np.random.default_rng(0)
    weights = {}
    for name, shape in tensor_shapes().items():
        scale = 1 / np.sqrt(np.prod(shape[:-1])) if name.endswith("kernel") else 1
        weights[name] = (scale * rng.standard_normal(shape)).astype(np.float32)
        if name.endswith("variance"):
            weights[name] = rng.uniform(0.5, 2, shape).astype(np.float32)
    return weights


class Plain:
    """The network layer by layer, every convolution written out, in double precision."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights

    def __call__(self, x: Array) -> tuple[Array, Array]:
        x = self.normalised(x[:, :, :, None], 0)
        front = []
        for number in range(5):
            answers = self.convolved(x, number, number + 1)
            front.append(answers.max(axis=2))
        layers = [np.concatenate(front, axis=2)]
        for number in (5, 6, 7):
            below = layers[-1]
            answers = self.convolved(below[..., None], number, number + 1)[:, :, 0]
            layers.append(answers if number == 5 else answers + below)
        every = np.concatenate(layers, axis=2)
        pooled = np.stack([every.max(axis=1), every.mean(axis=1)], axis=2).reshape(len(x), -1)
        pooled = self.normalised(pooled, 9)
        embedding = self.normalised(np.maximum(self.dense(pooled, "dense"), 0), 10)
        return embedding, 1 / (1 + np.exp(-self.dense(embedding, "dense_1")))

    def convolved(self, x: Array, number: int, normalisation: int) -> Array:
        layer = f"conv2d_{number}" if number else "conv2d"
        kernel = self.weights[f"{layer}/kernel"].astype(np.float64)
        before = (len(kernel) - 1) // 2
        padded = np.pad(x, ((0, 0), (before, len(kernel) - 1 - before), (0, 0), (0, 0)))
        places = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[:2], axis=(1, 2))
        sums = np.tensordot(places[:, :, :, 0], kernel[:, :, 0], axes=2)
        return self.normalised(np.maximum(sums + self.weights[f"{layer}/bias"], 0), normalisation)

    def normalised(self, x: Array, number: int) -> Array:
        layer = f"batch_normalization_{number}" if number else "batch_normalization"
        beta, gamma, mean, variance = (
            self.weights[f"{layer}/{each}"]
            for each in ("beta", "gamma", "moving_mean", "moving_variance")
        )
        return (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta

    def dense(self, x: Array, layer: str) -> Array:
        return x @ self.weights[f"{layer}/kernel"] + self.weights[f"{layer}/bias"]


def test_the_shorter_way_gives_what_the_plain_network_gives(invented: Weights) -> None:
    x = np.random.default_rng(1).random((2, 187, 96), dtype=np.float32)
    found, expected = Network(invented)(x), Plain(invented)(x)
    assert found[0].shape == (2, 200)
    assert found[1].shape == (2, 50)
    assert expected[1].std() > 0.1  # the tags differ: an equal answer means something
    for ours, its in zip(found, expected, strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, its, rtol=1e-3, atol=1e-3 * np.abs(its).mean())


def test_a_window_has_the_same_answer_in_any_company(invented: Weights) -> None:
    x = np.random.default_rng(1).random((18, 187, 96), dtype=np.float32)
    network = Network(invented)
    embedding, tags = network(x)
    alone = network(x[17:])
    np.testing.assert_allclose(embedding[17:], alone[0], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(tags[17:], alone[1], rtol=1e-4, atol=1e-4)


@needs_weights
@pytest.mark.parametrize("clip", REFERENCE["clips"], ids=lambda clip: clip["genre"])
def test_the_answers_are_musicnns_own(clip: dict[str, Any]) -> None:
    song = {name: clip[name] for name in ("genre", "artist", "track")}
    y = render(**song, seconds=REFERENCE["seconds"], sr=SR)
    found = dict(zip(MUSICNN.names, MUSICNN.compute(y, SR).tolist(), strict=True))
    tags = {tag: found[column] for column, tag in TAG_COLUMNS.items()}
    expected = {tag.lower(): fit for tag, fit in clip["tags"].items()}
    assert tags == pytest.approx(expected, abs=1e-4)
    for statistic in ("mean", "std"):
        units = [found[f"musicnn_embedding_{unit:03d}_{statistic}"] for unit in range(0, 200, 10)]
        assert units == pytest.approx(clip[statistic], abs=2e-3)


@needs_weights
def test_a_clip_is_brought_to_the_rate_that_the_network_knows() -> None:
    y = render("iron stomp", artist=0, track=0, seconds=9.0)
    at_its_rate = librosa.resample(y, orig_sr=22_050, target_sr=SR)
    found = MUSICNN.compute(y, 22_050)
    np.testing.assert_allclose(found, MUSICNN.compute(at_its_rate, SR), atol=1e-3)


# ---------------------------------------------------------------- where the weights come from


@needs_weights
def test_the_weights_fill_the_file_to_its_end() -> None:
    weights = read_weights(find_weights())
    assert sum(each.nbytes for each in weights.values()) == find_weights().stat().st_size
    assert all(np.isfinite(each).all() for each in weights.values())


def test_other_weights_are_refused_with_the_command_that_mends_them(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(bytes(4096))
    with pytest.raises(MissingWeightsError, match=r"damaged.*: pip install .*--force-reinstall"):
        read_weights(tmp_path / "weights")


def test_without_the_weights_the_command_is_in_the_error(
    empty_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(empty_package)
    with pytest.raises(MissingExtraError, match=f"'musicnn' needs the weights.*: {INSTALL}$"):
        AudioFeatures(set="musicnn").fit([])
    assert AudioFeatures(set="musicnn").get_feature_names_out().shape == (450,)
    assert AudioFeatures(set="full").fit([]).transform([]).shape == (0, 634)


def test_extract_says_so_in_one_sentence_before_it_does_anything(
    empty_package: Path,
    tmp_path: Path,
    run_main: Main,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(empty_package)
    assert run_main("extract", "--set", "full+musicnn", "--data", tmp_path / "data") == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "audiogenre extract: The feature set 'musicnn' needs the weights of a pretrained network: "
        f"{INSTALL}\n"
    )
    assert not (tmp_path / "data").exists()
