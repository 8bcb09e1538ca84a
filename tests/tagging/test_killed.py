"""A writer that is killed at work leaves whole files."""

from __future__ import annotations

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
from conftest import environment

from audiogenre import tagging
from audiogenre.audio import decode
from tagging.clips import FORMATS, hashes_of, tag, tags_of, values_of, write_clip

_WRITER = """
import sys
from pathlib import Path
from audiogenre import tagging
while True:
    for label in ("jazz", "pop"):
        tagging.write(Path(sys.argv[1]), "genre", [label])
"""


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
def test_a_writer_killed_at_work_leaves_a_whole_file(suffix: str, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / f"a.{suffix}", seconds=60)
    tag(clip, ["Rock"], [])
    before, (y, _) = tags_of(clip), decode(clip, max_seconds=None)
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", _WRITER, clip], env=environment()) as writer:
            kill_at_work(writer, tmp_path)
        assert partials_of(tmp_path)
        assert np.array_equal(decode(clip, max_seconds=None)[0], y)
        assert values_of(clip, "GENRE") in (["Rock"], ["jazz"], ["pop"])
    tagging.write(clip, "genre", ["polka"])
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
