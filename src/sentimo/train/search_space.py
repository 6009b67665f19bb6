"""What a hyper-parameter search may change, and between which bounds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from sentimo.errors import RecipeError
from sentimo.train.optim import USUAL_EPOCHS
from sentimo.train.recipe import Recipe, SearchRange, SearchSpace, with_settings

_FREE = ("head", "objective", "imbalance", "loss_weight")  # what of a task does not change which rows there are


class Suggests(Protocol):
    """What draws values: a trial of Optuna."""

    def suggest_float(self, name: str, low: float, high: float, *, step: float | None, log: bool) -> float:
        """Draw a number."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int, log: bool) -> int:
        """Draw a whole number."""

    def suggest_categorical(self, name: str, choices: list[Any]) -> Any:
        """Draw one of several values."""


def default_space(rate: float, epochs: float = USUAL_EPOCHS) -> SearchSpace:
    """Return the space that is searched when the recipe has none of its own: see docs/search.md.

    Args:
        rate: Learning rate of the recipe, or the usual one.
        epochs: Its epochs, or the usual ones.
    """
    return {
        "optimiser.learning_rate": SearchRange(low=rate / 5, high=rate * 5, log=True),
        "epochs": SearchRange(low=2, high=max(5, round(1.5 * epochs)), step=1),
        "batch_size": [16, 32, 64],
        "dropout": SearchRange(low=0.0, high=0.3),
        "schedule.warmup": SearchRange(low=0.0, high=0.2),
        "optimiser.weight_decay": SearchRange(low=1e-3, high=0.1, log=True),
        "optimiser.layer_decay": SearchRange(low=0.8, high=1.0),
    }


def check_space(recipe: Recipe, space: SearchSpace) -> None:
    """Try both ends of every range and every choice on the recipe.

    Raises:
        RecipeError: an unknown key, a value that the recipe refuses, or a key that changes the rows: trials are judged
            on the same ones.
    """
    for key, bounds in space.items():
        values = bounds if isinstance(bounds, list) else bounds.examples()
        for value in values:
            try:
                changed = with_settings(recipe, {key: value})
            except RecipeError as error:
                raise RecipeError(f"search, {key} = {value!r}: {error}") from error
            if _rows(changed) != _rows(recipe):
                raise RecipeError(
                    f"search: {key} changes which rows there are or what they are judged by; trials could not be "
                    f"compared. Search over keys of the run, or over {', '.join(_FREE[:-1])} and {_FREE[-1]} of a task."
                )


def suggest(trial: Suggests, space: SearchSpace) -> dict[str, Any]:
    """Draw a value for every key."""
    return {key: _draw(trial, key, bounds) for key, bounds in space.items()}


def _draw(trial: Suggests, key: str, bounds: SearchRange | list[Any]) -> Any:
    if isinstance(bounds, list):
        if all(isinstance(each, (bool, int, float, str)) or each is None for each in bounds):
            return trial.suggest_categorical(key, bounds)
        # Mappings (an objective with settings) are stored as text, the only form that a study can keep.
        return json.loads(trial.suggest_categorical(key, [json.dumps(each) for each in bounds]))
    if bounds.is_whole:
        return trial.suggest_int(key, int(bounds.low), int(bounds.high), step=int(bounds.step or 1), log=bounds.log)
    return trial.suggest_float(key, bounds.low, bounds.high, step=bounds.step, log=bounds.log)


def _rows(recipe: Recipe) -> list[Mapping[str, Any]]:
    tasks = [task.model_dump(exclude=set(_FREE)) for task in recipe.tasks]
    return [*tasks, {"seed": recipe.seed, "drop_leaks": recipe.drop_leaks, "metric": recipe.early_stopping.metric}]
