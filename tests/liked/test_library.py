"""Songs that the data folder knows: which rows a model is given, and whose audio is heard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audiogenre.bundle import Bundle
from audiogenre.catalog import Catalog, Preview
from audiogenre.errors import StoreError, UsageError
from audiogenre.liked.hearing import Ears, answers
from audiogenre.liked.library import Library, stored_features
from audiogenre.liked.memory import Memory
from audiogenre.liked.records import NoAnswer, Song
from audiogenre.sources.deezer import Deezer
from audiogenre.store import FeatureStore, write_part
from audiogenre.typing import Track

COMPUTED = {"name": "full", "fingerprint": "abc", "parameters": {"max_seconds": 30.0}}
TABLE = {"name": "spotify", "fingerprint": "", "parameters": {}}


def bundle(*sets: dict[str, Any], columns: tuple[str, ...], **more: Any) -> Bundle:
    named = {"name": "m", "columns": columns, "sets": list(sets), "model": "svc"}
    return Bundle(Path("m"), named | more, None, None)


def write(data: Path, folder: str, name: str, rows: dict[tuple[str, str], list[float]]) -> None:
    """Write rows by track id and hash of the audio, with columns a and b."""
    for (track, digest), row in rows.items():
        origin = {"origin": "estimated" if digest else "measured"} if name == "spotify" else {}
        values = np.array([row], dtype=np.float32)
        metadata = {"name": name} | origin
        write_part(data / "features" / folder, [track], [digest], ["a", "b"], values, metadata)


def preview(digest: str, path: str = "") -> Preview:
    return Preview(path, digest, 1, 30.0, 0)


def test_what_was_computed_from_the_present_audio_counts(tmp_path: Path) -> None:
    rows = {("t", "old"): [1.0, 2.0], ("t", "new"): [3.0, 4.0], ("u", "gone"): [5.0, 6.0]}
    write(tmp_path, "full-abc", "full", rows)
    store, model = FeatureStore(tmp_path / "features"), bundle(COMPUTED, columns=("b", "a"))
    found = stored_features(model, store, {"t": preview("new")})
    assert found.to_dict("index") == {"t": {"b": 4.0, "a": 3.0}}


def test_measured_attributes_count_before_estimated_ones(tmp_path: Path) -> None:
    rows = {("t", ""): [1.0, 2.0], ("t", "x"): [3.0, 4.0], ("u", "y"): [5.0, 6.0]}
    write(tmp_path, "spotify", "spotify", rows)
    store, model = FeatureStore(tmp_path / "features"), bundle(TABLE, columns=("a", "b"))
    found = stored_features(model, store, {"t": preview("x"), "u": preview("y")})
    assert found["a"].to_dict() == {"t": 1.0, "u": 5.0}


def test_a_model_of_two_sets_needs_both_and_tells_their_columns_apart(tmp_path: Path) -> None:
    write(tmp_path, "full-abc", "full", {("t", "x"): [1.0, 2.0], ("u", "y"): [3.0, 4.0]})
    write(tmp_path, "spotify", "spotify", {("t", ""): [5.0, 6.0]})
    columns = ("full_a", "full_b", "spotify_a", "spotify_b")
    model = bundle(COMPUTED, TABLE, columns=columns)
    store = FeatureStore(tmp_path / "features")
    found = stored_features(model, store, {"t": preview("x"), "u": preview("y")})
    assert found.to_dict("index") == {"t": dict(zip(columns, [1.0, 2.0, 5.0, 6.0], strict=True))}


def test_another_version_of_a_set_is_not_read(tmp_path: Path) -> None:
    write(tmp_path, "full-other", "full", {("t", "x"): [1.0, 2.0]})
    model = bundle(COMPUTED, columns=("a", "b"))
    found = stored_features(model, FeatureStore(tmp_path / "features"), {"t": preview("x")})
    assert found.empty and list(found) == ["a", "b"]


def test_a_song_is_found_by_its_recording_or_by_its_name_and_length(tmp_path: Path) -> None:
    write(tmp_path, "spotify", "spotify", {("t", ""): [1.0, 2.0]})
    (tmp_path / "b.mp3").write_bytes(b"audio")
    with Catalog(tmp_path / "catalog.db") as catalog:
        with catalog.transaction():
            named = {"title": "Snow", "artist": "Foxes", "duration": 200.0}
            catalog.add(Track("t", "table", isrc="X1", **named), None)
            catalog.add(Track("b", "folder", isrc="X2"), preview("y", "b.mp3"))
            catalog.add(Track("c", "folder", isrc="X3"), preview("z", "gone.mp3"))
        library = Library(catalog, tmp_path, bundle(TABLE, columns=("a", "b")))
    by_name = Song("2", "u", "Snow (Remastered 2009)", "Foxes", duration=201.0)
    for song in (Song("1", "u", isrc="X1"), by_name):
        found = library.features(song)
        assert found is not None and found.tolist() == [1.0, 2.0]
    assert library.features(Song("3", "u", "Snow", "Foxes", duration=260.0)) is None
    assert library.audio(Song("4", "u", isrc="X2")) == tmp_path / "b.mp3"
    assert library.audio(Song("5", "u", isrc="X3")) is None  # the file is not there
    assert library.audio(Song("6", "u", isrc="X1")) is None


def test_a_model_of_a_table_hears_nothing(tmp_path: Path) -> None:
    model = bundle(TABLE, columns=("a", "b"))
    songs = [Song("1", "u", isrc="X1"), Song("2", "u")]
    with Catalog(tmp_path / "catalog.db") as catalog, Memory(tmp_path / "memory.db") as memory:
        found, busy = answers(songs, Ears(model, catalog, tmp_path, Deezer()), memory)
    assert busy is None
    assert found == {
        "1": NoAnswer("not in the library"),
        "2": NoAnswer("no audio: it has no ISRC to find it by"),
    }


def test_a_model_that_looks_at_images_is_refused(tmp_path: Path) -> None:
    model = bundle(COMPUTED, columns=("a",), images={"bands": 64})
    with (
        Catalog(tmp_path / "catalog.db") as catalog,
        Memory(tmp_path / "memory.db") as memory,
        pytest.raises(UsageError, match="looks at images"),
    ):
        answers([], Ears(model, catalog, tmp_path), memory)


def test_what_was_taken_out_of_any_playlist_is_forgotten_with_the_song(tmp_path: Path) -> None:
    with Memory(tmp_path / "memory.db") as memory:
        memory.mark("rock", {"1": "out", "2": "out", "3": "in", "4": "own"})
        memory.keep_only([Song("1", "u")])
        assert memory.states("rock") == {"1": "out", "3": "in"}


def test_a_memory_is_for_its_owner_alone_and_says_when_it_is_none(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    with Memory(path):
        assert path.stat().st_mode & 0o077 == 0
    path.write_bytes(b"no database, but something else " * 100)
    with pytest.raises(StoreError, match="playlists logout"):
        Memory(path)
