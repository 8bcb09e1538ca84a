"""``audiogenre fit``: build a genre or mood classifier and measure it honestly."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from audiogenre.cli import Output, between, make_parser, positive, run
from audiogenre.errors import EXIT_DONE, UsageError
from audiogenre.typing import LABEL_KINDS

if TYPE_CHECKING:
    from pathlib import Path

    from audiogenre.dataset import Dataset
    from audiogenre.training import Fitted
    from audiogenre.typing import Classifier

MODELS = ("svc", "linear", "boosting", "forest", "ensemble", "mlp", "cnn", "majority")
PRESETS = ("spotifynn", "moods", "library", "library-deep")


def parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    p = make_parser(
        "fit",
        "Fit a classifier on stored features, choose its parameters under an overfitting tolerance "
        "on artist-disjoint folds, and measure it once on artists it has never heard.",
        "  audiogenre fit --features extracted\n"
        "  audiogenre fit --features spotify --only rock,jazz,classical\n"
        "  audiogenre fit --features extracted --set baseline --name small",
    )
    p.add_argument(
        "--features",
        choices=("extracted", "spotify", "both"),
        default="extracted",
        help="which features to learn from (%(default)s)",
    )
    p.add_argument(
        "--set", metavar="NAME", help="which extracted set (full), or several as full+musicnn"
    )
    p.add_argument(
        "--model",
        choices=MODELS,
        default="svc",
        help="model family; mlp and cnn need pip install 'audiogenre[neural]' (%(default)s)",
    )
    p.add_argument(
        "--preset", choices=PRESETS, help="layers of --model mlp, after earlier systems (library)"
    )
    p.add_argument(
        "--label", choices=LABEL_KINDS, default="genre", help="what to tell (%(default)s)"
    )
    p.add_argument("--only", metavar="A,B,...", default="", help="only tracks with these labels")
    p.add_argument(
        "--parents", action="store_true", help="count subgenres as their top genre (genres.toml)"
    )
    p.add_argument(
        "--context",
        metavar="A,B",
        default="",
        help="learn from artist, album or both (artist,album), too",
    )
    p.add_argument(
        "--multilabel",
        action="store_true",
        help="every label of a track counts: one model a label, with a threshold of its own (svc, "
        "linear, boosting, forest)",
    )
    p.add_argument("--per-label", type=positive(int), metavar="N", help="N tracks a label at most")
    p.add_argument(
        "--tolerance",
        type=between(0, 1),
        default=0.05,
        metavar="T",
        help="training may be this much better than validation (%(default)s)",
    )
    p.add_argument(
        "--strict-tolerance", action="store_true", help="meet it even at the cost of accuracy"
    )
    p.add_argument(
        "--split",
        choices=("artist", "random", "frozen"),
        default="artist",
        help="frozen: the test tracks that the nightly refresh has settled; random: for comparison "
        "with the literature, it flatters (%(default)s)",
    )
    p.add_argument("--seed", type=_seed, default=0, metavar="N", help="of the split (%(default)s)")
    p.add_argument(
        "--augment",
        choices=("phone",),
        help="also learn from a copy of every training clip as a phone would record it from a "
        "loudspeaker ('extract --augment phone' makes them), and measure both",
    )
    p.add_argument("--jobs", type=positive(int), metavar="N", help="processes (cores)")
    p.add_argument("--name", help="of the bundle below models/ (from features and set)")
    return p


def command(args: argparse.Namespace, out: Output) -> int:
    """Run the command."""
    from joblib import cpu_count

    from audiogenre import context
    from audiogenre.bundle import save_bundle
    from audiogenre.card import percent
    from audiogenre.catalog import Catalog
    from audiogenre.classifiers import family
    from audiogenre.classifiers.context import ContextClassifier
    from audiogenre.dataset import load_dataset
    from audiogenre.extraction import default_fingerprints
    from audiogenre.features import FEATURE_SETS
    from audiogenre.images import of_dataset
    from audiogenre.multilabel import training as multilabel
    from audiogenre.store import FeatureStore
    from audiogenre.training import fit

    if args.multilabel:
        multilabel.check_family(args.model)
    chosen = family(args.model, preset=args.preset)
    if chosen.images and args.features != "extracted":
        raise UsageError(f"--model {args.model} looks at the audio: take --features extracted")
    if args.augment and args.features != "extracted":
        raise UsageError("--augment needs audio: take it with --features extracted")
    if args.augment and chosen.images:
        raise UsageError(
            f"--augment has copies of columns, and --model {args.model} learns from images: take "
            "another --model"
        )
    if args.augment and (args.multilabel or args.context):
        other = "--multilabel" if args.multilabel else "--context"
        raise UsageError(f"--augment learns one label a track from audio alone: leave out {other}")
    fields = context.parse(args.context) if args.context else []
    if chosen.images and fields:
        raise UsageError(f"--model {args.model} looks at images: --context is for columns")
    if args.multilabel and fields:
        raise UsageError("--context is learned for one label a track: leave out --multilabel")
    store = FeatureStore(args.data / "features")
    set_name = "spotify" if args.features == "spotify" else args.set or store.default_set()
    name = args.name or _name(args, set_name)
    if name != name.strip() or not name or "/" in name or name.startswith("."):
        raise UsageError(f"{name!r} cannot be the name of a folder below {args.models}")
    database = args.data / "catalog.db"
    if not database.is_file():
        raise UsageError(f"there is no catalogue in {args.data}; run 'audiogenre download' first")
    with Catalog(database) as catalog:
        dataset = load_dataset(
            catalog,
            store,
            features=args.features,
            set_name=set_name,
            fingerprints=default_fingerprints(),
            label=args.label,
            only=[each for each in args.only.split(",") if each.strip()],
            parents=args.parents,
            per_label=args.per_label,
            split=args.split,
            seed=args.seed,
            multilabel=args.multilabel,
            augment=bool(args.augment),
        )
        previews = catalog.previews() if chosen.images else {}
        codes: dict[str, dict[str, float]] = {}
        if fields:
            rows = {each: vars(track) for each, track in catalog.known().items()}
            dataset, codes = context.join(dataset, rows, fields)
            chosen = ContextClassifier(chosen, len(dataset.labels))
    jobs = args.jobs or int(cpu_count())
    images = None
    if chosen.images:
        dataset, images = of_dataset(dataset, previews, args.data, jobs=jobs)
    for note in dataset.notes:
        out.say(note)
    n, d = dataset.X.shape
    out.say(
        f"{n} tracks of {len(dataset.labels)} labels, {d} columns, {dataset.protocol}: "
        f"{int((~dataset.test).sum())} to learn from, {int(dataset.test.sum())} to be tested on"
    )
    rule: Any = {"tolerance": args.tolerance, "strict": args.strict_tolerance, "jobs": jobs}
    if args.multilabel:
        fitted: Fitted = multilabel.fit(dataset, chosen, **rule)
    else:
        fitted = fit(dataset, chosen, images=images, **rule)
    metadata = _metadata(name, args, chosen, dataset, fitted)
    metadata["levels"] = _levels(args, dataset, fitted, images)
    if isinstance(chosen, ContextClassifier):
        scores = context.measure(dataset, chosen, fitted.choice.taken.parameters)
        metadata["context"] = {"fields": fields, "codes": codes, "scores": scores}
    folder = args.models / name
    save_bundle(
        folder,
        metadata=metadata,
        classifier=fitted.classifier,
        novelty=fitted.novelty,
        predictions=fitted.predictions,
        describe=lambda beside: _describe(beside, metadata, fitted),
    )
    taken = fitted.choice.taken
    out.say(f"training {percent(taken.train)}, validation {percent(taken.validation)}")
    out.say(fitted.choice.sentence())
    for line in _score_lines(metadata):
        out.say(line)
    out.say(f"card: {folder / 'README.md'}")
    out.say(f"figures: {folder / 'figures'}")
    audio = all(each["name"] in FEATURE_SETS for each in dataset.sets)
    out.say(f"next: audiogenre {f'predict {name} FILE ...' if audio else f'compare {name} MODEL'}")
    out.result(_result(metadata, fitted))
    return EXIT_DONE


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) > 99_999:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 99,999")
    return int(text)


def _name(args: argparse.Namespace, set_name: str) -> str:
    parts = [args.features]
    parts += [set_name] if args.features != "spotify" else []
    parts += [args.label] if args.label != "genre" else []
    parts += [args.context.replace(",", "+")] if args.context else []
    parts += ["parents"] if args.parents else []
    parts += ["multilabel"] if args.multilabel else []
    parts += [args.model] if args.model != "svc" else []
    parts += [args.preset] if args.preset else []
    parts += [args.split] if args.split != "artist" else []
    parts += [args.augment] if args.augment else []
    return "-".join(parts)


def _metadata(
    name: str, args: argparse.Namespace, family: Classifier, dataset: Dataset, fitted: Fitted
) -> dict[str, Any]:
    import hashlib
    from datetime import UTC, datetime

    from audiogenre.images import DESCRIPTION
    from audiogenre.multilabel import report
    from audiogenre.multilabel.training import FittedLabels

    choice = fitted.choice
    columns = list(dataset.X.columns)
    metadata = {
        "name": name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": _versions(family),
        "features": args.features,
        "sets": dataset.sets,
        "images": DESCRIPTION if family.images else None,
        "columns": columns,
        "blocks": list(dataset.blocks),
        "fingerprint": hashlib.sha256("\n".join(columns).encode()).hexdigest()[:12],
        "label_kind": args.label,
        "parents": args.parents,
        "labels": dataset.labels,
        "model": args.model,
        "preset": args.preset,
        "parameters": choice.taken.parameters,
        "split": {"kind": args.split, "seed": args.seed},
        "n_train": fitted.n_train,
        "n_test": len(fitted.predictions),
        "data_hash": dataset.data_hash,
        "notes": dataset.notes,
        "tolerance": {
            "tolerance": choice.tolerance,
            "met": choice.met,
            "train_accuracy": choice.taken.train,
            "validation_accuracy": choice.taken.validation,
            "gap": choice.taken.gap,
            "affordable": choice.affordable,
            "sentence": choice.sentence(),
            "candidates": [
                {"parameters": each.parameters, "train": each.train, "validation": each.validation}
                for each in choice.candidates
            ],
        },
        "unknown": {
            "threshold": fitted.novelty.threshold_,
            "kept_share": 0.95,
            "left_out": fitted.foreign,
        },
        "scores": fitted.scores,
        "importance": fitted.importance,
        "learning": fitted.learning,
        "augmentation": _augmentation(args, fitted),
    }
    return report.metadata(metadata, fitted) if isinstance(fitted, FittedLabels) else metadata


def _score_lines(metadata: dict[str, Any]) -> list[str]:
    from audiogenre.card import context_sentence, left_out_sentence, percent, score_sentence
    from audiogenre.multilabel import is_multilabel, report

    scores = metadata["scores"]
    if is_multilabel(metadata):
        return report.score_lines(scores)
    lines = [f"test {score_sentence(scores)}"]
    if "context" in metadata:
        lines.append(f"artists {context_sentence(metadata['context']['scores'])}")
    if metadata["augmentation"] and "scores" in metadata["augmentation"]:
        by_phone = score_sentence(metadata["augmentation"]["scores"])
        lines.append(f"test by phone, simulated: {by_phone}")
    if metadata["levels"]:
        lines.append(f"at the parent level: {score_sentence(metadata['levels']['scores'])}")
    return [
        *lines,
        f"unknown: {left_out_sentence(metadata['unknown']['left_out'])}",
        f"always the most frequent label: {percent(scores['majority_accuracy'])}",
    ]


def _levels(
    args: argparse.Namespace, dataset: Dataset, fitted: Fitted, images: Any
) -> dict[str, Any] | None:
    """Measure a model of one label a track at the level of its labels' parents, if there are."""
    from audiogenre import hierarchy
    from audiogenre.genres import FILE, GenreTree
    from audiogenre.splits import grouped_folds

    parents: dict[str, str] = {}
    if args.label == "genre" and not args.multilabel:
        parents = hierarchy.parents_of(dataset.labels, GenreTree.load(args.data / FILE))
    if not parents:
        return None
    train, seed = ~dataset.test, dataset.seed
    inputs = dataset.with_copies() if images is None else images
    y, groups = dataset.y[train], dataset.groups[train]
    folds = grouped_folds(y, groups, seed=seed)
    probabilities = hierarchy.out_of_fold(
        fitted.classifier, inputs[train], y, groups, folds, seed=seed
    )
    levels = hierarchy.measure(fitted.predictions, parents, probabilities, y)
    levels["scores"]["protocol"] = dataset.protocol
    return levels


