"""A writer that is killed at work leaves whole files."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mutagen
import numpy as np
import psutil
import pytest
import soundfile as sf
from conftest import PATIENCE, environment

from audiogenre import tagging
from audiogenre.audio import decode
from tagging.clips import FORMATS, hashes_of, tag, tags_of, values_of, write_clip

# Kills itself for real before the n-th call that changes anything on the disk; 0 counts them.
_WRITER = """
import os, signal, sys
from pathlib import Path
from audiogenre import tagging
path, left, label = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
tagging.write(path, "genre", [label], dry_run=True)  # so that what follows imports nothing
CHANGES = set("write flush truncate sendfile move fsync chown chmod utime replace unlink".split())
def count(frame, event, called):
    global left
    if event == "c_call" and called.__name__ in CHANGES:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.setprofile(count)
tagging.write(path, "genre", [label])
sys.setprofile(None)
print(-left)
"""


def write_at(path: Path, moment: int, label: str) -> subprocess.CompletedProcess[str]:
    writer = [sys.executable, "-c", _WRITER, str(path), str(moment), label]
    return subprocess.run(writer, env=environment(), text=True, capture_output=True, check=False)


def partials_of(folder: Path) -> list[Path]:
    return list(folder.glob(".audiogenre-*.tmp"))


def kill_at_work(process: subprocess.Popen[Any], folder: Path) -> None:
    """Kill a process while there is a copy that it has begun and not yet put into place."""
    while process.poll() is None:
        if partials_of(folder):
            process.send_signal(signal.SIGSTOP)
            while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
                pass
            if partials_of(folder):
                process.send_signal(signal.SIGKILL)
                assert process.wait() == -signal.SIGKILL
                return
            process.send_signal(signal.SIGCONT)
    pytest.fail("the process has ended without being caught at work")


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_writer_killed_at_any_moment_leaves_a_whole_file(suffix: str, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / f"a.{suffix}", seconds=20)
    tag(clip, ["Rock"], [])
    whole, before, (y, _) = clip.read_bytes(), tags_of(clip), decode(clip, max_seconds=None)
    label = "x" * 100_000  # longer than any padding: all that follows it has to move
    trial = tmp_path.with_name(f"trial.{suffix}")
    shutil.copy(clip, trial)
    calls = int(write_at(trial, 0, label).stdout)
    left_over = 0
    for moment in np.unique(np.linspace(1, calls, 9, dtype=int)):
        assert write_at(clip, moment, label).returncode == -signal.SIGKILL
        left_over += bool(partials_of(tmp_path))
        if clip.read_bytes() != whole:  # it was in its place already
            assert values_of(clip, "GENRE") == [label]
            assert np.array_equal(decode(clip, max_seconds=None)[0], y)
            tagging.undo(clip)
            assert tags_of(clip) == before
            whole = clip.read_bytes()
    assert left_over > 3
    assert write_at(clip, 0, label).returncode == 0
    assert values_of(clip, "GENRE") == [label]
    assert np.array_equal(decode(clip, max_seconds=None)[0], y)
    assert list(tmp_path.iterdir()) == [clip]  # the next writer has tidied up
    tagging.undo(clip)
    assert tags_of(clip) == before


def test_predict_killed_while_it_writes_can_be_run_again(
    start_command: Callable[..., subprocess.Popen[str]],
    run_command: Callable[..., subprocess.CompletedProcess[str]],
    predict: Any,
    sample_models: Path,
    library: Path,
    tmp_path: Path,
) -> None:
    _, found = predict(library)
    known = [each for each in found["predictions"] if each["known"] and ".flac" in each["path"]]
    y, sr = sf.read(known[0]["path"], dtype="float32")
    folder = tmp_path / "long"
    folder.mkdir()
    for number in range(8):
        sf.write(folder / f"{number}.flac", np.tile(y, 4), sr)
    before = hashes_of(folder)
    own = ("extracted-full", folder, "--models", sample_models, "--jobs", 1, "--write-tags")
    kill_at_work(start_command("predict", *own), folder)
    (left,) = partials_of(folder)
    after = hashes_of(folder)
    del after[left.name]
    assert all(mutagen.File(folder / each).info.length > 100 for each in after)
    assert any(after[each] == before[each] for each in after)
    done = run_command("predict", *own)
    assert done.returncode == 0
    for each in folder.iterdir():
        assert each.name in before
        assert values_of(each, "GENRE") == [known[0]["label"]]
        assert np.array_equal(sf.read(each, dtype="float32")[0], np.tile(y, 4))


_WRITES = """
import sys
from pathlib import Path
from audiogenre import tagging
for _ in range(int(sys.argv[4])):
    for label in ("one", "other"):
        tagging.write(Path(sys.argv[1]), sys.argv[2], [sys.argv[3], label])
"""


@pytest.mark.parametrize("suffix", FORMATS)
def test_two_that_write_into_one_file_at_once_both_have_their_tag_in_it(
    suffix: str, tmp_path: Path
) -> None:
    clip = write_clip(tmp_path / f"a.{suffix}")
    tag(clip, ["Rock"], [])
    before = tags_of(clip)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITES, str(clip), kind, kind, "40"],
            env=environment(),
            stderr=subprocess.PIPE,
            text=True,
        )
        for kind in ("genre", "mood", "genre")
    ]
    assert [each.communicate(timeout=PATIENCE)[1] for each in writers] == ["", "", ""]
    assert values_of(clip, "GENRE") == ["genre", "other"]
    assert values_of(clip, "MOOD") == ["mood", "other"]
    assert list(tmp_path.iterdir()) == [clip]
    tagging.undo(clip)
    assert tags_of(clip) == before
