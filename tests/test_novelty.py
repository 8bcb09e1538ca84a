"""Distance to what was learned: small for the known, large for the foreign."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import skops.io
from scipy.spatial.distance import mahalanobis
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.covariance import LedoitWolf

from audiogenre.novelty import KEPT_SHARE, NoveltyDetector
from audiogenre.splits import Folds, grouped_folds
from audiogenre.trust import ALLOWED

D = 6
BLOCKS = tuple(f"own/{i}" for i in range(D))
F64 = npt.NDArray[np.float64]


def classes(n: int = 240, seed: int = 0) -> tuple[F64, npt.NDArray[np.str_], F64]:
    """Three clouds on corners of a cube, and a fourth elsewhere."""
    rng = np.random.default_rng(seed)
    centres = 4 * np.eye(D)[:4]
    codes = np.arange(n) % 3
    X = centres[codes] + rng.normal(size=(n, D))
    return X, np.array(["a", "b", "c"])[codes], 3 * centres[3] + rng.normal(size=(60, D))


def folds(y: npt.NDArray[np.str_]) -> Folds:
    return grouped_folds(y, np.arange(len(y)), seed=0)


def reduced(detector: NoveltyDetector, X: F64) -> F64:
    return detector.components_.transform(detector.scaler_.transform(X[:, detector.columns_]))


def test_distance_is_that_to_the_likeliest_class_under_its_own_covariance() -> None:
    X, y, _ = classes()
    X[y == "c"] *= 3
    detector = NoveltyDetector(BLOCKS).fit(X, y)
    Z, k = reduced(detector, X), D
    centred = Z - detector.centres_[np.unique(y, return_inverse=True)[1]]
    common = LedoitWolf(assume_centered=True).fit(centred).covariance_
    densities = []
    for label, centre in zip("abc", detector.centres_, strict=True):
        own = centred[y == label]
        covariance = (len(own) * own.T @ own / len(own) + k * common) / (len(own) + k)
        densities.append(multivariate_normal(centre, covariance).logpdf(Z))
    narrowest = max(
        multivariate_normal(np.zeros(k), np.linalg.inv(each)).logpdf(np.zeros(k))
        for each in detector.precisions_
    )
    expected = np.sqrt(2 * (narrowest - np.max(densities, axis=0)))
    np.testing.assert_allclose(detector.distance(X), expected, rtol=1e-6)


def test_with_equal_covariances_it_is_mahalanobis_to_the_nearest_class() -> None:
    X, _, _ = classes()
    X, y = np.vstack([X, X + 9]), np.repeat(["a", "b"], len(X))
    detector = NoveltyDetector(BLOCKS).fit(X, y)
    np.testing.assert_allclose(detector.offsets_, 0, atol=1e-9)
    expected = [
        min(mahalanobis(row, c, detector.precisions_[0]) for c in detector.centres_)
        for row in reduced(detector, X[:20])
    ]
    np.testing.assert_allclose(detector.distance(X[:20]), expected, rtol=1e-6)


def test_a_broad_class_does_not_claim_what_is_nearer_to_a_narrow_one() -> None:
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(200, D)), 20 + 20 * rng.normal(size=(200, D))])
    y = np.repeat(["narrow", "broad"], 200)
    detector = NoveltyDetector(BLOCKS).fit(X, y)
    assert detector.offsets_[0] > 10  # broad, narrow
    assert detector.offsets_[1] == 0


def test_a_class_of_one_row_keeps_the_common_shape() -> None:
    X, y, foreign = classes()
    rare = np.append(y, "rare")
    detector = NoveltyDetector(BLOCKS).fit(np.vstack([X, [[-4.0] * D]]), rare)
    assert np.isfinite(detector.distance(foreign)).all()
    assert np.linalg.slogdet(detector.precisions_[3]).logabsdet < 100


def test_classes_without_spread_are_told_apart() -> None:
    X, y = np.repeat(np.eye(D)[:2], 8, axis=0), np.repeat(["a", "b"], 8)
    detector = NoveltyDetector(BLOCKS).fit(X, y)
    distances = detector.distance(np.vstack([X, np.eye(D)[:2].mean(axis=0)]))
    assert distances[:-1].max() < 1e-3 < distances[-1] < np.inf


def test_a_pretrained_network_is_looked_at_alone() -> None:
    X, y, foreign = classes()
    noise = 100 * np.random.default_rng(1).normal(size=X.shape)
    embedding = tuple(f"musicnn/{i}" for i in range(D))
    alone = NoveltyDetector(embedding).fit(X, y)
    joined = NoveltyDetector(BLOCKS + embedding).fit(np.hstack([noise, X]), y)
    np.testing.assert_allclose(
        joined.distance(np.hstack([noise[:60], foreign])), alone.distance(foreign)
    )


def test_a_detector_of_an_earlier_version_answers_as_it_did() -> None:
    X, y, foreign = classes()
    old = NoveltyDetector(BLOCKS).fit(X, y)
    Z = reduced(old, X)
    covariance = LedoitWolf(assume_centered=True).fit(
        Z - old.centres_[np.unique(y, return_inverse=True)[1]]
    )
    expected = np.sqrt(
        np.min([covariance.mahalanobis(reduced(old, foreign) - c) for c in old.centres_], axis=0)
    )
    for name in ("columns_", "precisions_", "offsets_"):
        delattr(old, name)
    old.covariance_, old.threshold_ = covariance, 3.5
    loaded = skops.io.loads(skops.io.dumps(old), trusted=sorted(ALLOWED))
    np.testing.assert_allclose(loaded.distance(foreign), expected)
    assert loaded.is_known(np.array([3.4, 3.6])).tolist() == [True, False]


def test_centres_are_the_means_of_the_classes() -> None:
    X, y, _ = classes()
    detector = NoveltyDetector(BLOCKS).fit(X, y)
    assert len(detector.centres_) == 3
    for centre, label in zip(detector.centres_, "abc", strict=True):
        np.testing.assert_allclose(centre, reduced(detector, X)[y == label].mean(axis=0))


def test_the_centre_of_the_narrowest_class_is_at_no_distance() -> None:
    X, y, _ = classes()
    detector = NoveltyDetector(BLOCKS).fit(X, y)
    narrowest = "abc"[int(np.argmin(detector.offsets_))]
    centre = X[y == narrowest].mean(axis=0, keepdims=True)
    assert detector.distance(centre)[0] == pytest.approx(0, abs=1e-6)


def test_a_foreign_class_is_further_than_the_known() -> None:
    X, y, foreign = classes()
    detector = NoveltyDetector(BLOCKS).calibrate(X, y, folds(y))
    fresh, _, _ = classes(seed=1)
    assert np.median(detector.distance(foreign)) > np.quantile(detector.distance(fresh), 0.99)
    assert detector.is_known(detector.distance(foreign)).mean() < 0.05


def test_what_is_far_outside_is_not_held_back_by_ranks() -> None:
    X, y, _ = classes()
    detector = NoveltyDetector(BLOCKS).fit(X, y)
    near, far = detector.distance(np.full((1, D), 10.0)), detector.distance(np.full((1, D), 1000.0))
    assert far[0] > 50 * near[0]


@pytest.mark.parametrize("seed", range(3))
def test_the_threshold_keeps_95_percent_of_new_clips_of_known_classes(seed: int) -> None:
    X, y, _ = classes(seed=seed)
    detector = NoveltyDetector(BLOCKS).calibrate(X, y, folds(y))
    fresh, _, _ = classes(n=3000, seed=100 + seed)
    assert KEPT_SHARE == 0.95
    assert detector.is_known(detector.distance(fresh)).mean() == pytest.approx(0.95, abs=0.04)


def test_the_threshold_is_a_quantile_of_out_of_fold_distances() -> None:
    X, y, _ = classes()
    distances = np.empty(len(y))
    for train, held in folds(y):
        distances[held] = NoveltyDetector(BLOCKS).fit(X[train], y[train]).distance(X[held])
    detector = NoveltyDetector(BLOCKS).calibrate(X, y, folds(y), share=0.8)
    assert detector.threshold_ == pytest.approx(np.quantile(distances, 0.8))
    assert detector.is_known(distances).mean() == pytest.approx(0.8, abs=0.01)


def test_calibration_ends_with_a_fit_on_all_rows() -> None:
    X, y, _ = classes()
    calibrated = NoveltyDetector(BLOCKS).calibrate(X, y, folds(y))
    fitted = NoveltyDetector(BLOCKS).fit(X, y)
    np.testing.assert_array_equal(calibrated.distance(X), fitted.distance(X))


def test_few_rows_have_few_components() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(16, 40)), np.tile(["a", "b"], 8)
    detector = NoveltyDetector(tuple(f"own/{i}" for i in range(40))).fit(X, y)
    assert detector.components_.n_components_ == 4
    assert np.isfinite(detector.distance(X)).all()


def test_a_clone_is_unfitted_with_the_same_blocks() -> None:
    X, y, _ = classes()
    copy = clone(NoveltyDetector(BLOCKS).fit(X, y))
    assert copy.blocks == BLOCKS
    assert not hasattr(copy, "centres_")
