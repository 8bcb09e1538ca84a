"""Commands and workers that are killed, and two commands at once: nothing is lost or done twice."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest
from conftest import PATIENCE

from audiogenre.catalog import Catalog
from audiogenre.parts import Part, Report
from faults.conftest import (
    CLIPS,
    JOBS,
    Features,
    Start,
    assert_same,
    features_of,
    ledger_of,
    partials_of,
    parts_of,
    wait_until,
    workers_of,
)


def end_group(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


@pytest.fixture
def groups() -> Iterator[list[int]]:
    """Process groups whose workers may outlive a killed parent; ended after the test."""
    started: list[int] = []
    yield started
    for group in started:
        end_group(group)


@pytest.mark.slow
def test_extract_survives_20_kills(
    registered: Path,
    undisturbed: tuple[Features, float, float],
    start_command: Start,
    tmp_path: Path,
    groups: list[int],
) -> None:
    expected, to_first, work = undisturbed
    rng = np.random.default_rng(20)
    # Who is killed, and whether only once this run has written a part (else while it starts).
    # Orphaned workers go on for a moment beside the next run: that is part of the trial.
    victims = rng.permutation(["parent"] * 5 + ["group"] * 11 + ["worker"] * 4)
    at_work = rng.permutation([True] * 8 + [False] * 12)
    campaign, kills, unfinished = 0, 0, 0
    data = Path(shutil.copytree(registered, tmp_path / "0"))

    while kills < len(victims):
        victim = victims[kills]
        before = len(parts_of(data))
        with (tmp_path / "stderr").open("w") as stderr:
            process = start_command("extract", *JOBS, "--data", data, stdout=stderr, stderr=stderr)
        groups.append(process.pid)
        if at_work[kills]:
            wait_until(lambda data=data, n=before: len(parts_of(data)) > n, process)
            time.sleep(rng.uniform(0, work / 10))
        else:
            time.sleep(rng.uniform(0.1, to_first))
        if victim == "worker" and (workers := workers_of(process.pid)):
            with suppress(psutil.NoSuchProcess):
                workers[int(rng.integers(len(workers)))].kill()
            time.sleep(rng.uniform(0, work / 10))  # then the parent, while it recovers
        if process.poll() is None:
            if victim == "group":
                end_group(process.pid)
            process.kill()
        if process.wait() == -signal.SIGKILL:
            kills += 1
            there = features_of(data)  # readable at any moment
            unfinished += any(len(there.get(folder, ())) < CLIPS for folder in expected)
        else:
            assert process.returncode == 0, (tmp_path / "stderr").read_text()
            assert_same(data, expected)
            campaign += 1
            data = Path(shutil.copytree(registered, tmp_path / str(campaign)))
        for group in groups[:-1]:
            end_group(group)

    assert unfinished >= 15, "too few of the kills fell inside the work"
    last = start_command("extract", *JOBS, "--data", data)
    assert (last.wait(60), last.stderr.read()) == (0, "")
    assert_same(data, expected)
    for each in range(campaign + 1):
        assert partials_of(tmp_path / str(each)) == []
        for part in parts_of(tmp_path / str(each)):
            assert pq.read_table(part).num_rows > 0


def test_a_killed_worker_costs_nothing(
    data: Path, undisturbed: tuple[Features, float, float], start_command: Start
) -> None:
    process = start_command("extract", *JOBS, "--data", data)
    assert wait_until(lambda: parts_of(data), process)
    workers_of(process.pid)[0].kill()
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert err == "a worker process has died; its clips are tried again one by one\n"
    assert f"{CLIPS} extracted" in out
    assert_same(data, undisturbed[0])
    assert partials_of(data) == []


def test_a_clip_that_kills_its_worker_is_reported_and_the_rest_is_done(
    data: Path, run_main: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Catalog(data / "catalog.db") as catalog:
        deadly = sorted(catalog.previews())[CLIPS // 2]
    parent = os.getpid()

    def extract_part(part: Part) -> Report:
        from audiogenre.parts import extract_part

        if deadly in [item.track_id for item in part.items]:
            assert os.getpid() != parent, "computed where a crash takes the command with it"
            os.kill(os.getpid(), signal.SIGKILL)
        return extract_part(part)

    monkeypatch.setattr("audiogenre.parts.extract_part", extract_part)
    assert run_main("extract", *JOBS, "--data", data, "-q") == 1
    assert {item: each.reason for item, each in ledger_of(data).items()} == {deadly: "crashed"}
    for rows in features_of(data).values():
        assert len(rows) == CLIPS - 1
    assert run_main("extract", *JOBS, "--data", data, "-q") == 0, "it is not tried again"


def test_two_extracts_at_once_share_the_work(
    data: Path, undisturbed: tuple[Features, float, float], start_command: Start
) -> None:
    first, second = (start_command("extract", *JOBS, "--data", data, "--json") for _ in range(2))
    for process in (first, second):
        process.communicate(timeout=PATIENCE)
    assert (first.returncode, second.returncode) == (0, 0)
    assert_same(data, undisturbed[0])
    for folder in undisturbed[0]:
        rows = [pq.read_metadata(p).num_rows for p in parts_of(data) if p.parent.name == folder]
        assert sum(rows) == CLIPS, "both computed the same clips"
