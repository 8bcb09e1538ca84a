"""`predict --write-tags` and `--undo-tags` as a person meets them, and `download` after them."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from audiogenre import tagging
from audiogenre.sources.folder import FolderSource
from audiogenre.typing import Track
from tagging.clips import Main, hashes_of, tag, values_of, write_clip


def test_predict_writes_what_it_answers_and_goes_on_where_it_cannot(
    predict: Any, run_main: Main, library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read_only = library / "0.mp3"
    read_only.chmod(0o444)
    before = hashes_of(library)
    code, dry = predict(library, "--write-tags", "--dry-run")
    assert code == 1
    assert hashes_of(library) == before
    code, found = predict(library, "--write-tags")
    assert code == 1
    assert found == dry
    known = 0
    for each in found["predictions"]:
        path, tagged = Path(each["path"]), each["tagging"]
        if each["error"] or not each["known"]:
            assert tagged is None
        elif path.suffix == ".wav":
            assert "not into .wav" in tagged["error"]
        elif path == read_only:
            assert tagged["error"] == "the file is read-only"
        else:
            known += 1
            assert tagged == {
                "tag": "genre",
                "before": [],
                "after": [each["label"]],
                "changed": True,
                "error": None,
            }
            assert values_of(path, "GENRE") == [each["label"]]
            continue
        assert hashes_of(library)[path.name] == before[path.name]
    unknown = [each for each in found["predictions"] if each["known"] is False]
    assert known > 3
    assert [Path(each["path"]).name for each in unknown if "noise" in each["path"]] == ["noise.ogg"]

    assert run_main("predict", "--undo-tags", library, "--json") == 1
    undone = {
        Path(each["path"]).name: each for each in json.loads(capsys.readouterr().out)["files"]
    }
    assert sum(bool(each["changes"]) for each in undone.values()) == known
    assert "cannot be read" in undone["web.mp3"]["error"]
    assert all(not values_of(each, "GENRE") for each in library.glob("*.flac"))
    after = hashes_of(library)
    assert all(after[each] == before[each] for each in after if each.endswith(".mp3"))


def test_predict_says_what_it_does_to_tags(
    run_main: Main, sample_models: Path, library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for each in library.iterdir():
        if each.suffix in (".wav", ".ogg") or each.name == "web.mp3":
            each.unlink()
        else:
            tag(each, ["\x1b[2JOld"], [])
    own = ("extracted-full", library, "--models", sample_models, "--jobs", 1, "--write-tags")
    assert run_main("predict", *own, "--dry-run") == 0
    out, err = capsys.readouterr()
    assert "\x1b" not in out
    assert out.count("  genre: \N{REPLACEMENT CHARACTER}[2JOld -> ") > 3
    assert err == "nothing was written (--dry-run)\n"
    assert run_main("predict", *own, "--csv", "--dry-run") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    for row in rows:
        assert (row["tagging"] == "") == (row["known"] == "False")
        assert row["known"] == "False" or row["tagging"].endswith(f"Old -> {row['label']}")
    assert run_main("predict", *own) == 0
    capsys.readouterr()
    assert run_main("predict", "--undo-tags", library, "--dry-run") == 0
    out, err = capsys.readouterr()
    assert out.count(" -> \N{REPLACEMENT CHARACTER}[2JOld\n") > 3
    assert err == "nothing was written (--dry-run)\n"
    assert run_main("predict", library / "0.mp3", "--undo-tags") == 0
    assert run_main("predict", library / "0.mp3", "--undo-tags") == 0
    assert "no earlier tag is kept here" in capsys.readouterr().out


def test_a_model_of_moods_writes_the_mood(
    predict: Any, sample_models: Path, library: Path, tmp_path: Path
) -> None:
    model = Path(shutil.copytree(sample_models / "extracted-full", tmp_path / "moods"))
    metadata = json.loads((model / "metadata.json").read_text(encoding="utf-8"))
    (model / "metadata.json").write_text(json.dumps(metadata | {"label_kind": "mood"}))
    clips = sorted(library.glob("*.mp3"))[:-1]
    for each in clips:
        tag(each, ["Rock"], [])
    code, found = predict(*clips, "--write-tags", model=model)
    assert code == 0
    known = [each for each in found["predictions"] if each["known"]]
    assert known
    for each in known:
        assert each["tagging"]["tag"] == "mood"
        assert values_of(Path(each["path"]), "MOOD") == [each["label"]]
        assert values_of(Path(each["path"]), "GENRE") == ["Rock"]


def test_a_model_does_not_learn_from_tags_that_a_model_wrote(tmp_path: Path) -> None:
    told, untold = write_clip(tmp_path / "told.mp3"), write_clip(tmp_path / "untold.flac")
    tag(told, ["Rock", "Surf"], [])
    for each in (told, untold):
        tagging.write(each, "genre", ["jazz"])
    found = {
        each.path: [label.name for label in each.labels]
        for each in FolderSource(tmp_path, labels="tags").tracks()
        if isinstance(each, Track)
    }
    assert found == {told: ["rock", "surf"], untold: []}
