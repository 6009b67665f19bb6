"""The objective of a task, its label weights worked out from the training rows, and what is wrapped around it."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from sentimo.core.documents import Target
from sentimo.core.labels import LabelSpace
from sentimo.errors import RecipeError
from sentimo.evaluate.calibration import multi_hot
from sentimo.train.catalogue import build
from sentimo.train.objectives import DEFAULT_OBJECTIVE, OBJECTIVES, WRAPPERS
from sentimo.train.objectives.distil import Distil
from sentimo.train.objectives.step import Surroundings
from sentimo.train.recipe import ObjectiveChoice, Recipe, TaskRecipe

_MOST = 50.0  # a weight beyond this lets a handful of rows steer the whole run


def build_objective(task: TaskRecipe, space: LabelSpace, targets: Sequence[Target]) -> nn.Module:
    """Return the objective that a task asks for, or the usual one of its kind.

    Raises:
        RecipeError: it does not suit the kind of task, or a setting is wrong.
    """
    choice = task.objective or ObjectiveChoice(name=DEFAULT_OBJECTIVE[space.kind])
    entry = OBJECTIVES[choice.name]
    if space.kind not in entry.kinds:
        fitting = ", ".join(name for name, each in OBJECTIVES.items() if space.kind in each.kinds)
        raise RecipeError(
            f"task {task.name!r} is {space.kind}; objective {choice.name!r} is for {' and '.join(entry.kinds)} tasks. "
            f"Choose one of {fitting}."
        )
    settings = dict(choice.model_extra or {})
    weight = settings.get("weight")
    if weight == "balanced" and space.kind != "score":  # a score has no labels to balance
        settings["weight"] = balanced_weights(space, targets)
    elif isinstance(weight, list) and len(weight) != len(space):
        raise RecipeError(
            f"task {task.name!r}: {len(weight)} weights; expected `balanced`, or {len(space)} numbers, one per label "
            f"({', '.join(space.labels)})"
        )
    objective: nn.Module = build(entry.where, f"objective {choice.name!r} of task {task.name!r}", **settings)
    return objective


def wrap(recipe: Recipe, inner: nn.Module, around: Surroundings) -> nn.Module:
    """Return the objective of a step: that of the tasks, within the teacher's, within the wrappers of the recipe.

    The first wrapper is the outermost.

    Raises:
        RecipeError: a setting of a wrapper is wrong.
    """
    if around.lesson is not None and around.network is not None:
        inner = Distil(inner, around, around.lesson, around.network)
    for choice in reversed(recipe.objective):
        inner = build(WRAPPERS[choice.name], f"objective {choice.name!r}", inner, around, **(choice.model_extra or {}))
    return inner


def balanced_weights(space: LabelSpace, targets: Sequence[Target]) -> list[float]:
    """Return a weight per label that makes rare labels count as much as common ones, at most 50.

    Single: ``n / (n_labels * n_label)`` (King & Zeng 2001, as in scikit-learn); multi-label: rows without the label
    per row with it. A label that no row has weighs 1.
    """
    hot = multi_hot(space, targets)
    n, per_label = len(hot), hot.sum(axis=0).tolist()
    if space.kind == "multi":
        return [min(_MOST, (n - count) / count) if count else 1.0 for count in per_label]
    return [min(_MOST, n / (len(space) * count)) if count else 1.0 for count in per_label]
