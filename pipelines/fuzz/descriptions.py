"""Descriptions in JSON that are changed in single places, as a fuzzer's input says."""

from __future__ import annotations

import json
from typing import Any

NUMBERS = (0, 1, -1, 2, 3, 255, 4096, 2**31 - 1, -(2**31), 2**31, 2**63 - 1, -(2**63), 10**12)
SHARES = (0.0, -0.0, 0.5, 1e308, -1e308, float("nan"), float("inf"), float("-inf"))
_TEXTS = ("", "x", "folk", "rbf", "precomputed", "one_class", "nu_svc", "none", "uniform", "auto")
_LONGEST = 2**18  # characters that repeating something may come to
Input = Any  # atheris.FuzzedDataProvider
Spot = tuple[Any, Any]  # a container of JSON, and one of its keys


class Description:
    """A tree of JSON that is changed for one input, and is as it was for the next.

    Parameters
    ----------
    text : str
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._tree = json.loads(text)
        self._before: list[tuple[Any, Any]] = []
        spots = _spots(self._tree)
        plain = [each for each in spots if not str(each[1]).startswith("__")]
        self._spots = [(each, _texts(each) or each, _of_type(each)) for each in (spots, plain)]

    def change(self, changes: Input) -> None:
        """Put something else into one place."""
        # Rarely into what says how an object is built; often into a value, which stands in an
        # object's description as JSON in a text.
        spots, texts, of_type = self._spots[bool(changes.ConsumeIntInRange(0, 7))]
        container, key = _drawn(texts if changes.ConsumeBool() else spots, changes)
        if not _is_there(container, key):
            return
        old, kind = container[key], changes.ConsumeIntInRange(0, 7)
        self._before.append((container, container.copy()))
        if kind == 0:
            del container[key]
        elif kind <= 2:  # what stands elsewhere, and so refers to the same object, too
            other, place = _drawn(of_type.get(type(old), spots), changes)
            if _is_there(other, place):
                container[key] = json.loads(json.dumps(other[place]))
        elif kind == 3 and isinstance(old, list):
            times, text = changes.PickValueInList([0, 2, 3, 50]), json.dumps(old)
            # Copies, which later changes do not multiply: what is huge takes long, as it should.
            if times * len(text) <= _LONGEST:
                container[key] = (old + json.loads(text) * (times - 1)) if times else []
        elif kind == 4:
            deep: Any = 0
            for _ in range(changes.PickValueInList([2, 40, 300])):
                deep = [deep]
            container[key] = deep
        else:
            value = _value(changes)
            container[key] = json.dumps(value) if isinstance(old, str) else value
        if isinstance(container, dict) and "__id__" in container and "file" not in container:
            container["__id__"] = changes.ConsumeIntInRange(1, 1000)

    def taken(self) -> str:
        """Return the text, and undo all changes."""
        if not self._before:
            return self._text
        text = json.dumps(self._tree)
        while self._before:
            container, content = self._before.pop()
            container.clear()
            if isinstance(container, dict):
                container.update(content)
            else:
                container.extend(content)
        return text


def _spots(tree: Any) -> list[Spot]:
    """Return every place in a tree of JSON as its container and key."""
    found, waiting = [], [tree]
    while waiting:
        each = waiting.pop()
        keys = list(each) if isinstance(each, dict) else range(len(each))
        for key in keys:
            found.append((each, key))
            if isinstance(each[key], (dict, list)):
                waiting.append(each[key])
    return found


def _texts(spots: list[Spot]) -> list[Spot]:
    return [(each, key) for each, key in spots if isinstance(each[key], str)]


def _of_type(spots: list[Spot]) -> dict[type, list[Spot]]:
    found: dict[type, list[Spot]] = {}
    for each, key in spots:
        found.setdefault(type(each[key]), []).append((each, key))
    return found


def _drawn(spots: list[Spot], changes: Input) -> Spot:
    number: int = changes.ConsumeIntInRange(0, len(spots) - 1)
    return spots[number]


def _is_there(container: Any, key: Any) -> bool:
    """Tell whether an earlier change has left a place."""
    return key in container if isinstance(container, dict) else key < len(container)


def _value(changes: Input) -> Any:
    kind = changes.ConsumeIntInRange(0, 4)
    if kind == 0:
        return changes.PickValueInList(list(NUMBERS))
    if kind == 1:
        return changes.PickValueInList(list(SHARES))
    if kind == 2:
        return changes.PickValueInList(list(_TEXTS))
    if kind == 3:
        return changes.PickValueInList([None, True, False, [], {}, [1], {"a": 1}])
    return changes.ConsumeUnicodeNoSurrogates(8)
