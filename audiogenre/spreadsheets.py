"""Text in CSV files, so that a spreadsheet shows it and does not run it, nor a terminal obey it.

A title such as ``=HYPERLINK(...)`` is a formula to whoever opens the file. As OWASP advises
(CSV injection), an apostrophe goes before what would begin one; `restored` takes it away again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from audiogenre.cli import printable

if TYPE_CHECKING:
    import pandas as pd

# What begins a formula, wide forms too; behind apostrophes as well, so that there is a way back.
# Tabs and ends of lines, which would as well, are control characters and replaced.
_FORMULA = re.compile("'*[-=+@＝＋－＠]")
# Bytes of a name that is not UTF-8 are left to whoever writes the text out, as an escape.
_TEXT = re.compile("[^\ud800-\udfff]+")


def cell(value: Any) -> Any:
    """Return what goes into a cell: text that is no formula and has no control characters.

    Examples
    --------
    >>> cell("=1+1"), cell("rock"), cell("'-"), cell(-1.5)
    ("'=1+1", 'rock', "''-", -1.5)
    """
    if not isinstance(value, str):
        return value
    text = _TEXT.sub(lambda found: printable(found[0]), value)
    return f"'{text}" if _FORMULA.match(text) else text


def restored(text: str) -> str:
    """Return a text as it was before `cell`, its control characters aside.

    Examples
    --------
    >>> restored("'=1+1"), restored("rock"), restored("''-"), restored("'n' roll")
    ('=1+1', 'rock', "'-", "'n' roll")
    """
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def cells(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with all of its text, and the names of its columns, as `cell` gives it."""
    return table.map(cell).rename(columns=cell)
