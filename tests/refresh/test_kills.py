"""Several runs at once, and runs that are killed: nothing is left half done."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import PATIENCE
from filelock import FileLock

from audiogenre import champions
from audiogenre.bundles import load_bundle
from refresh.conftest import FIRST, Place, Said


def test_a_run_that_finds_the_lock_held_leaves_it_to_the_other(place: Place, said: Said) -> None:
    with FileLock(place.models / ".refresh.lock"):
        assert place.refresh() == 0
        out, err = said()
        assert (len(out.splitlines()), err) == (1, "")
        assert "is at work" in out
        assert place.refresh("--json") == 0
        assert "decision" in json.loads(said()[0])
        assert place.refresh("--rollback") == 2
        assert "is at work" in said()[1]
    assert len(place.history) == 1


@pytest.mark.slow
def test_of_two_runs_at_once_one_works(empty: Place) -> None:
    empty.add(FIRST)
    both = [empty.start(), empty.start()]
    outs = [each.communicate(timeout=PATIENCE) for each in both]
    assert [each.returncode for each in both] == [0, 0]
    assert sorted("is at work" in out for out, _ in outs) == [False, True]
    assert "Traceback" not in outs[0][1] + outs[1][1]
    assert len(empty.history) == 1


@pytest.fixture
def killed(place: Place) -> Iterator[Callable[[Callable[[], object]], bool]]:
    """Start a run and kill it, and its workers, the moment something is true."""
    started: list[subprocess.Popen[str]] = []

    def kill(when: Callable[[], object]) -> bool:
        process = place.start()
        started.append(process)
        deadline = time.monotonic() + PATIENCE
        while not when():
            if process.poll() is not None:
                return False
            assert time.monotonic() < deadline
            time.sleep(0.001)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True

    yield kill
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


Kill = Callable[[Callable[[], object]], bool]


def leftovers(place: Place) -> list[Path]:
    return [*place.models.glob(".refresh-*"), *place.models.glob(".current.*")]


@pytest.mark.slow
def test_a_challenger_left_by_a_kill_before_its_judgement_is_judged(
    place: Place, killed: Kill
) -> None:
    before = place.current
    place.add(range(9, 12))
    assert killed(lambda: len(list(place.models.glob("refresh-*/tracks.parquet"))) == 2)
    assert (len(place.history), place.current) == (1, before)
    left = champions.unjudged(place.models)
    assert left is not None
    assert place.refresh() == 0
    entry = place.history[-1]
    assert entry["challenger"]["name"] == left
    assert "fit" not in entry["codes"]
    assert entry["new"] == 18  # since the last run that came to an end
    assert champions.unjudged(place.models) is None
    assert place.refresh() == 0
    assert place.history[-1]["decision"] == "no challenger"


@pytest.mark.slow
def test_a_challenger_left_by_a_kill_is_passed_over_once_much_has_come(
    place: Place, killed: Kill
) -> None:
    place.add(range(9, 12))
    assert killed(lambda: len(list(place.models.glob("refresh-*/tracks.parquet"))) == 2)
    left = champions.unjudged(place.models)
    place.add(range(12, 15))
    assert place.refresh() == 0
    assert place.history[-1]["codes"]["fit"] == 0
    assert place.history[-1]["challenger"]["name"] != left
    assert champions.unjudged(place.models) is None


@pytest.mark.slow
@pytest.mark.parametrize("more", [False, True])
def test_a_model_whose_run_was_killed_right_after_the_fit_is_judged_or_deleted(
    place: Place, killed: Kill, more: bool
) -> None:
    (first,) = champions.fitted(place.models)
    place.add(range(9, 12))
    assert killed(lambda: len(champions.fitted(place.models)) == 2)
    left = champions.fitted(place.models)[-1]
    (place.models / left / "tracks.parquet").unlink(missing_ok=True)  # it was quicker, perhaps
    if more:
        place.add(range(12, 15))
    assert place.refresh() == 0
    judged = place.history[-1]["challenger"]["name"]
    assert champions.fitted(place.models) == [first, judged]
    assert (judged == left) is not more
    assert champions.unjudged(place.models) is None


def test_a_model_in_use_is_kept_though_nothing_is_known_of_it(place: Place) -> None:
    name = place.current
    (place.models / "HISTORY.jsonl").unlink()
    (place.models / str(name) / "tracks.parquet").unlink()
    place.add(range(9, 12))  # it was fitted on something else
    assert place.refresh() == 0
    assert name in champions.fitted(place.models)


@pytest.mark.slow
def test_an_interrupt_is_a_sentence_and_the_next_run_goes_on(place: Place) -> None:
    place.add(range(9, 15))
    parts = len(list(place.data.glob("features/*/part-*.parquet")))
    with place.start() as process:
        while len(list(place.data.glob("features/*/part-*.parquet"))) == parts:
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (130, "")
    assert len(err.splitlines()) == 1
    assert err.startswith("audiogenre refresh: interrupted")
    assert len(place.history) == 1
    assert place.refresh() == 0
    assert (place.history[-1]["new"], place.history[-1]["rows"]) == (36, 90)


@pytest.mark.slow
def test_runs_killed_at_any_moment_leave_nothing_half_done(place: Place, killed: Kill) -> None:
    rng = np.random.default_rng(0)
    settled = place.sides()
    place.add(range(9, 12))
    started = time.monotonic()
    undisturbed = shutil.copytree(place.root, place.root.with_name("copy"), symlinks=True)
    copy = Place(undisturbed, place.music)
    process = copy.start()
    assert process.wait(timeout=PATIENCE) == 0
    process.communicate()
    whole = time.monotonic() - started
    kills = 0
    while kills < 5:
        lines, champion = len(place.history), place.current
        end = time.monotonic() + rng.uniform(0.05, 1.0 if kills else 0.5) * whole
        if not killed(lambda end=end: time.monotonic() > end):
            break
        kills += 1
        assert champions.current(place.models) is not None  # never neither
        load_bundle(place.models / "current")
        assert place.current == champion or len(place.history) > lines
    assert kills
    assert place.refresh() == 0
    assert leftovers(place) == []
    assert {k: v for k, v in place.sides().items() if k in settled} == settled
    last, expected = place.history[-1], copy.history[-1]
    assert (last["tracks"], last["rows"]) == (expected["tracks"], expected["rows"])
    judged = [each["challenger"]["name"] for each in place.history if each.get("challenger")]
    assert len(judged) == len(set(judged))
    verdicts = [each for each in place.history if each["decision"] in ("promoted", "rejected")]
    assert verdicts[1]["decision"] == expected["decision"]
    assert verdicts[1]["challenger"]["accuracy"] == expected["challenger"]["accuracy"]
    assert place.current == verdicts[-1]["current"]
    table = pd.read_parquet(place.models / "current" / "tracks.parquet")
    assert len(table) in (54, 72)
