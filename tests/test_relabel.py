"""A correction counts before every source's label; the first label stays where it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from audiogenre.catalog import Catalog, Preview
from audiogenre.dataset import load_dataset
from audiogenre.store import FeatureStore, write_part
from audiogenre.typing import Label, Track

Main = Callable[..., int]
LABELS = ("jazz", "pop", "rock")
N_ARTISTS = 6


def library() -> list[Track]:
    """Three labels of six artists with two songs each."""
    return [
        Track(
            id=f"test:{label}-{artist}-{song}",
            source="test",
            labels=(Label("genre", label, "folder"),),
            artist=f"{label.title()} Band {artist}",
            title=f"Song {song} of {label} {artist}",
        )
        for label in LABELS
        for artist in range(N_ARTISTS)
        for song in range(2)
    ]


class Desk:
    """A data folder with a small library, and the command at work on it."""

    def __init__(self, data: Path, main: Main, capsys: pytest.CaptureFixture[str]) -> None:
        self.data, self._main, self._capsys = data, main, capsys
        self.out = self.err = ""
        with Catalog(data / "catalog.db") as catalog, catalog.transaction():
            for each in library():
                catalog.add(each, Preview(f"raw/{each.id}.mp3", each.id, 1, 30.0, 1))
        ids = [each.id for each in library()]
        values = np.random.default_rng(0).normal(size=(len(ids), 2)).astype(np.float32)
        directory = FeatureStore(data / "features").directory("own")
        write_part(directory, ids, ids, ["a_x", "b_x"], values, {"name": "own"})

    def run(self, command: str, *arguments: object) -> int:
        self._capsys.readouterr()
        code = self._main(command, "--data", self.data, *arguments)
        self.out, self.err = self._capsys.readouterr()
        return code

    def result(self, *arguments: object) -> dict[str, Any]:
        assert self.run("relabel", "--json", *arguments) == 0, self.err
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found

    def y(self, **options: Any) -> dict[str, str]:
        with Catalog(self.data / "catalog.db") as catalog:
            options = {"features": "extracted", "set_name": "own"} | options
            dataset = load_dataset(catalog, FeatureStore(self.data / "features"), **options)
        return dict(zip(dataset.X.index, dataset.y.tolist(), strict=True))

    def labels(self, track_id: str) -> set[tuple[str, str]]:
        with Catalog(self.data / "catalog.db") as catalog:
            return {(each.name, each.provenance) for each in catalog.known()[track_id].labels}

    def add(self, *tracks: Track) -> None:
        with Catalog(self.data / "catalog.db") as catalog, catalog.transaction():
            for each in tracks:
                catalog.add(each, None)


@pytest.fixture
def desk(tmp_path: Path, run_main: Main, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path / "data", run_main, capsys)


POP = "test:pop-3-1"


def test_a_correction_counts_and_the_first_label_is_kept(desk: Desk) -> None:
    assert desk.y()[POP] == "pop"
    found = desk.result(POP, "rock", "--note", "guitars")
    assert found["changed"] == [{"track_id": POP, "before": "pop", "after": "rock"}]
    assert desk.labels(POP) == {("pop", "folder"), ("rock", "user")}
    assert desk.y()[POP] == "rock"
    assert sum(label == "rock" for label in desk.y().values()) == 13
    listed = desk.result()["corrections"]
    assert listed == [{"track_id": POP, "kind": "genre", "label": "rock", "note": "guitars"}]


def test_the_first_label_counts_no_more_where_only_it_is_asked_for(desk: Desk) -> None:
    desk.result(POP, "rock")
    assert POP not in desk.y(only=["pop", "jazz"])
    assert desk.y(only=["rock", "jazz"])[POP] == "rock"


def test_a_correction_outlives_its_source_saying_the_same_again(desk: Desk) -> None:
    desk.result(POP, "rock")
    desk.add(*library())
    assert desk.y()[POP] == "rock"
    changed = replace(library()[19], labels=(Label("genre", "jazz", "folder"),))
    assert changed.id == POP
    desk.add(changed)
    assert desk.y()[POP] == "rock"
    assert desk.labels(POP) == {("jazz", "folder"), ("rock", "user")}


def test_undo_lets_the_first_label_count_again(desk: Desk) -> None:
    desk.result(POP, "rock")
    found = desk.result(POP, "--undo")
    assert found["changed"] == [{"track_id": POP, "before": "rock", "after": "pop"}]
    assert desk.y()[POP] == "pop"
    assert desk.labels(POP) == {("pop", "folder")}
    assert desk.result(POP, "--undo") == {"kind": "genre", "changed": [], "unchanged": 1}


def test_a_second_correction_takes_the_place_of_the_first(desk: Desk) -> None:
    desk.result(POP, "rock")
    desk.result(POP, "jazz")
    assert desk.labels(POP) == {("pop", "folder"), ("jazz", "user")}
    assert desk.y()[POP] == "jazz"


def test_a_song_that_two_sources_list_is_corrected_by_either(desk: Desk) -> None:
    song = next(each for each in library() if each.id == POP)
    copy = replace(song, id="other:1", source="other", labels=(Label("genre", "pop", "chart"),))
    desk.add(copy)
    assert POP not in desk.y()  # the song goes by its first track
    desk.result(POP, "rock")
    assert desk.y()["other:1"] == "rock"
    assert "other:1" not in desk.y(only=["pop", "jazz"])
    desk.result("other:1", "jazz")  # the later one counts
    assert desk.y()["other:1"] == "jazz"
    desk.result(POP, "rock", "--note", "once more")
    assert desk.y()["other:1"] == "rock"


def test_moods_and_genres_are_corrected_apart(desk: Desk) -> None:
    desk.result(POP, "calm", "--kind", "mood")
    assert desk.y()[POP] == "pop"
    assert desk.labels(POP) == {("pop", "folder"), ("calm", "user")}
    desk.result(POP, "--undo")
    assert desk.labels(POP) == {("pop", "folder"), ("calm", "user")}
    desk.result(POP, "--undo", "--kind", "mood")
    assert desk.labels(POP) == {("pop", "folder")}


@pytest.mark.parametrize("said", [POP, "song 1 of POP 3", "Pop Band 3 Song 1", "raw/{}.mp3"])
def test_a_track_goes_by_id_by_part_of_its_name_and_by_file(desk: Desk, said: str) -> None:
    if said.startswith("raw"):
        said = str(desk.data / said.format(POP))
    assert desk.result(said, "rock")["changed"][0]["track_id"] == POP


def test_a_label_is_spelt_as_it_is_known(desk: Desk) -> None:
    assert desk.result(POP, " ROCK ")["changed"][0]["after"] == "rock"
    assert desk.result("test:pop-0-0", "Hip Hop")["changed"][0]["after"] == "hip-hop"
    assert desk.result("test:rock-0-0", "Rock")["changed"] == []
    assert desk.labels("test:rock-0-0") == {("rock", "folder")}


def test_a_new_label_is_remarked_on(desk: Desk) -> None:
    desk.run("relabel", POP, "rokc")
    assert "no other track has the genre 'rokc' yet; did you mean 'rock'?" in desk.err
    desk.run("relabel", POP, "jazz")
    assert desk.err == ""


def test_fit_learns_from_corrections_of_a_file(desk: Desk, tmp_path: Path) -> None:
    rows = [(f"test:pop-{artist}-{song}", "ska") for artist in range(3) for song in range(2)]
    rows.append(("test:rock-0-0", "rock"))  # as before
    pd.DataFrame(rows, columns=["track_id", "label"]).to_csv(tmp_path / "reviewed.csv")
    found = desk.result("--csv", tmp_path / "reviewed.csv")
    assert (len(found["changed"]), found["unchanged"]) == (6, 1)
    common = ("--set", "own", "--models", tmp_path / "models", "--model", "majority", "--jobs", 1)
    assert desk.run("fit", *common, "--json") == 0
    fitted = json.loads(desk.out)
    assert fitted["labels"] == ["jazz", "pop", "rock", "ska"]
    assert fitted["n_train"] + fitted["n_test"] == 36
    card = (tmp_path / "models" / fitted["name"] / "README.md").read_text()
    assert "6 songs go by a correction" in card


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nobody", "rock"], "no track has the id, the file, or the part .* 'nobody'"),
        (["", "rock"], "no track has the id"),
        (["pop 3", "rock"], "2 tracks fit 'pop 3', name one by its id: test:pop-3-0 "),
        ([POP], "what is 'test:pop-3-1'\\? Give a LABEL, or --undo"),
        ([POP, " "], "what is 'test:pop-3-1'\\?"),
        ([POP, "rock", "--undo"], "--undo takes a TRACK and no LABEL"),
        (["--undo"], "--undo takes a TRACK"),
        (["--note", "x"], "--note goes with a TRACK"),
        ([POP, "rock", "--csv", "x.csv"], "--csv stands alone"),
        (["--csv", "missing.csv"], "missing.csv cannot be read as CSV"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    desk: Desk, arguments: list[str], sentence: str
) -> None:
    import re

    before = desk.y()
    assert desk.run("relabel", *arguments) == 2
    assert re.search(sentence, desk.err)
    assert desk.err.count("\n") == 1
    assert desk.y() == before


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("track_id,genre\nx,rock\n", "has no column 'label'"),
        (f"track_id,label\n{POP},rock\nnobody,rock\n", "line 3: there is no track 'nobody'"),
        (f"track_id,label\n{POP},rock\n{POP}\n", "line 3: test:pop-3-1 has no label"),
        ("", "has no column 'label'"),
        (b"track_id,label\n\xff\xfe\xff,rock\n", "cannot be read as CSV"),
    ],
)
def test_a_file_with_a_bad_row_changes_nothing(
    desk: Desk, tmp_path: Path, text: str | bytes, sentence: str
) -> None:
    path = tmp_path / "reviewed.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert desk.run("relabel", "--csv", path) == 2
    assert sentence in desk.err
    assert desk.labels(POP) == {("pop", "folder")}


def test_there_must_be_a_catalogue(
    tmp_path: Path, run_main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main("relabel", POP, "rock", "--data", tmp_path) == 2
    assert "there is no catalogue" in capsys.readouterr().err
    assert not (tmp_path / "catalog.db").exists()
