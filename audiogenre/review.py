"""Doubtful labels, one after the other: which ones wait, and what a person says of each.

What is said goes to the catalogue as a correction, and can be taken back. Only that somebody is
unsure is kept apart, beside the suspects themselves: it is no label.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock

from audiogenre.catalog import Catalog
from audiogenre.corrections import Correction, Relabeller
from audiogenre.errors import StoreError, UsageError
from audiogenre.store import FeatureStore

FOLDER = "review"
KIND: Literal["genre"] = "genre"
Decision = Literal["keep", "change", "unsure"]
Say = Callable[[str], None]
_NOTES = {"keep": "heard and kept, page Dataset", "change": "heard and changed, page Dataset"}


@dataclass(frozen=True)
class Suspect:
    """A track whose label a model that has not heard its artist contradicts.

    Attributes
    ----------
    suggestion : str
        What the model says, with `probability`.
    label_probability : float
        That of the label it has.
    """

    track_id: str
    label: str
    suggestion: str
    probability: float
    label_probability: float


@dataclass(frozen=True)
class Decided:
    """What a person said of a suspect.

    Attributes
    ----------
    before : list of (label, note), at most one
        The correction that this one has taken the place of.
    """

    track_id: str
    decision: Decision
    label: str
    before: list[list[str]]


class Review:
    """The doubtful labels of a data folder.

    Parameters
    ----------
    data : Path
    """

    def __init__(self, data: Path) -> None:
        self.data, self.folder = data, data / FOLDER
        self._suspects, self._decided = self.folder / "suspects.json", self.folder / "decided.json"

    @property
    def found_at(self) -> str:
        """When suspects were last looked for; empty if never."""
        return str(self._found().get("created", ""))

    def suspects(self) -> list[Suspect]:
        """Return all that were found, the most doubtful first."""
        return [Suspect(**each) for each in self._found().get("suspects", [])]

    def decided(self) -> list[Decided]:
        """Return what was said, the latest last."""
        try:
            return [Decided(**each) for each in _read(self._decided, [])]
        except TypeError as error:
            raise _unreadable(self._decided, "it is no list of decisions") from error

    def waiting(self) -> list[Suspect]:
        """Return the suspects nobody has said anything of, here or by ``audiogenre relabel``."""
        suspects = self.suspects()
        if not suspects:
            return []
        with Catalog(self.data / "catalog.db") as catalog:
            there = {each[0] for each in catalog.labelled(KIND)}
            corrected = {each[0] for each in catalog.corrections() if each[1] == KIND}
        done = corrected | {each.track_id for each in self.decided()}
        return [each for each in suspects if each.track_id in there - done]

    def decide(self, track_id: str, decision: Decision, label: str = "") -> Decided:
        """Record what a person says of a suspect.

        Parameters
        ----------
        label : str
            What it is instead, if it is to be changed; by default what the model says.

        Raises
        ------
        UsageError
            If it is none, or has been decided meanwhile.
        """
        with self._alone(), Catalog(self.data / "catalog.db") as catalog:
            suspect = next((each for each in self.waiting() if each.track_id == track_id), None)
            if suspect is None:
                raise UsageError("this label is not in doubt any more: somebody has decided")
            label = (label or suspect.suggestion) if decision == "change" else suspect.label
            before = [
                [each[2], each[3]] for each in catalog.corrections() if each[:2] == (track_id, KIND)
            ]
            if decision != "unsure":
                correction = Correction(track_id, label, _NOTES[decision])
                (change,) = Relabeller(catalog, KIND).apply([correction])
                label = change.after or label  # as the catalogue spells it
            decided = Decided(track_id, decision, label, before)
            _write(self._decided, [asdict(each) for each in [*self.decided(), decided]])
        return decided

    def undo(self) -> Decided | None:
        """Take back what was said last; return what that was.

        Raises
        ------
        UsageError
            If somebody has corrected the label since: that stands, and what was said here before
            it is forgotten.
        """
        with self._alone(), Catalog(self.data / "catalog.db") as catalog:
            decided = self.decided()
            if not decided:
                return None
            last = decided.pop()
            ours = (last.track_id, KIND, last.label, _NOTES.get(last.decision))
            if last.decision != "unsure" and ours not in {x[:4] for x in catalog.corrections()}:
                _write(self._decided, [asdict(each) for each in decided])
                raise UsageError(
                    "that label was corrected elsewhere since, which stands; undo once more takes "
                    "back what was said before"
                )
            if last.decision != "unsure":
                correction = Correction(last.track_id, None)
                for label, note in last.before:
                    correction = Correction(last.track_id, label, note)
                Relabeller(catalog, KIND).apply([correction])
            _write(self._decided, [asdict(each) for each in decided])
        return last

    def keep(self, suspects: list[Suspect]) -> None:
        """Keep what was found, in place of what was found before."""
        created = datetime.now(UTC).isoformat(timespec="seconds")
        found = {"created": created, "suspects": [asdict(each) for each in suspects]}
        with self._alone():
            _write(self._suspects, found)

    def _found(self) -> dict[str, Any]:
        """Return the last search; one that cannot be read is only to be made again."""
        try:
            found: dict[str, Any] = _read(self._suspects, {})
        except StoreError:
            return {}
        return found

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / ".lock"):
                yield
        except OSError as error:
            raise StoreError(f"cannot write to {self.folder}: {error.strerror or error}") from error


def search(data: Path, say: Say) -> str:
    """Look for doubtful labels and keep them; return in words what was found.

    Raises
    ------
    UsageError
        If there is too little to learn from.
    """
    from audiogenre.classifiers import CLASSIFIERS
    from audiogenre.dataset import load_dataset
    from audiogenre.exploration.outside import predict_outside
    from audiogenre.exploration.suspects import find_suspects
    from audiogenre.extraction import default_fingerprints
    from audiogenre.splits import N_FOLDS

    say("reading features and labels")
    store = FeatureStore.of(data)
    with Catalog(data / "catalog.db") as catalog:
        dataset = load_dataset(
            catalog,
            store,
            features="extracted",
            set_name=store.default_set(),
            fingerprints=default_fingerprints(),
            label=KIND,
        )
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        say(f"listening without knowing the artist: part {min(done + 1, N_FOLDS)} of {N_FOLDS}")

    say(f"listening without knowing the artist: part 1 of {N_FOLDS}")
    outside = predict_outside(dataset, CLASSIFIERS["svc"], progress=count)
    say("comparing what is heard with the labels")
    table = find_suspects(dataset, outside)
    Review(data).keep([Suspect(*row) for row in table.itertuples(index=False)])
    return f"{len(table)} of {len(dataset.y)} labels are in doubt"


def _read(path: Path, default: Any) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return default
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    except ValueError as error:
        raise _unreadable(path, str(error)) from error


def _unreadable(path: Path, why: str) -> StoreError:
    return StoreError(f"{path} cannot be read ({why}): put it right, or move it away")


def _write(path: Path, content: Any) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    beside.write_text(json.dumps(content), encoding="utf-8")
    beside.replace(path)
