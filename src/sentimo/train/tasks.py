"""Training data: files to examples per task, cleaned and split."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

from sentimo.core.documents import Example
from sentimo.core.labels import EMOTION_SPACES, LabelSpace, chosen_space
from sentimo.core.predictions import EMOTIONS, INTENSITY, POLARITY, RESERVED_NAMES
from sentimo.data.augment.rows import ORIGINAL
from sentimo.data.dataset import Dataset, load_dataset
from sentimo.data.split import split_examples, usual_fractions
from sentimo.errors import DataError
from sentimo.evaluate.calibration import multi_hot
from sentimo.text.normalise import folded
from sentimo.train.recipe import TaskRecipe


@dataclass(frozen=True)
class TaskData:
    """The labelled rows of one task.

    Attributes:
        space: Its labels.
        train, dev, test: Its examples; each has a target for the task.
        notes: What was left out or decided, in sentences.
    """

    space: LabelSpace
    train: list[Example]
    dev: list[Example]
    test: list[Example]
    notes: list[str] = field(default_factory=list)


def default_task_name(task: TaskRecipe) -> str:
    """Return the name of a task that the user did not name.

    Labels of polarity and of emotions take the standard places, "polarity" and "emotions"; any other task is called
    after its label column.

    Raises:
        DataError: see `load_task`.
    """
    dataset = _load(task, task.train, chosen_space(task.space, task.name, task.kind))
    if dataset.space.name.startswith("polarity"):
        return POLARITY
    if dataset.space.name in EMOTION_SPACES:
        return EMOTIONS
    _, label = task.reading.with_columns(task.train[0]).columns
    name = re.sub(r"[^\w-]+", "_", label).strip("_-")
    return name if name and name not in RESERVED_NAMES else "labels"


def load_tasks(tasks: Sequence[TaskRecipe], seed: int) -> dict[str, TaskData]:
    """Read the files of several tasks. A text that several of them split off lands in the same part of each.

    Raises:
        DataError: see `load_task`.
    """
    placed: dict[str, int] = {}
    data = {}
    for task in tasks:
        found = data[task.name] = load_task(task, seed, placed)
        if not task.dev and not task.test:
            parts = enumerate((found.train, found.dev, found.test))
            placed |= {folded(each.document.text): part for part, rows in parts for each in rows}
    return data


def load_task(
    task: TaskRecipe, seed: int, placed: Mapping[str, int] | None = None, *, space: LabelSpace | None = None
) -> TaskData:
    """Read the files of a task; what is not given is split off the training rows.

    Args:
        task: Where they are.
        seed: Of the split.
        placed: See `split_examples`; counts only where both dev and test are split off.
        space: Its labels; by default those that the task names, else those seen in the files.

    Raises:
        DataError: a file cannot be read as asked, or too few rows to split.
    """
    space, parts, notes = read_files(task, space or chosen_space(task.space, task.name, task.kind))
    if task.name == INTENSITY and space.range not in (None, (0.0, 1.0)):
        low, high = space.range
        raise DataError(
            f"task {INTENSITY!r} is a strength from 0 to 1; the labels run from {low:g} to {high:g}. Rescale them, or "
            "give the task another name."
        )
    if "dev" not in parts:
        fractions = usual_fractions(has_test="test" in parts)
        held_out = {folded(each.document.text) for each in parts.get("test", [])}
        rows = [each for each in parts["train"] if folded(each.document.text) not in held_out]
        if n := len(parts["train"]) - len(rows):
            notes.append(f"{task.name}: {n} training rows left out, their texts stand in test")
        known = None if "test" in parts else placed
        gold = [each for each in rows if each.source != "augmented"]
        train, dev, test = split_examples(gold, task.name, fractions=fractions, seed=seed, placed=known)
        notes.append(f"{task.name}: no dev file given; rows were split {len(train)} / {len(dev)} / {len(test)}")
        train += [each for each in rows if each.source == "augmented"]
        parts = {"test": test, **parts, "train": train, "dev": dev}
    train = of_train_alone(parts["train"], [*parts["dev"], *parts.get("test", [])], task.name, notes)
    return TaskData(space, train, parts["dev"], parts.get("test", []), notes)


def read_files(task: TaskRecipe, space: LabelSpace | None) -> tuple[LabelSpace, dict[str, list[Example]], list[str]]:
    """Return the labels of a task, "train", "dev", "test" -> the rows of those files, and what there is to tell.

    Args:
        task: Where they are. A part without a file is missing in the result.
        space: Its labels; None sees them from the training files.

    Raises:
        DataError: a file cannot be read as asked, or has no row.
    """
    first_id: int | None = None
    notes: list[str] = []
    parts: dict[str, list[Example]] = {}
    for part in ("train", "dev", "test"):
        paths = getattr(task, part)
        if not paths:
            continue
        dataset = _load(task, paths, space, first_id)
        space, first_id = dataset.space, dataset.first_id
        parts[part] = [example for example in dataset.examples if task.name in example.targets]
        if part == "train" and task.absent_labels == "unknown":
            parts[part] = [each for path in paths for each in _among(task, _load(task, [path], space, first_id))]
        if dataset.note:
            notes.append(f"{task.name}, {part}: {dataset.note}")
        if dataset.skipped:
            notes.append(f"{task.name}: {len(dataset.skipped)} rows of {part} could not be used")
        if part != "train":
            parts[part] = _gold(parts[part], f"{task.name}: {{n}} augmented rows of {part} left out", notes)
        if not parts[part]:
            raise DataError(f"{paths[0]}: no row has a text and a label for task {task.name!r}")
    assert space is not None  # the first pass of the loop, over train, sets it
    return space, parts, notes


def _gold(rows: list[Example], told: str, notes: list[str]) -> list[Example]:
    """Return the rows that people labelled; `told` says how many others there are."""
    kept = [each for each in rows if each.source != "augmented"]
    if n := len(rows) - len(kept):
        notes.append(told.format(n=n))
    return kept


def of_train_alone(train: list[Example], held_out: list[Example], task: str, notes: list[str]) -> list[Example]:
    """Leave out augmented rows that were made from a text that is held out: they would tell its label."""
    texts = {folded(each.document.text) for each in held_out}
    kept = [each for each in train if folded(str(each.document.meta.get(ORIGINAL, ""))) not in texts]
    if n := len(train) - len(kept):
        notes.append(f"{task}: {n} augmented rows left out, their originals stand in dev or test")
    return kept


def drop_leaks(data: Mapping[str, TaskData]) -> dict[str, TaskData]:
    """Leave out training texts that stand in dev or test of any task, and dev texts that stand in a test.

    Letter case, spaces and punctuation do not tell two texts apart.

    Dev texts stay where all of them stand in test, and the notes say so.

    Raises:
        DataError: nothing is left to learn from.
    """
    test = {folded(each.document.text) for task in data.values() for each in task.test}
    held_out = test | {folded(each.document.text) for task in data.values() for each in task.dev}
    return {name: _without(name, task, held_out, test) for name, task in data.items()}


def _without(name: str, task: TaskData, held_out: Set[str], test: Set[str]) -> TaskData:
    train = [each for each in task.train if folded(each.document.text) not in held_out]
    dev = [each for each in task.dev if folded(each.document.text) not in test]
    if not train:
        raise DataError(f"{name}: every training text also stands in dev or test; nothing is left to learn")
    notes = list(task.notes)
    if n := len(task.train) - len(train):
        notes.append(f"{name}: {n} training rows left out, their texts stand in dev or test")
    if task.dev and not dev:
        notes.append(f"{name}: every dev text stands in test too: figures on test are too good")
    elif n := len(task.dev) - len(dev):
        notes.append(f"{name}: {n} dev rows left out, their texts stand in test")
    return TaskData(task.space, train, dev or task.dev, task.test, notes)


def _among(task: TaskRecipe, dataset: Dataset) -> list[Example]:
    """Return the examples of one file, each with the labels that the file tells apart."""
    space = dataset.space
    if space.kind not in ("single", "multi"):
        raise DataError(f"task {task.name!r} is {space.kind}; absent_labels unknown is for single and multi tasks")
    rows = [each for each in dataset.examples if task.name in each.targets]
    if not rows:
        return []
    per_label = multi_hot(space, [each.targets[task.name] for each in rows]).sum(axis=0).tolist()
    labels = tuple(label for label, n in enumerate(per_label) if n)
    return rows if all(per_label) else [replace(each, among={task.name: labels}) for each in rows]


def _load(task: TaskRecipe, paths: Sequence[Path], space: LabelSpace | None, first_id: int | None = None) -> Dataset:
    reading = task.reading.with_columns(task.train[0])
    return load_dataset(paths, reading, task=task.name, space=space, first_id=first_id)
