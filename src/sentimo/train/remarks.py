"""What a run tells about its model beside the figures: rare labels, who is named, what a teacher knew better."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sentimo.engine.predictor import Predicts
from sentimo.evaluate.identities import identity_gap
from sentimo.evaluate.report import TITLES, Report
from sentimo.train.encoder import Base
from sentimo.train.learner import Parts
from sentimo.train.loop import FitResult
from sentimo.train.marks import Marks
from sentimo.train.material import Material
from sentimo.train.recipe import Recipe
from sentimo.train.weighting import rare_labels


def on_rows_that_taught(recipe: Recipe, base: Base, material: Material) -> Iterator[str]:
    """Tell where the base or a teacher has learnt rows that the run is judged by, as far as their folders tell."""
    models = [("the base", base.source)] if base.source else []
    models += [("the teacher", str(each)) for each in (recipe.teacher.models if recipe.teacher else ())]
    parts = {"dev": material.dev} | ({"test": material.judged} if material.has_test else {})
    for what, folder in models:
        marks = Marks.read(Path(folder))
        for part, tasks in parts.items():
            rows = [each for own in tasks.values() for each in own]
            if marks and (n := marks.n_learnt(rows)):
                yield (
                    f"{what} ({folder}) has learnt {n:,} of {len(rows):,} {part} rows: figures on them look better "
                    "than they are"
                )


def on_labelling(fitted: FitResult, metric: str, labeller: float | None) -> Iterator[str]:
    """Tell where a model that learnt from labels which another gave is worse than that one.

    Args:
        fitted: How training went.
        metric: The dev figure that chose its epoch.
        labeller: That figure of the model that labelled; None where none did.
    """
    own = fitted.history[fitted.best_epoch][metric]
    if labeller is not None and own < labeller:
        yield (
            f"the model that gave labels has {metric} {labeller:.4f} on dev, the one that learnt from them {own:.4f}: "
            "they did not help. Leave semi out, or raise its certainty"
        )


def on_rare_labels(recipe: Recipe, material: Material, own: Report) -> Iterator[str]:
    """Tell how rare labels fare, where the recipe does something about them."""
    for task in recipe.tasks:
        targets = [each.targets[task.name] for each in material.data[task.name].train]
        rare = rare_labels(material.spaces[task.name], targets)
        rows = [each for each in own.tasks[task.name].per_label if each.label in rare]
        if task.imbalance != "none" and rows:
            found = ", ".join(
                f"{each.label} {each.recall or 'unknown'} ({rare[each.label]} rows of train, {each.support} judged)"
                for each in rows
            )
            yield f"{task.name}: recall of rare labels with imbalance {task.imbalance}: {found}"


def on_identities(recipe: Recipe, predictor: Predicts, judged: Parts, name: str) -> Iterator[str]:
    """Tell how much answers depend on who is named, where the recipe does something about it.

    Args:
        recipe: The recipe.
        predictor: The model.
        judged: Task -> rows.
        name: What these rows are called.
    """
    if "clp" not in [each.name for each in recipe.objective]:
        return
    for task, rows in judged.items():
        found = identity_gap(predictor, task, [each.document.text for each in rows], seed=recipe.seed)
        if found is None:
            yield f"{task}: none of {name} names an identity that could be exchanged"
        else:
            yield (
                f"{task}: exchanging identities in {found.n_texts} of {name} moves a score by {found.gap} and changes "
                f"a share of {found.flipped} of the answers"
            )


def on_teacher(own: Report, teacher: Report) -> Iterator[str]:
    """Tell what a model keeps of the figures of its teachers."""
    for task, report in teacher.tasks.items():
        main = report.figures[report.main].value
        if main > 0:
            share = own.tasks[task].figures[report.main].value / main
            yield f"{task}: {share:.1%} of the teacher's {TITLES[report.main]} is kept"
