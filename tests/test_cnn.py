"""Networks that look at images: what they see, and what a model made of one says and answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.pipeline import Pipeline

from audiogenre.classifiers import CLASSIFIERS
from audiogenre.errors import BundleError
from audiogenre.judging import fit_grouped

pytest.importorskip("torch", reason="the extra 'neural' is not installed")
pytest.importorskip("skorch", reason="the extra 'neural' is not installed")

Rows = tuple[npt.NDArray[np.uint8], npt.NDArray[np.str_], npt.NDArray[np.int64]]


@pytest.fixture(scope="module")
def pictures() -> Rows:
    """Images of noise, brighter below or above, band after band."""
    from audiogenre.classifiers.cnn import N_BANDS

    rng = np.random.default_rng(0)
    images = rng.integers(0, 120, (24, N_BANDS, 400), dtype=np.uint8)
    images[::2, :20] += 100
    images[1::2, -20:] += 100
    y = np.where(np.arange(24) % 2, "high", "low")
    return images.reshape(24, -1), y, np.arange(24) // 4


def test_the_cnn_tells_low_from_high(pictures: Rows) -> None:
    X, y, groups = pictures
    model = (
        CLASSIFIERS["cnn"]
        .build((), 0)
        .set_params(model__epochs=15, model__stretch=200, model__batch_size=4, model__rate=1e-3)
    )
    fit_grouped(model, X, y, groups)
    assert isinstance(model, Pipeline)
    assert (model.predict(X) == y).mean() > 0.9
    np.testing.assert_array_equal(model.predict_proba(X), model.predict_proba(X))


def test_the_cnn_sees_a_stretch_in_training_and_everything_in_prediction(pictures: Rows) -> None:
    X, _, _ = pictures
    model = CLASSIFIERS["cnn"].build((), 0)[-1].set_params(stretch=200)
    stretch = model.network(X.shape[1], 2)[0]
    x = model.inputs(X)
    assert stretch.train()(x).shape == (24, 64, 200)
    assert stretch.eval()(x).shape == (24, 64, 400)


@pytest.fixture(scope="module")
def seeing(
    sample_data: Path, run_main: Callable[..., int], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A model that looks at images, after two epochs: it need not be good."""
    from audiogenre.classifiers.cnn import CnnClassifier

    models = tmp_path_factory.mktemp("seeing")
    common = ("--data", sample_data, "--models", models, "--set", "baseline", "--jobs", 1, "-q")
    build = CnnClassifier.build

    def shorter(self: CnnClassifier, blocks: tuple[str, ...], seed: int) -> Pipeline:
        return build(self, blocks, seed).set_params(model__epochs=2, model__stretch=200)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CnnClassifier, "build", shorter)
        assert run_main("fit", "--features", "extracted", *common, "--model", "cnn") == 0
    return models / "extracted-baseline-cnn"


def test_a_model_that_looks_at_images_answers_files_as_it_was_tested(
    seeing: Path, sample_data: Path
) -> None:
    import pandas as pd

    from audiogenre.bundles import load_bundle
    from audiogenre.catalog import Catalog

    bundle = load_bundle(seeing)
    stored = pd.read_parquet(seeing / "predictions.parquet").set_index("track_id").iloc[:3]
    with Catalog(sample_data / "catalog.db") as catalog:
        previews = catalog.previews()
    answers = bundle.predict([sample_data / previews[each].path for each in stored.index])
    for label in bundle.labels:
        np.testing.assert_allclose(answers[f"p_{label}"], stored[f"p_{label}"], atol=1e-5)
    assert answers["known"].tolist() == stored["known"].tolist()
    assert (answers["error"] == "").all()


def test_its_card_says_what_it_looks_at(seeing: Path) -> None:
    card = (seeing / "README.md").read_text()
    assert "spectrogram images (log-mel, 64 bands x 2584 frames)" in card
    assert '"Unknown" is told from 56 columns of the feature set baseline' in card
    metadata = json.loads((seeing / "metadata.json").read_text())
    assert len(metadata["importance"]) == 8
    assert all(each.startswith("image/") for each in metadata["importance"])


def test_columns_alone_are_not_enough_for_it(seeing: Path) -> None:
    import pandas as pd

    from audiogenre.bundles import load_bundle

    bundle = load_bundle(seeing)
    with pytest.raises(BundleError, match="needs images"):
        bundle.predict_features(pd.DataFrame(np.zeros((1, 56)), columns=bundle.columns))


def test_images_of_spotifys_features_there_are_none(
    sample_data: Path, run_main: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    fit = ("fit", "--features", "spotify", "--model", "cnn", "--data", sample_data)
    assert run_main(*fit) == 2
    assert "take --features extracted" in capsys.readouterr().err
