"""A soft vote of the other families, which err in different places."""

from __future__ import annotations

from typing import Any

from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import ExtraTreesClassifier, VotingClassifier
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline

from audiogenre.classifiers.boosting import WIDE, BoostingClassifier
from audiogenre.classifiers.linear import LinearClassifier
from audiogenre.classifiers.svc import SvcClassifier
from audiogenre.typing import Classifier

_N_FOLDS = 5


class EnsembleClassifier(Classifier):
    """The mean of the members' probabilities; the search says which members.

    Its trees are extremely randomised (Geurts et al. 2006): less like the boosted ones than a
    random forest is, which is what a vote lives on.

    An SVC has no probabilities of its own: each of five is calibrated on the fold it has not seen,
    cut by artist, which is why the ensemble asks for groups (metadata routing brings them).
    """

    name = "ensemble"
    costly = True

    def __init__(self, n_rows: int = 0) -> None:
        self.svc = SvcClassifier().sized(n_rows)
        self.note = self.svc.note

    def sized(self, n_rows: int) -> EnsembleClassifier:
        """Return the vote with the SVC that so many rows can have."""
        return EnsembleClassifier(n_rows)

    def build(self, blocks: tuple[str, ...], seed: int) -> Pipeline:
        """Return the unfitted pipeline."""
        folds = StratifiedGroupKFold(_N_FOLDS, shuffle=True, random_state=seed)
        typical = {"map__gamma": 1.0} if self.note else {"model__C": 3.0, "model__gamma": 1.0}
        svc = self.svc.build(blocks, seed).set_params(**typical)
        linear = LinearClassifier().build(blocks, seed).set_params(model__C=100.0)
        trees = ExtraTreesClassifier(
            n_estimators=300,
            min_samples_leaf=2,
            max_features="sqrt" if len(blocks) > WIDE else 0.6,
            random_state=seed,
        )
        members = [
            ("svc", CalibratedClassifierCV(svc, method="sigmoid", cv=folds)),
            ("linear", linear),
            ("boosting", BoostingClassifier().build(blocks, seed)),
            ("trees", trees),
        ]
        return Pipeline([("model", VotingClassifier(members, voting="soft"))])

    def grid(self, n_rows: int, n_columns: int) -> list[dict[str, list[Any]]]:
        """Return who votes."""
        return [
            {"model__linear": ["drop"]},
            {"model__linear": ["drop"], "model__boosting": ["drop"]},
            {"model__weights": [None]},
        ]
