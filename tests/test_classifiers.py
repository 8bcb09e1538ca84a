"""Scaling by blocks, equal to scikit-learn's; and what each family of models builds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy.stats import norm
from sklearn.base import clone
from sklearn.preprocessing import QuantileTransformer, StandardScaler
from sklearn.svm import SVC

from audiogenre.candidates import search
from audiogenre.classifiers import CLASSIFIERS, family
from audiogenre.classifiers.scaling import BlockScaler, block_weights
from audiogenre.classifiers.svc import MarginSVC
from audiogenre.errors import MissingExtraError, UsageError
from audiogenre.features import BASELINE, FULL
from audiogenre.judging import fit_grouped
from audiogenre.splits import grouped_folds

BLOCKS = ("full/mfcc", "full/mfcc", "full/key", "full/rhythm", "spotify/energy")
F64 = npt.NDArray[np.float64]


def table(n: int = 300, seed: int = 0) -> F64:
    """Columns as features are: normal, long-tailed, with ties, half constant, all constant."""
    rng = np.random.default_rng(seed)
    return np.stack(
        [
            rng.normal(5, 2, n),
            rng.lognormal(0, 2, n),
            rng.integers(0, 4, n).astype(float),
            np.where(rng.random(n) < 0.5, -80.0, rng.normal(size=n)),
            np.full(n, 3.0),
        ],
        axis=1,
    )


@pytest.mark.parametrize("n", [40, 300])
def test_it_is_sklearns_quantile_transformer_held_at_two_and_a_half(n: int) -> None:
    X, new = table(n), table(n, seed=1) * 1.5 - 1
    reference = QuantileTransformer(
        n_quantiles=min(200, n), output_distribution="normal", random_state=0
    ).fit(X)
    scaler = BlockScaler(BLOCKS).fit(X)
    for rows in (X, new):
        expected = np.clip(reference.transform(rows), -2.5, 2.5) * scaler.weights_
        # Scikit-learn sends ties at either end to the end itself: see the test below.
        ends = [np.isin(x, (own.min(), own.max())) for x, own in zip(rows.T, X.T, strict=True)]
        inner = ~np.stack(ends, axis=1)
        assert inner.mean() > 0.5
        np.testing.assert_allclose(scaler.transform(rows)[inner], expected[inner], atol=1e-9)


def test_values_tied_at_an_end_are_in_the_middle_of_their_ranks() -> None:
    # Half of the rows at the floor of -80 dB: their ranks are 0 to 1/2, the middle is 1/4.
    x = np.concatenate([np.full(1000, -80.0), np.linspace(-60, 0, 1000)])[:, None]
    scaler = BlockScaler(("a/x",)).fit(x)
    assert scaler.transform([[-80.0]])[0, 0] == pytest.approx(norm.ppf(0.25), abs=0.02)
    np.testing.assert_allclose(scaler.transform(np.full((1, 1), 7.0)), 2.5)


def test_a_column_that_does_not_vary_says_nothing() -> None:
    scaler = BlockScaler(BLOCKS).fit(table())
    np.testing.assert_array_equal(scaler.transform(table())[:, 4], 0)


def test_it_leaves_the_rows_as_they_were() -> None:
    X = table()
    before = X.copy()
    BlockScaler(BLOCKS).fit(X).transform(X)
    np.testing.assert_array_equal(X, before)


def test_what_is_far_outside_is_held_at_the_limit() -> None:
    scaler = BlockScaler(BLOCKS).fit(table())
    far = scaler.transform(np.full((1, 5), 1e9))[0] / scaler.weights_
    near = scaler.transform(np.full((1, 5), -1e9))[0] / scaler.weights_
    np.testing.assert_allclose(far, 2.5)
    np.testing.assert_allclose(near, -2.5)


def test_without_ranks_it_standardises_and_what_is_far_stays_far() -> None:
    X = table()
    scaler = BlockScaler(BLOCKS, ranks=False).fit(X)
    np.testing.assert_allclose(
        scaler.transform(X), StandardScaler().fit_transform(X) * scaler.weights_
    )
    assert np.abs(scaler.transform(np.full((1, 5), 1e9)))[0, 0] > 1e6


def test_scaling_keeps_the_order_of_values() -> None:
    X = table()
    scaled = BlockScaler(BLOCKS).fit_transform(X)
    for column in range(5):
        order = np.argsort(X[:, column], kind="stable")
        assert (np.diff(scaled[order, column]) >= -1e-12).all()


def test_a_row_is_scaled_alike_alone_and_among_others() -> None:
    X = table()
    scaler = BlockScaler(BLOCKS).fit(X)
    np.testing.assert_array_equal(scaler.transform(X[7:8])[0], scaler.transform(X)[7])


def test_sets_and_families_and_columns_share_alike() -> None:
    squared = block_weights(BLOCKS) ** 2
    np.testing.assert_allclose(squared, [1 / 12, 1 / 12, 1 / 6, 1 / 6, 1 / 2])


@given(some.lists(some.sampled_from(["a/x", "a/y", "a/z", "b/x", "b/y", "c/x"]), min_size=1))
def test_squared_weights_add_up_to_one_and_blocks_of_a_set_weigh_alike(names: list[str]) -> None:
    blocks = tuple(names)
    squared = block_weights(blocks) ** 2
    assert squared.sum() == pytest.approx(1)
    for each in ("a", "b", "c"):
        sums = {
            block: squared[[other == block for other in blocks]].sum()
            for block in blocks
            if block.startswith(each)
        }
        assert len({round(value, 9) for value in sums.values()}) <= 1


@pytest.mark.parametrize("chosen", [BASELINE, FULL], ids=lambda each: each.name)
def test_weights_of_our_own_sets_add_up_to_one(chosen: object) -> None:
    blocks = tuple(f"{chosen.name}/{column.family}" for column in chosen.columns)  # type: ignore[attr-defined]
    assert (block_weights(blocks) ** 2).sum() == pytest.approx(1)


def test_columns_and_blocks_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="5 columns, but 4 blocks"):
        BlockScaler(BLOCKS[:4]).fit(table())
    with pytest.raises(ValueError, match="4 columns, but 5 were learned"):
        BlockScaler(BLOCKS).fit(table()).transform(table()[:, :4])


def test_a_clone_is_unfitted_with_the_same_parameters() -> None:
    scaler = BlockScaler(BLOCKS, ranks=False).fit(table())
    copy = clone(scaler)
    assert copy.get_params() == scaler.get_params()
    assert not hasattr(copy, "scaler_")


def test_names_pass_through() -> None:
    scaler = BlockScaler(BLOCKS).fit(table())
    assert list(scaler.get_feature_names_out(list("abcde"))) == list("abcde")


# ---------------------------------------------------------------- families of models


TABULAR = ("svc", "linear", "boosting", "forest", "ensemble")


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_family_builds_an_unfitted_pipeline_whose_grid_fits_it(name: str) -> None:
    family = CLASSIFIERS[name]
    assert family.name == name
    pipeline = family.build(BLOCKS, 0)
    assert not hasattr(pipeline[-1], "classes_")
    for part in family.grid(300, 5):
        for key, values in part.items():
            for value in values:
                pipeline.set_params(**{key: value})


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_complexity_is_a_parameter_of_the_grid_from_simple_to_complex(name: str) -> None:
    chosen = CLASSIFIERS[name]
    if chosen.complexity:
        (values,) = (part[chosen.complexity.removeprefix("-")] for part in chosen.grid(300, 5))
        assert values == sorted(values, reverse=chosen.complexity.startswith("-"))
        assert len(set(values)) > 1


def ring(n: int = 180) -> tuple[F64, npt.NDArray[np.str_], npt.NDArray[np.int64]]:
    """Inside and outside of a circle, and a third label far off; three rows a group."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    y = np.where(np.hypot(X[:, 0], X[:, 1]) > 1.1, "outside", "inside").astype("<U8")
    X[::3] += 5
    y[::3] = "far"
    return X, y, np.arange(n) // 3