def _augmentation(args: argparse.Namespace, fitted: Fitted) -> dict[str, Any] | None:
    from audiogenre.phone import RECORDING

    if not args.augment:
        return None
    found: dict[str, Any] = {
        "name": args.augment,
        "parameters": RECORDING.parameters,
        "validation_accuracy": fitted.choice.taken.copies,
        **fitted.copies,
    }
    return found


def _versions(family: Classifier) -> dict[str, str]:
    from importlib.metadata import version
    from platform import python_version

    names = ["numpy", "scipy", "scikit-learn", "librosa", "soundfile", "soxr", "skops"]
    names += ["torch", "skorch"] if family.extra == "neural" else []
    from audiogenre import __version__

    return {"audiogenre": __version__, "python": python_version()} | {n: version(n) for n in names}


def _describe(folder: Path, metadata: dict[str, Any], fitted: Fitted) -> None:
    from audiogenre.card import write_card
    from audiogenre.figures import draw_all
    from audiogenre.multilabel import report
    from audiogenre.multilabel.training import FittedLabels

    if isinstance(fitted, FittedLabels):
        report.describe(folder, metadata, fitted)
        return
    figures = draw_all(folder / "figures", metadata, fitted.choice)
    write_card(folder, metadata, fitted.choice, figures)


def _result(metadata: dict[str, Any], fitted: Fitted) -> dict[str, Any]:
    from audiogenre.multilabel import report
    from audiogenre.multilabel.training import FittedLabels

    scores, tolerance = metadata["scores"], metadata["tolerance"]
    keys = ("precision", "recall", "f1", "n")
    common = {
        "name": metadata["name"],
        "features": metadata["features"],
        "set": ",".join(each["name"] for each in metadata["sets"]),
        "model": metadata["model"],
        "labels": metadata["labels"],
        "n_train": metadata["n_train"],
        "n_test": metadata["n_test"],
        "split": metadata["split"]["kind"],
        "protocol": scores["protocol"],
        "C": fitted.choice.taken.parameters.get("model__C"),
        "parameters": metadata["parameters"],
        "gap": tolerance["gap"],
        "tolerance": tolerance["tolerance"],
        "tolerance_met": tolerance["met"],
        "unknown": metadata["unknown"],
        "levels": metadata["levels"],
        "context": metadata.get("context", {}).get("scores"),
        "augmentation": metadata["augmentation"],
        "per_label": {
            label: {key: each[key] for key in keys} for label, each in scores["per_label"].items()
        },
    }
    if isinstance(fitted, FittedLabels):
        return common | report.result(metadata)
    return common | {
        "train_accuracy": tolerance["train_accuracy"],
        "validation_accuracy": tolerance["validation_accuracy"],
        "test_accuracy": scores["accuracy"],
        "test_interval": list(scores["interval"]),
        "macro_f1": scores["macro_f1"],
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``audiogenre fit``; return the exit code."""
    return run(command, parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
