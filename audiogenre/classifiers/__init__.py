"""Families of models: each builds an estimator and its candidates, nothing else."""

from __future__ import annotations

from audiogenre.classifiers.majority import MajorityClassifier
from audiogenre.classifiers.svc import SvcClassifier
from audiogenre.typing import Classifier

CLASSIFIERS: dict[str, Classifier] = {
    each.name: each for each in (SvcClassifier(), MajorityClassifier())
}

__all__ = ["CLASSIFIERS"]
