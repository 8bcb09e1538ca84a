"""Previews and features in S3: the same rows, the same commands, and a sentence for trouble."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from conftest import PATIENCE, SAMPLE_GENRES, environment

from audiogenre.catalog import Catalog
from audiogenre.errors import MissingExtraError, StoreError, UsageError
from audiogenre.storage import FILE, Storage, is_local, place, read, remove, write
from audiogenre.store import FeatureStore
from cluster.conftest import Dask, Features, Run, features_of, ledger_of

SAMPLE = ("--source", "sample", "--per-genre", 3, "--genre", SAMPLE_GENRES[0])


def storage(data: Path, **roots: str) -> Path:
    """Write the ``storage.toml`` of a data folder."""
    data.mkdir(parents=True, exist_ok=True)
    (data / FILE).write_text("".join(f"{key} = {json.dumps(url)}\n" for key, url in roots.items()))
    return data


def objects(url: str) -> list[str]:
    return sorted(str(each) for each in place(url).rglob("*") if each.is_file())


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, run_command: Run) -> Path:
    """Three clips of the sample and their features, all in a folder: read only."""
    data = tmp_path_factory.mktemp("here") / "data"
    for command, *options in (("download", *SAMPLE), ("extract", "--jobs", 1)):
        done = run_command(command, *options, "--data", data, timeout=PATIENCE)
        assert (done.returncode, done.stderr) == (0, "")
    return data


@pytest.fixture(scope="module")
def there(s3: dict[str, str], tmp_path_factory: pytest.TempPathFactory, run_command: Run) -> Path:
    """A data folder whose previews were downloaded to S3."""
    home = tmp_path_factory.mktemp("there")
    data = storage(home / "data", raw="s3://music/raw", features="s3://music/features/")
    done = run_command("download", *SAMPLE, "--data", data, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, "")
    return data


def assert_equal(found: Features, expected: Features) -> None:
    assert found.keys() == expected.keys()
    for folder, rows in expected.items():
        assert len(rows) == 3
        pd.testing.assert_frame_equal(found[folder], rows, check_exact=True)


def test_download_puts_previews_there_and_nowhere_else(
    here: Path, there: Path, run_command: Run
) -> None:
    with Catalog(here / "catalog.db") as mine, Catalog(there / "catalog.db") as catalog:
        expected, previews = mine.previews(), catalog.previews()
    assert previews.keys() == expected.keys()
    for track_id, preview in previews.items():
        assert (preview.path, preview.sha256) == (
            expected[track_id].path,
            expected[track_id].sha256,
        )
    lies = Storage(there)
    assert objects("s3://music/raw") == sorted(lies.address(p.path) for p in previews.values())
    assert all(read(lies.place(p.path)) == (here / p.path).read_bytes() for p in previews.values())
    assert not (there / "raw").exists()
    again = run_command("download", *SAMPLE, "--data", there)
    assert "nothing to do" in again.stdout


def test_features_are_those_of_a_folder(
    here: Path, there: Path, run_command: Run, run_main: Callable[..., int]
) -> None:
    done = run_command("extract", "--jobs", 2, "--data", there, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, "")
    assert_equal(features_of(there), features_of(here))
    assert [each.name for each in (there / "features").iterdir()] == [".extract.lock"]
    again = run_command("extract", "--data", there)
    assert "nothing to do" in again.stdout
    told = json.loads(run_command("status", "--data", there, "--json").stdout)
    assert [each["tracks"] for each in told["sets"]] == [3, 3]


def test_a_cluster_reads_and_writes_there(
    here: Path, there: Path, dask: Dask, s3: dict[str, str], run_command: Run, tmp_path: Path
) -> None:
    data = storage(tmp_path / "data", raw="s3://music/raw", features="s3://music/cluster")
    (data / "catalog.db").write_bytes((there / "catalog.db").read_bytes())
    with Dask(tmp_path) as cluster:  # one that knows the server
        cluster.start_worker()
        done = run_command("extract", *cluster.options, "--data", data, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, "")
    assert_equal(features_of(data), features_of(here))
    assert list((data / "features").iterdir()) == [data / "features" / ".extract.lock"]

    done = run_command("extract", "--discard-audio", "--data", data)
    assert (done.returncode, done.stderr) == (0, "")
    assert "3 previews deleted" in done.stdout
    assert objects("s3://music/raw") == []
    with Catalog(data / "catalog.db") as catalog:
        assert {each.path for each in catalog.previews().values()} == {""}


def test_previews_may_be_read_from_a_web_server(here: Path, tmp_path: Path, s3: object) -> None:
    ...
