"""``extract --attributes``: one more set, the ledger, and a fit on what was estimated."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile as sf

from attributes.sounds import MAJOR, SR, needs_extra, notes
from audiogenre import attributes
from audiogenre.attributes import ATTRIBUTE_COLUMNS
from audiogenre.catalog import Catalog
from audiogenre.store import FeatureStore, write_part
from audiogenre.typing import Track

Main = Callable[..., int]


def attribute_rows(data: Path) -> pd.DataFrame:
    return FeatureStore(data / "features").read("spotify")


def extracted(run_main: Main, capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    """Run extract and return its exit code and its JSON."""
    capsys.readouterr()
    code = run_main("extract", *arguments, "--json")
    return code, json.loads(capsys.readouterr().out)


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Five clips of six seconds with a manifest, and a page that calls itself a clip."""
    folder = tmp_path / "music"
    folder.mkdir()
    rng = np.random.default_rng(0)
    with (folder / "manifest.csv").open("w") as file:
        manifest = csv.writer(file)
        manifest.writerow(["file", "genre", "artist", "title"])
        for number in range(5):
            y = notes(MAJOR[: number + 3], tonic=number)
            y = np.tile(y, 5)[: 6 * SR] + 0.01 * (number + 1) * rng.normal(size=6 * SR)
            sf.write(folder / f"{number}.wav", y, SR)
            genre = "scales" if number % 2 else "tunes"
            manifest.writerow([f"{number}.wav", genre, f"artist {number}", f"song {number}"])
    return folder


@pytest.fixture
def data(music: Path, tmp_path: Path, run_main: Main) -> Path:
    """A data folder that lists the music."""
    where = ("--data", tmp_path / "data", "--quiet")
    assert run_main("download", "--source", "folder", "--path", music, *where) == 0
    return tmp_path / "data"


