"""One run of the refresh: the commands one after the other, and what came of them."""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from audiogenre import champions, contest, download, drift, extract, fit
from audiogenre.bundle import Bundle
from audiogenre.bundles import load_bundle
from audiogenre.catalog import Catalog, Failure
from audiogenre.cli import Output, printable
from audiogenre.config import RefreshSettings
from audiogenre.dataset import Dataset, load_dataset
from audiogenre.errors import (
    EXIT_DONE,
    EXIT_INTERRUPTED,
    EXIT_LOGIN,
    EXIT_SOME_FAILED,
    EXIT_USAGE,
    AudiogenreError,
    BundleError,
    StoreError,
    UsageError,
)
from audiogenre.extraction import default_fingerprints
from audiogenre.features import FEATURE_SETS
from audiogenre.nightly import report
from audiogenre.store import FeatureStore


class Night:
    """One run; `entry` is what the history will hold of it."""

    def __init__(self, args: argparse.Namespace, settings: RefreshSettings, out: Output) -> None:
        self.args, self.settings, self.out = args, settings, out
        self.store = FeatureStore.of(args.data)
        self.codes: dict[str, int] = {}
        self.said: list[str] = []
        self.entry: dict[str, Any] = {"time": champions.now(), "decision": "failed", "reason": ""}

    def run(self) -> int:
        """Do all of it, write it down, say it; return the exit code."""
        started, models = time.monotonic(), self.args.models
        champions.follow_history(models)
        failures = _failures(self.args.data)
        self.step(download, "--config", self.args.config)
        self.step(extract, *self._extract_options())
        self.entry |= _arrived(self.args.data, failures, champions.history(models))
        try:
            if self.codes["extract"] == EXIT_USAGE:
                raise StoreError(self.said[-1])
            self.compete()
        except AudiogenreError as error:
            self.codes["compare"] = error.exit_code
            self.entry |= {"decision": "failed", "reason": str(error)}
            if str(error) not in self.said:  # a command that failed has said so itself
                print(printable(f"audiogenre refresh: {error}"), file=sys.stderr)
        promoted = self.entry["decision"] == "promoted"
        in_use = champions.current(models)
        self.entry |= {
            "current": self.entry["challenger"]["name"] if promoted else in_use and in_use.name,
            "codes": self.codes,
            "said": self.said,
            "seconds": round(time.monotonic() - started, 1),
        }
        champions.record(models, self.entry)
        champions.follow_history(models)
        champions.prune(models, self.settings.keep)
        for line in report.lines(self.entry):
            self.out.say(line)
        self.out.say(f"report: {report.write(models)}")
        self.out.result(self.entry)
        return _worst(self.codes.values())

    def step(self, module: ModuleType, *arguments: object) -> None:
        """Run a command; what it remarks on goes to stderr and into the history."""
        where = ["--data", self.args.data, "--models", self.args.models]
        said = io.StringIO()
        shown = sys.stderr if self.args.verbose else io.StringIO()
        with redirect_stdout(shown), redirect_stderr(said):
            code = module.main([str(each) for each in (*arguments, *where)])
        if code == EXIT_INTERRUPTED:
            raise KeyboardInterrupt
        self.codes[module.__name__.rpartition(".")[2]] = code
        self.said += said.getvalue().splitlines()
        if code != EXIT_DONE or not self.args.quiet:
            print(said.getvalue(), end="", file=sys.stderr)

    def compete(self) -> None:
        """Let a challenger compete with the champion, if there is reason to fit one."""
        with Catalog(self.args.data / "catalog.db") as catalog:
            try:
                dataset = self._dataset(catalog)
            except UsageError as error:
                self.entry |= {"decision": "no challenger", "reason": str(error)}
                return
            with catalog.transaction():
                catalog.settle(dict(zip(dataset.X.index, map(bool, dataset.test), strict=True)))
            champion = self._champion(catalog)
        champions.finish(self.args.models, dataset)
        before = champions.read_tracks(self.args.models)
        labels, counts = np.unique(dataset.y, return_counts=True)
        self.entry |= {
            "rows": len(dataset.y),
            "labels": dict(zip(labels.tolist(), counts.tolist(), strict=True)),
            "protocol": dataset.protocol,
            "drift": [vars(jump) for jump in _jumps(before, dataset, champion)],
        }
        name = self._challenger(dataset, before, champion)
        if name is None:
            return
        try:
            challenger = load_bundle(self.args.models / name)
        except BundleError:  # a power cut, most likely: the next run fits another one
            champions.delete(self.args.models / name)
            raise
        verdict = None
        if champion is not None:
            try:
                verdict = contest.judge(challenger, dataset, *champion)
            except BundleError as error:
                self.entry["reason"] = str(error)
        if verdict is None:
            score = contest.measure(challenger, dataset)
            self.entry |= {"decision": "promoted", "challenger": asdict(score)}
            return
        self.entry |= {
            "decision": "promoted" if verdict.promoted else "rejected",
            "reason": verdict.reason,
            "challenger": asdict(verdict.challenger),
            "champion": asdict(verdict.champion),
            "comparison": asdict(verdict.difference) | {"earlier": verdict.earlier},
        }

    def _extract_options(self) -> list[str]:
        options = ["--jobs", str(self.settings.jobs)] if self.settings.jobs else []
        own = [name for name in self.settings.set.split("+") if name in FEATURE_SETS]
        if not self.settings.keep_audio:  # then the features of every usual set are needed, too
            own = [*dict.fromkeys([*extract.SETS, *own])]
            options += ["--discard-audio"]
        return [*options, *(["--set", "+".join(own)] if own else [])]

    def _dataset(self, catalog: Catalog) -> Dataset:
        return load_dataset(
            catalog,
            self.store,
            features=self.settings.features,
            set_name=self.settings.set,
            fingerprints=default_fingerprints(),
            label=self.settings.label,
            only=self.settings.only,
            split="frozen",
        )

    def _champion(self, catalog: Catalog) -> tuple[Bundle, Dataset] | None:
        """Return the model in use with today's tracks as it reads them, if it can be measured."""
        folder = champions.current(self.args.models)
        if folder is None:
            self.entry["reason"] = "there was no model in use"
            return None
        try:
            bundle = load_bundle(folder)
            rows = contest.rows_of(bundle, catalog, self.store, only=self.settings.only)
            self.entry["champion"] = asdict(contest.measure(bundle, rows))
        except (BundleError, UsageError) as error:
            self.entry["reason"] = f"the model in use, {folder.name}, cannot be measured: {error}"
            return None
        return bundle, rows

    def _challenger(
        self, dataset: Dataset, before: pd.Series | None, champion: object
    ) -> str | None:
        """Return the name of the model to be judged: one left by a killed run, or a new one."""
        models, settings = self.args.models, self.settings
        changed = champions.changes(before, dataset)
        alike = champions.is_fitted_alike(models, dataset, settings)
        left = champions.unjudged(models)
        if alike and changed < settings.min_new and (champion or left):
            if left is None:
                reason = (
                    f"{changed} tracks have come, gone or been relabelled since the last one, and "
                    f"min_new is {settings.min_new}"
                )
                self.entry |= {"decision": "no challenger", "reason": reason}
            return left
        name = champions.new_name(models)
        options = ["--features", settings.features, "--model", settings.model]
        options += ["--label", settings.label, "--tolerance", str(settings.tolerance)]
        options += ["--split", "frozen", "--name", name]
        options += ["--set", settings.set] if settings.features != "spotify" else []
        options += ["--only", ",".join(settings.only)] if settings.only else []
        options += ["--jobs", str(settings.jobs)] if settings.jobs else []
        self.step(fit, *options)
        if self.codes["fit"] != EXIT_DONE:
            raise StoreError(self.said[-1])
        if not champions.keep_tracks(models, name, dataset):
            raise StoreError("somebody changed the data while a model was fitted: it was deleted")
        return name


