"""Wrong usage of every command, help, and the program that passes on to them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, run_main

from audiogenre.__main__ import COMMANDS
from audiogenre.__main__ import main as program
from commands.conftest import Main

WRONG: dict[str, tuple[object, ...]] = {
    "fit: unknown features": ("fit", "--features", "musicnn"),
    "fit: unknown model": ("fit", "--model", "oracle"),
    "fit: unknown set": ("fit", "--set", "nothing"),
    "fit: unknown label": ("fit", "--only", "polka,rock"),
    "fit: one label": ("fit", "--only", "neon relay"),
    "fit: no moods": ("fit", "--label", "mood"),
    "fit: no spotify": ("fit", "--features", "spotify"),
    "fit: tolerance": ("fit", "--tolerance", "5"),
    "fit: tolerance no number": ("fit", "--tolerance", "much"),
    "fit: tolerance nan": ("fit", "--tolerance", "nan"),
    "fit: per label": ("fit", "--per-label", "0"),
    "fit: jobs": ("fit", "--jobs", "-1"),
    "fit: seed": ("fit", "--model", "majority", "--seed", "-1"),
    "fit: name with a slash": ("fit", "--name", "../elsewhere"),
    "fit: empty name": ("fit", "--name", " "),
    "fit: hidden name": ("fit", "--name", ".hidden"),
    "fit: stray": ("fit", "extracted"),
    "compare: one": ("compare", "extracted-full"),
    "compare: twice the same": ("compare", "extracted-full", "extracted-full"),
    "compare: missing": ("compare", "extracted-full", "nothing"),
    "compare: none": ("compare",),
    "evaluate: no path": ("evaluate", "extracted-full"),
    "evaluate: no folder": ("evaluate", "extracted-full", "--path", "/nowhere"),
    "evaluate: no model": ("evaluate", "nothing", "--path", "."),
    "fit: unknown augmentation": ("fit", "--augment", "radio"),
    "predict: no path": ("predict", "extracted-full"),
    "predict: no audio": ("predict", "extracted-full", "/nowhere/*.mp3"),
    "predict: missing file": ("predict", "extracted-full", "/nowhere/a.mp3"),
    "predict: no model": ("predict", "nothing", __file__),
    "predict: csv and json": ("predict", "extracted-full", __file__, "--csv", "--json"),
    "predict: top": ("predict", "extracted-full", __file__, "--top", "0"),
    "status: stray": ("status", "everything"),
    "status: abbreviated": ("status", "--js"),
    "download: source": ("download", "--source", "napster", "--dry-run"),
    "extract: set": ("extract", "--set", "nothing"),
    "extract: one of two sets": ("extract", "--set", "full+nothing"),
    "predict: nothing named": ("predict", "extracted-full", ""),
    "predict: nobody's folder": ("predict", "extracted-full", "~nobody-of-that-name/a.mp3"),
    "predict: long name": ("predict", "extracted-full", "a" * 5_000),
    "predict: long model": ("predict", "a" * 5_000, __file__),
    "predict: dry run of nothing": ("predict", "extracted-full", __file__, "--dry-run"),
    "predict: lists in a file": ("predict", "extracted-full", __file__, "--m3u", __file__),
    "predict: undo nothing": ("predict", "--undo-tags"),
    "predict: undo with a model": ("predict", "--undo-tags", "extracted-full", __file__),
    "predict: undo and write": ("predict", "--undo-tags", "--write-tags", __file__),
    "predict: tags": ("predict", "extracted-full", __file__, "--tags", "0"),
    "predict: no tags": ("predict", "extracted-full", __file__, "--tags", "3"),
}


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG)
def test_wrong_usage_is_exit_2_with_one_sentence(
    main: Main,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: tuple[object, ...],
) -> None:
    command, *rest = arguments
    if command == "fit":
        rest += ["--models", tmp_path / "models"]
    assert main(str(command), *rest) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"audiogenre {command}: ")
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    assert not (tmp_path / "models").exists()


def test_an_unknown_command_is_named_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert program(["train"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("audiogenre: there is no command 'train'; the commands are ")
    assert all(name in captured.err for name in COMMANDS)


def test_the_program_passes_on_to_its_commands(
    capsys: pytest.CaptureFixture[str], sample_data: Path
) -> None:
    assert program(["status", "--data", str(sample_data), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sources"][0]["tracks"] == 60


def test_the_program_without_a_command_shows_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert program([]) == 2
    out = capsys.readouterr().out
    assert all(f"  {name}" in out for name in COMMANDS)
    assert program(["--version"]) == 0
    assert capsys.readouterr().out.startswith("audiogenre ")


_HELP = """
import sys
from audiogenre.__main__ import main
try:
    code = main(sys.argv[1:])
except SystemExit as error:
    code = error.code
heavy = {"numpy", "pandas", "sklearn", "librosa", "scipy", "matplotlib", "pyarrow", "skops"}
print("imported:", sorted(heavy & set(sys.modules)), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_imports_nothing_heavy(command: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _HELP, *filter(None, [command]), "--help"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert done.stderr.splitlines()[-1] == "imported: []"
    assert done.stdout.startswith(f"usage: audiogenre {command}".rstrip())
    assert "example" in done.stdout


def test_commands_run_as_modules_and_print_json_alone(
    run_command: Callable[..., subprocess.CompletedProcess[str]], sample_data: Path
) -> None:
    done = run_command("status", "--data", sample_data, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["sources"][0]["source"] == "sample"
    assert done.stderr == ""


@pytest.mark.parametrize("form", [(), ("--json",)], ids=str)
def test_a_full_disk_behind_stdout_is_one_sentence(
    run_command: Callable[..., subprocess.CompletedProcess[str]],
    sample_data: Path,
    form: tuple[str, ...],
) -> None:
    with Path("/dev/full").open("w") as full:
        done = run_command("status", "--data", sample_data, *form, stdout=full)
    assert done.returncode == 2
    assert done.stderr == "audiogenre status: No space left on device\n"


def test_an_error_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_main("predict", "mo\x1b[2Jdel\nfake: all is well", __file__) == 2
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert said.count("\n") == 1
