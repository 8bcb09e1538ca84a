"""No text from outside begins a formula in a spreadsheet or drives a terminal, in any CSV."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import example, given
from hypothesis import strategies as some

from audiogenre.answers import write_csv
from audiogenre.cli import printable
from audiogenre.corrections import read_csv
from audiogenre.spreadsheets import cell, cells, restored
from audiogenre.typing import Track

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
HOSTILE = some.sampled_from(
    [
        "=HYPERLINK(1)",
        "+1",
        "-1",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "'=1",
        "''=1",
        "\x1b[2J",
        "=1\n=2",
        "a",
    ]
)
TEXTS = HOSTILE | some.text(max_size=20)


def check(content: str) -> None:
    """Check every cell of a CSV file, and that no control character but ends of lines is there."""
    rows = list(csv.reader(io.StringIO(content, newline="")))
    assert rows
    for each in (each for row in rows for each in row):
        assert not each.startswith(FORMULA) or _is_number(each), repr(each)
        assert printable(each) == each


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@given(TEXTS)
@example("'＝1")
def test_a_cell_is_no_formula_and_can_be_read_back(text: str) -> None:
    assert not cell(text).startswith(FORMULA)
    assert restored(cell(text)) == printable(text)


@given(TEXTS, TEXTS)
def test_two_texts_that_can_be_shown_stay_two(one: str, other: str) -> None:
    one, other = printable(one), printable(other)
    assert (cell(one) == cell(other)) == (one == other)


@given(some.integers() | some.floats(allow_nan=False) | some.booleans() | some.none())
def test_numbers_stay_numbers(value: Any) -> None:
    assert cell(value) is value


@given(path=TEXTS, label=TEXTS, heard=TEXTS, error=TEXTS)
def test_what_predict_prints(path: str, label: str, heard: str, error: str) -> None:
    answer: dict[str, Any] = {
        "path": path,
        "label": label,
        "nearest": label,
        "known": True,
        "probability": 0.75,
        "probabilities": {label: 0.75},
        "error": None,
        "heard": heard,
    }
    refused = {"path": path, "probabilities": {}, "error": error, "heard": ""}
    windows = {"timeline": [answer | {"start": 0.0}]}
    file = io.StringIO(newline="")
    write_csv(file, [answer | windows, refused], [label], {heard: lambda row: row["heard"]})
    check(file.getvalue())


@given(some.lists(some.tuples(TEXTS, TEXTS), min_size=1, max_size=4), TEXTS)
def test_what_explore_and_evaluate_write(rows: list[tuple[str, str]], label: str) -> None:
    table = pd.DataFrame(rows, columns=["artist", f"p_{label}"]).assign(probability=-0.5)
    check(cells(table).to_csv(index=False))


@given(ids=some.sets(TEXTS, min_size=1, max_size=4), label=TEXTS, note=TEXTS)
def test_relabel_reads_what_explore_has_written(
    tmp_path_factory: Any, ids: set[str], label: str, note: str
) -> None:
    """Each row comes back as the track it was, unless two can no longer be told apart."""
    shown = {printable(each).strip() for each in ids}
    known = {each: Track(id=each, source="test") for each in ids if each == each.strip() != ""}
    if not known or len(shown) < len(ids) or not printable(label).strip():
        return
    table = pd.DataFrame({"track_id": list(known), "label": label, "note": note})
    path: Path = tmp_path_factory.getbasetemp() / "suspects.csv"
    cells(table).to_csv(path, index=False)
    found = read_csv(path, known)
    assert [each.track_id for each in found] == list(known)
    assert {each.label for each in found} == {restored(cell(label).strip())}
    assert {each.note for each in found} == {restored(cell(note).strip()) or None}
