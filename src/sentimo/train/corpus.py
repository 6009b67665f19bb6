"""Training data: files to examples per task, examples to tensors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from sentimo.core.documents import Example
from sentimo.core.labels import SPACES, LabelSpace
from sentimo.data.dataset import load_dataset
from sentimo.data.readers import guess_columns
from sentimo.data.split import split_examples
from sentimo.errors import DataError, RecipeError
from sentimo.train.encoder import Base
from sentimo.train.recipe import Recipe, TaskRecipe


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


@dataclass(frozen=True)
class Rows:
    """Texts of several tasks as tensors.

    Attributes:
        ids: n rows of token ids.
        targets: Task -> (n,) ids, (n, n_labels) 0/1, or (n,) places in the range; see `sentimo.train.objectives`.
        has: Task -> (n,) bool, whether the row has a target.
        weight: (n,) weight of each row.
    """

    ids: list[list[int]]
    targets: Mapping[str, Tensor]
    has: Mapping[str, Tensor]
    weight: Tensor

    def __len__(self) -> int:
        return len(self.ids)


def load_task(task: TaskRecipe, seed: int) -> TaskData:
    """Read the files of a task; what is not given is split off the training rows.

    Raises:
        DataError: a file cannot be read as asked, or too few rows to split.
    """
    text, label = task.text, task.label
    if text is None or label is None:
        guessed_text, guessed_label = guess_columns(task.train[0])
        text, label = text or guessed_text, label or guessed_label
    if label is None:
        raise DataError(f"{task.train[0]}: no column looks like labels; name it with --label or `label:`")
    space = _given_space(task)
    notes: list[str] = []
    parts: dict[str, list[Example]] = {}
    for part in ("train", "dev", "test"):
        paths = getattr(task, part)
        if not paths:
            continue
        dataset = load_dataset(
            paths,
            text=text,
            label=label,
            task=task.name,
            space=space,
            kind=task.kind,
            mapping=task.label_mapping,
            separator=task.separator,
            on_unknown=task.on_unknown,
        )
        space = dataset.space
        parts[part] = [example for example in dataset.examples if task.name in example.targets]
        if dataset.skipped:
            notes.append(f"{task.name}: {len(dataset.skipped)} rows of {part} could not be used")
        if not parts[part]:
            raise DataError(f"{paths[0]}: no row has a text and a label for task {task.name!r}")
    assert space is not None  # the first pass of the loop, over train, sets it
    if "dev" not in parts:
        fractions = (0.8, 0.1, 0.1) if "test" not in parts else (0.9, 0.1, 0.0)
        train, dev, test = split_examples(parts["train"], task.name, fractions=fractions, seed=seed)
        notes.append(f"{task.name}: no dev file given; rows were split {len(train)} / {len(dev)} / {len(test)}")
        parts = {"test": test, **parts, "train": train, "dev": dev}
    return TaskData(space, parts["train"], parts["dev"], parts.get("test", []), notes)


def drop_leaks(data: Mapping[str, TaskData]) -> dict[str, TaskData]:
    """Leave out training texts that also stand in dev or test of any task (letter case and spaces apart)."""
    held_out = {_folded(each) for task in data.values() for each in (*task.dev, *task.test)}
    cleaned = {}
    for name, task in data.items():
        train = [each for each in task.train if _folded(each) not in held_out]
        n = len(task.train) - len(train)
        notes = [*task.notes, f"{name}: {n} training rows left out, their texts stand in dev or test"] if n else task.notes
        if not train:
            raise DataError(f"task {name!r}: every training text also stands in dev or test; nothing is left to learn")
        cleaned[name] = TaskData(task.space, train, task.dev, task.test, notes)
    return cleaned


def merge(parts: Mapping[str, Iterable[Example]]) -> list[Example]:
    """Join the examples of several tasks so that a text is read once for all of them.

    The k-th row with a text in one task joins the k-th row with that text in another; rows repeated within a task
    stay separate.
    """
    merged: dict[tuple[str, int], Example] = {}
    for examples in parts.values():
        seen: Counter[str] = Counter()
        for each in examples:
            key = (each.document.text, seen[each.document.text])
            seen[each.document.text] += 1
            known = merged.get(key)
            targets = each.targets if known is None else {**known.targets, **each.targets}
            merged[key] = Example(each.document, targets, each.weight, each.source)
    return list(merged.values())


def to_rows(examples: Sequence[Example], spaces: Mapping[str, LabelSpace], base: Base, recipe: Recipe) -> Rows:
    """Tokenise examples and put their targets into tensors."""
    return Rows(
        ids=base.encode([each.document.text for each in examples], base.most_tokens(recipe.max_tokens)),
        targets={task: _targets(examples, task, space) for task, space in spaces.items()},
        has={task: torch.tensor([task in each.targets for each in examples]) for task in spaces},
        weight=torch.tensor([each.weight for each in examples], dtype=torch.float32),
    )


def _targets(examples: Sequence[Example], task: str, space: LabelSpace) -> Tensor:
    if space.kind == "multi":
        hot = torch.zeros(len(examples), len(space))
        for row, each in enumerate(examples):
            for label in each.targets.get(task, ()):  # type: ignore[union-attr]
                hot[row, label] = 1.0
        return hot
    if space.range is not None:
        low, high = space.range
        values = torch.tensor([float(each.targets.get(task, low)) for each in examples])  # type: ignore[arg-type]
        return ((values - low) / (high - low)).clamp(0.0, 1.0)
    return torch.tensor([int(each.targets.get(task, 0)) for each in examples])  # type: ignore[arg-type]


def _given_space(task: TaskRecipe) -> LabelSpace | None:
    if isinstance(task.space, str):
        return SPACES[task.space]
    if task.space is None:
        return None
    if task.kind == "score":
        raise RecipeError(f"task {task.name!r}: a score has no labels; leave `space` out or name a known one")
    return LabelSpace(task.name, tuple(task.space), task.kind or "single")


def _folded(example: Example) -> str:
    return " ".join(example.document.text.lower().split())
