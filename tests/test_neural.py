"""Networks: what went wrong with those of earlier work cannot go wrong here."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.base import clone
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from audiogenre.candidates import search
from audiogenre.classifiers import PRESETS, family
from audiogenre.classifiers.mlp import DenseNetwork
from audiogenre.classifiers.neural import held_out
from audiogenre.errors import UsageError
from audiogenre.judging import fit_grouped
from audiogenre.splits import grouped_folds

torch = pytest.importorskip("torch", reason="the extra 'neural' is not installed")
pytest.importorskip("skorch", reason="the extra 'neural' is not installed")

F64 = npt.NDArray[np.float64]
Rows = tuple[F64, npt.NDArray[np.str_], npt.NDArray[np.int64]]


def rings(n: int = 240, seed: int = 0) -> Rows:
    """Rows that no straight line divides, sorted by label, six of a group."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    y = np.where(np.hypot(X[:, 0], X[:, 1]) > 1.1, "outside", "inside")
    order = np.argsort(y, kind="stable")
    return X[order], y[order], np.arange(n) // 6


def quick(**options: Any) -> DenseNetwork:
    made: dict[str, Any] = {"layers": (32, 16), "dropout": (0.2, 0.2), "epochs": 40, "rate": 1e-2}
    return DenseNetwork(**(made | options))


def losses(model: DenseNetwork, X: F64, y: npt.NDArray[np.str_]) -> float:
    """Mean cross-entropy of a fitted network."""
    shares = model.predict_proba(X)
    own = shares[np.arange(len(y)), np.searchsorted(model.classes_, y)]
    return float(-np.log(own).mean())


def test_it_learns_what_a_straight_line_cannot_from_rows_sorted_by_label() -> None:
    X, y, groups = rings()
    new, answers, _ = rings(seed=1)
    model = quick().fit(X, y, groups=groups)
    assert (model.predict(new) == answers).mean() > 0.85
    np.testing.assert_allclose(model.predict_proba(new).sum(axis=1), 1)
    assert model.classes_.tolist() == ["inside", "outside"]


def test_rows_are_shuffled_anew_in_every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y, groups = rings()
    seen: list[list[float]] = []
    build = DenseNetwork.network

    def spy(self: DenseNetwork, n_inputs: int, n_labels: int) -> Any:
        network = build(self, n_inputs, n_labels)

        def look(module: Any, inputs: Any) -> None:
            if module.training:
                seen.append(inputs[0][:, 0].tolist())

        network.register_forward_pre_hook(look)
        return network

    monkeypatch.setattr(DenseNetwork, "network", spy)
    quick(epochs=3, batch_size=32).fit(X, y, groups=groups)
    n_batches = len(seen) // 3
    epochs = [
        [row for batch in seen[i * n_batches : (i + 1) * n_batches] for row in batch]
        for i in range(3)
    ]
    assert epochs[0] != epochs[1] != epochs[2]
    assert sorted(epochs[0]) == sorted(epochs[1])


def test_the_best_epoch_is_a_copy_and_is_put_back() -> None:
    X, y, groups = rings()
    model = quick(epochs=200, patience=200, dropout=(0.0, 0.0), rate=3e-2).fit(X, y, groups=groups)
    course = model.history_["valid_loss"]
    assert len(course) == 200
    best = int(np.argmin(course))
    assert model.history_["best_epoch"] == best + 1
    assert course[-1] > course[best] + 0.01, "it has to have got worse for this test to tell"
    _, held = held_out(np.searchsorted(model.classes_, y), groups, seed=0)
    assert losses(model, X[held], y[held]) == pytest.approx(course[best], rel=1e-4)


def test_it_stops_when_it_has_not_got_better_for_long() -> None:
    X, y, groups = rings()
    model = quick(epochs=500, patience=5, rate=3e-2).fit(X, y, groups=groups)
    course = model.history_["valid_loss"]
    assert len(course) == model.history_["best_epoch"] + 5 < 500


