"""What is learned does not depend on the order of the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from audiogenre.classifiers import CLASSIFIERS
from audiogenre.classifiers.scaling import BlockScaler
from audiogenre.novelty import NoveltyDetector

BLOCKS = ("full/mfcc", "full/mfcc", "full/key", "full/rhythm")
RNG = np.random.default_rng(0)
Y = np.array(["folk", "jazz", "rock"])[np.arange(45) % 3]
X = RNG.normal(size=(45, 4)) + (Y == "jazz")[:, np.newaxis]
NEW = RNG.normal(size=(20, 4))
ORDERS = some.permutations(range(len(X))).map(np.array)


@given(ORDERS)
@settings(max_examples=20)
def test_scaling_is_the_same_to_the_bit(order: Any) -> None:
    expected = BlockScaler(BLOCKS).fit(X).transform(NEW)
    assert np.array_equal(BlockScaler(BLOCKS).fit(X[order]).transform(NEW), expected)


@given(ORDERS)
@settings(max_examples=20)
def test_how_far_a_clip_is_from_what_was_learned(order: Any) -> None:
    expected = NoveltyDetector(BLOCKS).fit(X, Y).distance(NEW)
    found = NoveltyDetector(BLOCKS).fit(X[order], Y[order]).distance(NEW)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["linear", "majority", "svc"])
@given(order=ORDERS)
@settings(max_examples=5, deadline=None)
def test_families_that_draw_nothing_at_random(name: str, order: Any) -> None:
    """Forests, boosting and networks draw rows and columns by number: there order counts."""
    model = CLASSIFIERS[name].build(BLOCKS, 0)
    method = "decision_function" if name == "svc" else "predict_proba"
    expected = getattr(model.fit(X, Y), method)(NEW)
    found = getattr(model.fit(X[order], Y[order]), method)(NEW)
    np.testing.assert_allclose(found, expected, atol=0.02)
