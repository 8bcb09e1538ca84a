"""How the work was divided, in which order and in how many goes makes no difference to features."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile as sf

from audiogenre.catalog import Catalog
from audiogenre.store import FeatureStore

Main = Callable[..., int]
N_CLIPS = 6


def write(folder: Path, numbers: range) -> None:
    for number in numbers:
        rng = np.random.default_rng(number)
        path = folder / ("rock" if number % 2 else "jazz") / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        sf.write(path, rng.uniform(-0.5, 0.5, 6 * 22_050), 22_050)


def extract(main: Main, data: Path, music: Path, jobs: int = 1) -> None:
    assert main("download", "--source", "folder", "--path", music, "--data", data, "-q") == 0
    assert main("extract", "--set", "baseline", "--jobs", jobs, "--data", data, "-q") == 0


def rows(data: Path) -> pd.DataFrame:
    """Return the features by the name of the file."""
    store = FeatureStore(data / "features")
    table = store.read(store.find("baseline")).droplevel(1)
    with Catalog(data / "catalog.db") as catalog:
        paths = {key: Path(each.path) for key, each in catalog.previews().items()}
    return table.set_axis([paths[str(each)].stem for each in table.index]).sort_index()


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music")
    write(folder, range(N_CLIPS))
    return folder


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory, run_main: Main, music: Path) -> pd.DataFrame:
    """Return what one process makes of all clips."""
    data = tmp_path_factory.mktemp("once") / "data"
    extract(run_main, data, music)
    found = rows(data)
    assert len(found) == N_CLIPS
    return found


def test_two_processes_give_the_same_to_the_bit(
    at_once: pd.DataFrame, run_main: Main, music: Path, tmp_path: Path
) -> None:
    extract(run_main, tmp_path / "data", music, jobs=2)
    pd.testing.assert_frame_equal(rows(tmp_path / "data"), at_once, check_exact=True)


def test_three_goes_in_another_order_give_the_same_to_the_bit(
    at_once: pd.DataFrame, run_main: Main, tmp_path: Path
) -> None:
    """The clips come in thirds, the last ones first, and each go is parts of its own."""
    for numbers in (range(4, 6), range(2, 4), range(2)):
        write(tmp_path / "music", numbers)
        extract(run_main, tmp_path / "data", tmp_path / "music")
    pd.testing.assert_frame_equal(rows(tmp_path / "data"), at_once, check_exact=True)