def test_dropout_works_in_training_and_not_in_prediction() -> None:
    X, y, groups = rings()
    model = quick(epochs=5, dropout=(0.9, 0.9)).fit(X, y, groups=groups)
    np.testing.assert_array_equal(model.predict_proba(X), model.predict_proba(X))
    network = model.network(3, 2).train()
    network.load_state_dict({k: torch.tensor(v) for k, v in model.weights_.items()})
    x = model.inputs(X[:50])
    assert not torch.equal(network(x), network(x))
    without = quick(epochs=5, dropout=(0.0, 0.0)).fit(X, y, groups=groups)
    assert without.history_["train_loss"] != model.history_["train_loss"]


def test_batch_normalisation_goes_on_learning_after_the_first_validation() -> None:
    X, y, groups = rings()
    one, many = (quick(epochs=n, patience=n).fit(X, y, groups=groups) for n in (1, 20))
    counts = [int(m.weights_["1.num_batches_tracked"]) for m in (one, many)]
    best = many.history_["best_epoch"]
    assert best > 1
    assert counts[1] == best * counts[0]
    assert not np.array_equal(one.weights_["1.running_mean"], many.weights_["1.running_mean"])


def test_a_row_is_answered_alike_alone_and_among_others() -> None:
    X, y, groups = rings()
    model = quick(epochs=5).fit(X, y, groups=groups)
    np.testing.assert_allclose(model.predict_proba(X[7:8])[0], model.predict_proba(X)[7], rtol=1e-5)


def test_two_fits_of_one_seed_are_equal_and_leave_the_generator_alone() -> None:
    X, y, groups = rings()
    torch.manual_seed(3)
    untouched = torch.rand(1)
    torch.manual_seed(3)
    first = quick(epochs=5).fit(X, y, groups=groups)
    assert torch.equal(torch.rand(1), untouched)
    second = quick(epochs=5).fit(X, y, groups=groups)
    other = quick(epochs=5, seed=1).fit(X, y, groups=groups)
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    assert first.history_ == second.history_
    assert not np.array_equal(first.predict_proba(X), other.predict_proba(X))


def test_the_rows_that_say_when_to_stop_are_of_other_artists() -> None:
    _, y, groups = rings()
    codes = np.unique(y, return_inverse=True)[1]
    learn, held = held_out(codes, groups, seed=0)
    assert not set(groups[learn]) & set(groups[held])
    assert sorted([*learn, *held]) == list(range(len(y)))
    assert 0.1 < len(held) / len(y) < 0.3
    assert set(codes[learn]) == set(codes)


