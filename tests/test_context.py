"""Artists as context: much where they are known, nothing where they are not, never by accident."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from audiogenre import context, leaks, splits
from audiogenre.classifiers import CLASSIFIERS
from audiogenre.classifiers.context import ContextClassifier, ContextEncoder
from audiogenre.dataset import Dataset
from audiogenre.errors import UsageError

RunMain = Callable[..., int]
Songs = dict[str, dict[str, Any]]


def noise(n_artists: int = 40, n_each: int = 5, labels: str = "abc") -> tuple[Dataset, Songs]:
    """Features that say nothing; each artist has one label."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(n_artists), n_each)
    y = np.array(list(labels))[groups % len(labels)]
    ids = [f"t:{i}" for i in range(len(y))]
    X = pd.DataFrame(rng.normal(size=(len(y), 2)), columns=["one", "two"], index=ids)
    test = splits.outer_split(y, groups, seed=0)
    songs = {
        each: {"artist": f"Artist {group}", "album": "Hits"}
        for each, group in zip(ids, groups, strict=True)
    }
    dataset = Dataset(X, y, groups, test, ("own/one", "own/two"), [], "artist", 0, 1.0)
    return dataset, songs


@pytest.mark.parametrize("labels", ["ab", "abc"])
def test_it_gives_much_on_known_artists_and_nothing_on_unknown_ones(labels: str) -> None:
    dataset, songs = noise(labels=labels)
    joined, _ = context.join(dataset, songs, ["artist"])
    family = ContextClassifier(CLASSIFIERS["svc"], len(labels))
    scores = context.measure(joined, family, {"model__C": 1.0, "model__gamma": 1.0})
    chance = 1 / len(labels)
    assert scores["known"]["with"]["accuracy"] > 0.9
    assert scores["known"]["without"]["accuracy"] == pytest.approx(chance, abs=0.12)
    assert scores["unknown"]["with"]["accuracy"] == pytest.approx(chance, abs=0.15)
    assert scores["unknown"]["with"]["n"] == 200
    assert "artist folds" in scores["unknown"]["with"]["protocol"]


def test_whoever_was_not_seen_gets_the_shares_of_all() -> None:
    codes = np.repeat(np.arange(10.0), 6)
    y = np.array(["a", "b", "c"])[(codes % 3).astype(int)]
    X = np.column_stack([np.zeros(60), codes])
    encoder = ContextEncoder(1, 3).fit(X, y)
    shares = [np.mean(y == each) for each in "abc"]
    np.testing.assert_allclose(encoder.transform([[7.0, -1.0], [7.0, 99.0]]), [[7.0, *shares]] * 2)


def test_a_row_does_not_tell_its_own_label() -> None:
    rng = np.random.default_rng(0)
    y = rng.permutation(np.repeat(["a", "b"], 200))
    X = np.column_stack([np.zeros(400), np.arange(400.0)])  # everybody has one song
    learned = ContextEncoder(1, 2).fit_transform(X, y)[:, 1]
    assert abs(learned - 0.5).max() < 0.05
    assert ContextEncoder(1, 2).fit(X, y).transform(X)[:, 1].std() > 0.4


