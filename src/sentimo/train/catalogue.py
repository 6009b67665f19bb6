"""Build what a catalogue names, and explain settings that do not fit."""

from __future__ import annotations

import inspect
import math
from importlib import import_module
from typing import Any

from sentimo.errors import RecipeError, did_you_mean

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def build(where: str, what: str, /, *arguments: Any, **settings: Any) -> Any:
    """Import ``module:Class`` and call it.

    Args:
        where: The class.
        what: How an error calls it, such as "objective 'focal'".
        arguments: What the program gives.
        settings: What the user gave.

    Raises:
        RecipeError: a setting is not known (names the nearest one), or its value is no number where the class expects
            one, or is refused.
    """
    module, name = where.split(":")
    kind = getattr(import_module(module), name)
    parameters = inspect.signature(kind).parameters
    named = [each.name for each in parameters.values() if each.kind in _NAMED]
    known = named[len(arguments) :]
    for setting in settings:
        if setting not in known:
            otherwise = f" Its settings: {', '.join(known) or 'none'}."
            raise RecipeError(f"{what} has no setting {setting!r}.{did_you_mean(setting, known, otherwise)}")
    for setting, value in settings.items():
        _check_number(f"{what}: {setting}", value, str(parameters[setting].annotation))
    try:
        return kind(*arguments, **settings)
    except (ValueError, TypeError, RuntimeError) as error:
        raise RecipeError(f"{what}: {error}") from error


def _check_number(what: str, value: Any, annotation: str) -> None:
    """Raise RecipeError where a class expects a number, as its annotation says, and the value is none."""
    kinds = {each.strip() for each in annotation.split("|")}
    if not kinds & {"int", "float"} or not kinds <= {"int", "float", "bool", "None"}:
        return
    if (value is None and "None" in kinds) or (isinstance(value, bool) and "bool" in kinds):
        return
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return
    expected = "a number" if "float" in kinds else "a whole number"
    raise RecipeError(f"{what} is {value!r}; expected {expected}{_as_number(value)}")


def _as_number(value: Any) -> str:
    """Return how to write a number that YAML takes for text, such as 1e-3."""
    try:
        return f", write {float(value)!r}" if isinstance(value, str) and math.isfinite(float(value)) else ""
    except ValueError:
        return ""
