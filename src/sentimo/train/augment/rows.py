"""The training rows of a recipe with those that its augmentation adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sentimo.core.documents import Example
from sentimo.core.labels import LabelSpace
from sentimo.data.augment import AUGMENTERS, BOUND, Augmenter
from sentimo.data.augment.dispute import disputed
from sentimo.data.augment.rows import METHOD, ORIGINAL, augment_examples
from sentimo.engine.predictor import Predictor, Predicts
from sentimo.errors import DataError, InputError
from sentimo.text.language import main_languages
from sentimo.text.normalise import folded
from sentimo.train.catalogue import build
from sentimo.train.folds import fold_models
from sentimo.train.recipe import Augment

_FOLDS = 3  # of the n-gram models that check the labels


class Augmented(NamedTuple):
    """Rows with those that were added to them.

    Attributes:
        parts: Task -> its rows, the added ones at the end.
        notes: What was added and dropped, in sentences.
        n_made: Task -> rows that were made; `n_dropped` of them are not among the parts.
        n_dropped: Task -> rows that were dropped, since a model strongly disputes their label.
    """

    parts: dict[str, list[Example]]
    notes: list[str]
    n_made: dict[str, int]
    n_dropped: dict[str, int]


def build_augmenters(augment: Augment) -> dict[str, Augmenter]:
    """Return name -> method.

    Raises:
        RecipeError: a setting is not known, or its value is refused.
        MissingExtraError, InputError: what a method needs is not there.
    """
    return {
        each.name: build(AUGMENTERS[each.name], f"augment {each.name!r}", **(each.model_extra or {}))
        for each in augment.methods
    }


def augment_parts(
    augment: Augment | None,
    parts: Mapping[str, Sequence[Example]],
    spaces: Mapping[str, LabelSpace],
    *,
    held_out: Set[str] = frozenset(),
    seed: int = 13,
) -> Augmented:
    """Add augmented rows to the training rows of tasks.

    Args:
        augment: How; None adds nothing.
        parts: Task -> its training rows.
        spaces: Task -> its labels.
        held_out: Folded texts of dev and test: no row with one of them is made.
        seed: Same seed, same rows.

    Raises:
        RecipeError, InputError: see `build_augmenters`.
    """
    found = Augmented({name: list(rows) for name, rows in parts.items()}, [], {}, {})
    if augment is None:
        return found
    methods = build_augmenters(augment)
    for name, rows in parts.items():
        made = augment_examples(
            rows,
            methods,
            copies=augment.copies,
            share=augment.rows,
            weight=augment.weight,
            seed=seed,
            avoid=held_out,
        )
        kept, note = _undisputed(augment, made, rows, name, spaces[name], seed)
        found.parts[name] += kept
        found.n_made[name], found.n_dropped[name] = len(made), len(made) - len(kept)
        counts = {method: sum(each.document.meta[METHOD] == method for each in kept) for method in methods}
        told = ", ".join(f"{method} {n}" for method, n in counts.items())
        found.notes.append(f"{name}: {len(kept)} augmented rows added ({told})")
        if note:
            found.notes.append(f"{name}: {note}")
        idle = sorted(set(methods) - {each.document.meta[METHOD] for each in made})
        languages = main_languages(each.document.text for each in rows) if idle else ()
        for method in idle:
            language = BOUND.get(method)
            why = f"it is for texts in {language}" if language and language not in languages else "nothing to change"
            found.notes.append(f"{name}: {method} made no new row: {why}")
    return found


def _undisputed(
    augment: Augment, made: list[Example], rows: Sequence[Example], task: str, space: LabelSpace, seed: int
) -> tuple[list[Example], str]:
    """Return the rows whose label no model strongly disputes, and a sentence about the others."""
    if augment.check == "none" or not made:
        return made, ""
    if augment.check == "ngrams":
        try:
            bad = _by_folds(augment.certainty, made, rows, task, space, seed)
        except DataError as error:
            return made, f"the labels of augmented rows were not checked: {error}"
    else:
        bad = _by_model(augment, made, task, space)
    kept = [each for each, is_bad in zip(made, bad, strict=True) if not is_bad]
    n = len(made) - len(kept)
    return kept, f"{n} augmented rows dropped: the model that checks them is sure of another label" if n else ""


def _by_folds(
    certainty: float, made: Sequence[Example], rows: Sequence[Example], task: str, space: LabelSpace, seed: int
) -> list[bool]:
    """Judge each row by n-gram models that know neither it nor the row it was made from."""
    fold_of: dict[str, int] = {}
    models = []
    gold = [each for each in rows if each.source != "augmented"]
    for number, (inside, model) in enumerate(fold_models(gold, task, space, n_folds=_FOLDS, seed=seed)):
        fold_of |= {gold[row].document.text: number for row in inside}
        models.append(model)
    bad = np.zeros(len(made), dtype=bool)
    for number, model in enumerate(models):
        places = [at for at, each in enumerate(made) if fold_of[each.document.meta[ORIGINAL]] == number]
        bad[places] = _judged(model, [made[at] for at in places], task, space, certainty)
    return [bool(each) for each in bad]


def _by_model(augment: Augment, made: Sequence[Example], task: str, space: LabelSpace) -> list[bool]:
    model = Predictor.load(Path(augment.check))
    labels = {spec.name: spec.space.labels for spec in model.tasks}
    if labels.get(task) != space.labels:
        known = ", ".join(labels)
        raise InputError(
            f"augment.check: the model in {augment.check} does not answer task {task!r} with the labels "
            f"{', '.join(space.labels)} (its tasks: {known}). Name another model, or check: ngrams."
        )
    return _judged(model, made, task, space, augment.certainty)


def _judged(model: Predicts, rows: Sequence[Example], task: str, space: LabelSpace, certainty: float) -> list[bool]:
    if not rows:
        return []
    scores: Any = model.predict([each.document.text for each in rows]).tasks[task].scores
    return disputed(space, scores, [each.targets[task] for each in rows], certainty)


def held_out_texts(parts: Sequence[Sequence[Example]]) -> set[str]:
    """Return the folded texts of rows that are held out."""
    return {folded(each.document.text) for rows in parts for each in rows}
