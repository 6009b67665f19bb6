"""Labels that are likely to be wrong, found by models that have not learnt from them. Nothing is changed or deleted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentimo.core.documents import Example
from sentimo.core.labels import LabelSpace
from sentimo.engine.predictor import Predicts
from sentimo.errors import DataError, InputError
from sentimo.evaluate.confident import suspect
from sentimo.train.folds import fold_models

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LabelError:
    """A label that is likely to be wrong.

    Attributes:
        row: Place of the example, from 0.
        given: The label that is disputed; of a multi-label row one that it has, or "not <label>".
        suggested: What the models say instead.
        given_score, suggested_score: Their scores, in [0, 1].
    """

    row: int
    given: str
    suggested: str
    given_score: float
    suggested_score: float

    @property
    def reason(self) -> str:
        """Why, in a sentence."""
        return (
            f"models that have not learnt from this row give {self.suggested!r} {self.suggested_score:.0%} and "
            f"{self.given!r} {self.given_score:.0%}"
        )


@dataclass(frozen=True)
class LabelCheck:
    """What the check of a data set found.

    Attributes:
        errors: The most suspicious first; a row comes once.
        n_rows: Rows that were judged.
    """

    errors: list[LabelError]
    n_rows: int

    @property
    def pairs(self) -> list[tuple[str, str, int]]:
        """Which labels are taken for which: (given, suggested, errors), the most frequent first."""
        counts: dict[tuple[str, str], int] = {}
        for each in self.errors:
            counts[each.given, each.suggested] = counts.get((each.given, each.suggested), 0) + 1
        return sorted(((*pair, n) for pair, n in counts.items()), key=lambda pair: (-pair[2], pair))


def check_labels(
    examples: Sequence[Example],
    task: str,
    space: LabelSpace,
    *,
    model: Predicts | None = None,
    n_folds: int = 5,
    seed: int = 13,
    on_fold: Callable[[int], None] = lambda number: None,
) -> LabelCheck:
    """Find labels that are likely to be wrong, by confident learning (`sentimo.evaluate.confident`).

    Args:
        examples: Rows with a target for the task.
        task, space: The task and its labels; a multi-label one is judged label by label.
        model: What gives the scores; it should not have been trained on these rows. Default: n-gram models, each of the
            rows outside a fold.
        n_folds, seed: Of the n-gram models.
        on_fold: Told the number of every fold, from 1, when it is judged.

    Raises:
        InputError: a score, which has no labels, or a model that answers another task or other labels.
        DataError: too few rows.
    """
    if space.range is not None:
        raise InputError(f"task {task!r} is a score; only labels can be checked (kinds single, ordinal and multi)")
    if model is None:
        scores = _by_folds(examples, task, space, n_folds, seed, on_fold)
    else:
        scores = _by(model, examples, task, space)
    answered = np.flatnonzero(np.isfinite(scores).all(axis=1))
    if not len(answered):
        raise DataError(f"task {task!r}: no text was answered")
    chosen = [examples[row].targets[task] for row in answered.tolist()]
    find = _multi if space.kind == "multi" else _single
    errors = find(chosen, scores[answered], space)
    placed = [LabelError(int(answered[e.row]), e.given, e.suggested, e.given_score, e.suggested_score) for e in errors]
    return LabelCheck(placed, len(answered))


def _single(targets: Sequence[Any], scores: Floats, space: LabelSpace) -> list[LabelError]:
    labels = np.array([int(each) for each in targets])
    found = suspect(labels, scores)
    return [
        LabelError(
            int(row),
            space.labels[labels[row]],
            space.labels[found.likely[row]],
            float(found.own[row]),
            float(scores[row, found.likely[row]]),
        )
        for row in found.suspicious
    ]


def _multi(targets: Sequence[Any], scores: Floats, space: LabelSpace) -> list[LabelError]:
    """Judge each label as one of two, there or not there; a row comes with its most suspicious label."""
    worst: dict[int, LabelError] = {}
    for label, name in enumerate(space.labels):
        has = np.array([int(label in each) for each in targets])
        found = suspect(has, np.stack([1 - scores[:, label], scores[:, label]], axis=1))
        names = (f"not {name}", name)
        for row in found.suspicious:
            own = float(found.own[row])
            if int(row) not in worst or own < worst[int(row)].given_score:
                worst[int(row)] = LabelError(int(row), names[has[row]], names[1 - has[row]], own, 1 - own)
    return sorted(worst.values(), key=lambda each: (each.given_score, each.row))


def _by_folds(
    examples: Sequence[Example],
    task: str,
    space: LabelSpace,
    n_folds: int,
    seed: int,
    on_fold: Callable[[int], None],
) -> Floats:
    scores = np.full((len(examples), len(space)), np.nan)
    try:
        for number, (rows, model) in enumerate(fold_models(examples, task, space, n_folds=n_folds, seed=seed), 1):
            scores[rows] = _by(model, [examples[row] for row in rows], task, space)
            on_fold(number)
    except DataError as error:
        raise DataError(f"{len(examples)} rows are too few to judge one by the others: {error}") from error
    return scores


def _by(model: Predicts, examples: Sequence[Example], task: str, space: LabelSpace) -> Floats:
    found = model.predict([each.document.text for each in examples]).tasks
    if task not in found or found[task].space.labels != space.labels:
        known = "; ".join(f"{name}: {', '.join(each.space.labels)}" for name, each in found.items())
        raise InputError(
            f"the model does not answer task {task!r} with the labels {', '.join(space.labels)} (it has {known}). Name "
            "the task with --task and the labels with --space, or leave --model out."
        )
    return found[task].scores.astype(np.float64)
