"""What a killed or failed writer leaves: the old or the new one under its name, and no litter."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from conftest import PATIENCE, environment

from audiogenre import m3u, partials
from audiogenre.bundles import save_bundle
from audiogenre.catalog import Catalog, Failure
from audiogenre.errors import StoreError
from audiogenre.liked.memory import Memory

_SAVES = """
import sys
from pathlib import Path
import pandas as pd
from audiogenre.bundles import save_bundle
rows = pd.DataFrame({"a": [1]})
save_bundle(Path(sys.argv[1]), metadata={"name": sys.argv[2]}, classifier=None, novelty=None,
            predictions=rows, describe=lambda folder: None)
"""


def can_trace() -> bool:
    strace = shutil.which("strace")
    return (
        bool(strace)
        and subprocess.run([strace, "-qq", "true"], capture_output=True).returncode == 0
    )


def save(folder: Path, name: str) -> None:
    rows = pd.DataFrame({"a": [1]})
    content = {"metadata": {"name": name}, "classifier": None, "novelty": None}
    save_bundle(folder, **content, predictions=rows, describe=lambda folder: None)


def name_of(folder: Path) -> str:
    return str(json.loads((folder / "metadata.json").read_text())["name"])


def gone() -> int:
    """Return the number of a process that is no more."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


@pytest.mark.slow
@pytest.mark.skipif(not can_trace(), reason="needs strace, and leave to trace processes")
def test_a_model_that_is_replaced_is_always_there_wherever_the_fit_is_killed(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "models" / "m"
    save(folder, "old")
    kills = 0
    for call in ("renameat2", "rename", "rmdir"):
        for number in range(1, 9):
            inject = f"{call}:signal=SIGKILL:when={number}"
            tracer = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={inject}"]
            command = [*tracer, sys.executable, "-B", "-c", _SAVES, str(folder), "new"]
            done = subprocess.run(command, env=environment(), timeout=PATIENCE)
            assert name_of(folder) in ("old", "new")
            if done.returncode == 0:
                break
            assert done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)
            kills += 1
    assert kills >= 2
    save(folder, "last")
    assert name_of(folder) == "last"
    assert list(folder.parent.iterdir()) == [folder], "what the killed ones have left"


@pytest.mark.slow
@pytest.mark.skipif(not can_trace(), reason="needs strace, and leave to trace processes")
def test_a_model_is_checked_before_it_is_written_not_as_the_disk_gives_it_back(
    tmp_path: Path,
) -> None:
    # The name has the number of its process: the shell, which strace and Python follow.
    tracer = 'exec strace -D -f -qq -o /dev/null -P "$1/.m.$$.tmp/model.skops"'
    script = tracer + ' -e inject=read,pread64:error=EIO "$2" -B -c "$3" "$1/m" new'
    command = ["sh", "-c", script, "sh", str(tmp_path), sys.executable, _SAVES]
    done = subprocess.run(
        command, env=environment(), timeout=PATIENCE, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert name_of(tmp_path / "m") == "new"


def test_two_folders_change_places_where_the_system_can(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    (other / "inside").mkdir(parents=True)
    if partials.exchange(one, other):
        assert (one / "inside").is_dir() and not list(other.iterdir())
    else:
        assert (other / "inside").is_dir() and not list(one.iterdir())
    assert not partials.exchange(one, tmp_path / "none")


def test_a_model_that_was_put_aside_by_a_fit_that_was_killed_is_given_back(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    save(folder, "old")
    folder.rename(tmp_path / f".m.{gone()}.old")
    with pytest.raises(ZeroDivisionError):  # the next fit fails: the old one has to be there
        save_bundle(
            folder,
            metadata={"name": "new"},
            classifier=None,
            novelty=None,
            predictions=pd.DataFrame({"a": [1]}),
            describe=lambda folder: 1 // 0,
        )
    assert name_of(folder) == "old"
    assert list(tmp_path.iterdir()) == [folder]


def test_only_what_dead_processes_have_left_is_deleted(tmp_path: Path) -> None:
    target = tmp_path / "m"
    left = tmp_path / f".m.{gone()}.tmp"
    others = [tmp_path / f".m.{os.getppid()}.tmp", tmp_path / f".n.{gone()}.tmp"]
    others += [tmp_path / ".m.x.tmp", tmp_path / f".m.{10**30}.tmp"]
    (left / "inside").mkdir(parents=True)
    for each in others:
        each.write_text("")
    partials.clear_abandoned(target)
    assert sorted(tmp_path.iterdir()) == sorted(others)


def test_lists_that_a_killed_run_has_begun_are_deleted_by_the_next(tmp_path: Path) -> None:
    left = tmp_path / f".audiogenre-list.{gone()}.tmp"
    left.write_text("#EXTM3U\n")
    m3u.write(tmp_path, "m", {"rock": []}, {"rock": "rock.m3u8"})
    assert [each.name for each in tmp_path.iterdir()] == ["rock.m3u8"]


def test_a_database_that_finds_no_room_says_so_and_can_be_used_again(tmp_path: Path) -> None:
    long = Failure("x:1", "download", "silent", "x" * 1_000_000)
    with Catalog(tmp_path / "catalog.db") as catalog:
        catalog._db.execute("PRAGMA max_page_count = 20")
        with pytest.raises(StoreError, match="disk is full"), catalog.transaction():
            catalog.fail(long)
        catalog._db.execute("PRAGMA max_page_count = 9999")
        with catalog.transaction():
            catalog.fail(long)
        assert catalog.failures() == {"x:1": long}
    with Memory(tmp_path / "memory.db") as memory:
        memory._db.execute("PRAGMA max_page_count = 20")
        with pytest.raises(StoreError, match="disk is full"):
            memory.miss("1", "x" * 1_000_000, 1.0)
        memory._db.execute("PRAGMA max_page_count = 9999")
        memory.miss("1", "no audio", 1.0)
        assert memory.unheard().keys() == {"1"}
