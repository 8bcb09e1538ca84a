"""Ways to cheat that this field has seen: each is attempted here, and refused or prevented."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as some

from audiogenre import leaks, splits
from audiogenre.candidates import search
from audiogenre.catalog import Catalog
from audiogenre.classifiers import CLASSIFIERS
from audiogenre.classifiers.scaling import BlockScaler
from audiogenre.classifiers.svc import GAMMA
from audiogenre.dataset import Dataset, load_dataset
from audiogenre.errors import UsageError
from audiogenre.features import BASELINE, FULL
from audiogenre.sources.table import ATTRIBUTES, TableSource
from audiogenre.store import FeatureStore, write_part
from audiogenre.training import fit
from audiogenre.typing import Label, Track

REFUSED = [
    "id",
    "Id",
    "track_id",
    "tid",
    "spotify_uri",
    "isrc",
    "index",
    "Index",
    "level_0_index",
    "Unnamed: 0",
    "Unnamed: 0.1",
    "row",
    "row_number",
    "order",
    "sort_order",
    "position",
    "path",
    "file_path",
    "filename",
    "href",
    "popularity",
    "track_popularity",
    "popular_or_not",
    "label",
    "label_encoded",
    "genre",
    "track_genre",
    "genre_id",
    "genre_top_ntds",
    "mood",
    "class",
    "class_id",
    "target",
    "artist",
    "artists",
    "artist_name",
    "album",
    "album_name",
    "title",
    "track_name",
    "split",
    "fold",
    "release_date",
    "year",
    "sha256",
    "",
    "  ",
]
# The same words as other programs write them: camel case, pandas' copies and reset indexes.
DISGUISED = [
    "trackId",
    "artistName",
    "rowNumber",
    "rownumber",
    "row_num",
    "index.1",
    "id_1",
    "level_0",
    "uuid",
    "subgenre",
]
STORED_BESIDE = {"track_id", "sha256"}  # names the store itself uses for what it is keyed by
OURS = [*BASELINE.names, *FULL.names]


@pytest.mark.parametrize("name", [*REFUSED, *DISGUISED])
def test_a_column_that_identifies_orders_or_labels_is_refused(name: str) -> None:
    assert leaks.is_refused(name)


def test_none_of_our_690_columns_is_refused() -> None:
    assert len(OURS) == 690
    assert [name for name in OURS if leaks.is_refused(name)] == []


def test_none_of_spotifys_thirteen_attributes_is_refused() -> None:
    assert len(ATTRIBUTES) == 13
    assert [name for name in ATTRIBUTES if leaks.is_refused(name)] == []


@pytest.mark.parametrize("name", ["valid", "acid", "reorder_rate", "rms_mean", "key", "pathos"])
def test_a_refused_word_inside_another_word_is_no_reason(name: str) -> None:
    assert not leaks.is_refused(name)


@given(
    some.sampled_from(["id", "index", "label", "genre", "artist", "popularity", "path"]),
    some.data(),
)
def test_case_and_punctuation_do_not_help_a_column_through(
    name: str, data: some.DataObject
) -> None:
    upper = data.draw(some.lists(some.booleans(), min_size=len(name), max_size=len(name)))
    cased = "".join(c.upper() if up else c for c, up in zip(name, upper, strict=True))
    left, right = (data.draw(some.text(" _-./", max_size=3)) for _ in range(2))
    assert leaks.is_refused(left + cased + right)


# ---------------------------------------------------------------- what orders the labels


def labels(n_each: int = 40) -> np.ndarray:
    return np.repeat(["classical", "pop", "rock"], n_each)


def test_an_index_of_a_sorted_table_orders_the_labels_perfectly() -> None:
    y = labels()
    index = np.arange(len(y), dtype=float)
    assert leaks.label_order(index, y) == pytest.approx(1)
    assert leaks.label_order(-index, y) == pytest.approx(1)


def test_an_index_that_was_shuffled_with_its_rows_is_still_found() -> None:
    y = labels()
    order = np.random.default_rng(0).permutation(len(y))
    noise = np.random.default_rng(1).normal(size=len(y))
    values = np.stack([noise, np.exp(0.01 * order)], axis=1)  # not even a whole number any more
    assert leaks.suspicious_columns(values, ["rms", "harmless"], y[order]) == ["harmless"]


def test_a_random_column_and_one_that_tells_something_are_no_suspects() -> None:
    y = labels()
    rng = np.random.default_rng(2)
    informative = rng.normal(size=len(y)) + 2 * np.unique(y, return_inverse=True)[1]
    assert leaks.label_order(rng.normal(size=len(y)), y) == pytest.approx(0, abs=0.2)
    assert leaks.suspicious_columns(informative[:, None], ["centroid"], y) == []


def test_a_code_of_the_label_is_as_plain_as_an_index() -> None:
    y = labels()
    code = np.unique(y, return_inverse=True)[1].astype(float)
    assert leaks.label_order(code, y) == 1
    assert leaks.label_order(np.random.default_rng(0).permutation(code), y) < 0.5


def test_one_label_orders_nothing() -> None:
    assert leaks.label_order(np.arange(9.0), np.repeat("rock", 9)) == 0


# ---------------------------------------------------------------- end to end

N_ARTISTS, N_EACH = 6, 4  # a label


def tracks() -> list[Track]:
    return [
        Track(
            id=f"test:{label}-{artist}-{number}",
            source="test",
            labels=(Label("genre", label, "test"),),
            artist=f"{label} artist {artist}",
            title=f"song {number}",
        )
        for label in ("classical", "rock")
        for artist in range(N_ARTISTS)
        for number in range(N_EACH)
    ]


def load(folder: Path, table: pd.DataFrame, listed: list[Track] | None = None) -> Dataset:
    """Store a table of features under the ids of tracks, and load it as a dataset."""
    listed = tracks() if listed is None else listed
    store = FeatureStore(folder / "features")
    write_part(
        store.directory("own"),
        [each.id for each in listed],
        [""] * len(listed),
        list(table.columns),
        table.to_numpy(dtype=np.float32),
        {"name": "own"},
    )
    with Catalog(folder / "catalog.db") as catalog:
        with catalog.transaction():
            for each in listed:
                catalog.add(each, None)
        return load_dataset(catalog, store, features="extracted", set_name="own")


def features(**more: object) -> pd.DataFrame:
    n = 2 * N_ARTISTS * N_EACH
    values = np.random.default_rng(0).normal(size=(n, 3))
    return pd.DataFrame(values, columns=["rms", "centroid", "flatness"]).assign(**more)


@pytest.mark.parametrize(
    "name", [each for each in REFUSED if each.strip() and each not in STORED_BESIDE]
)
def test_a_dataset_with_such_a_column_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    table = features(**{name: np.arange(2 * N_ARTISTS * N_EACH)})
    with pytest.raises(UsageError) as error:
        load(tmp_path, table)
    assert repr(name) in str(error.value)


def test_a_dataset_without_such_a_column_loads(tmp_path: Path) -> None:
    assert load(tmp_path, features()).X.shape == (48, 3)


def test_an_index_under_another_name_is_reported(tmp_path: Path) -> None:
    dataset = load(tmp_path, features(brightness=np.arange(48) + 0.5))
    assert [note for note in dataset.notes if "'brightness' alone orders the labels" in note]
    assert not [note for note in dataset.notes if "centroid" in note]


@pytest.mark.parametrize("name", ["Unnamed: 0", "index", "popularity", "row_number", "genre_id"])
def test_the_table_source_leaves_such_columns_out(tmp_path: Path, name: str) -> None:
    path = tmp_path / "table.csv"
    table = features(**{name: np.arange(48)})
    table.insert(0, "track_id", [f"t{i}" for i in range(48)])
    table.assign(genre="rock").to_csv(path, index=False)
    listed = list(TableSource(path).tracks())
    assert {tuple(each.features["table"]) for each in listed} == {("rms", "centroid", "flatness")}


def test_the_same_artist_is_never_on_both_sides(tmp_path: Path) -> None:
    dataset = load(tmp_path, features())
    artist = pd.Series(dataset.X.index).str.rpartition("-")[0].to_numpy()
    assert set(artist[dataset.test]) & set(artist[~dataset.test]) == set()
    assert dataset.protocol == "artist split"


def test_artists_who_played_together_stay_together(tmp_path: Path) -> None:
    # One duet ties two artists of a label: their ten tracks are one group.
    listed = tracks()
    duet = Track(
        id="test:duet",
        source="test",
        labels=(Label("genre", "rock", "test"),),
        artist="Rock Artist 0 feat. ROCK ARTIST 1",
        title="together",
    )
    table = pd.concat([features(), features()[:1]], ignore_index=True)
    dataset = load(tmp_path, table, [*listed, duet])
    names = dataset.X.index.to_series().str.startswith(("test:rock-0", "test:rock-1", "test:duet"))
    assert len(set(dataset.groups[names])) == 1
    assert len(set(dataset.test[names])) == 1
    assert names.sum() == 9


def test_the_same_recording_under_two_artists_is_never_on_both_sides(tmp_path: Path) -> None:
    # The same ISRC under another name: one copy is left out, and the two artists are tied.
    listed = tracks()
    listed[0] = Track(**{**vars(listed[0]), "isrc": "GBAYE0601498"})
    listed[-1] = Track(**{**vars(listed[-1]), "isrc": "gb-aye-06-01498"})
    dataset = load(tmp_path, features(), listed)
    assert len(dataset.X) == 47
    assert "1 duplicates of songs were left out" in dataset.notes
    mine = dataset.X.index.isin([each.id for each in (*listed[1:4], *listed[-4:-1])])
    assert len(set(dataset.groups[mine])) == 1


# ---------------------------------------------------------------- nothing is learned from the test


def dataset_of(X: pd.DataFrame, y: np.ndarray, groups: np.ndarray, test: np.ndarray) -> Dataset:
    blocks = tuple(f"own/{name}" for name in X.columns)
    return Dataset(X, y, groups, test, blocks, [], "artist", 0, 1.0)


def learnable() -> Dataset:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(24), 4)
    y = np.where(groups % 2, "rock", "pop")
    X = pd.DataFrame(rng.normal(size=(96, 4)) + (groups % 2)[:, None], columns=list("abcd"))
    return dataset_of(X, y, groups, splits.outer_split(y, groups, seed=0))


def test_test_rows_change_nothing_that_is_learned() -> None:
    dataset = learnable()
    changed = dataset.X.copy()
    changed.loc[dataset.test] = 1e6
    first = fit(dataset, CLASSIFIERS["svc"])
    second = fit(dataset_of(changed, dataset.y, dataset.groups, dataset.test), CLASSIFIERS["svc"])
    scalers = [
        each.classifier.calibrated_classifiers_[0].estimator.named_steps["scale"].scaler_
        for each in (first, second)
    ]
    np.testing.assert_array_equal(scalers[0].quantiles_, scalers[1].quantiles_)
    assert first.choice == second.choice
    assert first.novelty.threshold_ == second.novelty.threshold_
    assert first.foreign == second.foreign
    np.testing.assert_array_equal(
        first.classifier.predict_proba(dataset.X.to_numpy()),
        second.classifier.predict_proba(dataset.X.to_numpy()),
    )


def test_no_scaler_ever_sees_a_row_that_is_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = learnable()
    train = ~dataset.test
    X, y, groups = dataset.X.to_numpy()[train], dataset.y[train], dataset.groups[train]
    folds = splits.grouped_folds(y, groups, seed=0)
    seen: list[frozenset[float]] = []
    learn = BlockScaler.fit

    def spy(self: BlockScaler, X: np.ndarray, y: object = None) -> BlockScaler:
        seen.append(frozenset(np.asarray(X)[:, 0].tolist()))
        return learn(self, X, y)

    monkeypatch.setattr(BlockScaler, "fit", spy)
    search(CLASSIFIERS["svc"], X, y, folds, dataset.blocks)
    allowed = [frozenset(X[rows, 0].tolist()) for rows, _ in folds]
    *inside, last = seen
    assert len(inside) == len(folds) * len(GAMMA)  # whatever the number of C
    assert set(inside) == set(allowed)
    assert last == frozenset(X[:, 0].tolist())  # the chosen one, on all of the training part


def test_a_row_number_under_another_name_flatters_and_is_found() -> None:
    """Why it matters: the index of a sorted table is the best feature there is."""
    dataset = learnable()
    order = np.argsort(dataset.y, kind="stable")
    cheat = dataset.X.assign(harmless=np.argsort(order).astype(float))
    cheated = fit(dataset_of(cheat, dataset.y, dataset.groups, dataset.test), CLASSIFIERS["svc"])
    honest = fit(dataset, CLASSIFIERS["svc"])
    assert cheated.scores["accuracy"] > honest.scores["accuracy"]
    assert leaks.suspicious_columns(cheat.to_numpy(), cheat.columns, dataset.y) == ["harmless"]
