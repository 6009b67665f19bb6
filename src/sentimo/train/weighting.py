"""The objective of a task, its label weights worked out from the training rows, and what is wrapped around it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from sentimo.core.documents import Example, Target
from sentimo.core.labels import Kind, LabelSpace
from sentimo.errors import RecipeError
from sentimo.evaluate.calibration import multi_hot
from sentimo.train.catalogue import build
from sentimo.train.objectives import DEFAULT_OBJECTIVE, OBJECTIVES, WRAPPERS
from sentimo.train.objectives.adjusted import LogitAdjusted
from sentimo.train.objectives.distil import Distil
from sentimo.train.objectives.step import Surroundings, TaskLosses
from sentimo.train.priors import prior_logits, rows_telling
from sentimo.train.recipe import ObjectiveChoice, Recipe, TaskRecipe
from sentimo.train.semi.method import semi_method

FOCAL: Mapping[str, str] = {"single": "focal", "ordinal": "focal", "multi": "asymmetric"}
"""Kind -> the objective that counts sure rows less."""

_MOST = 50.0  # a weight beyond this lets a handful of rows steer the whole run


def build_objective(task: TaskRecipe, space: LabelSpace, rows: Sequence[Example]) -> nn.Module:
    """Return the objective that a task asks for, or the usual one of its kind.

    Args:
        task: What it asks for.
        space: Its labels.
        rows: Its training rows.

    Raises:
        RecipeError: it does not suit the kind of task, or a setting is wrong.
    """
    choice = choose_objective(task, space.kind)
    entry = OBJECTIVES[choice.name]
    if space.kind not in entry.kinds:
        fitting = ", ".join(name for name, each in OBJECTIVES.items() if space.kind in each.kinds)
        raise RecipeError(
            f"task {task.name!r} is {space.kind}; objective {choice.name!r} is for {' and '.join(entry.kinds)} tasks. "
            f"Choose one of {fitting}."
        )
    targets = [each.targets[task.name] for each in rows]
    telling = rows_telling(space, task.name, rows)
    settings = dict(choice.model_extra or {})
    if task.imbalance == "weights":
        settings.setdefault("weight", "balanced")
    weight = settings.get("weight")
    if weight == "balanced" and space.kind != "score":  # a score has no labels to balance
        settings["weight"] = balanced_weights(space, targets, telling)
    elif isinstance(weight, list):
        _check_weights(weight, task.name, space)
    objective: nn.Module = build(entry.where, f"objective {choice.name!r} of task {task.name!r}", **settings)
    if task.imbalance == "logit-adjustment":
        return LogitAdjusted(objective, prior_logits(space, targets, telling).tolist())
    return objective


def _check_weights(weight: Sequence[Any], task: str, space: LabelSpace) -> None:
    if len(weight) != len(space):
        raise RecipeError(
            f"task {task!r}: {len(weight)} weights; expected `balanced`, or {len(space)} numbers, one per label "
            f"({', '.join(space.labels)})"
        )
    numbers = [each for each in weight if isinstance(each, (int, float)) and 0 <= each < math.inf]
    if len(numbers) < len(weight) or not any(numbers):
        raise RecipeError(f"task {task!r}: weights {list(weight)}; expected numbers from 0 on, some above it")


def choose_objective(task: TaskRecipe, kind: Kind) -> ObjectiveChoice:
    """Return the objective that a task asks for, the usual one of its kind, or the one that its `imbalance` means.

    Raises:
        RecipeError: `imbalance` has no meaning for the kind, or means another objective than the task names.
    """
    usual = DEFAULT_OBJECTIVE[kind]
    if task.imbalance != "none" and kind == "score":
        raise RecipeError(f"task {task.name!r} is a score, which has no labels: imbalance {task.imbalance} cannot work")
    choice = task.objective or ObjectiveChoice(name=usual)
    if task.imbalance != "focal" or choice.name == FOCAL[kind]:
        return choice
    if choice.name != usual or choice.model_extra:
        raise RecipeError(
            f"task {task.name!r}: imbalance focal means objective {FOCAL[kind]!r}, and the task asks for "
            f"{choice.name!r}. Leave one out."
        )
    return ObjectiveChoice(name=FOCAL[kind])


def drawing(
    tasks: Sequence[TaskRecipe], spaces: Mapping[str, LabelSpace], examples: Sequence[Example]
) -> list[float] | None:
    """Return how often each row is to be drawn, relative to the others, where a task wants rare labels drawn more.

    A row is drawn by its `row_weights`, a row without a label as any row. Several such tasks multiply. None where no
    task wants it: every row is drawn once.
    """
    wanted = [task.name for task in tasks if task.imbalance == "sampling"]
    if not wanted:
        return None
    found = np.ones(len(examples))
    for task in wanted:
        place = [row for row, each in enumerate(examples) if task in each.targets]
        found[place] *= row_weights(spaces[task], [examples[row].targets[task] for row in place])
    drawn: list[float] = found.tolist()
    return drawn


def row_weights(space: LabelSpace, targets: Sequence[Target]) -> NDArray[np.float64]:
    """Return (n,) the weight of each row that makes labels count alike, at most 50.

    It is ``n / (n_labels * n_label)`` of its label, of several that of the rarest; 1 of a row with none.
    """
    hot = multi_hot(space, targets)
    counts = hot.sum(axis=0)
    weight = np.minimum(_MOST, len(hot) / (len(counts) * np.maximum(counts, 1)))
    return np.where(hot.any(axis=1), np.where(hot, weight, 0.0).max(axis=1), 1.0)


def rare_labels(space: LabelSpace, targets: Sequence[Target]) -> dict[str, int]:
    """Return the labels that fewer rows have than half of an even share, with their rows."""
    if space.kind == "score":
        return {}
    counts = multi_hot(space, targets).sum(axis=0).tolist()
    return {label: int(n) for label, n in zip(space.labels, counts, strict=True) if n < sum(counts) / len(space) / 2}


def wrap(recipe: Recipe, losses: TaskLosses, around: Surroundings) -> nn.Module:
    """Return the objective of a step: that of the tasks, within the teacher's, within the wrappers of the recipe.

    The first wrapper is the outermost, but what texts without labels add (`semi`), which asks for their answers once.

    Raises:
        RecipeError: a setting of a wrapper is wrong.
    """
    inner: nn.Module = losses
    if around.lesson is not None and around.network is not None:
        inner = Distil(losses, around, around.lesson, around.network)
    for choice in reversed(recipe.objective):
        inner = build(WRAPPERS[choice.name], f"objective {choice.name!r}", inner, around, **(choice.model_extra or {}))
    return semi_method(recipe).wrap(inner, around, recipe.seed)


def balanced_weights(
    space: LabelSpace, targets: Sequence[Target], telling: NDArray[np.int64] | None = None
) -> list[float]:
    """Return a weight per label that makes rare labels count as much as common ones, at most 50.

    Single: ``n / (n_labels * n_label)`` (King & Zeng 2001, as in scikit-learn); multi-label: rows without the label
    per row with it. A label that no row has weighs 1. `telling` is as in `prior_logits`.
    """
    per_label = multi_hot(space, targets).sum(axis=0).tolist()
    rows = [len(targets)] * len(per_label) if telling is None else telling.tolist()
    if space.kind == "multi":
        return [min(_MOST, (n - count) / count) if count else 1.0 for n, count in zip(rows, per_label, strict=True)]
    return [min(_MOST, n / (len(space) * count)) if count else 1.0 for n, count in zip(rows, per_label, strict=True)]
