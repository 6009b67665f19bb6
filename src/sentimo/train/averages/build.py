"""Make the average that a recipe names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sentimo.train.averages import AVERAGES
from sentimo.train.averages.average import Average
from sentimo.train.catalogue import build

if TYPE_CHECKING:
    from sentimo.train.recipe import AverageChoice


def build_average(choice: AverageChoice | None) -> Average | None:
    """Return the average of a recipe, or None: the weights count as they are.

    Raises:
        RecipeError: a setting is not known, or its value is refused.
    """
    if choice is None:
        return None
    made: Average = build(AVERAGES[choice.name], f"average {choice.name!r}", **(choice.model_extra or {}))
    return made
