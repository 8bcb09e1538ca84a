"""The history and the link that follows it: what is decided stays decided, whatever happens."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from audiogenre import champions
from audiogenre.config import RefreshSettings
from audiogenre.dataset import Dataset
from audiogenre.errors import StoreError

A, B, C = (f"refresh-2026010{day}-030000" for day in (1, 2, 3))


def dataset(n: int = 4) -> Dataset:
    rng = np.random.default_rng(0)
    ids = pd.Index([f"t:{i}" for i in range(n)], name="track_id")
    return Dataset(
        X=pd.DataFrame(rng.normal(size=(n, 2)), columns=["a", "b"], index=ids),
        y=np.array([("calm", "loud")[i % 2] for i in range(n)]),
        groups=np.arange(n),
        test=np.arange(n) % 4 == 0,
        blocks=("set/a", "set/b"),
        sets=[{"name": "set", "fingerprint": "abc", "parameters": {}}],
        split="frozen",
        seed=0,
        artists_known=1.0,
    )


def model(models: Path, name: str, **metadata: Any) -> Path:
    """A folder that says it is a model; what is inside does not matter here."""
    folder = models / name
    folder.mkdir(parents=True)
    (folder / "metadata.json").write_text(
        json.dumps(
            {
                "schema_version": 1,
                "name": name,
                "data_hash": dataset().data_hash,
                "features": "extracted",
                "model": "svc",
                "label_kind": "genre",
                "labels": ["calm", "loud"],
                "columns": ["a", "b"],
                "sets": [{"name": "set", "fingerprint": "abc"}],
                "tolerance": {"tolerance": 0.05},
                **metadata,
            }
        )
    )
    return folder


def promoted(models: Path, name: str) -> None:
    model(models, name)
    champions.record(
        models, {"decision": "promoted", "current": name, "challenger": {"name": name}}
    )
    champions.follow_history(models)


def rolled_back(models: Path, name: str) -> None:
    champions.record(models, {"decision": "rolled back", "current": name})
    champions.follow_history(models)


# ---------------------------------------------------------------- history


def test_without_runs_there_is_no_history_and_no_model(tmp_path: Path) -> None:
    models = tmp_path / "nowhere"
    assert champions.history(models) == []
    assert champions.current(models) is None
    assert champions.succession(models) == []
    assert champions.fitted(models) == []
    assert champions.unjudged(models) is None
    assert champions.read_tracks(models) is None
    champions.follow_history(models)
    assert not models.exists()


def test_what_is_recorded_is_read_in_order(tmp_path: Path) -> None:
    entries = [{"n": 1, "text": "ü \udcff\n"}, {"n": 2}]
    for each in entries:
        champions.record(tmp_path, each)
    assert champions.history(tmp_path) == entries
    assert (tmp_path / champions.HISTORY).read_bytes().count(b"\n") == 2


def test_a_line_cut_off_anywhere_is_passed_over_and_never_merged(tmp_path: Path) -> None:
    file = tmp_path / champions.HISTORY
    champions.record(tmp_path, {"n": 1})
    whole = file.read_bytes()
    champions.record(tmp_path, {"n": 2, "text": "second"})
    both = file.read_bytes()
    for end in range(len(whole), len(both) + 1):
        file.write_bytes(both[:end])
        second = [{"n": 2, "text": "second"}] if end >= len(both) - 1 else []
        assert champions.history(tmp_path) == [{"n": 1}, *second]
        champions.record(tmp_path, {"n": 3})
        assert champions.history(tmp_path) == [{"n": 1}, *second, {"n": 3}]


def test_lines_that_are_no_runs_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / champions.HISTORY).write_bytes(b'3\n[]\n\xff\xfe\n\n{"n": 1}\n')
    assert champions.history(tmp_path) == [{"n": 1}]


def test_a_history_that_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    (tmp_path / champions.HISTORY).mkdir()
    with pytest.raises(StoreError, match=r"HISTORY\.jsonl cannot be read"):
        champions.history(tmp_path)
    with pytest.raises(StoreError, match=r"cannot write .*HISTORY\.jsonl"):
        champions.record(tmp_path, {})


# ---------------------------------------------------------------- the link


def test_the_link_leads_to_the_last_promoted_model_and_is_relative(tmp_path: Path) -> None:
    models = tmp_path / "models"
    promoted(models, A)
    promoted(models, B)
    assert champions.current(models) == models / B
    assert str((models / "current").readlink()) == B
    moved = models.rename(tmp_path / "elsewhere")
    assert json.loads((moved / "current" / "metadata.json").read_text())["name"] == B


def test_the_link_is_mended_where_a_run_was_killed_before_it(tmp_path: Path) -> None:
    promoted(tmp_path, A)
    model(tmp_path, B)
    champions.record(tmp_path, {"decision": "promoted", "current": B, "challenger": {"name": B}})
    (tmp_path / ".current.123.tmp").symlink_to(B)  # and what the killed one had begun
    (tmp_path / f".{C}.123.tmp").mkdir()
    (tmp_path / f".{C}.123.old").mkdir()
    (tmp_path / ".refresh-refresh.png.123.tmp").touch()
    assert champions.current(tmp_path) == tmp_path / A
    champions.follow_history(tmp_path)
    assert champions.current(tmp_path) == tmp_path / B
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        champions.HISTORY,
        "current",
        A,
        B,
    ]


def test_a_champion_somebody_deleted_is_followed_by_the_one_before(tmp_path: Path) -> None:
    promoted(tmp_path, A)
    promoted(tmp_path, B)
    (tmp_path / B / "metadata.json").unlink()
    (tmp_path / B).rmdir()
    assert champions.current(tmp_path) is None
    champions.follow_history(tmp_path)
    assert champions.current(tmp_path) == tmp_path / A


def test_without_a_history_the_link_stays_where_it_is(tmp_path: Path) -> None:
    model(tmp_path, A)
    champions.point(tmp_path, A)
    champions.follow_history(tmp_path)
    assert champions.current(tmp_path) == tmp_path / A
    assert champions.unjudged(tmp_path) is None


def test_a_model_called_current_is_not_overwritten(tmp_path: Path) -> None:
    model(tmp_path, "current")
    model(tmp_path, A)
    with pytest.raises(StoreError, match="is not the link"):
        champions.point(tmp_path, A)
    assert (tmp_path / "current" / "metadata.json").is_file()


# ---------------------------------------------------------------- going back


def test_a_model_rolled_back_is_never_the_champion_again(tmp_path: Path) -> None:
    for name in (A, B, C):
        promoted(tmp_path, name)
    assert champions.succession(tmp_path) == [A, B, C]
    rolled_back(tmp_path, B)
    assert champions.current(tmp_path) == tmp_path / B
    assert champions.succession(tmp_path) == [A, B]
    rolled_back(tmp_path, A)
    assert champions.succession(tmp_path) == [A]
    later = "refresh-20260104-030000"
    promoted(tmp_path, later)
    assert champions.succession(tmp_path) == [A, later]
    champions.follow_history(tmp_path)
    assert champions.current(tmp_path) == tmp_path / later


# ---------------------------------------------------------------- models


def test_pruning_keeps_the_last_models_the_champion_and_the_one_before(tmp_path: Path) -> None:
    names = [f"refresh-202601{day:02d}-030000" for day in range(1, 10)]
    promoted(tmp_path, names[0])
    promoted(tmp_path, names[2])
    for name in (names[1], *names[3:]):
        model(tmp_path, name)
        champions.record(tmp_path, {"decision": "rejected", "challenger": {"name": name}})
    model(tmp_path, "extracted-full")  # a person's own
    champions.prune(tmp_path, 2)
    assert champions.fitted(tmp_path) == [names[0], names[2], names[7], names[8]]
    assert (tmp_path / "extracted-full").is_dir()
    assert champions.current(tmp_path) == tmp_path / names[2]
    rolled_back(tmp_path, names[0])
    champions.prune(tmp_path, 1)
    assert champions.fitted(tmp_path) == [names[0], names[8]]


def test_names_of_models_grow_even_if_the_clock_goes_back(tmp_path: Path) -> None:
    first = champions.new_name(tmp_path)
    assert first.startswith("refresh-20")
    model(tmp_path, "refresh-99990101-000000")
    second = champions.new_name(tmp_path)
    model(tmp_path, second)
    third = champions.new_name(tmp_path)
    assert sorted([third, second, "refresh-99990101-000000"]) == [
        "refresh-99990101-000000",
        second,
        third,
    ]


def test_a_model_left_by_a_killed_run_is_found_until_it_is_judged(tmp_path: Path) -> None:
    promoted(tmp_path, A)
    model(tmp_path, B)
    assert champions.unjudged(tmp_path) is None  # killed before it was known what it has seen
    assert champions.keep_tracks(tmp_path, B, dataset())
    assert champions.unjudged(tmp_path) == B
    champions.record(tmp_path, {"decision": "rejected", "challenger": {"name": B}})
    assert champions.unjudged(tmp_path) is None


def test_only_the_newest_model_can_be_one_left_over(tmp_path: Path) -> None:
    for name in (A, B):
        model(tmp_path, name)
        champions.keep_tracks(tmp_path, name, dataset())
    champions.record(tmp_path, {"decision": "rejected", "challenger": {"name": B}})
    assert champions.unjudged(tmp_path) is None


def test_a_model_fitted_on_other_data_than_was_settled_is_deleted(tmp_path: Path) -> None:
    model(tmp_path, A)
    assert not champions.keep_tracks(tmp_path, A, dataset(8))
    assert list(tmp_path.iterdir()) == []


def test_changes_are_tracks_that_came_went_or_were_relabelled(tmp_path: Path) -> None:
    now = dataset(8)
    assert champions.changes(None, now) == 8
    model(tmp_path, A, data_hash=now.data_hash)
    assert champions.keep_tracks(tmp_path, A, now)
    before = champions.read_tracks(tmp_path)
    assert before is not None
    assert champions.changes(before, now) == 0
    other = before.drop("t:0")
    other["t:1"] = "calm"
    other["t:99"] = "calm"
    assert champions.changes(other, now) == 3


def test_what_a_power_cut_has_damaged_is_passed_over(tmp_path: Path) -> None:
    now = dataset()
    for name in (A, B):
        model(tmp_path, name)
        assert champions.keep_tracks(tmp_path, name, now)
    (tmp_path / B / "tracks.parquet").write_bytes(b"PAR1")
    before = champions.read_tracks(tmp_path)
    assert before is not None
    assert champions.changes(before, now) == 0
    (tmp_path / B / "metadata.json").write_text("{")
    assert not champions.is_fitted_alike(tmp_path, now, RefreshSettings())


def test_other_settings_or_labels_ask_for_another_model(tmp_path: Path) -> None:
    own, now = RefreshSettings(), dataset()
    assert not champions.is_fitted_alike(tmp_path, now, own)
    model(tmp_path, A)
    assert champions.is_fitted_alike(tmp_path, now, own)
    for change in ({"model": "majority"}, {"features": "both"}, {"label": "mood"}):
        assert not champions.is_fitted_alike(tmp_path, now, replace(own, **change))
    assert not champions.is_fitted_alike(tmp_path, now, replace(own, tolerance=0.1))
    more = replace(now, y=np.array(["calm", "loud", "odd", "odd"]))
    assert not champions.is_fitted_alike(tmp_path, more, own)
    newer = replace(now, sets=[{"name": "set", "fingerprint": "def"}])
    assert not champions.is_fitted_alike(tmp_path, newer, own)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    with pytest.raises(StoreError, match="cannot write"):
        champions.record(tmp_path / "models", {})
    with pytest.raises(StoreError, match="cannot write"):
        champions.point(tmp_path / "models", A)
    assert [each.name for each in tmp_path.iterdir()] == ["models"]
