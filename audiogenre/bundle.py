"""A fitted model: able to say what it is, and refusing what it does not fit."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from audiogenre import context
from audiogenre.errors import AudiogenreError, BundleError
from audiogenre.extraction import compute_something
from audiogenre.features import FEATURE_SETS
from audiogenre.features.sets import plain_names
from audiogenre.images import Images
from audiogenre.measuring import WINDOW_SECONDS, Change, Measured, measure_file
from audiogenre.metadata import sets_of, tags_of
from audiogenre.multilabel import is_multilabel
from audiogenre.multilabel.answers import joined, listed, read_thresholds
from audiogenre.pool import workers

UNKNOWN = "unknown"
# Of many files some are answered together; of a few each as soon as it is heard.
_MANY, _BATCH = 24, 8
Values = npt.NDArray[np.float64]
_ROUNDED = 1e-6  # that a sum of shares may be above 1


@dataclass(frozen=True)
class Bundle:
    """A fitted model with what is known about it.

    Attributes
    ----------
    path : Path
    metadata : dict
        What ``metadata.json`` holds.
    classifier, novelty : fitted estimators
    """

    path: Path
    metadata: dict[str, Any]
    classifier: Any
    novelty: Any

    @property
    def name(self) -> str:
        """The bundle's name."""
        return str(self.metadata["name"])

    @property
    def columns(self) -> list[str]:
        """The columns it reads, in order."""
        return list(self.metadata["columns"])

    @property
    def labels(self) -> list[str]:
        """The labels it can answer."""
        if self.is_multilabel:  # there are as many classifiers, and each only knows yes and no
            return [str(label) for label in self.metadata["labels"]]
        return [str(label) for label in self.classifier.classes_]

    @property
    def is_multilabel(self) -> bool:
        """Whether it answers several labels a track."""
        return is_multilabel(self.metadata)

    @property
    def sees_images(self) -> bool:
        """Whether it looks at spectrogram images."""
        return bool(self.metadata.get("images"))

    @property
    def reads_tags(self) -> bool:
        """Whether it reads artist and album."""
        return bool(self.metadata.get("context"))

    def predict_features(self, X: pd.DataFrame, images: Images | None = None) -> pd.DataFrame:
        """Predict from features.

        Parameters
        ----------
        X : DataFrame, shape (n, d)
            With exactly the columns of the model, in its order.
        images : ndarray, shape (n, n_bands * n_frames), optional
            For a model that looks at images (`audiogenre.images.image`): there the columns only
            tell what is unknown.

        Returns
        -------
        predictions : DataFrame
            ``label`` (or "unknown"), ``nearest`` (the likeliest label), ``known``, ``probability``
            of `nearest`, and each label's probability as ``p_LABEL``. Of a model of several labels
            a track ``labels``, too: a list of those at or above their thresholds, which stand in
            ``label`` as one text ("none" if there is none).

        Raises
        ------
        BundleError
            If a column is missing, too many or in another place; names it. If the model cannot
            answer, since its parts do not fit together.
        """
        check_columns(self.columns, [str(each) for each in X.columns])
        if (images is not None) != self.sees_images:
            verb = "needs" if self.sees_images else "does not look at"
            raise BundleError(f"the model {self.name!r} {verb} images")
        values = X.to_numpy(dtype=np.float64)
        probabilities, known = self._judge(values, values if images is None else images)
        nearest = np.asarray(self.labels)[probabilities.argmax(axis=1)]
        answers = pd.DataFrame(
            {
                "label": np.where(known, nearest, UNKNOWN),
                "nearest": nearest,
                "known": known,
                "probability": probabilities.max(axis=1),
            }
        )
        if self.is_multilabel:
            marks = probabilities >= read_thresholds(self.metadata)
            answers["label"] = np.where(known, joined(marks, self.labels), UNKNOWN)
            answers.insert(1, "labels", listed(marks & known[:, None], self.labels))
        columns = [f"p_{label}" for label in self.labels]
        return answers.join(pd.DataFrame(probabilities, columns=columns))

    def _judge(self, values: Values, inputs: Any) -> tuple[Values, npt.NDArray[np.bool_]]:
        """Return the probability of each label, and which rows are known."""
        try:
            probabilities = np.asarray(self.classifier.predict_proba(inputs), dtype=np.float64)
            known = np.asarray(self.novelty.is_known(self.novelty.distance(values)), dtype=bool)
            fits = probabilities.shape == (len(values), len(self.labels))
            fits = fits and known.shape == (len(values),)
        except AudiogenreError:
            raise
        except Exception as error:  # what is damaged can fail anywhere inside scikit-learn
            raise BundleError(f"the model {self.name!r} cannot answer ({error})") from error
        if not fits or not ((probabilities >= 0) & (probabilities <= 1 + _ROUNDED)).all():
            raise BundleError(f"the model {self.name!r} is damaged: it answers no probabilities")
        return probabilities, known

    def predict(self, paths: Sequence[str | os.PathLike[str]], *, n_jobs: int = 1) -> pd.DataFrame:
        """Predict audio files.

        Parameters
        ----------
        paths : sequence of n paths
        n_jobs : int
            Processes that compute features.

        Returns
        -------
        predictions : DataFrame, n rows
            ``path``, then as `predict_features`, then ``error``: why a file was refused, or "".
        """
        rows = [
            (path, answer, error)
            for path, answers, error in self.predict_each(paths, n_jobs=n_jobs)
            for answer in (answers.to_dict("records") if answers is not None else [{}])
        ]
        table = pd.DataFrame([answer for _, answer, _ in rows])
        columns = ["label", *(["labels"] if self.is_multilabel else [])]
        columns += ["nearest", "known", "probability"]
        columns += [f"p_{label}" for label in self.labels]
        table = table.reindex(columns=columns)
        table.insert(0, "path", [os.fspath(path) for path, _, _ in rows])
        return table.assign(error=[error for _, _, error in rows])

    def predict_each(
        self,
        paths: Sequence[str | os.PathLike[str]],
        *,
        n_jobs: int = 1,
        timeline: bool = False,
        tags: bool = False,
        change: Change | None = None,
    ) -> Iterator[tuple[str | os.PathLike[str], pd.DataFrame | None, str]]:
        """Predict files one after the other, in order, as their features arrive.

        Parameters
        ----------
        timeline : bool
            One row per window of five seconds, after the row for the whole file.
        tags : bool
            How well each tag fits, too.
        change : callable, optional
            ``(y, sr, path)`` to another signal, heard in its place.

        Yields
        ------
        path, answers, error
            `answers` as `predict_features` gives them, with a column ``start`` (s) if `timeline`,
            and ``tag_TAG`` for each tag if `tags`; None if the file was refused, and `error` says
            why.
        """
        from joblib import Parallel, delayed

        chosen = sets_of(self.metadata)
        if tags:
            tags_of(self.metadata)  # refuses before anything is computed
        with workers(n_jobs, first=partial(compute_something, [each.name for each in chosen])):
            computed = Parallel(return_as="generator")(
                delayed(measure_file)(
                    path, chosen, timeline, self.sees_images, self.reads_tags, change
                )
                for path in paths
            )
            size = _BATCH if len(paths) >= _MANY else 1
            pairs = zip(paths, computed, strict=True)
            while batch := list(islice(pairs, size)):
                heard = [found for _, found in batch if not isinstance(found, str)]
                answers = iter(self.answers(heard, tags=tags))
                for path, found in batch:
                    if isinstance(found, str):
                        yield path, None, found
                    else:
                        yield path, next(answers), ""

    def answers(self, measured: Sequence[Measured], *, tags: bool = False) -> list[pd.DataFrame]:
        """Predict from what was measured of clips: all at once, which takes little more than one.

        Returns
        -------
        answers : list of DataFrame
            As `predict_each` yields them; a row for each window where there are any.
        """
        if not measured:
            return []
        features = pd.concat([self.features(each) for each in measured], ignore_index=True)
        images = None
        if measured[0].images is not None:
            images = np.concatenate([each.images for each in measured if each.images is not None])
        table = self.predict_features(features, images)
        if tags:
            heard = {
                f"tag_{tag}": features[column] for column, tag in tags_of(self.metadata).items()
            }
            table = table.assign(**heard)
        ends = np.cumsum([len(each.values) for each in measured])
        return [
            _with_starts(table.iloc[end - len(each.values) : end].reset_index(drop=True))
            for each, end in zip(measured, ends, strict=True)
        ]

    def answer(self, measured: Measured, *, tags: bool = False) -> pd.DataFrame:
        """Predict from what was measured of one clip, as `answers` does of several."""
        return self.answers([measured], tags=tags)[0]

    def features(self, measured: Measured) -> pd.DataFrame:
        """Return what was measured under the names of the model's columns."""
        sets = [FEATURE_SETS[each["name"]] for each in self.metadata["sets"]]
        names = plain_names((each.name, name) for each in sets for name in each.names)
        features = pd.DataFrame(measured.values, columns=names)
        if codes := self.metadata.get("context", {}).get("codes"):
            features = context.of_tags(features, codes, measured.said)
        return features


def _with_starts(answers: pd.DataFrame) -> pd.DataFrame:
    """Tell where windows start, if there are any after the row of the whole clip."""
    if len(answers) > 1:
        starts = WINDOW_SECONDS * np.arange(-1, len(answers) - 1)
        answers.insert(0, "start", np.where(starts < 0, np.nan, starts))
    return answers


def check_columns(expected: Sequence[str], found: Sequence[str]) -> None:
    """Check that columns are those of a model, in its order.

    Raises
    ------
    BundleError
        Names the first column that is missing, too many or in another place.
    """
    if list(found) == list(expected):
        return
    missing = [each for each in expected if each not in set(found)]
    extra = [each for each in found if each not in set(expected)]
    if missing:
        raise BundleError(f"the column {missing[0]!r} is missing ({len(missing)} in all)")
    if extra:
        raise BundleError(f"the model does not know the column {extra[0]!r}")
    for place, (wanted, there) in enumerate(zip(expected, found, strict=True)):
        if wanted != there:
            raise BundleError(f"column {place + 1} should be {wanted!r}, but is {there!r}")
