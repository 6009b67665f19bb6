"""Check what stands inside the heads, objectives, adaptation and augmentation of a recipe, without base or data."""

from __future__ import annotations

from typing import cast

from sentimo.core.labels import Kind, LabelSpace, chosen_space
from sentimo.train.adapt.build import build_adaptation
from sentimo.train.augment.rows import build_augmenters
from sentimo.train.averages.build import build_average
from sentimo.train.catalogue import build
from sentimo.train.heads import HEADS
from sentimo.train.objectives import DEFAULT_OBJECTIVE, OBJECTIVES
from sentimo.train.objectives.step import Surroundings, TaskLosses
from sentimo.train.recipe import Recipe, TaskRecipe
from sentimo.train.track.recorder import build_trackers
from sentimo.train.weighting import build_objective, wrap


def check_parts(recipe: Recipe) -> None:
    """Build every head, objective, wrapper, tracker, adaptation, average and method of augmentation once, small.

    Raises:
        MissingExtraError, DataError, InputError: what a method of augmentation needs is not there.
        RecipeError: a setting is not known (names the nearest one), its value is refused, or an objective does not suit
            its kind of task.
        MissingExtraError: the package of a tracker is not installed.
    """
    if recipe.augment is not None:
        build_augmenters(recipe.augment)  # models are opened only when the first text is written anew
    build_adaptation(recipe.adapt)
    build_average(recipe.average)
    for task in recipe.tasks:
        build(HEADS[task.head.name], f"head {task.head.name!r}", 8, 2, **(task.head.model_extra or {}))
        space = chosen_space(task.space, task.name, task.kind)
        if space is not None or not _counts_labels(task):
            build_objective(task, space or _likely_space(task), [])
    build_trackers(recipe)
    wrap(recipe, TaskLosses({}, {}), Surroundings({}, {}))


def _counts_labels(task: TaskRecipe) -> bool:
    """Whether the objective has a weight for each label, which labels that are still to be seen cannot confirm."""
    return isinstance(((task.objective and task.objective.model_extra) or {}).get("weight"), list)


def _likely_space(task: TaskRecipe) -> LabelSpace:
    name = task.objective.name if task.objective else DEFAULT_OBJECTIVE["single"]
    kind = task.kind or cast("Kind", OBJECTIVES[name].kinds[0])
    if kind == "score":
        return LabelSpace(task.name, (task.name,), "score", range=(0.0, 1.0))
    return LabelSpace(task.name, ("a", "b"), kind)
