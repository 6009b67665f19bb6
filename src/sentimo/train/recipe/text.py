"""Recipes as text: read, checked, changed and written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from sentimo.errors import MissingExtraError, RecipeError, did_you_mean, nearest
from sentimo.train.recipe.choices import as_named
from sentimo.train.recipe.parts import Augment, EarlyStopping, Optimiser, Schedule, TaskRecipe, Teacher, as_augment
from sentimo.train.recipe.paths import moved
from sentimo.train.recipe.recipe import OPTIONAL_PARTS, Recipe

_TYPES = ("str", "list[str]", "dict[str,str]")  # pydantic names the type it tried as if it were a key


def load_recipe(path: str | Path) -> Recipe:
    """Read a YAML or JSON recipe. Paths in it are relative to the recipe's folder.

    Raises:
        RecipeError: no such file, not YAML, or `parse_recipe` refuses it.
    """
    path = Path(path)
    try:
        content = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read: {error}") from error
    data = _parse(content, path)
    recipe = parse_recipe(data, where=str(path))
    return moved(
        recipe, lambda each: path.parent / each.expanduser(), is_folder=lambda base: (path.parent / base).is_dir()
    )


def parse_recipe(data: Any, where: str = "recipe") -> Recipe:
    """Check plain values as a recipe.

    Raises:
        RecipeError: names each wrong key or value, with the nearest known key.
    """
    if not isinstance(data, Mapping):
        found = "nothing" if data is None else "a list" if isinstance(data, list) else repr(data)
        raise RecipeError(f"{where}: expected keys and values at the top, such as `tasks:`, found {found}")
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise RecipeError("\n".join(f"{where}: {_sentence(each)}" for each in error.errors())) from error


def parse_augment(data: Any) -> Augment:
    """Check plain values as `augment:` of a recipe.

    Raises:
        RecipeError: names each wrong key or value, with the nearest known key.
    """
    try:
        return Augment.model_validate(as_augment(data))
    except ValidationError as error:
        told = ({**each, "loc": ("augment", *each["loc"])} for each in error.errors())
        raise RecipeError("\n".join(map(_sentence, told))) from error


def with_settings(recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    """Return the recipe with some choices changed.

    Args:
        recipe: The recipe.
        settings: Dotted key -> value, such as ``{"optimiser.layer_decay": 0.9, "tasks.0.head": "attention"}``.

    Raises:
        RecipeError: an unknown key or a wrong value.
    """
    data: Any = recipe.model_dump(mode="json")
    for key, value in settings.items():
        place, *path = reversed(key.split("."))
        part = data
        for step in reversed(path):
            if isinstance(part, dict) and step in OPTIONAL_PARTS and part.get(step) is None:
                part[step] = {}
            try:
                inner = part[int(step)] if isinstance(part, list) else part.setdefault(step, {})
            except (ValueError, IndexError, AttributeError):
                raise RecipeError(f"setting {key!r}: there is no {step!r}") from None
            if isinstance(part, dict):
                inner = part[step] = as_named(inner)  # a name alone, as an earlier setting may have left it
            part = inner
        if not isinstance(part, dict):
            owner = ".".join(reversed(path))
            way_out = f"is not set; give it as a whole, as in {owner}={{name: ...}}" if part is None else "has no keys"
            raise RecipeError(f"setting {key!r}: {owner} {way_out}")
        part[place] = value
    return parse_recipe(data, where="settings")


def parse_setting(text: str) -> tuple[str, Any]:
    """Read ``KEY=VALUE``, such as ``optimiser.layer_decay=0.9``; the value is YAML.

    Raises:
        RecipeError: there is no "=", or the value is not YAML.
    """
    key, sign, value = text.partition("=")
    if not sign:
        raise RecipeError(f"setting {text!r}: expected KEY=VALUE, such as optimiser.layer_decay=0.9")
    yaml = _yaml()
    try:
        return key.strip(), yaml.safe_load(value)
    except yaml.YAMLError:
        raise RecipeError(f"setting {text!r}: {value!r} is not YAML. Put text with signs in quotes.") from None


def dump_recipe(recipe: Recipe) -> str:
    """Return the recipe as YAML, every choice spelled out."""
    return str(_yaml().safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True))


def _parse(content: str, path: Path) -> Any:
    if path.suffix == ".json":
        try:
            return json.loads(content)
        except ValueError as error:
            raise RecipeError(f"{path}: not JSON: {error}") from error
    yaml = _yaml()
    try:
        return yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise RecipeError(f"{path}: not YAML: {error}") from error


def _yaml() -> Any:
    try:
        import yaml
    except ImportError:
        raise MissingExtraError("reading a YAML recipe", "train") from None
    return yaml


_EXPECTED = {"model_type": "expected a name or a mapping of settings", "list_type": "expected a list"}
"""Type of an error of pydantic -> what to say instead of its classes."""


def _sentence(error: Mapping[str, Any]) -> str:
    place = [each for each in error["loc"] if each not in _TYPES]
    name = ".".join(str(each) for each in place)
    if error["type"] == "extra_forbidden":
        known, key = _fields_at(place[:-1]), str(place[-1])
        otherwise = _elsewhere(key) or f" Known keys: {', '.join(known)}."
        return f"unknown key {name!r}.{did_you_mean(key, known, otherwise)}"
    if error["type"] == "missing":
        return f"{name!r} is missing"
    message = _EXPECTED.get(error["type"]) or str(error["msg"]).removeprefix("Value error, ")
    if error["type"] != "value_error":  # our own sentences say what they found
        message += f", found {error['input']!r}"
    return f"{name}: {message}" if name else message


_PARTS: Mapping[str, type[BaseModel]] = {
    "tasks": TaskRecipe,
    "optimiser": Optimiser,
    "schedule": Schedule,
    "early_stopping": EarlyStopping,
    "augment": Augment,
    **OPTIONAL_PARTS,
    "teacher": Teacher,
}


def _fields_at(place: Sequence[Any]) -> list[str]:
    names = [each for each in place if isinstance(each, str)]
    return list((_PARTS[names[-1]] if names and names[-1] in _PARTS else Recipe).model_fields)


def _elsewhere(key: str) -> str:
    """Return a hint where a key, or one much like it, belongs into a part of the recipe."""
    for owner, part in _PARTS.items():
        if found := nearest(key, part.model_fields):
            return f" Did you mean {f'{owner}.0' if owner == 'tasks' else owner}.{found}?"
    return ""
