"""A recipe made ready: what it learns from, its base, and the choices that depend on both."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sentimo.core.labels import SPACES, LabelSpace
from sentimo.engine.networks import NETWORKS
from sentimo.errors import RecipeError
from sentimo.text.language import main_languages
from sentimo.train.adapt.build import build_adaptation
from sentimo.train.calibrate import check_metric
from sentimo.train.encoder import Base, open_base
from sentimo.train.knowledge import knowledge_for
from sentimo.train.learner import Learner, Parts
from sentimo.train.material import Material, gather
from sentimo.train.network import choose_pooling
from sentimo.train.optim import chosen_rates
from sentimo.train.recipe import Recipe, ScratchEncoder, TaskRecipe, Teacher
from sentimo.train.scratch import base_of
from sentimo.train.tasks import TaskData, drop_leaks, load_tasks
from sentimo.train.teacher import Teachers
from sentimo.train.weighting import choose_objective

_FEWEST_TOKENS = 8  # of a text, beside what an adaptation takes


class Stock:
    """What several preparations share: bases that were opened, teachers that were loaded and what they answered."""

    def __init__(self) -> None:
        self._bases: dict[str, Base] = {}
        self._teachers: dict[str, Teachers] = {}

    def base(self, recipe: Recipe, texts: Iterable[str]) -> Base:
        """Return the base of a recipe; see `sentimo.train.scratch.base_of`."""
        if recipe.base in NETWORKS:  # made of the texts, by settings of the recipe
            return base_of(recipe, texts)
        if recipe.base not in self._bases:
            self._bases[recipe.base] = open_base(recipe.base)
        return replace(self._bases[recipe.base], knowledge=knowledge_for(recipe))

    def teachers(self, settings: Teacher | None, spaces: Mapping[str, LabelSpace]) -> Teachers | None:
        """Return the teachers of a recipe; see `Teachers`."""
        if settings is None:
            return None
        key = json.dumps([[*map(str, settings.models)], {name: each.to_dict() for name, each in spaces.items()}])
        if key not in self._teachers:
            self._teachers[key] = Teachers(settings, spaces)
        return self._teachers[key].with_settings(settings)


@dataclass(frozen=True)
class Prepared:
    """A recipe with all that learning takes but the network.

    Attributes:
        recipe: The choices that depend on rows and base are filled in.
        base: Its base.
        material: What it learns from.
    """

    recipe: Recipe
    base: Base
    material: Material

    def learner(self, train: Parts | None = None) -> Learner:
        """Put a learner together.

        Args:
            train: Task -> training rows; by default those of the material.

        Raises:
            RecipeError: see `Learner.build`.
        """
        found = self.material
        rows = found.train if train is None else train
        return Learner.build(self.recipe, self.base, found.spaces, rows, found.unlabelled, found.teachers)

    def ask_teachers(self) -> None:
        """Ask the teachers about all texts now; what is prepared from the same stock asks only about others."""
        if self.material.teachers:
            rows = [each.document.text for part in self.material.train.values() for each in part]
            self.material.teachers.remember([*rows, *self.material.unlabelled])


def rows_of(recipe: Recipe, data: Mapping[str, TaskData] | None = None) -> dict[str, TaskData]:
    """Return the rows of every task, without those that leak where the recipe says so.

    Args:
        recipe: The recipe.
        data: Task -> its rows; by default those of the recipe's files.

    Raises:
        DataError: see `load_tasks` and `drop_leaks`.
    """
    rows = dict(data) if data is not None else load_tasks(recipe.tasks, recipe.seed)
    return drop_leaks(rows) if recipe.drop_leaks else rows


def prepare(recipe: Recipe, rows: Mapping[str, TaskData], stock: Stock | None = None) -> Prepared:
    """Make a recipe ready.

    Args:
        recipe: The recipe.
        rows: Task -> its rows, as `rows_of` gives them.
        stock: Bases and teachers to use again.

    Raises:
        DataError, RecipeError, InputError, BundleError: rows, recipe, base or teachers cannot be used.
    """
    stock = stock or Stock()
    spaces = {name: each.space for name, each in rows.items()}
    check_metric(recipe.early_stopping.metric, spaces)
    material = gather(recipe, rows, stock.teachers(recipe.teacher, spaces))
    texts = [each.document.text for task in rows.values() for each in task.train]
    base = stock.base(recipe, [*texts, *material.texts])
    return Prepared(resolved(recipe, base, rows), base, material)


def resolved(recipe: Recipe, base: Base, data: Mapping[str, TaskData]) -> Recipe:
    """Return the recipe with the choices that depend on data and base filled in."""
    rate, head_rate = chosen_rates(
        recipe.optimiser,
        base.width,
        recipe.adapt.name if recipe.adapt else None,
        from_scratch=base.is_from_scratch,
        frozen=recipe.freeze == "encoder",
    )
    rates = {"learning_rate": rate, "head_learning_rate": head_rate}
    texts = (each.document.text for task in data.values() for each in task.train)
    return recipe.model_copy(
        update={
            "tasks": [_resolved_task(task, data[task.name].space) for task in recipe.tasks],
            "optimiser": recipe.optimiser.model_copy(update=rates),
            "pooling": choose_pooling(base, recipe),
            "encoder": None if base.source else recipe.encoder or ScratchEncoder(),
            "max_tokens": most_tokens(recipe, base),
            "languages": recipe.languages or list(main_languages(texts)),
        }
    )


def most_tokens(recipe: Recipe, base: Base) -> int:
    """Return how many tokens of a text are read at once: what the recipe wants, or what the base has room for."""
    extra = build_adaptation(recipe.adapt).extra_tokens()
    found = base.most_tokens(recipe.max_tokens + extra) - extra
    if recipe.adapt is not None and found < _FEWEST_TOKENS:
        raise RecipeError(
            f"adapt {recipe.adapt.name}: {extra} tokens of its own leave {max(0, found)} of {found + extra} positions "
            f"of base {base.name!r} to a text; lower its n_tokens"
        )
    return found


def _resolved_task(task: TaskRecipe, space: LabelSpace) -> TaskRecipe:
    labels: str | list[str] = space.name if space.name in SPACES else list(space.labels)
    found = None if space.kind == "score" and space.name not in SPACES else labels
    objective = choose_objective(task, space.kind)
    return task.model_copy(update={"kind": space.kind, "space": found, "objective": objective})
