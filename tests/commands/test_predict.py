"""``predict`` as a person or a script meets it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

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
