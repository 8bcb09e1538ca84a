"""The model card: what a bundle is, how good, on what evidence, and what it costs to believe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from audiogenre.multilabel import is_multilabel
from audiogenre.tuning import Choice

# What is said beside a figure, by its title.
_BESIDE = {
    "Importance of families": "A bar to the left of 0: the answers were better with the family "
    "shuffled, by chance or because it misleads.",
}


def percent(value: float) -> str:
    """Return a share as a percentage with one decimal."""
    return f"{100 * value:.1f} %"


def score_sentence(scores: dict[str, Any]) -> str:
    """Return accuracy with interval, n and protocol, the only form in which it is shown."""
    low, high = scores["interval"]
    return (
        f"{percent(scores['accuracy'])} (95 % interval {100 * low:.1f} to {100 * high:.1f}; "
        f"n = {scores['n']} tracks; {scores['protocol']})"
    )


def left_out_sentence(left_out: dict[str, Any]) -> str:
    """Return how well labels left out of training are told, with intervals and n."""
    auroc, accepted = left_out["interval"], left_out["false_accept_interval"]
    return (
        f"labels left out of training are told with AUROC {left_out['auroc']:.2f} (95 % interval "
        f"{auroc[0]:.2f} to {auroc[1]:.2f}); where {percent(left_out['known_accept'])} of the "
        f"known are accepted, so are {percent(left_out['false_accept'])} of the foreign "
        f"({100 * accepted[0]:.1f} to {100 * accepted[1]:.1f}; n = {left_out['n']} tracks)"
    )


def cost_sentence(approximation: dict[str, Any]) -> str:
    """Return what a map of the kernel costs, measured on rows that an exact SVC can take."""
    low, high = (100 * bound for bound in approximation["interval"])
    return (
        f"Learned from {approximation['n_train']} of these rows, an exact SVC is right about "
        f"{percent(approximation['exact'])} of {approximation['n_test']} others, by the map "
        f"{percent(approximation['mapped'])}: {100 * approximation['difference']:+.1f} points "
        f"(95 % interval {low:+.1f} to {high:+.1f})"
    )


def context_sentence(scores: dict[str, Any]) -> str:
    """Return the scores of a model that is told who made a track, known and unknown to it."""
    return "; ".join(
        f"{side}: {score_sentence(each['with'])}, without context "
        f"{percent(each['without']['accuracy'])}"
        for side, each in scores.items()
    )


def write_card(
    folder: Path,
    metadata: dict[str, Any],
    choice: Choice,
    figures: dict[str, Path],
    *,
    scores: dict[str, str] | None = None,
) -> None:
    """Write ``README.md`` into a bundle's folder.

    Parameters
    ----------
    figures : dict
        Title to path, as `audiogenre.figures.draw_all` returns them.
    scores : dict of title to text, optional
        Sections of another kind of model's scores, in place of accuracy and what goes with it.
    """
    from skops.card import Card

    title = f"Model {metadata['name']}"
    fitted_with = {**metadata["parameters"], **metadata["versions"]}
    if scores is None:
        by_label = _by_label(metadata["scores"]["per_label"])
        scores = {"Score": _score(metadata), "Score/By label": by_label}
    sections = {
        title: _opening(metadata),
        **{f"{title}/{own}": text for own, text in scores.items()},
        f"{title}/Choice of parameters": _choice(choice, metadata),
        f"{title}/Unknown": _unknown(metadata),
        f"{title}/Data": _data(metadata),
        f"{title}/Fitted with": "\n".join(
            f"- {key}: {value}" for key, value in fitted_with.items()
        ),
    }
    if metadata.get("context"):
        sections[f"{title}/Score/Context"] = _context(metadata["context"])
    if metadata.get("augmentation"):
        sections[f"{title}/Score/Phone recordings"] = _phone(metadata)
    if metadata.get("levels"):
        sections[f"{title}/Score/At the parent level"] = _levels(metadata["levels"])
    card = Card(model=None, model_diagram=False, template=None)
    for section, text in sections.items():
        card.add(**{section: text})
    for name, path in figures.items():
        place = {f"{title}/Figures/{name}": path.relative_to(folder)}
        card.add_plot(description=_BESIDE.get(name), alt_text=name, **place)
    card.save(folder / "README.md")


def _opening(metadata: dict[str, Any]) -> str:
    labels = ", ".join(metadata["labels"])
    sets = " and ".join(each["name"] for each in metadata["sets"])
    what = f"Tells the {metadata['label_kind']} of a track ({labels})"
    if is_multilabel(metadata):
        what = f"Tells the {metadata['label_kind']}s of a track, one or several of {labels},"
    columns = f"{len(metadata['columns'])} columns of the feature set {sets}"
    family = f"`{metadata['model']}`"
    if metadata["preset"]:
        family += f" (preset {metadata['preset']})"
    if metadata["images"]:
        return (
            f"{what} from spectrogram images ({metadata['images']}), by the model family {family}. "
            f'"Unknown" is told from {columns}.'
        )
    opening = f"{what} from {columns}, by the model family {family}."
    if metadata.get("approximation"):
        opening += f" {metadata['approximation']['note']}"
        if "exact" in metadata["approximation"]:
            opening += f" {cost_sentence(metadata['approximation'])}."
    return opening


def _score(metadata: dict[str, Any]) -> str:
    scores = metadata["scores"]
    lines = [
        f"Test accuracy **{score_sentence(scores)}**, macro F1 {scores['macro_f1']:.3f}.",
        "",
        f"The interval resamples the {scores['n_groups']} groups of the {scores['n']} test tracks "
        "(artists, where they are known and the split goes by them). The test part was looked at "
        "once, after every choice was made.",
        f"Always answering the most frequent label scores {percent(scores['majority_accuracy'])}.",
    ]
    return "\n".join(lines + flattery(metadata))


def flattery(metadata: dict[str, Any]) -> list[str]:
    """Return the lines that warn of a random split, if it is one."""
    if metadata["split"]["kind"] != "random":
        return []
    return [
        "",
        "**This split is random.** The same artists are in training and test, which flatters "
        "the score by nine points and more; do not compare it with an artist split.",
    ]


def _phone(metadata: dict[str, Any]) -> str:
    augmentation, tolerance = metadata["augmentation"], metadata["tolerance"]
    drawn = ", ".join(f"{key} {value}" for key, value in augmentation["parameters"].items())
    lines = [
        f"It has also learned from a copy of {augmentation['n_train']} of its "
        f"{metadata['n_train']} training tracks, as a phone would record them from a loudspeaker. "
        "A copy is nowhere without its track; every choice, the calibration and the threshold of "
        f'"unknown" were judged on tracks as they are. Simulated ({drawn}), each clip drawn by its '
        "hash; a real room and a real phone may be kinder or worse.",
    ]
    if "scores" in augmentation:
        scores, difference = augmentation["scores"], augmentation["difference"]
        validated = augmentation["validation_accuracy"]
        low, high = (100 * bound for bound in difference["interval"])
        lines += [
            "",
            "| | as it is | by phone, simulated |",
            "|---|---|---|",
            f"| validation accuracy | {percent(tolerance['validation_accuracy'])} | "
            f"{'no copies' if validated is None else percent(validated)} |",
            f"| test accuracy | {score_sentence(metadata['scores'])} | {score_sentence(scores)} |",
            f"| macro F1 | {metadata['scores']['macro_f1']:.3f} | {scores['macro_f1']:.3f} |",
            f"| called unknown | {percent(metadata['scores']['unknown_share'])} | "
            f"{percent(scores['unknown_share'])} |",
            "",
            f"By phone less as it is: {100 * difference['difference']:+.1f} points (95 % interval "
            f"{low:+.1f} to {high:+.1f}; McNemar p = {difference['p_value']:.3g}).",
        ]
    return "\n".join(lines)


def _by_label(rows: dict[str, dict[str, float]]) -> str:
    lines = [
        "| label | n | precision | recall | F1 | error rate | share of all errors |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for label, each in rows.items():
        shares = " | ".join(f"{each[key]:.2f}" for key in ("precision", "recall", "f1"))
        errors = " | ".join(percent(each[key]) for key in ("error_rate", "share_of_errors"))
        name = label.replace("|", "\\|")
        lines.append(f"| {name} | {each['n']} | {shares} | {errors} |")
    return "\n".join(lines)


def _levels(levels: dict[str, Any]) -> str:
    of = {label: parent for label, parent in levels["parents"].items() if label != parent}
    kinds = ", ".join(f"{label} is {parent}" for label, parent in of.items())
    return (
        f"With answers counted as their top genres ({kinds}): "
        f"**{score_sentence(levels['scores'])}**. `predict --level parent` answers there where the "
        f"label is uncertain: {levels['rule']}. The limit is {levels['limit']:.2f}; "
        f"{percent(levels['answered_at_leaf'])} of the test tracks are answered by label, and "
        f"{percent(levels['accuracy_by_level'])} of all are right at the level answered."
    )


def _context(context: dict[str, Any]) -> str:
    lines = [
        f"It is told {' and '.join(context['fields'])} (out-of-fold target encoding). **Only the "
        "score with artists unknown holds for new artists**; the other one is for further songs of "
        "those it has learned from. All tracks, in folds, with the parameters chosen above.",
        "",
        "| artists | with context | without |",
        "|---|---|---|",
    ]
    for side, each in context["scores"].items():
        ways = " | ".join(score_sentence(each[way]) for way in ("with", "without"))
        lines.append(f"| {side} | {ways} |")
    return "\n".join(lines)


def _choice(choice: Choice, metadata: dict[str, Any]) -> str:
    score = metadata["tolerance"].get("score", "accuracy")

    def row(text: str, index: int) -> str:
        each = choice.candidates[index]
        parameters = ", ".join(
            f"{key.rpartition('__')[2]} = {value}" for key, value in each.parameters.items()
        )
        return (
            f"| {text} | {percent(each.train)} | {percent(each.validation)} | "
            f"{100 * each.gap:.1f} | {parameters or 'none'} |"
        )

    wanted = f"{100 * choice.tolerance:g}"
    literally = (
        f"literally: gap at most {wanted}"
        if choice.possible
        else f"smallest gap (none is at most {wanted})"
    )
    return "\n".join(
        [
            choice.sentence()[0].upper() + choice.sentence()[1:] + ".",
            "",
            "| rule | training | validation | gap (points) | parameters |",
            "|---|---|---|---|---|",
            row("chosen", choice.chosen),
            row("best score, whatever the gap", choice.best),
            row(literally, choice.strict),
            "",
            f"Training and validation {score} are means over the same folds of the training part. "
            f"{choice.affordable} of {len(choice.candidates)} candidates were affordable (at "
            "most one point below the best score); among them the tolerance decided.",
        ]
    )


def _unknown(metadata: dict[str, Any]) -> str:
    unknown = metadata["unknown"]
    counted = "labels" if is_multilabel(metadata) else "nearest label"
    lines = [
        f"A track further than {unknown['threshold']:.2f} (Mahalanobis distance to the likeliest "
        "label, each label with a covariance of its own) is answered with "
        f'"unknown"; that keeps {percent(unknown["kept_share"])} of known out-of-fold tracks. Of '
        f"the test tracks, all of known labels, {percent(metadata['scores']['unknown_share'])} are "
        f"called unknown. The scores above count the {counted} either way."
    ]
    return "\n".join(lines + _left_out(unknown["left_out"]))


def _left_out(left_out: dict[str, Any]) -> list[str]:
    """Return the lines on labels left out of training, if they were."""
    if not left_out:
        return []
    lines = [
        "",
        "Leaving out one label after the other, in folds of the training part that keep groups "
        "whole (artists, where they are known and the split goes by them): "
        f"{left_out_sentence(left_out)}. AUROC 0.5 is chance; the intervals resample "
        f"{left_out['n_groups']} groups.",
        "",
        "| label left out | n | AUROC | accepted as known |",
        "|---|---:|---:|---:|",
    ]
    for label, each in left_out["per_label"].items():
        name = label.replace("|", "\\|")
        lines.append(
            f"| {name} | {each['n']} | {each['auroc']:.2f} | {percent(each['false_accept'])} |"
        )
    return lines


def _data(metadata: dict[str, Any]) -> str:
    lines = [
        f"- {metadata['n_train']} training and {metadata['n_test']} test tracks, "
        f"{metadata['scores']['protocol']}, seed {metadata['split']['seed']}",
        f"- data hash {metadata['data_hash']}, schema fingerprint {metadata['fingerprint']}",
    ]
    return "\n".join(lines + [f"- {note}" for note in metadata["notes"]])