def test_a_label_of_one_artist_is_still_learned() -> None:
    codes = np.array([0] * 6 + [1] * 30 + [2] * 30)
    groups = np.array([0] * 6 + [*np.arange(60) // 5 + 1])
    learn, held = held_out(codes, groups, seed=0)
    assert 0 in codes[learn]
    assert len(held)


def test_labels_of_one_artist_each_cannot_be_learned() -> None:
    codes = np.repeat(np.arange(3), 10)
    with pytest.raises(UsageError, match="artists to learn from and others"):
        held_out(codes, codes, seed=0)


@pytest.mark.parametrize("kind", ["search", "calibrated"])
def test_groups_reach_the_network_through_searches_and_calibration(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    from sklearn.calibration import CalibratedClassifierCV

    X, y, groups = rings()
    given: list[tuple[int, bool]] = []
    learn = DenseNetwork.fit

    def spy(self: DenseNetwork, X: Any, y: Any, groups: Any = None) -> Any:
        given.append((len(X), groups is not None and len(groups) == len(X)))
        return learn(self, X, y, groups=groups)

    monkeypatch.setattr(DenseNetwork, "fit", spy)
    folds = grouped_folds(y, groups, seed=0)
    chosen = family("mlp", preset="moods")
    pipeline = chosen.build(("a/x",) * 3, 0).set_params(model__epochs=2)
    if kind == "search":
        monkeypatch.setattr(type(chosen), "grid", lambda *_: [{"model__epochs": [2]}])
        search(chosen, X, y, folds, ("a/x",) * 3, groups=groups)
    else:
        calibrated = CalibratedClassifierCV(pipeline, cv=folds, ensemble=False)
        fit_grouped(calibrated, X, y, groups)
    assert len(given) == len(folds) + 1
    assert all(whole for _, whole in given)
    assert {n for n, _ in given} >= {len(y), len(folds[0][0])}


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_has_the_layers_of_its_system(preset: str) -> None:
    from torch import nn

    pipeline = family("mlp", preset=preset).build(("a/x",) * 11, 0)
    scaler = pipeline[0]
    assert isinstance(scaler, MinMaxScaler if preset == "moods" else StandardScaler)
    network = pipeline[-1].network(11, 4)
    widths = [each.out_features for each in network if isinstance(each, nn.Linear)]
    norms = [each for each in network if isinstance(each, (nn.BatchNorm1d, nn.LayerNorm))]
    shares = [each.p for each in network if isinstance(each, nn.Dropout)]
    expected: dict[str, tuple[list[int], int, list[float]]] = {
        "spotifynn": ([128, 64, 64, 32, 4], 4, [0, 0.2, 0, 0]),
        "moods": ([8, 4], 0, [0]),
        "library": ([256, 128, 4], 2, [0.2, 0.2]),
        "library-deep": ([1024, 512, 256, 128, 4], 4, [0.2] * 4),
    }
    assert (widths, len(norms), shares) == expected[preset]


def test_a_batch_of_a_single_row_is_no_trouble() -> None:
    X, y, _ = rings(n=82)
    model = quick(epochs=2, batch_size=16).fit(X, y)
    learn, _ = held_out(np.unique(y, return_inverse=True)[1], np.arange(82), seed=0)
    assert len(learn) % 16 == 1
    assert np.isfinite(model.predict_proba(X)).all()


def test_a_clone_is_unfitted_with_the_same_parameters() -> None:
    X, y, groups = rings()
    model = quick(epochs=2).fit(X, y, groups=groups)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert not hasattr(copy, "weights_")


def test_ctrl_c_is_heard_although_the_library_swallows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y, groups = rings()
    build = DenseNetwork.network

    def interrupting(self: DenseNetwork, n_inputs: int, n_labels: int) -> Any:
        network = build(self, n_inputs, n_labels)
        network.register_forward_hook(lambda *_: signal.raise_signal(signal.SIGINT))
        return network

    monkeypatch.setattr(DenseNetwork, "network", interrupting)
    with pytest.raises(KeyboardInterrupt):
        quick().fit(X, y, groups=groups)


@pytest.fixture(scope="module")
def neural_models(
    sample_data: Path, run_main: Callable[..., int], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    models = tmp_path_factory.mktemp("neural")
    common = ("--data", sample_data, "--models", models, "--set", "baseline", "--jobs", 1, "-q")
    fit = ("fit", "--features", "extracted", *common)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "moods", PRESETS["moods"] | {"epochs": 20})
        assert run_main(*fit, "--model", "mlp", "--preset", "moods") == 0
    return models


def test_a_network_is_stored_as_numbers_and_answers_the_same_when_loaded(
    neural_models: Path,
) -> None:
    import pandas as pd
    import skops.io

    from audiogenre.bundles import load_bundle
    from audiogenre.trust import ALLOWED

    folder = neural_models / "extracted-baseline-mlp-moods"
    unknown = skops.io.get_untrusted_types(file=folder / "model.skops")
    assert set(unknown) <= ALLOWED
    assert not [each for each in unknown if "torch" in each or "skorch" in each]
    bundle = load_bundle(folder)
    stored = pd.read_parquet(folder / "predictions.parquet")
    assert bundle.metadata["preset"] == "moods"
    assert set(stored["predicted"]) <= set(bundle.labels)
    assert (folder / "figures" / "learning-curves.png").is_file()
    assert (folder / "figures" / "accuracy-against-epochs.png").is_file()
    assert "(preset moods)" in (folder / "README.md").read_text()
