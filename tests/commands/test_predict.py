"""``predict`` as a person or a script meets it."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from conftest import environment

from commands.conftest import GENRES, Main, Read


@pytest.fixture(scope="module")
def music(mp3_bytes: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder: two good clips, one of them below, a bad one, and what is no audio."""
    folder = tmp_path_factory.mktemp("music")
    (folder / "b.mp3").write_bytes(mp3_bytes)
    (folder / "below").mkdir()
    (folder / "below" / "a.MP3").write_bytes(mp3_bytes)
    (folder / "broken.mp3").write_bytes(b"<html>404</html>")
    (folder / "notes.txt").write_text("not music")
    return folder


def test_predict_answers_every_file_and_exits_1_where_one_is_bad(
    main: Main, result: Read, music: Path
) -> None:
    files = [music / "b.mp3", music / "broken.mp3", music / "below" / "a.MP3"]
    assert main("predict", "extracted-full", *files, "--json") == 1
    first, bad, second = result()["predictions"]
    assert [each["path"] for each in (first, bad, second)] == [str(each) for each in files]
    for each in (first, bad, second):
        assert set(each) >= {"path", "label", "known", "probability", "probabilities", "error"}
    assert first["error"] is second["error"] is None
    assert first["label"] in {*GENRES, "unknown"}
    assert isinstance(first["known"], bool)
    assert list(first["probabilities"]) == GENRES
    assert sum(first["probabilities"].values()) == pytest.approx(1)
    assert first["probability"] == max(first["probabilities"].values())
    assert "web page" in bad["error"]
    assert bad["label"] is bad["known"] is bad["probability"] is None
    assert {**first, "path": ""} == {**second, "path": ""}


def test_predict_exits_0_where_all_are_good(main: Main, result: Read, music: Path) -> None:
    assert main("predict", "extracted-baseline", music / "b.mp3", "--json") == 0
    assert len(result()["predictions"]) == 1


def test_predict_takes_a_folder_a_pattern_and_files_each_once(
    main: Main, result: Read, music: Path
) -> None:
    everything = [str(music / each) for each in ("b.mp3", "below/a.MP3", "broken.mp3")]
    assert main("predict", "extracted-baseline", music, "--json") == 1
    assert [each["path"] for each in result()["predictions"]] == everything
    assert main("predict", "extracted-baseline", music / "b*.mp3", music, "--json") == 1
    assert sorted(each["path"] for each in result()["predictions"]) == everything
    assert main("predict", "extracted-baseline", music / "**" / "a.*", "--json") == 0
    assert [each["path"] for each in result()["predictions"]] == everything[1:2]


def test_predict_takes_a_file_whose_name_looks_like_a_pattern(
    main: Main, result: Read, mp3_bytes: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "song [live].mp3"
    path.write_bytes(mp3_bytes)
    assert main("predict", "extracted-baseline", path, "--json") == 0
    assert result()["predictions"][0]["path"] == str(path)


def test_predict_timeline_has_a_row_for_every_five_seconds(
    main: Main, result: Read, music: Path, tmp_path: Path
) -> None:
    short = tmp_path / "short.wav"
    sf.write(short, 0.1 * np.random.default_rng(0).standard_normal(22_050 * 12), 22_050)
    own = ("--timeline", "--json")
    assert main("predict", "extracted-full", music / "b.mp3", short, *own) == 0
    whole, cut = result()["predictions"]
    assert [each["start"] for each in whole["timeline"]] == [0, 5, 10, 15, 20, 25]
    assert [each["start"] for each in cut["timeline"]] == [0, 5]  # two seconds are too short
    for each in whole["timeline"]:
        assert sum(each["probabilities"].values()) == pytest.approx(1)
        assert each["label"] in {*GENRES, "unknown"}


def test_predict_csv_parses(main: Main, capsys: pytest.CaptureFixture[str], music: Path) -> None:
    assert main("predict", "extracted-full", music, "--csv", "--timeline") == 1
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 2 * 7 + 1
    assert {row["path"] for row in rows} == {
        str(music / each) for each in ("b.mp3", "below/a.MP3", "broken.mp3")
    }
    whole = [row for row in rows if not row["start"] and not row["error"]]
    assert len(whole) == 2
    for row in rows:
        if not row["error"]:
            assert sum(float(row[genre]) for genre in GENRES) == pytest.approx(1)
    (bad,) = [row for row in rows if row["error"]]
    assert bad["label"] == bad["probability"] == bad[GENRES[0]] == ""


def test_predict_shows_so_many_labels_as_asked_for(
    main: Main, capsys: pytest.CaptureFixture[str], music: Path
) -> None:
    for top in (1, 2, 4):
        assert main("predict", "extracted-full", music / "b.mp3", "--top", top) == 0
        assert capsys.readouterr().out.count(" %") == top


def test_predict_lets_no_file_name_drive_the_terminal(
    main: Main, capsys: pytest.CaptureFixture[str], mp3_bytes: bytes, tmp_path: Path
) -> None:
    (tmp_path / "a\x1b[2Jb.mp3").write_bytes(mp3_bytes)
    assert main("predict", "extracted-baseline", tmp_path) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_predict_takes_a_model_by_its_folder(
    main: Main, result: Read, music: Path, sample_models: Path, tmp_path: Path
) -> None:
    model = sample_models / "extracted-baseline"
    assert main("predict", model, music / "b.mp3", "--models", tmp_path, "--json") == 0
    assert result()["model"] == "extracted-baseline"


def test_predict_passes_over_a_pipe_that_nobody_writes_to(
    main: Main, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "a.mp3")
    for path in (tmp_path, tmp_path / "a.mp3"):
        assert main("predict", "extracted-baseline", path) == 2
        assert main("predict", "--undo-tags", path) == 2
        assert capsys.readouterr().err.count("there is no audio at") == 2


def test_predict_takes_a_file_whose_name_begins_like_a_home(
    main: Main, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(music / "b.mp3", tmp_path / "~song.mp3")
    monkeypatch.chdir(tmp_path)
    # There are never more processes than files.
    assert main("predict", "extracted-baseline", "~song.mp3", "--jobs", 100_000) == 0


def test_predict_prints_a_name_that_its_output_cannot(
    run_command: Callable[..., subprocess.CompletedProcess[str]],
    sample_models: Path,
    music: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copy(music / "b.mp3", tmp_path / os.fsdecode(b"caf\xe9 \xc3\xbc.mp3"))
    monkeypatch.setenv("PYTHONIOENCODING", "ascii:strict")
    own = ("extracted-baseline", tmp_path, "--models", sample_models)
    lists = ("--m3u", tmp_path / "lists")
    done = run_command("predict", *own, "--csv", *lists)
    (row,) = csv.DictReader(io.StringIO(done.stdout))
    assert row["path"] == rf"{tmp_path}/caf\udce9 \xfc.mp3"
    assert row["error"] == ""
    assert "left out of the playlists" in done.stderr
    assert done.returncode == 1


def test_predict_works_with_a_closed_stdout(sample_models: Path, music: Path) -> None:
    command = f"{sys.executable} -m audiogenre.predict extracted-baseline {music}/b.mp3 --csv"
    done = subprocess.run(
        ["sh", "-c", f"exec {command} --models {sample_models} >&-"],
        env=environment(),
        stderr=subprocess.PIPE,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
