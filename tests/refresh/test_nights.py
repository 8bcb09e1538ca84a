"""Night after night: when a challenger is fitted, and when it replaces the champion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from audiogenre import champions
from audiogenre.bundles import load_bundle
from audiogenre.catalog import Catalog
from refresh.conftest import GENRES, SETTINGS, Place, Said, Table, clip


def test_the_first_run_makes_a_champion_that_predicts_files(
    place: Place, run_main: Callable[..., int], said: Said
) -> None:
    (entry,) = place.history
    assert entry["decision"] == "promoted"
    assert entry["reason"] == "there was no model in use"
    assert entry["codes"] == {"download": 0, "extract": 0, "fit": 0}
    assert (entry["tracks"], entry["new"], entry["rows"], entry["failed"]) == (54, 54, 54, {})
    assert entry["labels"] == dict.fromkeys(GENRES, 18)
    assert (entry["drift"], entry.get("champion")) == ([], None)
    assert entry["current"] == entry["challenger"]["name"] == place.current
    bundle = load_bundle(place.models / "current")
    assert bundle.name == place.current
    assert bundle.metadata["split"]["kind"] == "frozen"
    assert bundle.metadata["scores"]["accuracy"] == entry["challenger"]["accuracy"]
    assert (place.models / "refresh.png").read_bytes().startswith(b"\x89PNG")
    text = (place.models / "REFRESH.md").read_text()
    assert f"In use: `{place.current}`" in text
    file = place.music / clip(GENRES[0], 0, 0)
    assert run_main("predict", "current", file, "--models", place.models) == 0
    assert GENRES[0] in said()[0]


def test_a_night_without_anything_new_fits_nothing(place: Place, said: Said) -> None:
    before = place.current
    assert place.refresh() == 0
    out, err = said()
    assert err == ""
    assert "no challenger: 0 tracks have come" in out
    assert place.current == before
    assert champions.fitted(place.models) == [before]
    last = place.history[-1]
    assert (last["decision"], last["new"], last["codes"]) == (
        "no challenger",
        0,
        {"download": 0, "extract": 0},
    )
    first = place.history[0]["challenger"]
    assert last["champion"] == first  # measured again on the same tracks


def test_few_new_tracks_wait_for_more(place: Place, said: Said) -> None:
    place.add([9])
    place.configure(SETTINGS.replace("min_new = 6", "min_new = 12"))
    assert place.refresh() == 0
    assert place.history[-1]["decision"] == "no challenger"
    assert "6 tracks have come, gone or been relabelled" in said()[0]
    place.add([10])
    assert place.refresh() == 0
    assert place.history[-1]["new"] == 6
    assert place.history[-1]["challenger"]["name"] > place.history[0]["current"]


def test_a_challenger_competes_on_sides_that_stay(place: Place, said: Said) -> None:
    before, settled = place.current, place.sides()
    assert before is not None
    place.add(range(9, 15))
    assert place.refresh() == 0
    entry = place.history[-1]
    assert (entry["tracks"], entry["new"], entry["rows"]) == (90, 36, 90)
    assert {k: v for k, v in place.sides().items() if k in settled} == settled
    assert len(place.sides()) == 90
    test = [track for track, aside in place.sides().items() if aside]
    assert entry["champion"]["name"] == before
    assert entry["champion"]["n"] == entry["challenger"]["n"] == len(test)
    # Both accuracies, counted anew from the audio itself.
    with Catalog(place.data / "catalog.db") as catalog:
        tracks, previews = catalog.known(), catalog.previews()
    labels = np.array([tracks[each].labels[0].name for each in test])
    paths = [previews[each].path for each in test]
    for score in (entry["champion"], entry["challenger"]):
        answers = load_bundle(place.models / score["name"]).predict(paths)["nearest"]
        assert np.mean(answers.to_numpy() == labels) == pytest.approx(score["accuracy"])
    heard = {tracks[each].artist for each in set(place.sides()) - set(test)}
    assert heard.isdisjoint({tracks[each].artist for each in test})
    not_worse = (
        entry["challenger"]["accuracy"] >= entry["champion"]["accuracy"]
        and entry["comparison"]["earlier"]["challenger"]
        >= entry["comparison"]["earlier"]["champion"]
    )
    assert entry["decision"] == ("promoted" if not_worse else "rejected")
    assert place.current == (entry["challenger"] if not_worse else entry["champion"])["name"]
    assert entry["current"] == place.current
    assert entry["reason"] in said()[0]


def test_mislabelled_music_does_not_replace_the_champion_then_or_later(
    tmp_path: Path, said: Said
) -> None:
    table = Table(tmp_path)
    first = table.night(range(20))
    assert first["challenger"]["accuracy"] > 0.8
    entry = table.night(range(20, 40), wrong=True)
    assert entry["decision"] == "rejected"
    assert table.place.current == entry["champion"]["name"] == first["current"]
    # The wrong labels are on the test side too, and flatter the challenger.
    accuracies = entry["challenger"]["accuracy"], entry["champion"]["accuracy"]
    earlier = entry["comparison"]["earlier"]
    assert earlier["n"] == first["challenger"]["n"]
    assert accuracies[0] - accuracies[1] > earlier["challenger"] - earlier["champion"]
    assert earlier["champion"] == first["challenger"]["accuracy"]
    assert {each["check"] for each in entry["drift"]} == {"champion", "features"}
    assert "changed: the champion is wrong about" in said()[0]
    # The next night is a good one, and the wrong labels are still there.
    entry = table.night(range(40, 44))
    assert (entry["decision"], table.place.current) == ("rejected", first["current"])
    assert entry["comparison"]["earlier"]["n"] == earlier["n"]
    assert entry["drift"] == []
    # Somebody corrects them: that is a change, and what is fitted on it competes again.
    wrong = table.rows["track_id"].str.split("-").str[1].astype(int).between(20, 39)
    right = [GENRES[int(each[0])] for each in table.rows["track_id"]]
    table.rows["genre"] = np.where(wrong, right, table.rows["genre"])
    entry = table.night([])
    assert entry["new"] == 0
    assert entry["decision"] == "promoted"


def test_old_models_are_deleted_as_new_ones_come(tmp_path: Path) -> None:
    table = Table(tmp_path)
    text = table.place.config.read_text()
    table.place.config.write_text(text.replace("min_new = 6", "min_new = 1\nkeep = 1"))
    judged = [
        table.night(artists)["challenger"]["name"]
        for artists in (range(6), range(6, 8), range(8, 10), range(10, 12))
    ]
    models = table.place.models
    kept = {judged[-1], *champions.succession(models)[-2:]}
    assert champions.fitted(models) == sorted(kept)
    assert len(kept) < len(judged)


def test_too_little_music_is_said_and_nothing_is_promoted(empty: Place, said: Said) -> None:
    empty.add(range(2))
    assert empty.refresh() == 0
    out, _ = said()
    assert "no challenger: 'glass chorale' has tracks of 2 artist(s)" in out
    assert (empty.current, champions.fitted(empty.models)) == (None, [])
    assert empty.sides() == {}
    empty.add(range(2, 6))
    assert empty.refresh() == 0
    assert empty.history[-1]["decision"] == "promoted"
    assert empty.history[-1]["new"] == 24


def test_a_correction_of_labels_is_reason_enough_for_a_challenger(place: Place) -> None:
    changed = {f"{GENRES[0]} {artist}" for artist in range(3)}
    place.rows = [
        (file, GENRES[1] if artist in changed else genre, artist)
        for file, genre, artist in place.rows
    ]
    place.add([])
    assert place.refresh() == 0
    assert place.history[-1]["new"] == 0
    assert place.history[-1]["challenger"] is not None