def test_a_fold_without_a_label_has_as_many_columns() -> None:
    X, y = np.column_stack([np.zeros(30), np.arange(30.0) // 3]), np.tile(["a", "b", "c"], 10)
    encoder = ContextEncoder(1, 4)
    assert encoder.fit_transform(X, y).shape == encoder.transform(X).shape == (30, 5)


def test_rows_that_are_held_out_are_not_encoded_by_their_labels() -> None:
    dataset, songs = noise()
    joined, codes = context.join(dataset, songs, ["artist"])
    X, train = joined.X.to_numpy(), ~dataset.test
    learned = ContextEncoder(1, 3).fit(X[train], dataset.y[train]).transform(X[dataset.test])
    assert len(np.unique(learned[:, 2:], axis=0)) == 1  # the prior, for all of them
    assert {f"artist {g}" for g in dataset.groups[train]} == set(codes["artist"])


def test_unknown_artists_are_not_one_artist() -> None:
    dataset, songs = noise()
    for i in range(0, 100):
        songs[f"t:{i}"]["artist"] = "Various Artists" if i % 2 else ""
    joined, _ = context.join(dataset, songs, ["artist"])
    codes = joined.X[context.column("artist")]
    assert codes.iloc[:100].is_unique
    assert codes.iloc[100:].nunique() == 20


def test_albums_of_one_name_are_told_apart_by_their_artists() -> None:
    dataset, songs = noise()
    joined, _ = context.join(dataset, songs, ["album"])
    assert joined.X[context.column("album")].nunique() == 40
    assert joined.blocks == (*dataset.blocks, "context/album")


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("popularity", "artist and album, not 'popularity'"),
        ("artist,", "not ''"),
        ("artist,artist", "'artist' twice"),
    ],
)
def test_other_fields_are_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        context.parse(text)


def test_nothing_to_learn_from_is_refused() -> None:
    dataset, _ = noise()
    with pytest.raises(UsageError, match="no track knows its artist"):
        context.join(dataset, {}, ["artist"])


def test_a_random_split_is_refused() -> None:
    dataset, songs = noise()
    flattering = Dataset(**{**vars(dataset), "split": "random"})
    with pytest.raises(UsageError, match="--split artist"):
        context.join(flattering, songs, ["artist"])


@pytest.mark.parametrize("field", context.FIELDS)
def test_a_table_cannot_bring_such_a_column(field: str) -> None:
    for name in (field, context.column(field), f"{field}_encoded"):
        with pytest.raises(UsageError, match="identifies or labels tracks"):
            leaks.check_names(["mfcc_01_mean", name])


# ---------------------------------------------------------------- the commands


def test_fit_and_predict_with_artists(
    sample_data: Path, tmp_path: Path, run_main: RunMain, capsys: pytest.CaptureFixture[str]
) -> None:
    import mutagen

    common = ("--models", tmp_path, "--jobs", 1, "--json")
    given = ("--set", "baseline", "--data", sample_data, "--context", "artist", "--name", "told")
    assert run_main("fit", *given, *common) == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result["context"]) == {"known", "unknown"}
    card = (tmp_path / "told" / "README.md").read_text(encoding="utf-8")
    assert "Only the score with artists unknown holds for new artists" in card
    metadata = json.loads((tmp_path / "told" / "metadata.json").read_text(encoding="utf-8"))
    assert metadata["columns"][-1] == "context:artist"
    assert metadata["columns"][:-1] == [x for x in metadata["columns"] if not leaks.is_refused(x)]

    clip = tmp_path / "clip.mp3"
    shutil.copy(next(iter(sorted((sample_data / "raw").rglob("*.mp3")))), clip)
    probabilities = []
    for artist in ("", "Nobody", *metadata["context"]["codes"]["artist"]):
        tags = mutagen.File(clip, easy=True)
        if tags.tags is None:
            tags.add_tags()
        tags["artist"] = artist
        tags.save()
        assert run_main("predict", "told", clip, *common) == 0
        (answer,) = json.loads(capsys.readouterr().out)["predictions"]
        probabilities.append(tuple(answer["probabilities"].values()))
    assert probabilities[0] == probabilities[1]
    assert len(set(probabilities)) > 2


def test_bad_input_ends_with_a_sentence(
    sample_data: Path, tmp_path: Path, run_main: RunMain, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ("--data", sample_data, "--models", tmp_path)
    assert run_main("fit", "--context", "year", *common) == 2
    assert "artist and album, not 'year'" in capsys.readouterr().err
    assert run_main("fit", "--context", "artist", "--split", "random", *common) == 2
    assert "--split artist" in capsys.readouterr().err
