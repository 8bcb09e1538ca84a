"""``extract --augment`` and ``fit --augment`` as a person meets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from audiogenre.bundles import load_bundle
from audiogenre.store import FeatureStore
from augmented.conftest import needs_torch

Main = Callable[..., int]


needs_extra = pytest.mark.skipif(
    find_spec("audiomentations") is None or find_spec("fast_mp3_augment") is None,
    reason="the extra 'augment' (audiomentations, fast-mp3-augment) is not installed",
)


@pytest.fixture(scope="module")
def augmented(
    run_main: Main, sample_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A data folder of the sample with copies of `baseline`, and a model that learned from them."""
    import shutil

    folder = tmp_path_factory.mktemp("augmented")
    data, models = Path(shutil.copytree(sample_data, folder / "data")), folder / "models"
    common = ("--data", data, "--jobs", 1, "-q")
    assert run_main("extract", "--set", "baseline", "--augment", "phone", *common) == 0
    own = ("--set", "baseline", "--augment", "phone", "--models", models)
    assert run_main("fit", "--features", "extracted", *own, *common) == 0
    return data, models


@needs_extra
def test_extract_makes_copies_once_and_beside_the_set(
    augmented: tuple[Path, Path], run_main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    data, _ = augmented
    store = FeatureStore(data / "features")
    clean, copies = store.read(store.find("baseline")), store.read(store.find("baseline.phone"))
    assert clean.index.equals(copies.index)
    assert list(clean.columns) == list(copies.columns)
    assert not np.isclose(clean["rms_max"], copies["rms_max"], rtol=1e-3).any()
    run = ("extract", "--set", "baseline", "--augment", "phone", "--data", data, "--jobs", 1)
    assert run_main(*run, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["set"], found["extracted"], found["skipped"]) == (
        "baseline,baseline.phone",
        0,
        60,
    )


@needs_extra
def test_copies_that_were_lost_are_made_again_and_equal(
    augmented: tuple[Path, Path], run_main: Main, tmp_path: Path
) -> None:
    import shutil

    data = Path(shutil.copytree(augmented[0], tmp_path / "data"))
    store = FeatureStore(data / "features")
    folder = store.find("baseline.phone")
    before = store.read(folder)
    next(iter(sorted((store.root / folder).glob("part-*.parquet")))).unlink()
    assert len(store.read(folder)) < len(before)
    run = ("extract", "--set", "baseline", "--augment", "phone", "--data", data, "--jobs", 1, "-q")
    assert run_main(*run) == 0
    pd.testing.assert_frame_equal(store.read(folder), before)


@needs_extra
def test_card_and_metadata_tell_both_scores(augmented: tuple[Path, Path]) -> None:
    folder = augmented[1] / "extracted-baseline-phone"
    metadata = json.loads((folder / "metadata.json").read_text())
    told = metadata["augmentation"]
    assert told["name"] == "phone"
    assert told["n_train"] == metadata["n_train"]
    assert told["scores"]["n"] == metadata["n_test"]
    assert told["parameters"]["snr_db"] == "10 to 30"
    card = (folder / "README.md").read_text()
    assert "### Phone recordings" in card
    assert "as it is | by phone, simulated" in card
    assert f"{100 * told['scores']['accuracy']:.1f} %" in card
    assert f"a copy of {metadata['n_train']} of its {metadata['n_train']} training tracks" in card


@needs_extra
def test_the_model_predicts_files_from_its_folder(
    augmented: tuple[Path, Path], mp3_bytes: bytes, tmp_path: Path
) -> None:
    (tmp_path / "a.mp3").write_bytes(mp3_bytes)
    bundle = load_bundle(augmented[1] / "extracted-baseline-phone")
    answers = bundle.predict([tmp_path / "a.mp3"])
    assert answers["error"].tolist() == [""]
    assert answers["nearest"][0] in bundle.labels


def test_without_copies_fit_says_what_to_run(
    run_main: Main, sample_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ("--data", sample_data, "--models", tmp_path, "--augment", "phone")
    assert run_main("fit", "--features", "extracted", *common) == 2
    assert "extract --augment phone" in capsys.readouterr().err
    assert run_main("fit", "--features", "spotify", *common) == 2
    assert "--features extracted" in capsys.readouterr().err


@needs_torch
def test_a_model_that_learns_from_images_is_refused(
    run_main: Main, sample_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ("--data", sample_data, "--models", tmp_path, "--augment", "phone")
    assert run_main("fit", "--features", "extracted", "--model", "cnn", *common) == 2
    captured = capsys.readouterr()
    assert "--model cnn learns from images" in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("other", [("--multilabel",), ("--context", "artist")])
def test_what_copies_are_not_made_for_is_refused(
    run_main: Main,
    sample_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    other: tuple[str, ...],
) -> None:
    common = ("--data", sample_data, "--models", tmp_path, "--augment", "phone")
    assert run_main("fit", "--features", "extracted", *other, *common) == 2
    captured = capsys.readouterr()
    assert f"leave out {other[0]}" in captured.err
    assert captured.err.count("\n") == 1


def test_a_card_of_a_plain_model_does_not_speak_of_phones(sample_models: Path) -> None:
    assert "Phone recordings" not in (sample_models / "extracted-full" / "README.md").read_text()
