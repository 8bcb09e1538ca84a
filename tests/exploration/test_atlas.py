"""The map of the library: of what it is, when it is drawn again, and what it leaves out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from audiogenre.catalog import Catalog
from audiogenre.errors import UsageError
from audiogenre.exploration import atlas
from audiogenre.store import write_part
from audiogenre.typing import Label, Track


def add(data: Path, first: int, n: int) -> None:
    """Add tracks with two features, alternately small and large."""
    ids = [f"t:{i}" for i in range(first, first + n)]
    with Catalog(data / "catalog.db") as catalog, catalog.transaction():
        for each in ids:
            catalog.add(Track(each, "test", (Label("genre", "rock", "test"),)), None)
    rng = np.random.default_rng(first)
    values = rng.normal(size=(n, 2)) + 10 * (np.arange(n)[:, None] % 2)
    folder = data / "features" / "own"
    write_part(folder, ids, [""] * n, ["a", "b"], values.astype(np.float32), {"name": "own"})


def test_every_track_has_a_place_and_like_ones_lie_together(tmp_path: Path) -> None:
    add(tmp_path, 0, 40)
    said: list[str] = []
    atlas.make(tmp_path, said.append)
    assert said[-1].startswith("laying out 40 tracks")
    found = atlas.read(tmp_path, atlas.find_key(tmp_path))
    assert found is not None
    kind, places = found
    assert kind == "tsne"
    xy = places.to_numpy()
    assert len(xy) == 40
    assert xy.min() >= 0 and xy.max() <= 1
    odd = places.index.str.removeprefix("t:").astype(int).to_numpy() % 2 == 1
    apart = np.linalg.norm(xy[odd].mean(axis=0) - xy[~odd].mean(axis=0))
    assert apart > xy[odd].std() and apart > xy[~odd].std()


def test_a_map_is_kept_until_tracks_come(tmp_path: Path) -> None:
    add(tmp_path, 0, 10)
    atlas.make(tmp_path, lambda said: None)
    before = atlas.find_key(tmp_path)
    with Catalog(tmp_path / "catalog.db") as catalog, catalog.transaction():
        catalog.correct("t:1", Label("genre", "jazz", "user"))
    assert atlas.find_key(tmp_path) == before, "a label moves no point"
    add(tmp_path, 10, 3)
    after = atlas.find_key(tmp_path)
    assert after != before
    assert atlas.read(tmp_path, after) is None
    latest = atlas.read(tmp_path, None)
    assert latest is not None and len(latest[1]) == 10
    atlas.make(tmp_path, lambda said: None)
    assert [each.name for each in (tmp_path / atlas.FOLDER).iterdir()] == [after.name]


def test_a_very_large_library_is_laid_out_in_two_components(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(atlas, "MOST_NEIGHBOURS", 20)
    add(tmp_path, 0, 30)
    atlas.make(tmp_path, lambda said: None)
    found = atlas.read(tmp_path, atlas.find_key(tmp_path))
    assert found is not None and found[0] == "pca" and len(found[1]) == 30


def test_a_map_that_was_cut_off_is_drawn_again(tmp_path: Path) -> None:
    add(tmp_path, 0, 10)
    atlas.make(tmp_path, lambda said: None)
    key = atlas.find_key(tmp_path)
    file = tmp_path / atlas.FOLDER / key.name
    file.write_bytes(file.read_bytes()[:100])
    assert atlas.read(tmp_path, key) is None


def test_a_handful_of_tracks_is_no_map(tmp_path: Path) -> None:
    add(tmp_path, 0, 4)
    with pytest.raises(UsageError, match="a map needs 5 tracks with features, and there are 4"):
        atlas.find_key(tmp_path)
