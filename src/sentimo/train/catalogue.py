"""Build what a catalogue names, and explain settings that do not fit."""

from __future__ import annotations

import inspect
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
        RecipeError: a setting is not known (names the nearest one) or its value is refused.
    """
    module, name = where.split(":")
    kind = getattr(import_module(module), name)
    named = [each.name for each in inspect.signature(kind).parameters.values() if each.kind in _NAMED]
    known = named[len(arguments) :]
    for setting in settings:
        if setting not in known:
            otherwise = f" Its settings: {', '.join(known) or 'none'}."
            raise RecipeError(f"{what} has no setting {setting!r}.{did_you_mean(setting, known, otherwise)}")
    try:
        return kind(*arguments, **settings)
    except (ValueError, TypeError, RuntimeError) as error:
        raise RecipeError(f"{what}: {error}") from error
