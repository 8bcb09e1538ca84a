"""``audiogenre fit``: build a genre or mood classifier and measure it honestly."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from audiogenre.arguments import between, make_parser, positive
from audiogenre.cli import Output, run
from audiogenre.errors import EXIT_DONE, UsageError
from audiogenre.typing import LABEL_KINDS

if TYPE_CHECKING:
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

    from audiogenre import approximation, context, hierarchy, record
    from audiogenre.bundles import save_bundle
    from audiogenre.card import cost_sentence, percent
    from audiogenre.catalog import Catalog
    from audiogenre.classifiers import family
    from audiogenre.classifiers.context import ContextClassifier
    from audiogenre.classifiers.mapped import MappedSvcClassifier
    from audiogenre.dataset import load_dataset
    from audiogenre.extraction import default_fingerprints
    from audiogenre.features import FEATURE_SETS
    from audiogenre.genres import FILE, GenreTree
    from audiogenre.images import of_dataset
    from audiogenre.multilabel import training as multilabel
    from audiogenre.store import FeatureStore
    from audiogenre.training import fit

    if args.multilabel:
        multilabel.check_family(args.model)
    chosen = family(args.model, preset=args.preset)
    fields = _fields(args, chosen)
    store = FeatureStore.of(args.data)
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
    chosen = chosen.sized(int((~dataset.test).sum()))
    if fields:
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
    if chosen.note:
        out.say(chosen.note)
    rule: Any = {"tolerance": args.tolerance, "strict": args.strict_tolerance, "jobs": jobs}
    if args.multilabel:
        fitted: Fitted = multilabel.fit(dataset, chosen, **rule)
    else:
        fitted = fit(dataset, chosen, images=images, **rule)
    asked = {
        "name": name,
        "features": args.features,
        "label_kind": args.label,
        "parents": args.parents,
        "model": args.model,
        "preset": args.preset,
        "split": {"kind": args.split, "seed": args.seed},
    }
    metadata = record.metadata(asked, chosen, dataset, fitted, augment=args.augment)
    parents: dict[str, str] = {}
    if args.label == "genre" and not args.multilabel:
        parents = hierarchy.parents_of(dataset.labels, GenreTree.load(args.data / FILE))
    metadata["levels"] = record.levels(dataset, fitted, parents, images)
    if isinstance(chosen, ContextClassifier):
        scores = context.measure(dataset, chosen, fitted.choice.taken.parameters)
        metadata["context"] = {"fields": fields, "codes": codes, "scores": scores}
    if isinstance(chosen, MappedSvcClassifier) and not args.multilabel:
        metadata["approximation"] |= approximation.measure(dataset, fitted.choice)
        out.say(cost_sentence(metadata["approximation"]))
    folder = args.models / name
    save_bundle(
        folder,
        metadata=metadata,
        classifier=fitted.classifier,
        novelty=fitted.novelty,
        predictions=fitted.predictions,
        describe=lambda beside: record.describe(beside, metadata, fitted),
    )
    taken = fitted.choice.taken
    out.say(f"training {percent(taken.train)}, validation {percent(taken.validation)}")
    out.say(fitted.choice.sentence())
    for line in record.score_lines(metadata):
        out.say(line)
    out.say(f"card: {folder / 'README.md'}")
    out.say(f"figures: {folder / 'figures'}")
    audio = all(each["name"] in FEATURE_SETS for each in dataset.sets)
    out.next(f"predict {name} FILE ..." if audio else f"compare {name} MODEL")
    out.result(record.result(metadata, fitted))
    return EXIT_DONE


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) > 99_999:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 99,999")
    return int(text)


def _fields(args: argparse.Namespace, chosen: Classifier) -> list[str]:
    """Refuse options that do not go together; return the fields that ``--context`` names."""
    from audiogenre import context

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
    return fields


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


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``audiogenre fit``; return the exit code."""
    return run(command, parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