@pytest.mark.parametrize("name", TABULAR)
def test_a_family_learns_and_is_the_same_after_being_stored(name: str, tmp_path: Path) -> None:
    import skops.io

    from audiogenre.soundness import check_content
    from audiogenre.trust import ALLOWED, check_file

    X, y, groups = ring()
    model = CLASSIFIERS[name].build(("a/x", "a/y", "a/z"), 0)
    fit_grouped(model, X[:150], y[:150], groups[:150])
    right = (model.predict(X[150:]) == y[150:]).mean()
    assert right > (0.6 if name == "linear" else 0.8)
    file = tmp_path / "model.skops"
    skops.io.dump(model, file)
    check_file(file)
    loaded = skops.io.load(file, trusted=sorted(ALLOWED))
    check_content(loaded)
    scores = "predict_proba" if hasattr(model, "predict_proba") else "decision_function"
    np.testing.assert_array_equal(getattr(loaded, scores)(X), getattr(model, scores)(X))


@pytest.mark.parametrize("name", ["boosting", "forest", "ensemble"])
def test_a_family_that_draws_at_random_is_seeded(name: str) -> None:
    X, y, groups = ring()
    answers = []
    for seed in (0, 0, 1):
        model = CLASSIFIERS[name].build(("a/x", "a/y", "a/z"), seed)
        answers.append(fit_grouped(model, X, y, groups).predict_proba(X))
    np.testing.assert_array_equal(answers[0], answers[1])
    assert not np.array_equal(answers[0], answers[2])


