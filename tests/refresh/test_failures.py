"""What fails at night is said and recorded, and stops as little as it can."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from refresh.conftest import GENRES, Place, Said, Table


def test_a_bad_clip_is_counted_once_and_stops_nothing(place: Place, said: Said) -> None:
    (place.music / "broken.wav").write_bytes(b"RIFF nonsense")
    place.rows.append(("broken.wav", GENRES[0], "nobody"))
    place.add([9, 10])
    try:
        assert place.refresh() == 1
        entry = place.history[-1]
        assert sum(entry["failed"].values()) == 1
        assert entry["codes"]["download"] == 1
        assert entry["challenger"]["n"] > 0
        assert "1 failed: download: " in said()[0]
        assert place.refresh() == 0
        assert place.history[-1]["failed"] == {}
    finally:
        (place.music / "broken.wav").unlink()


def test_music_that_is_away_for_a_night_loses_nothing(place: Place, said: Said) -> None:
    before = place.current
    away = place.music.rename(place.music.with_name("away"))
    try:
        assert place.refresh() == 2
    finally:
        away.rename(place.music)
    entry = place.history[-1]
    assert entry["codes"] == {"download": 2, "extract": 0}
    assert (entry["rows"], entry["current"], place.current) == (54, before, before)
    assert entry["champion"]["n"] == place.history[0]["challenger"]["n"]
    assert any("is not a folder" in each for each in entry["said"])
    assert "is not a folder" in said()[1]
    place.add([9, 10])
    assert place.refresh() == 0
    assert place.history[-1]["rows"] == 66


def test_a_dead_login_is_code_3_and_stops_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SPOTIPY_CLIENT_ID", "SPOTIPY_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    spotify = '[[source]]\nname = "spotify"\ngenre = ["rock"]\naccept_terms = true\n'
    place.configure(sources=spotify)
    place.add([9, 10])
    assert place.refresh() == 3
    entry = place.history[-1]
    assert entry["codes"] == {"download": 3, "extract": 0, "fit": 0}
    assert entry["rows"] == 66
    assert entry["challenger"]["n"] > 0


def test_features_that_cannot_be_read_end_the_run_with_a_line_in_the_history(
    place: Place, said: Said
) -> None:
    part = next(place.data.glob("features/*/part-*.parquet"))
    part.write_bytes(b"PAR1")
    before = place.current
    place.add([9, 10])
    assert place.refresh() == 2
    entry = place.history[-1]
    assert entry["decision"] == "failed"
    assert "is damaged" in entry["reason"]
    assert entry["current"] == place.current == before
    out, err = said()
    assert "failed: " in out
    assert "is damaged" in err, "cron mails what stands there"


def test_a_damaged_challenger_is_deleted_and_fitted_again(place: Place) -> None:
    before = place.current
    assert before is not None
    left = place.models / "refresh-99990101-000000"
    shutil.copytree(place.models / before, left)
    (left / "model.skops").write_bytes(b"PK nonsense")
    assert place.refresh() == 2
    assert (place.history[-1]["decision"], place.current) == ("failed", before)
    assert not left.exists()
    place.add([9, 10])
    assert place.refresh() == 0
    assert place.history[-1]["challenger"]["name"] != left.name


def test_a_damaged_champion_is_replaced(place: Place) -> None:
    before = place.current
    (place.models / "current" / "model.skops").write_bytes(b"PK nonsense")
    assert place.refresh() == 0
    entry = place.history[-1]
    assert entry["decision"] == "promoted"
    assert f"the model in use, {before}, cannot be measured" in entry["reason"]
    assert place.current == entry["challenger"]["name"] != before


def test_a_champion_without_a_test_track_in_common_gives_way(place: Place, tmp_path: Path) -> None:
    before = place.current
    table = Table(tmp_path)  # other music, other features; the champion's are there no less
    entry = table.night(range(8))
    assert entry["decision"] == "promoted"
    assert entry["reason"] == f"no test track has the features of {before!r}"
    assert entry["champion"]["name"] == before
    assert place.current == entry["challenger"]["name"] != before


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "cannot be read"),
        ("[refresh]\n", "no [[source]]"),
        ('[[source]]\nname = "sample"\n[refresh]\nkeep = "all"\n', "'keep'"),
    ],
)
def test_a_wrong_configuration_is_a_sentence_and_nothing_is_touched(
    empty: Place, said: Said, text: str | None, says: str
) -> None:
    empty.config.unlink()
    if text is not None:
        empty.config.write_text(text)
    assert empty.refresh() == 2
    out, err = said()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("audiogenre refresh: ")
    assert says in err
    assert not empty.models.exists()
    assert not empty.data.exists()


def test_models_that_cannot_be_written_are_a_sentence(empty: Place, said: Said) -> None:
    empty.models.write_text("a file")
    assert empty.refresh() == 2
    assert said()[1].startswith("audiogenre refresh: cannot write to ")
