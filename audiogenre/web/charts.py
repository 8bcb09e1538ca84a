"""Numbers as paths of inline SVG; how they look is the style sheet's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def waveform(peaks: Any, *, height: float = 100.0) -> str:
    """Return the outline of a waveform as an SVG path, one unit a point across.

    Parameters
    ----------
    peaks : array, shape (n, 2), in [-1, 1]
        Lowest and highest sample.

    Examples
    --------
    >>> waveform([(-1.0, 1.0), (-0.5, 0.5)], height=4)
    'M0 0.0L1 1.0L1 3.0L0 4.0Z'
    """
    middle = height / 2
    upper = [(i, middle - middle * high) for i, (_, high) in enumerate(peaks)]
    lower = [(i, middle - middle * low) for i, (low, _) in enumerate(peaks)]
    points = [f"{x} {y:.1f}" for x, y in [*upper, *reversed(lower)]]
    return f"M{'L'.join(points)}Z"


def ranked(shares: dict[str, float]) -> list[tuple[str, float]]:
    """Return labels with their shares, the largest first."""
    return sorted(shares.items(), key=lambda each: (-each[1], each[0]))


def cells(timeline: Sequence[dict[str, Any]], seconds: float) -> list[dict[str, Any]]:
    """Return the windows of a time line with where they end and how wide they are, in percent."""
    ends = [each["start"] for each in timeline[1:]]
    if timeline:
        ends.append(min(timeline[-1]["start"] + 5.0, seconds))
    return [
        {**each, "end": end, "width": round(100 * (end - each["start"]) / seconds, 2)}
        for each, end in zip(timeline, ends, strict=True)
    ]
