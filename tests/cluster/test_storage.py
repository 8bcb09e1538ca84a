"""Previews and features in S3: the same rows, the same commands, and a sentence for trouble."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import SAMPLE_GENRES, environment
from scripted import Scripted, audio

from audiogenre.catalog import Catalog
from audiogenre.errors import MissingExtraError, StoreError, UsageError
from audiogenre.parts import Item, Part, extract_part
from audiogenre.storage import FILE, Storage, is_local, place, read, remove, write
from audiogenre.store import FeatureStore, write_part
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
        done = run_command(command, *options, "--data", data)
        assert (done.returncode, done.stderr) == (0, "")
    return data


@pytest.fixture(scope="module")
def there(s3: dict[str, str], tmp_path_factory: pytest.TempPathFactory, run_command: Run) -> Path:
    """A data folder whose previews were downloaded to S3."""
    home = tmp_path_factory.mktemp("there")
    data = storage(home / "data", raw="s3://music/raw", features="s3://music/features/")
    done = run_command("download", *SAMPLE, "--data", data)
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


def test_features_are_those_of_a_folder(here: Path, there: Path, run_command: Run) -> None:
    done = run_command("extract", "--jobs", 2, "--data", there)
    assert (done.returncode, done.stderr) == (0, "")
    assert_equal(features_of(there), features_of(here))
    assert [each.name for each in (there / "features").iterdir()] == [".extract.lock"]
    again = run_command("extract", "--data", there)
    assert "nothing to do" in again.stdout
    told = json.loads(run_command("status", "--data", there, "--json").stdout)
    assert [each["tracks"] for each in told["sets"]] == [3, 3]


def test_a_cluster_reads_and_writes_there(
    here: Path, there: Path, run_command: Run, tmp_path: Path
) -> None:
    data = storage(tmp_path / "data", raw="s3://music/raw", features="s3://music/cluster")
    (data / "catalog.db").write_bytes((there / "catalog.db").read_bytes())
    with Dask(tmp_path) as cluster:  # one that knows the server
        cluster.start_worker()
        cluster.wait()
        done = run_command("extract", *cluster.options, "--data", data)
    assert (done.returncode, done.stderr) == (0, "")
    assert_equal(features_of(data), features_of(here))
    assert list((data / "features").iterdir()) == [data / "features" / ".extract.lock"]

    done = run_command("extract", "--discard-audio", "--data", data)
    assert (done.returncode, done.stderr) == (0, "")
    assert "3 previews deleted" in done.stdout
    assert objects("s3://music/raw") == []
    with Catalog(data / "catalog.db") as catalog:
        assert {each.path for each in catalog.previews().values()} == {""}


def test_previews_may_be_read_from_a_web_server(
    here: Path, tmp_path: Path, s3: object, script: Scripted, run_command: Run
) -> None:
    with Catalog(here / "catalog.db") as catalog:
        previews = sorted(each.path for each in catalog.previews().values())
    for path in previews[:2]:
        script.on(f"/{path}", audio((here / path).read_bytes()))
    data = storage(tmp_path / "data", raw=f"{script.url}/raw")
    (data / "catalog.db").write_bytes((here / "catalog.db").read_bytes())
    done = run_command("extract", "--jobs", 1, "--data", data)
    assert done.returncode == 1
    assert [each.reason for each in ledger_of(data).values()] == ["missing"]
    expected = features_of(here)
    for folder, rows in features_of(data).items():
        assert len(rows) == 2
        pd.testing.assert_frame_equal(rows, expected[folder].loc[rows.index], check_exact=True)


def test_an_object_that_is_another_is_refused(there: Path, tmp_path: Path) -> None:
    data = storage(tmp_path / "data", raw="s3://music/other")
    lies = Storage(data)
    write(lies.place("raw/sample/a.mp3"), b"something else")
    item = Item("sample:a", lies.address("raw/sample/a.mp3"), "0" * 64, 14, 0)
    gone = Item("sample:b", lies.address("raw/sample/b.mp3"), "0" * 64, 14, 0)
    (tmp_path / "features").mkdir()
    report = extract_part(Part((item, gone), ("baseline",), tmp_path / "features"))
    assert [each.reason for each in report.failures] == ["changed", "missing"]
    remove(lies.place("raw/sample/a.mp3"))
    remove(lies.place("raw/sample/a.mp3"))  # it is gone, which is what was wanted
    assert objects("s3://music/other") == []


def test_a_part_is_one_object_with_the_same_name_each_time(s3: object) -> None:
    store = FeatureStore(place("s3://music/parts"))
    rows = np.arange(4, dtype=np.float32).reshape(2, 2)
    written = [
        write_part(
            store.directory("x", "f"), ["b", "a"], ["1", "2"], ["c", "d"], rows, {"name": "x"}
        )
        for _ in range(2)
    ]
    assert written[0] == written[1]
    assert objects("s3://music/parts") == [str(written[0])]
    assert store.sets() == ["x-f"]
    table = store.read("x-f")
    assert table.index.tolist() == [("a", "2"), ("b", "1")]
    assert table.to_numpy().tolist() == [[2, 3], [0, 1]]
    store.clear_partials([store.directory("x", "f")])
    assert store.known(store.directory("x", "f")) == {"a": {"2"}, "b": {"1"}}
    write(written[0], b"PAR1 and no more")
    with pytest.raises(StoreError, match="is damaged and cannot be read"):
        store.read("x-f")


def test_no_bucket_and_no_server_are_one_sentence(
    tmp_path: Path, s3: object, run_command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = storage(tmp_path / "data", raw="s3://nowhere/raw")
    done = run_command("download", *SAMPLE, "--data", data)
    assert done.returncode == 2
    assert done.stderr.startswith("audiogenre download: s3://nowhere/raw/sample/")
    assert done.stderr.endswith("cannot be written: The specified bucket does not exist\n")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    data = storage(tmp_path / "data", features="s3://music/features")
    done = run_command("extract", "--data", data)
    assert done.returncode == 2
    assert done.stderr.startswith("audiogenre extract: s3://music/features")
    assert 'Could not connect to the endpoint URL: "http://127.0.0.1:1/' in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_paths_of_the_catalogue_lead_where_the_file_says(tmp_path: Path) -> None:
    plain = Storage(tmp_path)
    assert plain.features == tmp_path / "features"
    assert plain.address("raw/deezer/ab/1.mp3") == str(tmp_path / "raw/deezer/ab/1.mp3")
    assert plain.address("/music/a.mp3") == "/music/a.mp3"
    moved = Storage(storage(tmp_path, raw="/nfs/raw/", features="beside"))
    assert moved.features == tmp_path / "beside"
    assert is_local(moved.features)
    assert moved.address("raw/deezer/ab/1.mp3") == "/nfs/raw/deezer/ab/1.mp3"
    assert moved.address("/music/a.mp3") == "/music/a.mp3"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("raw = ", "is not valid TOML"),
        ("row = 's3://a/b'", "has no key 'row' \\(there are raw and features\\)"),
        ("raw = 3", "'raw' is a folder or a URL such as s3://bucket/raw"),
        ("raw = '/'", "'raw' is a folder or a URL"),
        ("features = 'file:///x'", "'features' is a folder or a URL such as s3://bucket/features"),
    ],
)
def test_a_file_that_says_what_cannot_be_is_refused(
    tmp_path: Path, text: str, sentence: str
) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(UsageError, match=sentence):
        Storage(tmp_path)


def test_a_url_of_a_kind_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("upath", reason="the extra 'cluster' is not installed")
    (tmp_path / FILE).write_text("features = 'smoke://x'")
    with pytest.raises(UsageError, match="smoke://x is no URL that can be read"):
        Storage(tmp_path)


def test_without_the_extra_it_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = storage(tmp_path / "data", features="s3://music/features")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "upath", None)
        with pytest.raises(MissingExtraError, match=r"pip install 'audiogenre\[cluster\]'"):
            Storage(data)
    code = (
        "import sys\n"
        "sys.modules['s3fs'] = None\n"  # importing it fails, as if it were not there
        "from audiogenre.extract import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--data", str(data)],
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "audiogenre extract: Reading and writing s3://music/features needs an optional package: "
        "pip install 'audiogenre[cluster]'\n"
    )
