"""The torture finds what is broken: it is tried on a command that is."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from pipelines.torture import disks, faults, kills, report
from pipelines.torture.__main__ import main, parser
from pipelines.torture.facts import facts_of, is_between, is_same, leftovers, without_failures
from pipelines.torture.processes import STRACE, Ended
from pipelines.torture.trials import Tally, crash
from pipelines.torture.worlds import World

A, B, C = ("a",), ("b",), ("c",)


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        ([A, B], ""),
        ([B, C], ""),
        ([B], ""),
        ([A, B, C], ""),
        ([A], "lost: b"),
        ([B, B], "twice: b"),
        ([B, ("d",)], "neither old nor new: d"),
    ],
)
def test_facts_are_old_or_new_and_none_is_lost_or_there_twice(
    found: list[tuple[str]], wrong: str
) -> None:
    assert is_between(Counter(found), Counter([A, B]), Counter([B, C])) == wrong


def test_what_is_missing_and_what_is_too_much_is_told() -> None:
    assert is_same(Counter([A, B]), Counter([A, B])) == ""
    assert is_same(Counter([A]), Counter([A, B])) == "missing (1): b"
    assert is_same(Counter([A, A]), Counter([A])) == "too much (1): a"


def test_where_something_has_failed_a_list_without_it_is_sound_and_no_other(
    tmp_path: Path,
) -> None:
    path, head = tmp_path / "rock.m3u8", "#EXTM3U\n#PLAYLIST:rock\n"
    a, b = "#EXTINF:5,a\n../a.mp3\n", "#EXTINF:5,b\n../b.mp3\n"
    path.write_text(head + a + b)
    after = facts_of(tmp_path)
    path.write_text(head + b)
    assert "neither old nor new" in is_between(facts_of(tmp_path), Counter(), after)
    assert is_between(without_failures(facts_of(tmp_path)), Counter(), after) == ""
    for wrong in (head + b + b, head + b.replace("5", "6"), "#EXTM3U\n" + b):
        path.write_text(wrong)
        assert is_between(without_failures(facts_of(tmp_path)), Counter(), after)


def test_a_folder_holds_the_rows_of_its_databases_and_its_files_but_for_times(
    tmp_path: Path,
) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db")) as db, db:
        db.execute("CREATE TABLE t (id TEXT, added_at REAL)")
        db.execute("INSERT INTO t VALUES ('1', 5)")
    (tmp_path / "a.json").write_text(json.dumps({"created": "2026-01-01T00:00:00+00:00"}))
    before = facts_of(tmp_path)
    assert before["x.db", "t", "1"] == 1
    with closing(sqlite3.connect(tmp_path / "x.db")) as db, db:
        db.execute("UPDATE t SET added_at = 6")
    (tmp_path / "a.json").write_text(json.dumps({"created": "2027-02-02T10:00:00+00:00"}))
    (tmp_path / ".b.json.17.tmp").write_text("half")
    assert facts_of(tmp_path) == before
    assert leftovers(tmp_path) == [".b.json.17.tmp"]


@pytest.mark.parametrize(
    ("code", "err", "wrong"),
    [
        (0, "", ""),
        (2, "audiogenre fit: the disk is full\n", ""),
        (2, "", "no sentence"),
        (1, "Traceback (most recent call last):\n", "a traceback"),
        (-11, "", "it ended with -11"),
        (120, "", "it ended with 120"),
    ],
)
def test_a_crash_is_what_does_not_end_in_a_sentence(code: int, err: str, wrong: str) -> None:
    assert crash(Ended(code, "", err, 0.1)) == wrong


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    def build(folder: Path) -> None:
        (folder / "file.txt").write_text("old\n")

    def command(folder: Path) -> list[str]:
        return ["torture.careless", str(folder / "file.txt")]

    careless = World("careless", tmp_path, command, build)
    careless.prepare()
    yield careless


@pytest.mark.slow
def test_a_file_that_is_written_in_place_is_found_half_written(world: World) -> None:
    tally = Tally()
    kills.kills(world, tally, 8, np.random.default_rng(0))
    assert tally.disturbed.total() > 0
    assert any("neither old nor new" in each["wrong"] for each in tally.findings)


@pytest.mark.slow
@pytest.mark.skipif(not STRACE, reason="needs strace")
def test_an_error_of_the_disk_that_is_a_traceback_is_found(world: World) -> None:
    tally = Tally()
    faults.faults(world, tally, 8, np.random.default_rng(0))
    assert {each["wrong"] for each in tally.findings} >= {"a traceback"}


@pytest.mark.slow
def test_a_file_that_cannot_grow_is_found_to_be_a_traceback(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disks, "_LEAST", 0)
    monkeypatch.setattr(disks, "_MOST", 3)
    tally = Tally()
    disks.limited_files(world, tally, 1, np.random.default_rng(0))
    assert tally.findings


def test_results_are_kept_with_those_of_other_parts(tmp_path: Path) -> None:
    for part, found in (("kills", 0), ("calls", 1)):
        tally = Tally()
        for _ in range(1200):
            tally.count("fit", "kill", hit=True)
        for _ in range(found):
            tally.find("fit", "kill", "after 1 s", "half written")
        report.write(tmp_path, part, tally, parser().parse_args(["--seed", "7"]))
    text = (tmp_path / "README.md").read_text()
    assert "| fit | kill | 1,200 | 1,200 | 0 |" in text and "seed 7" in text
    assert "| all | | 1,200 | 1,200 | 1 |" in text
    assert json.loads((tmp_path / "calls.json").read_text())["findings"][0]["wrong"]


def test_a_part_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["floods"]) == 2
    assert capsys.readouterr().err == (
        "there is no part 'floods': kills, calls, disk, others, serve\n"
    )
