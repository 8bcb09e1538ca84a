"""One colour a genre, the same on every page."""

from __future__ import annotations

from collections.abc import Iterable

COUNT = 12  # colours of the style sheet, told apart by colour-blind readers in this order


class Colours:
    """Numbers of the style sheet's colours, by label.

    Parameters
    ----------
    labels : iterable of str
        Every label there is. Those of the model come first, so that they differ for sure.
    """

    def __init__(self, labels: Iterable[str]) -> None:
        self._numbers = {each: i % COUNT for i, each in enumerate(dict.fromkeys(labels))}

    def number(self, label: str) -> int:
        """Return a label's colour; one that came later takes the next free one."""
        return self._numbers.setdefault(label, len(self._numbers) % COUNT)
