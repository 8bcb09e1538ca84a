"""Champion against challenger, on the same test tracks.

The challenger takes over if its accuracy is at least the champion's

1. on all test tracks there are now, with answers among all the labels it knows, and
2. on those of them that the champion was tested on when it was fitted, with answers among the
   labels that the champion knows.

A tie is enough: the challenger has learned from more. No margin or significance is asked for: on a
set that stays the same, small losses would add up night after night, and equal models may change.

The second condition is there because wrong labels come on both sides of the split: a model that has
learned them looks good on the new test tracks. The part it looks at moves with promotions only, not
with every night. Otherwise the bad night's own tracks would be on it from the next night on: in
simulations (a champion of 40 to 400 tracks, one night of wrong labels, five good ones after it) a
challenger spoiled by them was then promoted in 8 to 22 % of the cases instead of in 0.2 to 3 %. The
price is that a champion with a lucky first test stays longer: on good music, up to half a point of
accuracy after forty nights.

Choosing many times on the same tracks flatters the chosen a little; tracks that came after a model
was fitted do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from audiogenre import evaluation
from audiogenre.bundle import Bundle
from audiogenre.card import percent
from audiogenre.catalog import Catalog
from audiogenre.dataset import Dataset, load_dataset
from audiogenre.errors import BundleError
from audiogenre.evaluation import Difference
from audiogenre.parquet import read_foreign
from audiogenre.store import FeatureStore

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """Accuracy of a model on the test tracks of a day."""

    name: str
    accuracy: float
    interval: tuple[float, float]
    n: int


@dataclass(frozen=True)
class Verdict:
    """What came of a comparison.

    Attributes
    ----------
    challenger, champion : Score
        On the same tracks, those of the first condition.
    difference : Difference
        The challenger's accuracy less the champion's on these.
    earlier : dict
        ``n``, ``challenger`` and ``champion`` (accuracies) on the tracks of the second condition.
    promoted : bool
    """

    challenger: Score
    champion: Score
    difference: Difference
    earlier: dict[str, float]
    promoted: bool

    @property
    def reason(self) -> str:
        """The verdict in a sentence."""
        low, high = (100 * bound for bound in self.difference.interval)
        on_all = (
            f"{percent(self.challenger.accuracy)} against {percent(self.champion.accuracy)} on all "
            f"{self.champion.n} test tracks ({100 * self.difference.difference:+.1f} points, 95 % "
            f"interval {low:+.1f} to {high:+.1f}, McNemar p = {self.difference.p_value:.2g})"
        )
        on_earlier = (
            f"{percent(self.earlier['challenger'])} against {percent(self.earlier['champion'])} on "
            f"the {self.earlier['n']} that {self.champion.name} was chosen on"
        )
        if self.promoted:
            return f"not worse: {on_all}, and {on_earlier}"
        if self.difference.difference < 0:
            return f"worse: {on_all}; {on_earlier}"
        return f"worse where it counts: {on_earlier}; {on_all}"


def rows_of(
    bundle: Bundle, catalog: Catalog, store: FeatureStore, *, only: Sequence[str]
) -> Dataset:
    """Return today's tracks with the features that a model reads.

    Raises
    ------
    UsageError
        If there are none.
    BundleError
        If they were computed by another version than the model's, or if the model may have learned
        from what is a test track today.
    """
    sets = bundle.metadata["sets"]
    dataset = load_dataset(
        catalog,
        store,
        features=bundle.metadata["features"],
        set_name="+".join(each["name"] for each in sets if each["name"] != "spotify"),
        fingerprints={each["name"]: each["fingerprint"] for each in sets},
        label=bundle.metadata["label_kind"],
        only=only,
        split="frozen",
    )
    if [each["fingerprint"] for each in dataset.sets] != [each["fingerprint"] for each in sets]:
        raise BundleError(f"the features that {bundle.name!r} was fitted on are not there any more")
    tested = dataset.X.index.isin(tested_on(bundle))
    if (tested & ~dataset.test).any():
        raise BundleError(
            f"the test tracks have been chosen anew since {bundle.name!r} was fitted: it may have "
            "learned from those of today"
        )
    return dataset


def tested_on(bundle: Bundle) -> pd.Index:
    """Return the ids of the tracks that a model was tested on when it was fitted.

    Raises
    ------
    BundleError
        If its predictions cannot be read.
    """
    file = bundle.path / "predictions.parquet"
    try:
        return read_foreign(file, ["track_id"]).set_index("track_id").index
    except (OSError, ValueError, KeyError) as error:
        raise BundleError(f"{file} cannot be read: {error}") from error


def measure(bundle: Bundle, dataset: Dataset, ids: pd.Index | None = None) -> Score:
    """Measure a model on the test tracks of a dataset, or on some of them."""
    ids = dataset.X.index[dataset.test] if ids is None else ids
    right = _right(bundle, dataset, ids)
    return Score(
        name=bundle.name,
        accuracy=float(right.mean()),
        interval=evaluation.interval(right, _groups(dataset, ids)),
        n=len(ids),
    )


def judge(
    challenger: Bundle, dataset: Dataset, champion: Bundle, champion_dataset: Dataset
) -> Verdict:
    """Compare two models on the test tracks that have the features of both.

    Parameters
    ----------
    dataset, champion_dataset : Dataset
        Today's tracks with the columns of each (`rows_of`).

    Raises
    ------
    BundleError
        If they have no test track in common, or a model does not fit the columns.
    """
    ids = dataset.X.index[dataset.test]
    ids = ids.intersection(champion_dataset.X.index[champion_dataset.test])
    if not len(ids):
        raise BundleError(f"no test track has the features of {champion.name!r}")
    new, old = _right(challenger, dataset, ids), _right(champion, champion_dataset, ids)
    chosen_on = ids.intersection(tested_on(champion))
    earlier = {"n": len(chosen_on), "challenger": 1.0, "champion": 1.0}
    if len(chosen_on):
        among = champion.labels
        earlier["challenger"] = float(_right(challenger, dataset, chosen_on, among).mean())
        earlier["champion"] = float(_right(champion, champion_dataset, chosen_on).mean())
    return Verdict(
        challenger=measure(challenger, dataset, ids),
        champion=measure(champion, champion_dataset, ids),
        difference=evaluation.paired_difference(new, old, _groups(dataset, ids)),
        earlier=earlier,
        promoted=bool(new.mean() >= old.mean() and earlier["challenger"] >= earlier["champion"]),
    )


def _right(
    bundle: Bundle, dataset: Dataset, ids: pd.Index, among: Sequence[str] | None = None
) -> Values:
    """Tell for which tracks the likeliest label is right; one it cannot tell is wrong."""
    answers = bundle.predict_features(dataset.X.loc[ids])
    labels = [each for each in bundle.labels if among is None or each in among]
    if not labels:
        return np.zeros(len(ids))
    likeliest = answers[[f"p_{each}" for each in labels]].to_numpy().argmax(axis=1)
    y = dataset.y[dataset.X.index.get_indexer(ids)]
    return np.asarray(np.asarray(labels)[likeliest] == y, dtype=np.float64)


def _groups(dataset: Dataset, ids: pd.Index) -> Any:
    return dataset.groups[dataset.X.index.get_indexer(ids)]
