"""Recipes: every training choice, typed; read from YAML or JSON, checked as a whole, saved with the model."""

from __future__ import annotations

from sentimo.train.recipe.choices import (
    AdaptChoice,
    AugmentMethod,
    AverageChoice,
    HeadChoice,
    ObjectiveChoice,
    TrackerChoice,
    WrapperChoice,
)
from sentimo.train.recipe.parts import (
    Augment,
    EarlyStopping,
    FewShot,
    KnowledgeChoice,
    Optimiser,
    Schedule,
    ScratchEncoder,
    SearchRange,
    SearchSpace,
    Semi,
    TaskRecipe,
    Teacher,
)
from sentimo.train.recipe.paths import paths_of, relative_to
from sentimo.train.recipe.recipe import Recipe
from sentimo.train.recipe.text import (
    dump_recipe,
    load_recipe,
    parse_augment,
    parse_recipe,
    parse_setting,
    with_settings,
)

__all__ = [
    "AdaptChoice",
    "Augment",
    "AugmentMethod",
    "AverageChoice",
    "EarlyStopping",
    "FewShot",
    "HeadChoice",
    "KnowledgeChoice",
    "ObjectiveChoice",
    "Optimiser",
    "Recipe",
    "Schedule",
    "ScratchEncoder",
    "SearchRange",
    "SearchSpace",
    "Semi",
    "TaskRecipe",
    "Teacher",
    "TrackerChoice",
    "WrapperChoice",
    "dump_recipe",
    "load_recipe",
    "parse_augment",
    "parse_recipe",
    "parse_setting",
    "paths_of",
    "relative_to",
    "with_settings",
]
