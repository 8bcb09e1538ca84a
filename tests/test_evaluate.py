"""A model judged by music from elsewhere: the real command on clips of artists it never heard."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile as sf
from conftest import SAMPLE_GENRES

from audiogenre.outside import file_hash, protocol
from audiogenre.sources.synth import render

SR = 22_050
N_EACH = 3
Main = Callable[..., int]
Evaluate = Callable[..., tuple[int, dict[str, Any]]]
needs_extra = pytest.mark.skipif(
    find_spec("audiomentations") is None or find_spec("fast_mp3_augment") is None,
    reason="the extra 'augment' (audiomentations, fast-mp3-augment) is not installed",
)


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each of the sample's genres, with clips of other artists: read only."""
    folder = tmp_path_factory.mktemp("elsewhere") / "music"
    for genre in SAMPLE_GENRES:
        (folder / genre).mkdir(parents=True)
        for number in range(N_EACH):
            y = render(genre, artist=number, track=0, seed=9, seconds=10)
            sf.write(folder / genre / f"{number}.mp3", y, SR)
    return folder


@pytest.fixture
def own(music: Path, tmp_path: Path) -> Path:
    """A copy of the folder, to be changed."""
    return Path(shutil.copytree(music, tmp_path / "own"))


@pytest.fixture
def evaluate(
    run_main: Main, sample_models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Evaluate:
    """Run the command with ``--json``, far from any catalogue; return exit code and result."""

    def run(path: Path, *arguments: object, model: str = "extracted-baseline") -> tuple[int, Any]:
        capsys.readouterr()
        where: tuple[object, ...] = ("--models", sample_models, "--data", tmp_path / "no-data")
        where += () if "--figures" in arguments else ("--figures", tmp_path / "figures")
        code = run_main(
            "evaluate", model, "--path", path, *arguments, *where, "--jobs", 1, "--json"
        )
        out = capsys.readouterr().out
        return code, json.loads(out, parse_constant=pytest.fail) if out else {}

    return run


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


def answers(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "answers.csv")


# ---------------------------------------------------------------- as it is


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


def test_damaged_test_predictions_are_told_before_anything_is_heard(
    run_main: Main,
    sample_data: Path,
    sample_models: Path,
    own: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    models = Path(shutil.copytree(sample_models, tmp_path / "models"))
    (models / "extracted-baseline" / "predictions.parquet").write_bytes(b"not a table")
    for each in own.glob("*/*.mp3"):
        each.write_bytes(b"<html>")  # who listens first finds nothing that can be read
    where = ("--data", sample_data, "--models", models, "--jobs", 1)
    assert run_main("evaluate", "extracted-baseline", "--path", own, *where) == 2
    captured = capsys.readouterr()
    assert "the test predictions of" in captured.err
    assert captured.err.count("\n") == 1


# ---------------------------------------------------------------- what is written


def test_figures_go_below_the_model_unless_told_otherwise(
    run_main: Main, music: Path, sample_models: Path, tmp_path: Path
) -> None:
    models = shutil.copytree(sample_models, tmp_path / "models")
    where = ("--models", models, "--data", tmp_path / "no-data", "--jobs", 1, "-q")
    assert run_main("evaluate", "extracted-baseline", "--path", music, *where) == 0
    folder = models / "extracted-baseline" / "evaluations" / "music"
    assert {each.name for each in folder.iterdir()} == {
        "answers.csv",
        "confusion.png",
        "evaluation.json",
    }
    written = json.loads((folder / "evaluation.json").read_text())
    assert written["n"] == N_EACH * len(SAMPLE_GENRES)
    assert not (tmp_path / "no-data").exists()


def test_it_reads_like_a_report(
    run_main: Main,
    own: Path,
    sample_models: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    genres = [each for each in SAMPLE_GENRES for _ in range(N_EACH)]
    files = [f"{each}/{i % N_EACH}.mp3" for i, each in enumerate(genres)]
    files += [f"{SAMPLE_GENRES[0]}/a\x1b[31m.mp3", "gone\x1b[2J.mp3"]
    (own / files[-2]).write_bytes(b"<html>")
    table = pd.DataFrame({"file": files, "genre": [*genres, *genres[:2]]})
    table.to_csv(own / "manifest.csv", index=False)
    where = ("--models", sample_models, "--data", tmp_path, "--figures", tmp_path / "f")
    assert run_main("evaluate", "extracted-baseline", "--path", own, *where, "--jobs", 1) == 1
    out = capsys.readouterr().out
    assert "as it is: " in out
    assert "95 % interval" in out
    assert "n = 12 tracks; outside test set, interval over clips (no artist is known))" in out
    assert "not audio" in out
    assert ".mp3 is in manifest.csv and not there" in out
    assert "\x1b" not in out
    assert all(genre in out for genre in SAMPLE_GENRES)


# ---------------------------------------------------------------- by phone


@pytest.fixture(scope="module")
def by_phone(
    run_main: Main,
    music: Path,
    sample_models: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Path, dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("by-phone")
    where = ("--models", sample_models, "--data", folder / "no-data", "--figures", folder)
    run = ("evaluate", "extracted-baseline", "--path", music, "--phone", *where, "--jobs", 1, "-q")
    assert run_main(*run) == 0
    yield folder, json.loads((folder / "evaluation.json").read_text())


@needs_extra
def test_both_conditions_are_side_by_side_on_the_same_clips(
    by_phone: tuple[Path, dict[str, Any]],
) -> None:
    folder, found = by_phone
    table = answers(folder)
    assert list(found["conditions"]) == ["clean", "phone"]
    right = {name: table[f"{name}_predicted"] == table["label"] for name in ("clean", "phone")}
    for name, each in found["conditions"].items():
        assert each["n"] == len(table)
        assert each["accuracy"] == pytest.approx(right[name].mean())
    difference = found["difference"]
    assert difference["difference"] == pytest.approx(right["phone"].mean() - right["clean"].mean())
    assert difference["only_first"] == (right["phone"] & ~right["clean"]).sum()
    assert not table["clean_probability"].equals(table["phone_probability"])


@needs_extra
def test_the_simulation_is_stated(by_phone: tuple[Path, dict[str, Any]]) -> None:
    stated = by_phone[1]["simulation"]
    assert stated["snr_db"] == "10 to 30"
    assert {"bass_hz", "decay_s", "distance_m", "rate_kbps", "version"} <= set(stated)


@needs_extra
def test_recordings_are_the_same_every_time_and_in_every_order(
    by_phone: tuple[Path, dict[str, Any]], evaluate: Evaluate, own: Path, tmp_path: Path
) -> None:
    before = answers(by_phone[0])
    genre = SAMPLE_GENRES[0]
    (own / genre / "0.mp3").rename(own / genre / "z.mp3")  # another name, another place
    code, _ = evaluate(own, "--phone")
    assert code == 0
    after = answers(tmp_path / "figures")
    columns = ["sha256", "clean_probability", "phone_probability"]
    first, second = (each[columns].sort_values("sha256") for each in (before, after))
    np.testing.assert_allclose(first.iloc[:, 1:], second.iloc[:, 1:], rtol=1e-9)
    assert list(first["sha256"]) == list(second["sha256"])
    assert file_hash(own / genre / "z.mp3") in set(after["sha256"])


# ---------------------------------------------------------------- wrong usage


def test_nothing_to_judge_by_is_one_sentence(
    run_main: Main,
    own: Path,
    sample_models: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refused(path: Path, model: str = "extracted-baseline") -> str:
        where = ("--models", sample_models, "--data", tmp_path / "no-data", "--jobs", 1)
        assert run_main("evaluate", model, "--path", path, *where) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1
        return captured.err

    assert "is not a folder" in refused(tmp_path / "nowhere")
    assert "there is no model" in refused(own, "nothing")
    strange = tmp_path / "strange"
    (strange / "polka").mkdir(parents=True)
    shutil.copy(own / SAMPLE_GENRES[0] / "0.mp3", strange / "polka")
    assert "knows (iron stomp" in refused(strange)
    assert "there are polka" in refused(strange)
    broken = tmp_path / "broken" / SAMPLE_GENRES[0]
    broken.mkdir(parents=True)
    (broken / "a.mp3").write_bytes(b"<html>")
    assert "none of the 1 clips can be read" in refused(broken.parent)


def test_a_model_of_several_labels_is_refused(
    run_main: Main,
    own: Path,
    sample_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    models = ("--models", tmp_path / "models")
    given = ("--multilabel", "--model", "majority", "--set", "baseline", "--name", "several")
    assert run_main("fit", *given, "--data", sample_data, *models, "-q") == 0
    capsys.readouterr()
    assert run_main("evaluate", "several", "--path", own, *models) == 2
    captured = capsys.readouterr()
    assert "evaluate judges one label a clip" in captured.err
    assert captured.err.count("\n") == 1
