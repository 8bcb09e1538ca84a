"""A disk without room: one sentence, nothing half written, and a later run completes it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pandas as pd
import pytest

from faults.conftest import (
    JOBS,
    SAMPLE,
    Features,
    Run,
    assert_same,
    assert_sentence,
    assert_whole_download,
    features_of,
    ledger_of,
    partials_of,
)


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Path]:
    """A small file system in memory; whoever may not mount one skips the test."""
    folder.mkdir(parents=True)
    mount = shutil.which("mount")
    command = [str(mount), "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True) if mount else None
    if done is None or done.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted: {done.stderr if done else 'no mount'}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 12 MB with a ballast that leaves about 1 MB; delete it to free the rest."""
    with mounted(tmp_path / "disk", "12m") as folder:
        (folder / "ballast").write_bytes(bytes(11 << 20))
        yield folder


def test_extract_on_a_full_disk_stops_with_a_sentence_and_completes_later(
    disk: Path, registered: Path, undisturbed: tuple[Features, float, float], run_command: Run
) -> None:
    data = Path(shutil.copytree(registered, disk / "data"))
    full = run_command("extract", *JOBS, "--data", data)
    assert full.returncode == 2, full.stderr
    assert_sentence(full.stderr, starts="audiogenre extract: ")
    assert "No space left" in full.stderr or "full" in full.stderr
    for folder, rows in features_of(data).items():
        whole = undisturbed[0][folder]
        pd.testing.assert_frame_equal(rows, whole.loc[rows.index], check_exact=True)
    (disk / "ballast").unlink()
    freed = run_command("extract", *JOBS, "--data", data)
    assert (freed.returncode, freed.stderr) == (0, "")
    assert_same(data, undisturbed[0])
    assert partials_of(data) == []


def test_download_on_a_full_disk_stops_with_a_sentence_and_completes_later(
    disk: Path, run_command: Run
) -> None:
    full = run_command("download", *SAMPLE, "--data", disk / "data")
    assert full.returncode == 2, (full.stdout, full.stderr)
    assert_sentence(full.stderr, starts="audiogenre download: ")
    (disk / "ballast").unlink()
    freed = run_command("download", *SAMPLE, "--data", disk / "data")
    assert (freed.returncode, freed.stderr) == (0, "")
    assert_whole_download(disk / "data")


def test_previews_that_found_no_room_are_no_failures_of_their_tracks(
    tmp_path: Path, run_command: Run
) -> None:
    # The catalogue lies on another disk and could record anything; what it must not say is that
    # the clips are bad, for then no later run would fetch them.
    with mounted(tmp_path / "data/raw", "600k") as raw:
        full = run_command("download", *SAMPLE, "--data", tmp_path / "data")
        assert full.returncode == 2, (full.stdout, full.stderr)
        assert_sentence(full.stderr, starts="audiogenre download: ")
        assert ledger_of(tmp_path / "data") == {}
        subprocess.run(["mount", "-o", "remount,size=8m", str(raw)], check=True)
        freed = run_command("download", *SAMPLE, "--data", tmp_path / "data")
        assert (freed.returncode, freed.stderr) == (0, "")
        assert_whole_download(tmp_path / "data")


def test_a_disk_without_any_room_is_named_in_a_sentence(disk: Path, run_command: Run) -> None:
    with suppress(OSError), (disk / "more").open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    for command in ("download", "extract"):
        full = run_command(command, "--data", disk / "data")
        assert full.returncode == 2, full.stdout
        assert_sentence(full.stderr, starts=f"audiogenre {command}: ")
