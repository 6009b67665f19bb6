"""What a run learns from: labelled rows, rows written anew, texts without labels, and what teachers say to them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from accelerate import PartialState
from accelerate.utils import broadcast_object_list

from sentimo.core.labels import LabelSpace
from sentimo.errors import DataError
from sentimo.text.normalise import folded
from sentimo.train.augment.rows import augment_parts, held_out_texts
from sentimo.train.learner import Parts
from sentimo.train.recipe import Recipe
from sentimo.train.semi.method import SemiMethod, semi_method
from sentimo.train.tasks import TaskData
from sentimo.train.teacher import Teachers, unlabelled_texts


@dataclass(frozen=True)
class Material:
    """All that a run learns from.

    Attributes:
        data: Task -> its rows as they were read.
        spaces: Task -> label space.
        train: Task -> training rows, with those that augmentation adds.
        teachers: Whom to learn from, or None.
        semi: How the texts of `semi` teach.
        texts: The texts of `semi`; none of them stands in train, dev or test.
        unlabelled: Texts that are training rows without labels: those of the teachers, and of `semi` where they are.
        digest: SHA-256 of all of it, and of dev.
        notes: What there is to tell about it, in sentences.
    """

    data: Mapping[str, TaskData]
    spaces: Mapping[str, LabelSpace]
    train: Parts
    teachers: Teachers | None
    semi: SemiMethod
    texts: list[str]
    unlabelled: list[str]
    digest: str
    notes: list[str]

    @property
    def dev(self) -> Parts:
        """Task -> dev rows."""
        return {name: each.dev for name, each in self.data.items()}

    @property
    def has_test(self) -> bool:
        """Whether every task has test rows."""
        return all(each.test for each in self.data.values())

    @property
    def judged(self) -> Parts:
        """Task -> rows to judge on: those of test, or of dev where a task has none."""
        return {name: each.test for name, each in self.data.items()} if self.has_test else self.dev


def gather(recipe: Recipe, data: Mapping[str, TaskData], teachers: Teachers | None = None) -> Material:
    """Put together what a recipe learns from.

    Args:
        recipe: The recipe.
        data: Task -> its rows.
        teachers: The teachers of the recipe; those it names are loaded where none are given.

    Raises:
        DataError: no text of `semi` is new.
        RecipeError, BundleError: teachers, augmentation or `semi` cannot be had.
    """
    spaces = {name: each.space for name, each in data.items()}
    train, notes = _augmented(recipe, data, spaces)
    known = {folded(each.document.text) for task in data.values() for each in (*task.train, *task.dev, *task.test)}
    if recipe.teacher and teachers is None:
        teachers = Teachers(recipe.teacher, spaces)
    unlabelled = unlabelled_texts(teachers.settings, known) if teachers else []
    semi = semi_method(recipe)
    semi.check(spaces)
    texts: list[str] = []
    if recipe.semi is not None:
        texts = unlabelled_texts(recipe.semi, known)
        notes = [*notes, f"semi {semi.name}: {len(texts):,} texts without labels"]
        if not texts:
            files = ", ".join(map(str, recipe.semi.text))
            raise DataError(f"semi: every text of {files} also stands in train, dev or test; give others")
    if semi.reads_texts:
        taught = {folded(text) for text in unlabelled}
        unlabelled = [*unlabelled, *(text for text in texts if folded(text) not in taught)]
    rows = data_digest({name: replace(each, train=list(train[name])) for name, each in data.items()})
    lesson = json.dumps([rows, teachers.digest if teachers else None, texts, unlabelled])
    digest = hashlib.sha256(lesson.encode()).hexdigest()
    told = [note for each in data.values() for note in each.notes]
    return Material(data, spaces, train, teachers, semi, texts, unlabelled, digest, [*told, *notes])


def _augmented(
    recipe: Recipe, data: Mapping[str, TaskData], spaces: Mapping[str, LabelSpace]
) -> tuple[Parts, list[str]]:
    """Return the training rows with those that augmentation adds, and what there is to tell about them."""
    held_out = held_out_texts([rows for each in data.values() for rows in (each.dev, each.test)])
    state = PartialState()
    # One process writes rows anew, so that all learn from the same.
    train = {name: each.train for name, each in data.items()} if state.is_main_process else {}
    found = augment_parts(recipe.augment, train, spaces, held_out=held_out, seed=recipe.seed)
    if state.num_processes > 1:
        found = broadcast_object_list([found])[0]
    return found.parts, found.notes


def data_digest(data: Mapping[str, TaskData]) -> str:
    """Return the SHA-256 of the training and dev rows, with all that counts of them in training."""
    digest = hashlib.sha256()
    for name, task in data.items():
        digest.update(json.dumps([name, task.space.to_dict()]).encode())
        for each in (*task.train, *task.dev):
            row = [each.document.text, each.targets[name], each.weight, each.source, each.among.get(name)]
            digest.update(json.dumps(row).encode())
    return digest.hexdigest()
