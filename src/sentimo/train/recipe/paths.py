"""Paths of a recipe, seen from another folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sentimo.data.bases import SHORT_NAMES
from sentimo.engine.networks import NETWORKS
from sentimo.train.recipe.choices import AugmentMethod, as_list
from sentimo.train.recipe.parts import Augment
from sentimo.train.recipe.recipe import Recipe


def relative_to(recipe: Recipe, folder: Path) -> Recipe:
    """Return the recipe with its paths seen from a folder, so that it can be loaded from a file in there."""
    return moved(recipe, lambda each: Path(os.path.relpath(each, folder)), is_folder=lambda base: Path(base).is_dir())


def paths_of(recipe: Recipe) -> list[Path]:
    """Return the files and folders that a recipe names, but for bases and models, which may be ids of a hub."""
    found: list[Path] = []

    def see(path: Path) -> Path:
        found.append(path)
        return path

    moved(recipe, see, is_folder=lambda name: False)
    return found


def moved(recipe: Recipe, move: Callable[[Path], Path], is_folder: Callable[[str], bool]) -> Recipe:
    """Return the recipe with every path moved; a name counts as a path where `is_folder` says so."""
    tasks = [
        task.model_copy(
            update={part: [move(each) for each in getattr(task, part)] for part in ("train", "dev", "test")}
        )
        for task in recipe.tasks
    ]
    short = (*SHORT_NAMES, *NETWORKS)
    base = str(move(Path(recipe.base))) if recipe.base not in short and is_folder(recipe.base) else recipe.base
    encoder = recipe.encoder
    if encoder is not None:
        vectors = encoder.vectors and move(encoder.vectors)
        encoder = encoder.model_copy(update={"vectors": vectors, "corpus": [move(each) for each in encoder.corpus]})
    knowledge = recipe.knowledge
    if knowledge is not None and knowledge.file is not None:
        knowledge = knowledge.model_copy(update={"file": move(knowledge.file)})
    augment = recipe.augment and _moved_augment(recipe.augment, move, is_folder)
    teacher = recipe.teacher and recipe.teacher.model_copy(
        update={part: [move(each) for each in getattr(recipe.teacher, part)] for part in ("models", "text")}
    )
    semi = recipe.semi and recipe.semi.model_copy(
        update={
            "text": [move(each) for each in recipe.semi.text],
            "views": _moved_methods(recipe.semi.views, move, is_folder),
        }
    )
    found = {
        "tasks": tasks,
        "base": base,
        "encoder": encoder,
        "augment": augment,
        "knowledge": knowledge,
        "teacher": teacher,
        "semi": semi,
    }
    return recipe.model_copy(update=found)


def _moved_augment(augment: Augment, move: Callable[[Path], Path], is_folder: Callable[[str], bool]) -> Augment:
    check = str(move(Path(augment.check))) if is_folder(augment.check) else augment.check
    return augment.model_copy(update={"methods": _moved_methods(augment.methods, move, is_folder), "check": check})


def _moved_methods(
    methods: Sequence[AugmentMethod], move: Callable[[Path], Path], is_folder: Callable[[str], bool]
) -> list[AugmentMethod]:
    def moved(key: str, value: Any) -> Any:
        if key == "dictionary":
            return [str(move(Path(each))) for each in as_list(value)]
        return str(move(Path(value))) if isinstance(value, str) and is_folder(value) else value

    return [
        AugmentMethod(name=each.name, **{key: moved(key, value) for key, value in (each.model_extra or {}).items()})
        for each in methods
    ]
