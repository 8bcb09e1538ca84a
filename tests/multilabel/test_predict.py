"""``predict`` with a model of several labels: every label from its threshold on."""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from audiogenre.bundles import load_bundle
from audiogenre.catalog import Catalog
from audiogenre.sources.folder import read_tags
from audiogenre.store import FeatureStore
from audiogenre.typing import Label
from multilabel.data import Main


@pytest.fixture(scope="module")
def heard(
    run_main: Main, sample_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Path]]:
    """A folder with a model of the sample, whose clips are also swift or slow, and four clips."""
    folder = tmp_path_factory.mktemp("heard")
    data = Path(shutil.copytree(sample_data, folder / "data"))
    with Catalog(data / "catalog.db") as catalog, catalog.transaction():
        for each in catalog.known().values():
            swift = each.labels[0].name in ("iron stomp", "neon relay")
            more = Label("genre", "swift" if swift else "slow", "test")
            catalog.add(replace(each, labels=(*each.labels, more)), catalog.previews()[each.id])
        paths = [data / each.path for each in catalog.previews().values()][::15]
    where = ("--data", data, "--models", folder / "models")
    own = ("--multilabel", "--set", "baseline", "--model", "linear", "--name", "heard")
    assert run_main("fit", *own, *where, "--jobs", 1, "-q") == 0
    return folder, paths


def test_predict_gives_every_label_from_its_threshold_on(
    run_main: Main, heard: tuple[Path, list[Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, paths = heard
    (folder / "bad.mp3").write_bytes(b"<html>404</html>")
    where = ("--models", folder / "models", "--jobs", 1)
    assert run_main("predict", "heard", *paths, folder / "bad.mp3", *where, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    *good, bad = found["predictions"]
    assert (bad["label"], bad["labels"]) == (None, [])
    assert any(len(each["labels"]) == 2 for each in good)
    for each in good:
        over = [x for x, p in each["probabilities"].items() if p >= found["thresholds"][x]]
        assert each["labels"] == (over if each["known"] else [])
        assert each["label"] == ("; ".join(over) or "none" if each["known"] else "unknown")
        assert each["probability"] == max(each["probabilities"].values())


def test_predict_says_the_same_as_text_and_csv(
    run_main: Main, heard: tuple[Path, list[Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, paths = heard
    where = ("--models", folder / "models", "--jobs", 1)
    assert run_main("predict", "heard", *paths, *where, "--json") == 0
    found = json.loads(capsys.readouterr().out)["predictions"]
    assert run_main("predict", "heard", *paths, *where, "--csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["label"] for row in rows] == [each["label"] for each in found]
    assert [float(row["swift"]) for row in rows] == [
        each["probabilities"]["swift"] for each in found
    ]
    assert run_main("predict", "heard", *paths, *where, "--top", 1) == 0
    short = capsys.readouterr().out.splitlines()
    assert run_main("predict", "heard", *paths, *where, "--top", 6) == 0
    for line, all_six, each in zip(short, capsys.readouterr().out.splitlines(), found, strict=True):
        assert all_six.count("%") == 6
        if each["known"] and each["labels"]:
            assert line.count("%") == len(each["labels"])
            assert all(label in line for label in each["labels"])


def test_predict_writes_every_answered_label(
    run_main: Main,
    heard: tuple[Path, list[Path]],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    folder, paths = heard
    songs = [Path(shutil.copy(path, tmp_path / f"{n}.mp3")) for n, path in enumerate(paths)]
    where = ("--models", folder / "models", "--jobs", 1, "--json")
    own = ("--write-tags", "--m3u", tmp_path / "lists")
    assert run_main("predict", "heard", *songs, *own, *where) == 0
    found = json.loads(capsys.readouterr().out)
    lists: dict[str, list[str]] = {}
    for song, each in zip(songs, found["predictions"], strict=True):
        given = each["tagging"]["after"] if each["tagging"] else []
        assert given == each["labels"]
        assert read_tags(song).get("genre", "") == ";".join(given)
        for label in given or [each["label"]]:
            lists.setdefault(label, []).append(str(song))
    assert any(len(each["labels"]) == 2 for each in found["predictions"])
    assert {each["label"]: each["files"] for each in found["playlists"]} == lists


def test_a_clip_unlike_all_is_unknown_and_one_below_all_thresholds_is_none(
    heard: tuple[Path, list[Path]],
) -> None:
    folder, _ = heard
    bundle = load_bundle(folder / "models" / "heard")
    store = FeatureStore(folder / "data" / "features")
    features = store.read(store.find("baseline"))
    far = bundle.predict_features(1000 + 100 * features)
    assert set(far["label"]) == {"unknown"}
    assert far["labels"].tolist() == [[]] * len(far)
    high = dict.fromkeys(bundle.labels, 1.0)
    strict = replace(bundle, metadata=bundle.metadata | {"multilabel": {"thresholds": high}})
    answers = strict.predict_features(features)
    assert set(answers["label"]) == {"none", "unknown"}
    assert answers.loc[answers["known"], "nearest"].isin(bundle.labels).all()


def test_predict_from_python_has_lists_of_labels(heard: tuple[Path, list[Path]]) -> None:
    folder, paths = heard
    table = load_bundle(folder / "models" / "heard").predict(paths)
    joined = ["; ".join(each) for each in table.loc[table["known"], "labels"]]
    assert joined == table.loc[table["known"], "label"].replace("none", "").tolist()
    assert len(joined) > 0
