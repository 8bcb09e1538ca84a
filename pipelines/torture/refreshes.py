"""The nightly refresh, whose models are called by the time they were fitted at."""

from __future__ import annotations

import json
import re
from pathlib import Path

from pipelines.torture.facts import Fact, Facts, facts_of
from pipelines.torture.worlds import World, call, table

_NAME = re.compile(r"refresh-\d{8}-\d{6}(-\d)?")
_KEPT = ("decision", "tracks", "rows")  # of a line of the history: the rest tells times
_REPORT = ("models/REFRESH.md", "models/refresh.png")  # drawn over time


def command(folder: Path) -> list[str]:
    """Return the refresh."""
    where = ("--data", str(folder / "data"), "--models", str(folder / "models"))
    return ["audiogenre.refresh", "--config", str(folder / "a.toml"), *where]


def second_night(folder: Path) -> None:
    """Make a folder as it is when the second night begins, with new tracks in the table."""
    (folder / "a.toml").write_text(
        f'[[source]]\nname = "table"\npath = "{folder / "table.csv"}"\n'
        '[refresh]\nfeatures = "spotify"\nmodel = "linear"\nmin_new = 6\njobs = 1\n'
    )
    table(folder / "table.csv", range(8))
    call(folder.parent / "said", *command(folder), "--quiet")
    table(folder / "table.csv", range(12))


class RefreshWorld(World):
    """The second night of a refresh; its new model is told from the old one, and not by name."""

    def __init__(self, name: str, root: Path) -> None:
        super().__init__(name, root, command, second_night, weight=1)

    def facts(self) -> Facts:
        """Return what there is now, with names that do not depend on the time."""
        before = {each.name for each in (self._kept / "models").glob("refresh-*")}
        found: Facts = Facts()
        for fact, count in facts_of(self.folder).items():
            if fact[0] == "file" and (fact[1] in _REPORT or fact[1].startswith("models/current")):
                continue
            if fact[0] == "file" and fact[1] == "models/HISTORY.jsonl":
                found.update(self._history(self.folder / fact[1]))
                continue
            if fact[0] == "file" and (old := _NAME.search(fact[1])) and old[0] not in before:
                continue  # a model of tonight says when it was fitted: that it is there has to do
            named = _NAME.sub(lambda m: m[0] if m[0] in before else "refresh-new", " \0".join(fact))
            found[tuple(named.split(" \0"))] += count
        return found

    @staticmethod
    def _history(path: Path) -> list[Fact]:
        lines = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        return [
            ("history", *(str(line.get(key)) for key in _KEPT), str(_accuracy(line)))
            for line in lines
            # A run that was disturbed says that it has failed, or the next one that all was done.
            if line["decision"] not in ("no challenger", "failed")
        ]


def _accuracy(line: dict[str, object]) -> object:
    challenger = line.get("challenger")
    return challenger.get("accuracy") if isinstance(challenger, dict) else None
