"""Learning curves: what more labels would bring, measured on growing samples of those there are."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from sentimo.core.documents import Example
from sentimo.core.labels import LabelSpace
from sentimo.engine.predictor import Predicts
from sentimo.errors import DataError, RecipeError
from sentimo.evaluate.metrics import MAIN_FIGURE
from sentimo.evaluate.report import evaluate
from sentimo.train.baselines import fit_baseline
from sentimo.train.prepare import Stock, prepare, rows_of
from sentimo.train.recipe import Recipe
from sentimo.train.semi.method import refuse_semi
from sentimo.train.tasks import TaskData

SMALLEST = 16
MIN_STEPS = 60  # a handful of texts needs more epochs than the recipe says to be learnt at all


@dataclass(frozen=True)
class Point:
    """What models reach with n training rows.

    Attributes:
        n: Rows.
        model: Figure of the fine-tuned model on the test rows, one per seed.
        baseline: The same of the n-gram baseline; samples that it cannot be fitted on (of one label) are left out.
        bounds: Lowest and highest value that the figure can take.
    """

    n: int
    model: tuple[float, ...]
    baseline: tuple[float, ...]
    bounds: tuple[float, float] = (0.0, 1.0)

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON, means and intervals included."""
        series = {"model": self.model, "baseline": self.baseline}
        return {
            "n": self.n,
            **{name: {"values": list(each), **summary(each, self.bounds)} for name, each in series.items()},
        }


@dataclass(frozen=True)
class Curve:
    """A learning curve.

    Attributes:
        task: The task.
        figure: What was measured: the task's main figure, but macro AUROC for a multi-label one, whose thresholds would
            have to be fitted on labels that the sample does not have.
        points: Smallest sample first.
    """

    task: str
    figure: str
    points: tuple[Point, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        return {"task": self.task, "figure": self.figure, "points": [each.to_dict() for each in self.points]}


def learning_curve(
    recipe: Recipe,
    *,
    sizes: Sequence[int] | None = None,
    seeds: int = 3,
    on_sample: Callable[[int, int], None] = lambda n, number: None,
    on_point: Callable[[Point], None] = lambda point: None,
) -> Curve:
    """Train on n = 16, 32, 64 ... rows and judge each model on the same test rows.

    Every size is drawn `seeds` times, the smaller sample inside the larger one, labels in their natural shares. Small
    samples run for more epochs than the recipe says, until 60 steps are made; there is no early stopping.

    Args:
        recipe: A recipe of one task.
        sizes: Numbers of rows. By default powers of two from 16, and all rows.
        seeds: Samples per size; the interval of a point comes from them.
        on_sample: Told rows and number (from 1) of every sample before it is trained on.
        on_point: Told every point when it is measured.

    Raises:
        RecipeError: several tasks, or a size that is not within the rows.
    """
    if len(recipe.tasks) != 1:
        raise RecipeError("a learning curve is for one task; give a recipe with a single one")
    refuse_semi(recipe, "a learning curve")
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    task = recipe.tasks[0]
    rows, stock = rows_of(recipe), Stock()
    if recipe.teacher:  # once for all samples; what augmentation adds to one is asked with it
        prepare(recipe.model_copy(update={"augment": None}), rows, stock).ask_teachers()
    data = rows[task.name]
    points = []
    for n in checked_sizes(sizes, len(data.train)):
        values = []
        for each in range(seeds):
            on_sample(n, each + 1)
            values.append(_measure(recipe, stock, data, n, recipe.seed + each))
        model, baseline = zip(*values, strict=True)
        bounds = (-1.0, 1.0) if data.space.kind == "score" else (0.0, 1.0)
        points.append(Point(n, model, tuple(each for each in baseline if each is not None), bounds))
        on_point(points[-1])
    return Curve(task.name, curve_figure(data.space), tuple(points))


def checked_sizes(sizes: Sequence[int] | None, n_rows: int) -> list[int]:
    """Return the sizes to measure, smallest first.

    Raises:
        RecipeError: a size is below 2 or above the number of rows.
    """
    if sizes is None:
        powers = [SMALLEST << k for k in range(32) if SMALLEST << k < n_rows]
        return [*powers, n_rows]
    if wrong := [n for n in sizes if not 2 <= n <= n_rows]:
        raise RecipeError(f"sizes {', '.join(map(str, wrong))}: expected 2 to {n_rows}, the number of training rows")
    return sorted(set(sizes))


def curve_figure(space: LabelSpace) -> str:
    """Return the name of the figure that a curve shows; see `Curve`."""
    return "macro_auroc" if space.kind == "multi" else MAIN_FIGURE[space.kind]


def summary(values: Sequence[float], bounds: tuple[float, float] = (-1.0, 1.0)) -> dict[str, float | None]:
    """Return mean, and the 95 % interval of the mean over seeds (Student's t; None for a single seed).

    Without values all three are None. The interval ends at the bounds of the figure.
    """
    if not values:
        return {"mean": None, "low": None, "high": None}
    mean = float(np.mean(values))
    if len(values) < 2:
        return {"mean": mean, "low": None, "high": None}
    from scipy.stats import t  # type: ignore[import-untyped]

    reach = float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return {"mean": mean, "low": max(bounds[0], mean - reach), "high": min(bounds[1], mean + reach)}


def _measure(recipe: Recipe, stock: Stock, data: TaskData, n: int, seed: int) -> tuple[float, float | None]:
    task = recipe.tasks[0]
    sample = random.Random(seed).sample(data.train, len(data.train))[:n]
    part = TaskData(data.space, sample, [], data.test or data.dev)
    steps_an_epoch = -(-n // recipe.batch_size)
    epochs = max(recipe.epochs, MIN_STEPS / steps_an_epoch) if recipe.epochs else None  # else the rows decide
    small = recipe.model_copy(update={"seed": seed, "epochs": epochs})
    learner = prepare(small, {task.name: replace(data, train=sample)}, stock).learner()
    learner.fit(None)  # no dev rows may choose an epoch: they would be more labels than the sample has
    return _main(learner.predictor(), part, task.name), _baseline(part, task.name, seed)


def _baseline(data: TaskData, task: str, seed: int) -> float | None:
    try:
        return _main(fit_baseline({task: data}, seed=seed).predictor(), data, task)
    except DataError:  # a small sample may hold one label only
        return None


def _main(predictor: Predicts, data: TaskData, task: str) -> float:
    rows: Sequence[Example] = data.test
    report = evaluate(predictor, {task: rows}, n_bootstrap=0).tasks[task]
    return report.figures[curve_figure(data.space)].value