@needs_extra
def test_attributes_are_one_more_set_from_the_same_decode(
    data: Path, run_main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("--data", data, "--jobs", 1)
    code, found = extracted(run_main, capsys, "--attributes", *where)
    assert code == 0
    assert found["set"] == "baseline,full,spotify"
    assert (found["extracted"], found["columns"]) == (5, 56 + 634 + 11)
    assert found["attributes"] == {}  # nothing is measured
    rows = attribute_rows(data)
    assert rows.shape == (5, 11)
    assert set(rows.columns) == set(ATTRIBUTE_COLUMNS)
    code, found = extracted(run_main, capsys, "--attributes", *where)
    assert (code, found["extracted"], found["skipped"]) == (0, 0, 5)


@needs_extra
def test_a_set_that_is_named_is_computed_beside_attributes_alone(
    data: Path, run_main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("--data", data, "--jobs", 1, "--set", "baseline")
    _, found = extracted(run_main, capsys, *where, "--attributes")
    assert found["set"] == "baseline,spotify"
    names = FeatureStore(data / "features").sets()
    assert [name.partition("-")[0] for name in names] == ["baseline", "spotify"]


def test_without_the_option_nothing_is_estimated(
    data: Path, run_main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = extracted(run_main, capsys, "--data", data, "--jobs", 1, "--set", "baseline")
    assert code == 0
    assert "attributes" not in found
    assert not (data / "features" / "spotify").exists()


@needs_extra
def test_the_pool_estimates_what_one_process_does(
    data: Path, tmp_path: Path, run_main: Main
) -> None:
    shutil.copytree(data, tmp_path / "again")
    for folder, jobs in ((data, 1), (tmp_path / "again", 2)):
        where = ("--data", folder, "--jobs", jobs, "--quiet")
        assert run_main("extract", "--set", "baseline", "--attributes", *where) == 0
    pd.testing.assert_frame_equal(attribute_rows(data), attribute_rows(tmp_path / "again"))


@needs_extra
def test_a_later_version_estimates_again_and_counts(
    data: Path,
    run_main: Main,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    where = ("--data", data, "--jobs", 1, "--set", "baseline", "--attributes")
    extracted(run_main, capsys, *where)
    (first,) = {each["parameters"]["version"] for each in [metadata(data)]}
    monkeypatch.setattr(attributes, "VERSION", first + 1)
    monkeypatch.setattr(attributes, "_QUIETEST", -1.0)  # the estimator that has changed
    assert extracted(run_main, capsys, *where)[1]["extracted"] == 5
    assert metadata(data)["parameters"]["version"] == first + 1
    assert len(attribute_rows(data)) == 5
    assert (attribute_rows(data)["loudness"] >= -1).all()
    assert extracted(run_main, capsys, *where)[1]["extracted"] == 0


def metadata(data: Path) -> dict[str, Any]:
    return FeatureStore(data / "features").metadata("spotify")


@needs_extra
def test_what_is_no_audio_goes_to_the_ledger_as_ever(
    data: Path, music: Path, run_main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    (music / "3.wav").write_bytes(b"<html>gone</html>")
    where = ("--data", data, "--jobs", 1, "--set", "baseline", "--attributes")
    code, found = extracted(run_main, capsys, *where)
    assert (code, found["extracted"], found["failed"]) == (1, 4, 1)
    assert len(attribute_rows(data)) == 4
    with Catalog(data / "catalog.db") as catalog:
        assert [each.reason for each in catalog.failures("extract").values()] == ["changed"]


def measure(data: Path, shift: float) -> None:
    """Have a table with the same songs, measured: what is estimated, and a shift."""
    with Catalog(data / "catalog.db") as catalog:
        known = catalog.known()
        rows = attribute_rows(data).droplevel(1)
        with catalog.transaction():
            for each in known.values():
                copy = Track(f"table:{each.id}", "table", artist=each.artist, title=each.title)
                catalog.add(copy, None)
    ids = [f"table:{each}" for each in rows.index]
    folder = data / "features" / "spotify"
    values = rows[[*ATTRIBUTE_COLUMNS]].to_numpy() + np.float32(shift)
    digests = [""] * len(rows)
    write_part(folder, ids, digests, ATTRIBUTE_COLUMNS, values, {"name": "spotify"})


@needs_extra
def test_estimates_are_compared_with_what_was_measured_of_the_same_songs(
    data: Path, run_main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("--data", data, "--jobs", 1, "--set", "baseline", "--attributes")
    extracted(run_main, capsys, *where)
    measure(data, shift=1)
    code, found = extracted(run_main, capsys, *where)
    assert code == 0
    assert list(found["attributes"]) == list(ATTRIBUTE_COLUMNS)
    assert found["attributes"]["tempo"] == pytest.approx({"n": 5, "r": 1, "difference": 1})
    assert found["attributes"]["key"] == {"n": 5, "equal": 0}
    assert run_main("extract", *where) == 0
    said = capsys.readouterr().out
    assert "  tempo             r 1.00, mean difference 1 (n = 5)\n" in said
    assert "  key               equal 0 % (n = 5)\n" in said


@needs_extra
def test_audio_is_only_discarded_once_the_attributes_are_there(
    tmp_path: Path, run_main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    where = ("--data", data, "--jobs", 1)
    wanted = ("--source", "sample", "--genre", "iron stomp", "--per-genre", 3)
    assert run_main("download", *wanted, "--data", data, "--quiet") == 0
    assert extracted(run_main, capsys, *where)[0] == 0
    first, *others = sorted((data / "raw").rglob("*.mp3"))
    first.write_bytes(first.read_bytes()[:5000])
    code, found = extracted(run_main, capsys, *where, "--attributes", "--discard-audio")
    assert (code, found["extracted"], found["failed"]) == (1, 2, 1)
    assert sorted((data / "raw").rglob("*.mp3")) == [first]
    assert len(others) == len(attribute_rows(data)) == 2


@needs_extra
@pytest.mark.slow
def test_people_without_spotify_fit_and_compare(
    sample_data: Path,
    sample_models: Path,
    tmp_path: Path,
    run_main: Main,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data, models = tmp_path / "data", tmp_path / "models"
    shutil.copytree(sample_data, data)
    shutil.copytree(sample_models, models)
    where = ("--data", data, "--jobs", 2)
    code, found = extracted(run_main, capsys, "--attributes", *where)
    assert (code, found["extracted"]) == (0, 60)
    assert run_main("fit", "--features", "spotify", *where, "--models", models, "--json") == 0
    fitted = json.loads(capsys.readouterr().out)
    assert (fitted["name"], fitted["n_train"] + fitted["n_test"]) == ("spotify", 60)
    assert fitted["test_accuracy"] > 0.5  # of four labels, and far apart
    names = ("extracted-full", "spotify")
    assert run_main("compare", *names, "--data", data, "--models", models, "--json") == 0
    compared = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in compared["models"]] == list(names)
