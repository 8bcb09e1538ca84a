"""``extract --engine dask``: the rows of the pool, and a sentence for what is wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import environment

from audiogenre import __version__
from audiogenre.catalog import Catalog
from audiogenre.cluster import _extract
from audiogenre.errors import ClusterError
from audiogenre.parts import Part
from cluster.conftest import (
    CLIPS,
    SETS,
    Dask,
    Features,
    Run,
    assert_same,
    features_of,
    ledger_of,
)

pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")


def test_it_writes_the_rows_of_the_pool(
    data: Path, dask: Dask, expected: Features, run_command: Run
) -> None:
    # A path that only means something where the command runs.
    done = run_command("extract", *SETS, *dask.options, "--data", data.name, cwd=data.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{CLIPS} extracted" in done.stdout
    assert_same(data, expected)
    again = run_command("extract", *SETS, *dask.options, "--data", data)
    assert (again.returncode, again.stderr) == (0, "")
    assert "nothing to do" in again.stdout


def test_failures_come_back_with_their_reasons(data: Path, dask: Dask, run_command: Run) -> None:
    with Catalog(data / "catalog.db") as catalog:
        bad = sorted(catalog.previews())[3]
        clip = Path(catalog.previews()[bad].path)
    content = clip.read_bytes()
    clip.write_bytes(b"<html>not found</html>")
    try:
        done = run_command("extract", "--set", "baseline", *dask.options, "--data", data)
    finally:
        clip.write_bytes(content)
    assert done.returncode == 1
    assert {item: each.reason for item, each in ledger_of(data).items()} == {bad: "changed"}
    (rows,) = features_of(data).values()
    assert len(rows) == CLIPS - 1


def test_the_address_may_come_from_dask(
    data: Path, dask: Dask, run_command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", dask.address)
    done = run_command("extract", "--set", "baseline", "--engine", "dask", "--data", data)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--engine", "dask"), "say where the scheduler is, such as --scheduler tcp://"),
        (("--engine", "dask", "--scheduler", "smoke://x"), "smoke://x is no address of a"),
        (("--engine", "dask", "--scheduler", "10.0.0.1"), "10.0.0.1 is no address of a"),
        (("--engine", "dask", "--scheduler", "tcp://x:1", "--jobs", 2), "--jobs goes with"),
        (("--scheduler", "tcp://127.0.0.1:1"), "--scheduler goes with --engine dask"),
    ],
)
def test_wrong_options_are_one_sentence(
    data: Path,
    run_main: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    options: tuple[object, ...],
    sentence: str,
) -> None:
    assert run_main("extract", *options, "--data", data) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"audiogenre extract: {sentence}")
    assert len(err.splitlines()) == 1


def test_no_scheduler_is_one_sentence(
    data: Path, run_command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "500ms")
    options = ("--engine", "dask", "--scheduler", "tcp://127.0.0.1:1")
    done = run_command("extract", *options, "--data", data)
    assert done.returncode == 2
    assert done.stderr.startswith(
        "audiogenre extract: the scheduler at tcp://127.0.0.1:1 cannot be reached"
    )
    assert len(done.stderr.splitlines()) == 1


def test_workers_that_never_come_are_one_sentence(data: Path, tmp_path: Path) -> None:
    with Dask(tmp_path) as alone:
        code = (
            "import sys\n"
            "from audiogenre import cluster\n"
            "from audiogenre.extract import main\n"
            "cluster._PATIENCE = 0.5\n"
            "sys.exit(main(sys.argv[1:]))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, *alone.options, "--data", data],
            env=environment(),
            capture_output=True,
            text=True,
        )
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].startswith("the cluster has no worker yet; waiting")
    assert done.stderr.splitlines()[1:] == [
        "audiogenre extract: the cluster has had no worker for a minute; what was written is "
        "kept, and the same command goes on from there"
    ]


def test_a_worker_that_is_set_up_otherwise_does_nothing(data: Path) -> None:
    part = Part((), ("baseline",), data / "features")
    with pytest.raises(ClusterError, match=f"has audiogenre {__version__} and not 0.0; update one"):
        _extract(part, "0.0")
    with pytest.raises(ClusterError, match=r"does not see .*; put the data on a shared folder"):
        _extract(replace(part, root=data / "elsewhere"), __version__)


def test_without_the_extra_it_says_how_to_install_it(data: Path) -> None:
    code = (
        "import sys\n"
        "sys.modules['distributed'] = None\n"  # importing it fails, as if it were not there
        "from audiogenre.extract import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    options = ("--engine", "dask", "--scheduler", "tcp://127.0.0.1:1", "--data", str(data))
    done = subprocess.run(
        [sys.executable, "-c", code, *options], env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr == (
        "audiogenre extract: Extracting on a cluster needs an optional package: "
        "pip install 'audiogenre[cluster]'\n"
    )
