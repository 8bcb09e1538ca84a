"""How well estimates agree with what was measured: known numbers."""

from __future__ import annotations

import pandas as pd
import pytest

from audiogenre.attributes import ATTRIBUTE_COLUMNS, agreement


def test_agreement_of_known_numbers() -> None:
    measured = pd.DataFrame({"energy": [0.1, 0.5, 0.9], "key": [0, 5, 11], "mode": [1, 1, 0]})
    found = pd.DataFrame({"energy": [0.2, 0.6, 1.0], "key": [0, 4, 11], "mode": [0, 1, 1]})
    result = agreement(measured, found)
    assert result["energy"] == pytest.approx({"n": 3, "r": 1.0, "difference": 0.1})
    assert result["key"] == pytest.approx({"n": 3, "equal": 2 / 3})
    assert result["mode"] == pytest.approx({"n": 3, "equal": 1 / 3})
    assert set(result) == {"energy", "key", "mode"}


def test_agreement_counts_only_what_both_know() -> None:
    nan = float("nan")
    measured = pd.DataFrame({"key": [-1, 3], "tempo": [nan, 120.0], "duration_ms": [1, 2]})
    found = pd.DataFrame({"key": [2, 3], "tempo": [100.0, 126.0], "valence": [0.5, 0.5]})
    assert agreement(measured, found) == {
        "key": {"n": 1, "equal": 1.0},
        "tempo": {"n": 1, "r": None, "difference": 6.0},
    }


def test_what_does_not_vary_has_no_correlation() -> None:
    measured, found = pd.DataFrame({"energy": [0.5] * 4}), pd.DataFrame({"energy": [0, 1, 0, 1]})
    assert agreement(measured, found)["energy"] == {"n": 4, "r": None, "difference": 0.5}


def test_no_songs_agree_in_nothing() -> None:
    none = pd.DataFrame(columns=list(ATTRIBUTE_COLUMNS), dtype=float)
    assert agreement(none, none) == {}
