"""The targets of the fuzzer take their own seeds, whole and damaged; what it finds is told."""

from __future__ import annotations

import json
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from audiogenre.errors import AudiogenreError
from pipelines.fuzz import __main__ as fuzz
from pipelines.fuzz import lives, results
from pipelines.fuzz.targets import MODULES, find

HERE = [name for name, module in MODULES.items() if module != "models"]


def damaged(seed: bytes) -> Iterator[bytes]:
    """Give a seed whole, cut and with other bytes in it."""
    yield seed
    for share in (4, 2):
        yield seed[: len(seed) // share]
    for place in range(0, len(seed), max(1, len(seed) // 20)):
        yield seed[:place] + bytes([seed[place] ^ 0xFF]) + seed[place + 1 :]


@pytest.mark.parametrize("name", HERE)
def test_a_target_answers_or_refuses(name: str, tmp_path: Path) -> None:
    pytest.importorskip("fastapi")
    target = find(name)
    call = target.prepare(tmp_path)
    accepted = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a strange input may be warned of
        for seed in target.seeds():
            for data in damaged(seed):
                assert len(data) <= target.longest
                try:
                    call(data)
                    accepted += 1
                except AudiogenreError:
                    continue
    assert accepted > 0


def test_hostile_models_are_refused_or_answer(tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    target = find("bundle")
    call = target.prepare(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in target.seeds():
            try:
                call(seed)
            except AudiogenreError as error:
                assert str(error)


def test_an_unknown_target_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz.main(["nothing"]) == 2
    assert "there is no target 'nothing': genres" in capsys.readouterr().err


def test_without_atheris_it_says_how_to_install_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fuzz, "find_spec", lambda name: None)
    assert fuzz.main(["names", "--models", str(tmp_path)]) == 2
    assert "pip install 'audiogenre[fuzz]'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_short_run_of_several_processes_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("fastapi")
    pytest.importorskip("atheris")
    monkeypatch.chdir(Path(__file__).resolve().parent.parent)
    monkeypatch.setattr(lives, "_LIFE", 150)
    options = ["--runs", "300", "--models", str(tmp_path), "--corpus", str(tmp_path / "corpus")]
    assert fuzz.main(["corrections", *options]) == 0, capsys.readouterr()
    record = json.loads((tmp_path / "fuzz" / "corrections.json").read_text())
    assert record["finding"] is None
    assert 300 <= record["executions"] <= 301
    assert record["corpus"] == sum(1 for _ in (tmp_path / "corpus" / "corrections").iterdir()) > 1
    assert "corrections" in (tmp_path / "fuzz" / "README.md").read_text()


@pytest.mark.parametrize(("again", "found"), [(0, False), (77, True)])
def test_an_input_that_is_slow_but_once_is_no_finding(
    again: int, found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "x-timeout-1"
    slow.write_bytes(b"1")
    timeout = f"Test unit written to {slow}\n==1== ERROR: libFuzzer: timeout after 8 seconds\n"
    ends = [(70, timeout + "stat::number_of_executed_units: 60\n"), (again, "")]
    ends += [(0, "stat::number_of_executed_units: 40\n")]
    asked = []

    def process(self: lives.Fuzzing, *options: object) -> subprocess.CompletedProcess[str]:
        asked.append(options)
        code, said = ends[len(asked) - 1]
        return subprocess.CompletedProcess([], code, "", said)

    monkeypatch.setattr(lives.Fuzzing, "_process", process)
    record = lives.Fuzzing("names", tmp_path, tmp_path, tmp_path).run(100, None)
    assert asked[1] == (tmp_path, str(slow))
    assert (record["finding"] is not None, slow.exists()) == (found, found)
    assert (record["executions"], record["slow_moments"]) == ((60, 0) if found else (100, 1))


def test_a_finding_is_told_with_its_lines() -> None:
    said = "#12 NEW cov: 3\nKeyError: 'x'\n  File \"a.py\", line 3, in one\nINFO: rest\n"
    assert results.excerpt(said, 77) == "KeyError: 'x'\nFile \"a.py\", line 3, in one"
    assert results.excerpt("", -11) == "the process ended with -11: "
    record = {"executions": 5, "seconds": 1.0, "peak_memory_mb": 1, "corpus": 1, "finding": "x"}
    assert "FOUND" in results.line("decode", record)
