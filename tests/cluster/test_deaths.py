"""What dies while a cluster extracts: nothing is lost, nothing is there twice."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import PATIENCE

from audiogenre.catalog import Catalog
from cluster.conftest import (
    CLIPS,
    SETS,
    Dask,
    Features,
    assert_same,
    features_of,
    kill,
    ledger_of,
    parts_of,
    wait_for,
)

pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")

pytestmark = pytest.mark.slow
Start = Callable[..., subprocess.Popen[str]]


def started(start_command: Start, dask: Dask, data: Path) -> subprocess.Popen[str]:
    """Start the command and wait until a worker has written something."""
    dask.wait()
    process = start_command("extract", *SETS, *dask.options, "--data", data)
    wait_for(lambda: parts_of(data) or process.poll() is not None)
    assert process.poll() is None, "it was over before anything could die"
    return process


def test_killed_workers_cost_nothing(
    data: Path, tmp_path: Path, expected: Features, start_command: Start
) -> None:
    with Dask(tmp_path) as dask:
        for _ in range(2):
            dask.start_worker()
        process = started(start_command, dask, data)
        for _ in range(3):
            kill(dask.workers[-2])
            there = len(parts_of(data))
            dask.start_worker()
            wait_for(lambda n=there: len(parts_of(data)) > n or process.poll() is not None)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")
    assert f"{CLIPS} extracted" in out
    assert_same(data, expected)


def test_a_clip_that_kills_its_worker_is_reported_and_the_rest_is_done(
    data: Path, tmp_path: Path, expected: Features, start_command: Start
) -> None:
    with Catalog(data / "catalog.db") as catalog:
        deadly = sorted(catalog.previews())[CLIPS // 2]
    # A part is given up with the second worker, as by the pool.
    variables = {"DEADLY": deadly, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
    preload = ("--preload", str(Path(__file__).with_name("deadly.py")))
    with Dask(tmp_path, **variables) as dask:
        for _ in range(4):
            dask.start_worker(*preload)
        dask.wait()
        process = start_command("extract", *SETS, *dask.options, "--data", data)
        for each in dask.workers:  # for a moment there is none
            each.wait(PATIENCE)
        last = dask.start_worker(*preload)
        _, err = process.communicate(timeout=PATIENCE)
        assert last.poll() is None
    assert process.returncode == 1
    assert err == "worker processes have died; their clips are tried again one by one\n"
    assert {item: each.reason for item, each in ledger_of(data).items()} == {deadly: "crashed"}
    found = features_of(data)
    assert found.keys() == expected.keys()
    for folder, rows in expected.items():
        assert found[folder].equals(rows.drop(index=deadly, level="track_id"))


def test_a_scheduler_that_is_lost_is_one_sentence_and_another_goes_on(
    data: Path,
    tmp_path: Path,
    expected: Features,
    start_command: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Dask(tmp_path) as dask:
        dask.start_worker()
        with monkeypatch.context() as patch:
            patch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "2s")
            process = started(start_command, dask, data)
        kill(dask.scheduler)
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 2
        lost, sentence = err.splitlines()
        assert lost == "the connection to the scheduler is lost; trying to renew it"
        assert sentence.startswith(
            f"audiogenre extract: the scheduler at {dask.address} cannot be reached"
        )
        assert sentence.endswith("and the same command goes on from there")
        there = features_of(data)
        assert any(len(there.get(folder, ())) < CLIPS for folder in expected)

        dask.start_scheduler()
        dask.start_worker()
        dask.wait()
        again = start_command("extract", *SETS, *dask.options, "--data", data)
        _, err = again.communicate(timeout=PATIENCE)
    assert (again.returncode, err) == (0, "")
    assert_same(data, expected)


def test_a_scheduler_that_comes_back_is_found(
    data: Path, tmp_path: Path, expected: Features, start_command: Start
) -> None:
    with Dask(tmp_path) as dask:
        dask.start_worker()
        process = started(start_command, dask, data)
        kill(dask.scheduler)
        dask.start_scheduler()
        dask.start_worker()
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert err.splitlines()[0] == "the connection to the scheduler is lost; trying to renew it"
    assert_same(data, expected)


def test_ctrl_c_cancels_what_is_queued(
    data: Path, tmp_path: Path, expected: Features, start_command: Start
) -> None:
    from distributed import Client

    with Dask(tmp_path) as dask:
        dask.start_worker()
        process = started(start_command, dask, data)
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130
        assert err.startswith("audiogenre extract: interrupted; what was done is kept")
        assert len(err.splitlines()) == 1
        with Client(dask.address, set_as_default=False) as client:
            wait_for(lambda: not any(client.processing().values()))
        assert len(parts_of(data)) < 2 * CLIPS // 4, "all parts were done all the same"
        again = start_command("extract", *SETS, *dask.options, "--data", data)
        _, err = again.communicate(timeout=PATIENCE)
    assert (again.returncode, err) == (0, "")
    assert_same(data, expected)
