"""Learning-rate range test: one short run in which the rate rises until the loss breaks away."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from sentimo.errors import InputError, RecipeError, TrainingError
from sentimo.train.loop import sweep
from sentimo.train.optim import usual_rate
from sentimo.train.prepare import prepare, rows_of
from sentimo.train.recipe import Recipe
from sentimo.train.semi.method import refuse_semi

SMOOTHING = 0.9
"""Share of the earlier losses in the smoothed one: a batch alone says little."""

BREAKS_AT = 3.0
"""Times the lowest smoothed loss at which the test ends."""

_LEAST_STEPS = 10


@dataclass(frozen=True)
class RangeTest:
    """What a range test found.

    Attributes:
        rates: Learning rates of the encoder, rising.
        losses: Loss of the batch learnt from at each.
        smoothed: The same, smoothed.
        steepest: The rate at which the smoothed loss falls fastest.
        lowest: The rate at which it is lowest; a tenth of it is the usual choice.
        breaks_at: The rate at which the loss broke away; None when it did not.
        usual: The rate of the recipe, or the default one of its optimiser and base.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    steepest: float
    lowest: float
    breaks_at: float | None
    usual: float

    @property
    def tells(self) -> bool:
        """Whether the smoothed loss falls by a tenth or more, or breaks away: if not, all of it may be noise."""
        return self.breaks_at is not None or min(self.smoothed) < 0.9 * self.smoothed[0]

    @property
    def suggested(self) -> float:
        """A tenth of the rate with the lowest loss: far enough from where learning breaks."""
        return self.lowest / 10

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        return {**vars(self), "suggested": self.suggested, "tells": self.tells}


def lr_range(
    recipe: Recipe,
    *,
    low: float = 1e-6,
    high: float = 1e-1,
    steps: int = 100,
    tell: Callable[[str], None] = lambda sentence: None,
) -> RangeTest:
    """Raise the learning rate by a constant factor a step, from low to high, and watch the loss.

    Rates of heads and layers keep their ratio to that of the encoder. Nothing is saved; dev and test rows are not
    looked at.

    Args:
        recipe: What learns, and from what.
        low, high: First and last rate of the encoder.
        steps: Steps between them; batches come anew when the rows are through.
        tell: Shows a sentence.

    Raises:
        RecipeError: the recipe has `semi` or `few_shot`.
        InputError: the bounds are not above 0 and rising, or fewer than 10 steps.
        TrainingError: the loss breaks away at once.

    Source: Smith 2017, "Cyclical Learning Rates for Training Neural Networks", arXiv:1506.01186, section 3.3; the
        smoothing and the end of the test are those of Howard & Gugger 2020, "fastai", arXiv:2002.04688.
    """
    if not 0 < low < high or steps < _LEAST_STEPS:
        raise InputError(f"low {low:g}, high {high:g}, {steps} steps: expected 0 < low < high and {_LEAST_STEPS} steps")
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    refuse_semi(recipe, "a range test")
    if recipe.few_shot is not None:
        raise RecipeError(
            "a range test learns from labels, not from pairs of texts; leave few_shot out (--set few_shot=null)"
        )
    prepared = prepare(recipe, rows_of(recipe))
    usual = recipe.optimiser.learning_rate or usual_rate(recipe, prepared.base)
    # The head's own rate is kept relative: a recipe that names both has a ratio in mind.
    learner = prepared.learner()
    rates = np.geomspace(low, high, steps)
    tell(f"{steps} steps from {low:g} to {high:g}, {recipe.batch_size} texts each")
    losses: list[float] = []
    lowest = math.inf
    factors = (rates / usual).tolist()
    for loss in sweep(learner.network, learner.objectives, learner.rows, learner.recipe, factors, learner.wrap):
        losses.append(loss)
        now = smoothed(losses)[-1]
        lowest = min(lowest, now)
        if len(losses) > _LEAST_STEPS and now > BREAKS_AT * lowest:
            break
    return read_range(rates[: len(losses)].tolist(), losses, broke=len(losses) < steps, usual=usual)


def read_range(rates: Sequence[float], losses: Sequence[float], *, broke: bool, usual: float) -> RangeTest:
    """Work out what the losses of a range test say.

    Raises:
        TrainingError: there are too few of them.
    """
    if len(losses) < _LEAST_STEPS:
        raise TrainingError(
            f"the loss broke away after {len(losses)} steps, at {rates[-1]:.2g}; start from a lower rate"
        )
    smooth = smoothed(losses)
    slopes = np.gradient(np.array(smooth), np.log(np.array(rates)))
    first = min(5, len(smooth) // 4)  # the mean of a few batches jumps about
    bottom = first + int(np.argmin(smooth[first:]))
    steepest = first + int(np.argmin(slopes[first : bottom + 1]))
    return RangeTest(
        tuple(rates),
        tuple(losses),
        tuple(smooth),
        steepest=rates[steepest],
        lowest=rates[bottom],
        breaks_at=rates[-1] if broke else None,
        usual=usual,
    )


def smoothed(losses: Sequence[float]) -> list[float]:
    """Return running means with weights that fall by `SMOOTHING` a step, freed of the pull towards 0 at the start."""
    found, mean = [], 0.0
    for step, loss in enumerate(losses, 1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        found.append(mean / (1 - SMOOTHING**step))
    return found
