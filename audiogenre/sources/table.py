"""A CSV or Parquet file of features somebody else computed, Spotify's above all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from audiogenre.errors import UsageError
from audiogenre.leaks import is_refused
from audiogenre.parquet import read_foreign
from audiogenre.sources.base import BaseSource
from audiogenre.typing import LABEL_KINDS, Label, LabelKind, Problem, Track

if TYPE_CHECKING:
    import pandas as pd

# Spotify's features with the range its documentation gives; loudness peaks a little above 0 dB.
ATTRIBUTES: dict[str, tuple[float, float]] = {
    "danceability": (0, 1),
    "energy": (0, 1),
    "key": (-1, 11),
    "loudness": (-70, 10),
    "mode": (0, 1),
    "speechiness": (0, 1),
    "acousticness": (0, 1),
    "instrumentalness": (0, 1),
    "liveness": (0, 1),
    "valence": (0, 1),
    "tempo": (0, 300),
    "duration_ms": (1, 24 * 3600 * 1000),
    "time_signature": (0, 7),
}
_RESERVED = {"spotify", "baseline", "full"}
_ENOUGH_TO_BE_SPOTIFY = 5
_SPARSE = 0.5  # share of missing values
_SURELY_MS = 10_000  # a length below this may be in seconds
_GUESSES = {
    "id_column": ("track_id", "tid", "id", "filename", "file"),
    "label_column": ("track_genre", "genre", "genre_top_ntds", "genre_top", "mood", "label"),
    "artist_column": ("artists", "artist", "artist_name"),
    "album": ("album_name", "album"),
    "title": ("track_name", "title", "name"),
    "isrc": ("isrc",),
}

_TEXTS = ("artist_column", "album", "title", "isrc")
_LARGEST_WHOLE = 2**53  # up to which every whole number is a float of its own


@dataclass
class TableSource(BaseSource):
    """Rows of a table as tracks with features.

    Parameters
    ----------
    path : Path
        A ``.csv`` or ``.parquet`` file.
    id_column, label_column, artist_column : str, optional
        Guessed from the usual names if not given.
    label : {"genre", "mood"}, optional
        What the labels are; by default ``mood`` if their column is called so, else ``genre``.
    label_names : str, optional
        Names for the labels 0, 1, 2 ..., separated by commas.
    set : str, optional
        What to call the numeric columns that are not Spotify's; by default the file's name.
    """

    path: Path | None = None
    id_column: str | None = None
    label_column: str | None = None
    artist_column: str | None = None
    label: LabelKind | None = None
    label_names: str | None = None
    set: str | None = None

    name: ClassVar[str] = "table"
    terms: ClassVar[str] = (
        "A table holds features that somebody else computed, and has the terms of wherever it "
        "comes from. Spotify forbids training models on what its service gives out: take published "
        "tables of its features to repeat or to compare research."
    )

    def __post_init__(self) -> None:
        if self.path is None:
            raise UsageError("the source 'table' needs --path FILE.csv or FILE.parquet")
        self.path = Path(self.path).expanduser().resolve()
        if not self.path.is_file():
            raise UsageError(f"{self.path} is not a file")
        self.set = self.set or "".join(c if c.isalnum() else "_" for c in self.path.stem.lower())
        if self.set in _RESERVED or not self.set.replace("_", "").isalnum():
            raise UsageError(f"--set {self.set!r} is taken or not a plain name; choose another")

    def tracks(self) -> Iterator[Track | Problem]:
        """Clean the table, say in `notes` what that did, and list its tracks by id."""
        table = self._read()
        columns = self._columns(table)
        sets = self._feature_columns(table, columns)
        names = [name for group in sets.values() for name in group]
        n_rows = len(table)
        table = table[[*dict.fromkeys([*filter(None, columns.values()), *names])]].copy()
        ids = self._ids(table, columns["id_column"])
        label_column = columns["label_column"]
        assert label_column is not None
        table["_label"] = self._labels(table[label_column])
        table.index = ids
        for part in _TEXTS:
            if column := columns[part]:
                table[column] = _texts(table[column])
        once = ~table.reset_index(names="_id").duplicated().to_numpy()
        table = table[once]
        self._note(n_rows, n_rows - len(table), "rows are exact duplicates and were dropped")
        problems: dict[str, str] = {}
        for reason, bad in self._faults(table, names, sets.get("spotify", {})):
            self._note(n_rows, int(bad.sum()), f"rows have {reason} and went to the ledger")
            problems |= dict.fromkeys(table.index[bad], reason)
        yield from (Problem(item, reason) for item, reason in sorted(problems.items()))
        good = table[~table.index.isin(list(problems))]
        yield from self._grouped(good, sets, columns)

    def fetch(self, track: Track) -> bytes:
        """Refuse: a table has no audio."""
        raise UsageError("a table has features, not audio")

    def _read(self) -> pd.DataFrame:
        import pandas as pd

        path = cast(Path, self.path)
        try:
            if path.suffix.lower() in (".parquet", ".pq"):
                table = read_foreign(path)
            else:
                table = pd.read_csv(path, low_memory=False)
        except Exception as error:  # pyarrow and pandas raise whatever damaged bytes provoke
            raise UsageError(f"{path} cannot be read as a table: {error}") from error
        table.columns = [str(column).strip() for column in table.columns]
        if table.columns.has_duplicates:
            twice = table.columns[table.columns.duplicated()][0]
            raise UsageError(f"{path} has two columns called {twice!r}")
        if table.empty:
            raise UsageError(f"{path} has no rows")
        for column in table.columns[table.dtypes == "object"]:
            table[column] = table[column].map(_flat)
        return table

    def _columns(self, table: pd.DataFrame) -> dict[str, str | None]:
        """Say which column plays which part: as asked for, else by its usual names."""
        lowered = {column.lower(): column for column in reversed(table.columns)}
        found: dict[str, str | None] = {}
        for part, usual in _GUESSES.items():
            asked = getattr(self, part, None)
            if asked is not None and asked not in table.columns:
                raise UsageError(f"{self.path} has no column {asked!r}: {_listed(table.columns)}")
            found[part] = asked or next((lowered[each] for each in usual if each in lowered), None)
        if found["label_column"] is None:
            raise UsageError(
                f"no column of {self.path} looks like a label ({_listed(table.columns)}); "
                "name it with --label-column"
            )
        return found

    def _feature_columns(
        self, table: pd.DataFrame, columns: dict[str, str | None]
    ) -> dict[str, dict[str, str]]:
        """Return ``{set: {column of the table: name in the store}}``."""
        lowered = {column.lower(): column for column in reversed(table.columns)}
        if "length" in lowered and "duration_ms" not in lowered:
            lowered["duration_ms"] = lowered.pop("length")
        spotify = {lowered[each]: each for each in ATTRIBUTES if each in lowered}
        sets: dict[str, dict[str, str]] = {}
        if len(spotify) >= _ENOUGH_TO_BE_SPOTIFY:
            sets["spotify"] = spotify
        taken = {*filter(None, columns.values()), *sets.get("spotify", ())}
        own = {
            column: column
            for column in table.columns
            if column not in taken and not is_refused(column) and _mostly_numbers(table[column])
        }
        sparse = [each for each in own if table[each].isna().mean() > _SPARSE]
        if sparse:
            self.notes.append(f"columns with mostly missing values left out: {', '.join(sparse)}")
        own = {column: to for column, to in own.items() if column not in sparse}
        refused = [each for each in table.columns if each not in taken and is_refused(each)]
        if refused:
            self.notes.append(f"columns that cannot be features left out: {', '.join(refused)}")
        if own:
            sets[cast(str, self.set)] = own
        if not sets:
            raise UsageError(f"{self.path} has no numeric feature columns")
        return sets

    def _ids(self, table: pd.DataFrame, column: str | None) -> list[str]:
        """Return ids; a Spotify id stands for itself, any other one only within its table."""
        stem = cast(Path, self.path).stem
        rows = table.astype("string").fillna("").agg("\x1f".join, axis=1)
        hashes = [hashlib.sha256(row.encode()).hexdigest()[:16] for row in rows]
        named = _texts(table[column]) if column else [""] * len(table)
        texts = [name or digest for name, digest in zip(named, hashes, strict=True)]
        return [
            f"table:{text}" if len(text) == 22 and text.isalnum() else f"table:{stem}/{text}"
            for text in texts
        ]

    def _labels(self, column: pd.Series[Any]) -> pd.Series[Any]:
        import pandas as pd

        if pd.api.types.is_float_dtype(column):
            there = column.dropna()
            if ((there % 1 == 0) & (there.abs() <= _LARGEST_WHOLE)).all():
                column = column.astype("Int64")
        texts = _texts(column).str.casefold()
        if self.label_names is None:
            return texts
        names = [each.strip().casefold() for each in self.label_names.split(",")]
        by_number = {str(number): each for number, each in enumerate(names)}
        unknown = sorted(set(texts[texts != ""]) - set(by_number))
        if unknown:
            raise UsageError(
                f"--label-names has {len(names)} names, but {self.path} a label {unknown[0]!r}"
            )
        return texts.map(by_number).fillna("")

    def _faults(
        self, table: pd.DataFrame, names: list[str], spotify: dict[str, str]
    ) -> Iterator[tuple[str, Any]]:
        """Turn features into numbers in place; yield each kind of fault with its rows."""
        import pandas as pd

        missing = table["_label"].eq("") | table[names].isna().any(axis=1)
        numbers = table[names].apply(pd.to_numeric, errors="coerce").astype(float)
        wrong = numbers.isna().any(axis=1) & ~missing
        outside = ~numbers.abs().lt(float("inf")).all(axis=1) & ~missing & ~wrong
        for column, attribute in spotify.items():
            low, high = ATTRIBUTES[attribute]
            outside |= ((numbers[column] < low) | (numbers[column] > high)) & ~missing & ~wrong
        table[names] = numbers
        yield "missing values", missing.to_numpy()
        yield "values that are not numbers", wrong.to_numpy()
        yield "values out of range", outside.to_numpy()

    def _grouped(
        self,
        table: pd.DataFrame,
        sets: dict[str, dict[str, str]],
        columns: dict[str, str | None],
    ) -> Iterator[Track]:
        """Yield one track an id; a track under several labels keeps them all, in their order."""
        mood = (columns["label_column"] or "").lower() == "mood"
        kind = self.label or ("mood" if mood else "genre")
        if kind not in LABEL_KINDS:
            raise UsageError(f"--label is one of {', '.join(LABEL_KINDS)}, not {kind!r}")
        several = differing = 0
        names = [name for group in sets.values() for name in group]
        provenance = f"table:{cast(Path, self.path).name}"
        for track_id, rows in table.groupby(level=0, sort=True):
            labels = dict.fromkeys(rows["_label"])
            several += len(labels) > 1
            first = rows.iloc[0]
            differing += len(rows) > 1 and bool((rows[names].nunique() > 1).any())
            text = {
                part: (str(first[column]) or None) if (column := columns[part]) else None
                for part in _TEXTS
            }
            yield Track(
                id=str(track_id),
                source="table",
                labels=tuple(Label(kind, each, provenance) for each in labels),
                artist=text["artist_column"],
                album=text["album"],
                title=text["title"],
                isrc=text["isrc"],
                duration=_song_length(sets.get("spotify", {}), first),
                features={
                    name: {to: float(first[column]) for column, to in group.items()}
                    for name, group in sets.items()
                },
                audio=False,
            )
        if several:
            self.notes.append(f"{several} tracks stand under several labels and keep them all")
        if differing:
            self.notes.append(f"{differing} tracks have rows that differ: the first one counts")

    def _note(self, total: int, count: int, what: str) -> None:
        if count:
            self.notes.append(f"{count} of {total} {what}")


def _texts(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column as stripped text, what is missing as ``""``."""
    return column.astype("string").str.strip().fillna("")


def _flat(value: Any) -> Any:
    """Return a value of Parquet as a value of CSV: bytes and what holds others as text."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list):
        return ";".join(str(each) for each in value)
    return str(value) if isinstance(value, dict) else value


def _song_length(spotify: dict[str, str], row: Any) -> float | None:
    """Return how long a song is in seconds, if the table says so in milliseconds."""
    lengths = [float(row[column]) for column, to in spotify.items() if to == "duration_ms"]
    return lengths[0] / 1000 if lengths and lengths[0] >= _SURELY_MS else None


def _mostly_numbers(column: pd.Series[Any]) -> bool:
    import pandas as pd

    if pd.api.types.is_bool_dtype(column):
        return False
    there = column.dropna()
    numbers = pd.to_numeric(there, errors="coerce")
    return len(there) > 0 and float(numbers.notna().mean()) >= 0.9


def _listed(columns: Any) -> str:
    names = list(columns)
    return "its columns are " + ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")
