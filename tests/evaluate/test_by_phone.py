"""The same clips as they are and as a phone would record them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SAMPLE_GENRES

from audiogenre.outside import file_hash
from evaluate.conftest import Evaluate, Main, answers

needs_extra = pytest.mark.skipif(
    find_spec("audiomentations") is None or find_spec("fast_mp3_augment") is None,
    reason="the extra 'augment' (audiomentations, fast-mp3-augment) is not installed",
)


@pytest.fixture(scope="module")
def by_phone(
    run_main: Main,
    music: Path,
    sample_models: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Path, dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("by-phone")
    where = ("--models", sample_models, "--data", folder / "no-data", "--figures", folder)
    run = ("evaluate", "extracted-baseline", "--path", music, "--phone", *where, "--jobs", 1, "-q")
    assert run_main(*run) == 0
    yield folder, json.loads((folder / "evaluation.json").read_text())


@needs_extra
def test_both_conditions_are_side_by_side_on_the_same_clips(
    by_phone: tuple[Path, dict[str, Any]],
) -> None:
    folder, found = by_phone
    table = answers(folder)
    assert list(found["conditions"]) == ["clean", "phone"]
    right = {name: table[f"{name}_predicted"] == table["label"] for name in ("clean", "phone")}
    for name, each in found["conditions"].items():
        assert each["n"] == len(table)
        assert each["accuracy"] == pytest.approx(right[name].mean())
    difference = found["difference"]
    assert difference["difference"] == pytest.approx(right["phone"].mean() - right["clean"].mean())
    assert difference["only_first"] == (right["phone"] & ~right["clean"]).sum()
    assert not table["clean_probability"].equals(table["phone_probability"])


@needs_extra
def test_the_simulation_is_stated(by_phone: tuple[Path, dict[str, Any]]) -> None:
    stated = by_phone[1]["simulation"]
    assert stated["snr_db"] == "10 to 30"
    assert {"bass_hz", "decay_s", "distance_m", "rate_kbps", "version"} <= set(stated)


@needs_extra
def test_recordings_are_the_same_every_time_and_in_every_order(
    by_phone: tuple[Path, dict[str, Any]], evaluate: Evaluate, own: Path, tmp_path: Path
) -> None:
    before = answers(by_phone[0])
    genre = SAMPLE_GENRES[0]
    (own / genre / "0.mp3").rename(own / genre / "z.mp3")  # another name, another place
    code, _ = evaluate(own, "--phone")
    assert code == 0
    after = answers(tmp_path / "figures")
    columns = ["sha256", "clean_probability", "phone_probability"]
    first, second = (each[columns].sort_values("sha256") for each in (before, after))
    np.testing.assert_allclose(first.iloc[:, 1:], second.iloc[:, 1:], rtol=1e-9)
    assert list(first["sha256"]) == list(second["sha256"])
    assert file_hash(own / genre / "z.mp3") in set(after["sha256"])
