"""The sample is fetched once, and audio is discarded only where it was fetched."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from acquisition.conftest import Folder, write_clip
from audiogenre.audio import SAMPLE_RATE, decode
from audiogenre.catalog import Catalog
from audiogenre.sources.synth_styles import GENRES
from audiogenre.store import FeatureStore


def test_the_sample_is_fetched_once_and_a_larger_one_adds_to_it(folder: Folder) -> None:
    sample = ("download", "--source", "sample", "--genre", GENRES[0], "--genre", GENRES[3])
    code, result = folder.run(*sample, "--per-genre", 1)
    assert (code, result["seen"], result["fetched"]) == (0, 2, 2)
    first = folder.previews()
    assert folder.run(*sample, "--per-genre", 2)[1]["fetched"] == 2
    larger = folder.previews()
    assert larger.items() >= first.items()
    assert len(larger) == 4
    for preview in larger.values():
        path = folder.data / preview.path
        assert hashlib.sha256(path.read_bytes()).hexdigest() == preview.sha256
        assert preview.seconds == 30
        assert len(decode(path)[0]) == 30 * SAMPLE_RATE
    # A preview that was lost is fetched again, the same.
    (folder.data / preview.path).unlink()
    assert folder.run(*sample, "--per-genre", 2)[1]["fetched"] == 1
    assert {k: v.sha256 for k, v in folder.previews().items()} == {
        k: v.sha256 for k, v in larger.items()
    }


def test_the_sample_has_labels_artists_and_a_licence(sample_data: Path) -> None:
    with Catalog(sample_data / "catalog.db") as catalog:
        rows = catalog.labelled("genre")
        licences = {each for (each,) in catalog._all("SELECT licence FROM tracks")}
        assert catalog.failures() == {}
    columns = ["id", "label", "artist", "album", "title", "isrc", "hash", "duration", "split"]
    frame = pd.DataFrame(rows, columns=columns)
    assert (len(frame), licences) == (60, {"CC0-1.0"})
    assert frame.groupby("label")["artist"].nunique().min() >= 3
    assert (frame.groupby("artist")["label"].nunique() == 1).all()
    assert frame["hash"].is_unique
    store = FeatureStore(sample_data / "features")
    for name in store.sets():
        features = store.read(name)
        assert sorted(features.index) == sorted(zip(frame["id"], frame["hash"], strict=True))
        assert np.isfinite(features.to_numpy()).all()


def test_discarded_audio_keeps_its_features_and_is_not_fetched_again(folder: Folder) -> None:
    sample = ("download", "--source", "sample", "--genre", GENRES[0], "--per-genre", 2)
    folder.run(*sample)
    assert folder.run("extract", "--discard-audio")[0] == 0
    assert list((folder.data / "raw").rglob("*.mp3")) == []
    assert folder.run(*sample)[1]["fetched"] == 0
    code, result = folder.run("extract")
    assert (code, result["tracks"], result["extracted"]) == (0, 2, 0)


def test_discarding_never_deletes_a_file_that_is_read_in_place(folder: Folder) -> None:
    path = write_clip(folder.music / "rock/a.wav")
    folder.download()
    assert folder.run("extract", "--discard-audio")[0] == 0
    assert path.is_file()
