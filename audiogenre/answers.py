"""What a model answers about one clip, as a record for JSON, CSV and pages, and in words."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from audiogenre.spreadsheets import cell

if TYPE_CHECKING:
    import pandas as pd

    from audiogenre.bundle import Bundle

# From which probability on an answer is called that.
CERTAINTIES = ((0.85, "almost certain"), (0.65, "likely"), (0.45, "leaning"), (0.0, "unsure"))


def record(
    path: str,
    answers: pd.DataFrame | None,
    error: str,
    bundle: Bundle,
    *,
    tags: int | None = None,
) -> dict[str, Any]:
    """Return one clip's prediction as it stands in the JSON.

    Parameters
    ----------
    path : str
        What the clip is called.
    answers : DataFrame or None
        One row for the whole clip and, if there are more, one for each window
        (`Bundle.predict_each`).
    error : str
        Why there is none.
    tags : int, optional
        How many tags to name.
    """
    if answers is None:
        blank: dict[str, Any] = {
            "label": None,
            "known": None,
            "probability": None,
            "probabilities": {},
        } | ({"tags": {}} if tags else {})
        blank |= {"labels": []} if bundle.is_multilabel else {}
        return {"path": path, **blank, "error": error}
    whole, *windows = (_answer(row, bundle.labels, tags) for row in answers.to_dict("records"))
    found = {"path": path, **whole, "error": None}
    if windows:
        starts = answers["start"].iloc[1:]
        found["timeline"] = [
            {"start": float(start), **window} for start, window in zip(starts, windows, strict=True)
        ]
    return found


def _answer(row: dict[Any, Any], labels: list[str], tags: int | None) -> dict[str, Any]:
    answer = {
        "label": row["label"],
        "nearest": row["nearest"],
        "known": bool(row["known"]),
        "probability": float(row["probability"]),
        "probabilities": {label: float(row[f"p_{label}"]) for label in labels},
    }
    if "level" in row:
        above = {key[len("above_") :]: float(row[key]) for key in row if key.startswith("above_")}
        answer |= {"level": row["level"], "parents": above}
    if "labels" in row:
        answer["labels"] = row["labels"]
    if tags:
        heard = {key[len("tag_") :]: float(row[key]) for key in row if key.startswith("tag_")}
        answer["tags"] = dict(sorted(heard.items(), key=lambda item: -item[1])[:tags])
    return answer


def certainty(probability: float) -> str:
    """Return how sure an answer of this probability is, in words.

    Examples
    --------
    >>> certainty(0.9), certainty(0.5)
    ('almost certain', 'leaning')
    """
    return next(words for limit, words in CERTAINTIES if probability >= limit)


def percentages(shares: dict[str, float]) -> str:
    """Return shares as text.

    Examples
    --------
    >>> percentages({"rock": 0.714, "pop": 0.2})
    'rock 71 %, pop 20 %'
    """
    return ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items())


def write_csv(
    file: TextIO,
    predictions: Sequence[dict[str, Any]],
    labels: list[str],
    extra: Mapping[str, Callable[[dict[str, Any]], Any]],
) -> None:
    """Write records as CSV: a row for each clip, and one for each of its windows.

    What would be a formula in a spreadsheet is none (`audiogenre.spreadsheets`).

    Parameters
    ----------
    extra : mapping
        Columns besides, by name: what stands there of a record.
    """
    writer = csv.writer(file)
    columns = ["path", "start", "label", "nearest", "known", "probability", *labels]
    writer.writerow([cell(each) for each in (*columns, *extra, "error")])
    for each in predictions:
        for row in (each, *each.get("timeline", ())):
            shares = [row["probabilities"].get(label, "") for label in labels]
            cells = [row.get(key) for key in ("start", "label", "nearest", "known", "probability")]
            more = [of(row) for of in extra.values()]
            line = [each["path"], *cells, *shares, *more, each["error"]]
            writer.writerow([cell(value) for value in line])
