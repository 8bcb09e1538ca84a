"""Which clips count, and that every number follows from what was answered about them."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile as sf
from conftest import SAMPLE_GENRES

from audiogenre.outside import protocol
from evaluate.conftest import N_EACH, SR, Evaluate, Main, answers


@pytest.mark.parametrize(
    ("known", "over"),
    [
        ([True, True], "artists"),
        ([True, False], "artists (known for 50% of the clips, each other one counts for itself)"),
        ([False, False], "clips (no artist is known)"),
    ],
)
def test_the_protocol_says_what_is_resampled(known: list[bool], over: str) -> None:
    said = protocol(pd.DataFrame({"artist_known": known}))
    assert said == f"outside test set, interval over {over}"


def test_every_number_follows_from_the_answers(
    evaluate: Evaluate, music: Path, tmp_path: Path
) -> None:
    code, found = evaluate(music)
    assert code == 0
    table = answers(tmp_path / "figures")
    right = table["label"] == table["clean_predicted"]
    clean = found["conditions"]["clean"]
    assert found["n"] == clean["n"] == len(table) == N_EACH * len(SAMPLE_GENRES)
    assert clean["accuracy"] == pytest.approx(right.mean())
    assert clean["unknown_share"] == pytest.approx(1 - table["clean_known"].mean())
    low, high = clean["interval"]
    assert 0 <= low <= clean["accuracy"] <= high <= 1
    assert low < high
    assert set(clean["per_label"]) == set(SAMPLE_GENRES)
    for genre, scores in clean["per_label"].items():
        assert scores["n"] == N_EACH
        assert scores["recall"] == pytest.approx(right[table["label"] == genre].mean())
    assert np.sum(clean["confusion"]) == found["n"]
    assert np.trace(clean["confusion"]) == right.sum()
    f1 = [each["f1"] for each in clean["per_label"].values()]
    assert clean["macro_f1"] == pytest.approx(np.mean(f1))
    assert (found["difference"], found["simulation"], found["failures"]) == (None, None, [])
    assert list(found["conditions"]) == ["clean"]


def test_a_model_that_is_good_is_found_to_be_good(evaluate: Evaluate, music: Path) -> None:
    _, found = evaluate(music, model="extracted-full")
    _, chance = evaluate(music, model="extracted-full-majority")
    assert found["conditions"]["clean"]["accuracy"] > 0.6
    assert chance["conditions"]["clean"]["accuracy"] == pytest.approx(1 / len(SAMPLE_GENRES))


def test_a_manifest_tells_labels_and_artists(evaluate: Evaluate, own: Path) -> None:
    with (own / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "genre", "artist"])
        for genre in SAMPLE_GENRES:
            for number in range(N_EACH):
                artist = "the same" if number else f"artist of {genre}"
                writer.writerow([f"{genre}/{number}.mp3", genre.upper(), artist])
    code, found = evaluate(own)
    assert code == 0
    assert found["n"] == N_EACH * len(SAMPLE_GENRES)
    assert found["n_groups"] == len(SAMPLE_GENRES) + 1
    assert found["artists_known"] == 1
    assert found["protocol"] == "outside test set, interval over artists"
    assert found["conditions"]["clean"]["protocol"] == found["protocol"]
    _, folders = evaluate(own, "--labels", "folder")
    assert folders["artists_known"] == 0
    assert folders["n_groups"] == folders["n"]
    assert folders["protocol"].endswith("interval over clips (no artist is known)")


def test_what_the_model_does_not_know_is_left_out_and_counted(
    evaluate: Evaluate, own: Path
) -> None:
    genre = SAMPLE_GENRES[0]
    (own / genre).rename(own / "Zouk")
    shutil.copy(own / "Zouk" / "0.mp3", own / "nowhere.mp3")
    code, found = evaluate(own)
    assert code == 0
    assert found["left_out"]["unknown_labels"] == {"zouk": N_EACH}
    assert found["left_out"]["unlabelled"] == 1
    clean = found["conditions"]["clean"]
    assert clean["n"] == N_EACH * (len(SAMPLE_GENRES) - 1)
    assert genre not in clean["per_label"]  # nor in the mean F1
    assert len(clean["confusion"]) == len(SAMPLE_GENRES)  # the model may answer it all the same


def test_damaged_files_are_listed_and_the_rest_goes_on(evaluate: Evaluate, own: Path) -> None:
    folder = own / SAMPLE_GENRES[0]
    whole = (folder / "0.mp3").read_bytes()
    (folder / "a-page.mp3").write_bytes(b"<html>404</html>")
    (folder / "b-half.mp3").write_bytes(whole[: len(whole) // 3])
    (folder / "c-empty.mp3").write_bytes(b"")
    sf.write(folder / "d-silent.wav", np.zeros(10 * SR), SR)
    code, found = evaluate(own)
    assert code == 1
    assert found["n"] == N_EACH * len(SAMPLE_GENRES)
    reasons = {Path(each["path"]).name: each["error"] for each in found["failures"]}
    assert set(reasons) == {"a-page.mp3", "b-half.mp3", "c-empty.mp3", "d-silent.wav"}
    assert reasons["a-page.mp3"].startswith("not audio")
    assert reasons["c-empty.mp3"].startswith("empty")
    assert reasons["d-silent.wav"].startswith("silent")


def test_a_song_counts_once_and_a_missing_file_is_a_failure(evaluate: Evaluate, own: Path) -> None:
    genre = SAMPLE_GENRES[0]
    shutil.copy(own / genre / "0.mp3", own / genre / "copy.mp3")
    rows = [{"file": f"{genre}/{each}.mp3", "genre": genre} for each in ("0", "copy", "gone")]
    pd.DataFrame(rows).to_csv(own / "manifest.csv", index=False)
    code, found = evaluate(own)
    assert (code, found["n"], found["left_out"]["duplicates"]) == (1, 1, 1)
    assert [each["error"].startswith("missing") for each in found["failures"]] == [True]


def test_every_file_that_is_missing_is_a_failure_of_its_own(evaluate: Evaluate, own: Path) -> None:
    genre = SAMPLE_GENRES[0]
    (own / genre / "half.mp3").write_bytes(b"<html>")
    files = ("0", "half", "gone", "lost")
    rows = [{"file": f"{genre}/{each}.mp3", "genre": genre} for each in files]
    pd.DataFrame(rows).to_csv(own / "manifest.csv", index=False)
    code, found = evaluate(own)
    assert (code, found["n"], len(found["failures"])) == (1, 1, 3)
    said = " ".join(each["error"] for each in found["failures"])
    assert f"{genre}/gone.mp3 is in" in said
    assert f"{genre}/lost.mp3 is in" in said


def test_music_that_the_catalogue_has_is_named(
    evaluate: Evaluate,
    run_main: Main,
    sample_data: Path,
    sample_models: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from audiogenre.catalog import Catalog

    with Catalog(sample_data / "catalog.db") as catalog:
        tracks, previews = catalog.known(), catalog.previews()
    tested = set(pd.read_parquet(sample_models / "extracted-full/predictions.parquet")["track_id"])
    for number, track_id in enumerate(sorted(tracks)[::10]):
        folder = tmp_path / "again" / tracks[track_id].labels[0].name
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(sample_data / previews[track_id].path, folder / f"{number}.mp3")
    where = ("--data", sample_data, "--models", sample_models, "--figures", tmp_path / "f")
    run = ("evaluate", "extracted-baseline", "--path", tmp_path / "again", *where, "--jobs", 1)
    assert run_main(*run, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    learned = [each for each in sorted(tracks)[::10] if each not in tested]
    assert 0 < len(learned) == found["in_catalogue"]
    assert run_main(*run) == 0
    assert f"{len(learned)} of the clips are in the catalogue" in capsys.readouterr().out