def _jumps(
    before: pd.Series | None, dataset: Dataset, champion: tuple[Bundle, Dataset] | None
) -> Iterator[drift.Jump]:
    """Compare today's tracks with those of the last fit."""
    if before is None:
        return
    yield from drift.label_jumps(before, dataset)
    yield from drift.feature_jumps(before, dataset)
    if champion is not None:
        bundle, rows = champion
        yield from drift.champion_jumps(before, rows, bundle)


def _failures(data: Path) -> dict[tuple[str, str], Failure]:
    """Return the ledger, by stage and item."""
    with Catalog(data / "catalog.db") as catalog:
        return {
            (stage, item): failure
            for stage in ("download", "extract")
            for item, failure in catalog.failures(stage).items()
        }


def _arrived(
    data: Path, before: Mapping[tuple[str, str], Failure], runs: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Count what has come since the last run that is recorded, and what failed in this one."""
    failures = {
        key: failure for key, failure in _failures(data).items() if before.get(key) != failure
    }
    failed = Counter(f"{stage}: {each.reason}" for (stage, _), each in failures.items())
    examples = {f"{stage}: {each.reason}": each.detail for (stage, _), each in failures.items()}
    with Catalog(data / "catalog.db") as catalog:
        tracks = sum(count for _, count, _ in catalog.counts()["sources"])
    there = next((run["tracks"] for run in reversed(runs) if "tracks" in run), 0)
    new = max(0, tracks - there)
    return {"tracks": tracks, "new": new, "failed": dict(failed), "examples": examples}


def _worst(codes: Iterable[int]) -> int:
    """Return the exit code that asks a person for most."""
    found = set(codes)
    order = (EXIT_LOGIN, EXIT_USAGE, EXIT_SOME_FAILED)
    return next((code for code in order if code in found), EXIT_DONE)
