"""What the refresh prints and leaves behind, and the way back to the model before."""

from __future__ import annotations

import json
from pathlib import Path

from audiogenre.catalog import Catalog
from refresh.conftest import FIRST, SETTINGS, Place, Said


def test_json_is_one_object_and_the_line_of_the_history(place: Place, said: Said) -> None:
    assert place.refresh("--json") == 0
    out, _ = said()
    assert out.count("\n") == 1
    assert json.loads(out) == place.history[-1]


def test_quiet_is_quiet_and_verbose_shows_the_steps(
    place: Place, said: Said, tmp_path: Path
) -> None:
    assert place.refresh("--quiet") == 0
    assert said() == ("", "")
    place.configure(sources=f'[[source]]\nname = "table"\npath = "{tmp_path}/none.csv"\n')
    assert place.refresh("--quiet") == 2
    out, err = said()
    assert (out, len(err.splitlines())) == ("", 1)
    assert "none.csv is not a file" in err
    place.configure()
    assert place.refresh("--verbose") == 0
    out, err = said()
    assert "nothing to do" in err
    assert "nothing to do" not in out


def test_audio_is_discarded_where_it_is_not_kept(empty: Place) -> None:
    empty.config.write_text(
        '[[source]]\nname = "sample"\ngenre = ["iron stomp", "lantern waltz"]\nper_genre = 1\n'
        "[refresh]\nkeep_audio = false\njobs = 1\n"
    )
    assert empty.refresh() == 0
    with Catalog(empty.data / "catalog.db") as catalog:
        assert {each.path for each in catalog.previews().values()} == {""}
    assert list((empty.data / "raw").rglob("*.mp3")) == []
    assert len(list((empty.data / "features").glob("*/part-*.parquet"))) >= 2


# ---------------------------------------------------------------- going back


def test_rolling_back_restores_the_model_before_for_the_next_challenger(
    empty: Place, said: Said
) -> None:
    place = empty
    place.configure(SETTINGS + 'model = "majority"\n')
    place.add(FIRST)
    assert place.refresh() == 0
    first = place.current
    place.configure(SETTINGS + 'model = "svc"\n')
    assert place.refresh() == 0  # another model is reason enough for a challenger, and better
    second = place.current
    assert second != first
    said()
    assert place.refresh("--rollback") == 0
    assert place.current == first
    assert f"from {second} to {first}" in said()[0]
    assert f"In use: `{first}`" in (place.models / "REFRESH.md").read_text()
    assert place.refresh("--rollback") == 2
    out, err = said()
    assert out == ""
    assert err.startswith("audiogenre refresh: there is no model in ")
    assert place.refresh() == 0  # nothing is new: the one rolled back does not come back
    assert (place.history[-1]["decision"], place.current) == ("no challenger", first)
    place.add(range(9, 12))
    assert place.refresh() == 0
    assert place.history[-1]["champion"]["name"] == first
    assert place.history[-1]["challenger"]["name"] not in (first, second)
    assert second != place.current


def test_without_a_model_there_is_nothing_to_roll_back(empty: Place, said: Said) -> None:
    assert empty.refresh("--rollback") == 2
    assert len(said()[1].splitlines()) == 1