def test_boosting_sets_no_rows_aside_by_chance() -> None:
    assert CLASSIFIERS["boosting"].build(BLOCKS, 0)[-1].early_stopping is False


def test_the_ensemble_is_calibrated_on_artists_its_svc_has_not_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sklearn.model_selection import StratifiedGroupKFold

    X, y, groups = ring()
    cut: list[bool] = []
    split = StratifiedGroupKFold.split

    def spy(
        self: StratifiedGroupKFold, X: object, y: object = None, groups: object = None
    ) -> object:
        assert groups is not None
        own = np.asarray(groups)
        for train, held in split(self, X, y, groups):
            cut.append(not set(own[train]) & set(own[held]))
            yield train, held

    folds = grouped_folds(y, groups, seed=0)[:2]
    monkeypatch.setattr(StratifiedGroupKFold, "split", spy)
    model, choice = search(CLASSIFIERS["ensemble"], X, y, folds, ("a/x",) * 3, groups=groups)
    assert len(choice.candidates) == 3
    assert len(cut) == 5 * (2 * 3 + 1)
    assert all(cut)
    assert set(model.predict(X)) == {"far", "inside", "outside"}


def test_a_family_is_found_by_name_and_preset() -> None:
    assert family("svc") is CLASSIFIERS["svc"]
    with pytest.raises(UsageError, match="presets are for --model mlp, not svc"):
        family("svc", preset="moods")


def test_the_command_offers_every_family_and_preset_there_is() -> None:
    from audiogenre import fit
    from audiogenre.classifiers import PRESETS

    assert set(fit.MODELS) == set(CLASSIFIERS)
    assert set(fit.PRESETS) == set(PRESETS)


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_a_network_without_its_packages_says_what_to_install(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    find = importlib.util.find_spec
    absent = ("torch", "skorch")
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda each: None if each in absent else find(each)
    )
    with pytest.raises(MissingExtraError, match=r"pip install 'audiogenre\[neural\]'"):
        family(name)


def test_svc_scales_inside_the_pipeline_and_tries_no_tiny_c() -> None:
    family = CLASSIFIERS["svc"]
    pipeline = family.build(BLOCKS, 0)
    assert isinstance(pipeline.steps[0][1], BlockScaler)
    assert pipeline.steps[0][1].blocks == BLOCKS
    grid = family.grid(300, 5)
    assert min(grid[0]["model__C"]) >= 0.1


def test_svc_learns_what_a_straight_line_cannot() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = np.where(np.hypot(*X.T) > 1.1, "outside", "inside")
    model = CLASSIFIERS["svc"].build(("a/x", "a/y"), 0).set_params(model__C=10.0)
    assert model.fit(X[:150], y[:150]).score(X[150:], y[150:]) > 0.9


@pytest.mark.parametrize("labels", [2, 3, 5])
def test_margins_in_one_product_are_those_of_svc(labels: int) -> None:
    rng = np.random.default_rng(labels)
    X, new = rng.normal(size=(150, 4)), rng.normal(size=(40, 4))
    y = np.array(["a", "b", "c", "d", "e"])[rng.integers(labels, size=len(X))]
    model = MarginSVC(decision_function_shape="ovo", gamma=0.4, C=2.0).fit(X, y)
    expected = SVC(decision_function_shape="ovo", gamma=0.4, C=2.0).fit(X, y).decision_function(new)
    margins = model._margins(new)
    np.testing.assert_allclose(margins, expected.reshape(len(new), -1), rtol=0, atol=1e-12)


def test_majority_answers_the_most_frequent_label_with_the_shares() -> None:
    family = CLASSIFIERS["majority"]
    y = np.array(["rock"] * 6 + ["pop"] * 4)
    model = family.build(("a/x",), 0).fit(np.zeros((10, 1)), y)
    assert family.grid(10, 1) == []
    assert model.predict(np.ones((3, 1))).tolist() == ["rock"] * 3
    np.testing.assert_allclose(model.predict_proba(np.ones((1, 1))), [[0.4, 0.6]])
