"""Marks of rows: which texts a model has learnt and which were held out, kept with it without telling any text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sentimo.core.documents import Example
from sentimo.engine.analyzer import model_folders
from sentimo.errors import DataError
from sentimo.text.normalise import folded

if TYPE_CHECKING:
    from sentimo.train.tasks import TaskData  # needs what training needs; reading marks does not

PARTS, MEMBERS = "parts.json", "members"


@dataclass(frozen=True)
class Marks:
    """What a model must not be judged by, and what was kept to judge it by.

    Attributes:
        learnt: Marks of the labelled texts that it learnt in any task, and those that the model it began as had learnt.
        dev, test: Task -> marks of the texts that were held out. None of them is among the learnt ones.
    """

    learnt: Set[str]
    dev: Mapping[str, Set[str]] = field(default_factory=dict)
    test: Mapping[str, Set[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Mapping[str, TaskData], base: str = "") -> Self:
        """Return the marks of a model that learns from rows.

        Args:
            data: Task -> its rows.
            base: Folder of what it begins as; where that is a Sentimo model, what it has learnt counts too.
        """
        before = cls.read(Path(base)) if base else None
        learnt = {mark(each) for task in data.values() for each in task.train} | (before.learnt if before else set())
        dev, test = (
            {name: {mark(each) for each in getattr(task, part)} - learnt for name, task in data.items()}
            for part in ("dev", "test")
        )
        return cls(learnt, dev, test)

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return the marks in a model folder, of an ensemble what its members learnt; None where there are none."""
        try:
            found = json.loads((folder / PARTS).read_bytes())
            tasks = found["tasks"].items()
            dev, test = ({name: set(parts[part]) for name, parts in tasks} for part in ("dev", "test"))
            return cls(set(found["learnt"]), dev, test)
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            members = [found for each in (folder / MEMBERS).glob("*") if (found := cls.read(each)) is not None]
            return cls(set().union(*(each.learnt for each in members))) if members else None

    def n_learnt(self, examples: Sequence[Example]) -> int:
        """Return how many of the examples are among what was learnt."""
        return sum(mark(each) in self.learnt for each in examples)

    def to_json(self) -> str:
        """Return the content of ``parts.json``."""
        tasks = {name: {"dev": sorted(self.dev[name]), "test": sorted(self.test[name])} for name in self.dev}
        return json.dumps({"learnt": sorted(self.learnt), "tasks": tasks}) + "\n"


def without_learnt(
    rows: Mapping[str, Sequence[Example]], models: Sequence[str | Path]
) -> tuple[dict[str, list[Example]], list[str]]:
    """Return the rows that none of the models has learnt, as far as their folders tell, and what was left out.

    Args:
        rows: Task -> labelled rows.
        models: Model folders.

    Raises:
        DataError: no row of a task is left.
    """
    learnt = {str(model): found.learnt for model in models if (found := Marks.read(Path(model))) is not None}
    out = set().union(*learnt.values())
    kept, told = {}, []
    for task, examples in rows.items():
        marks = [mark(each) for each in examples]
        for model, known in learnt.items():
            if n := sum(each in known for each in marks):
                told.append(f"{task}: {n} of {len(marks)} rows were left out, {model} has learnt them")
        kept[task] = [each for each, own in zip(examples, marks, strict=True) if own not in out]
        if examples and not kept[task]:
            raise DataError(
                f"all {len(examples)} rows of task {task!r} were learnt by a model that they should judge; give rows "
                "that no model was trained on"
            )
    return kept, told


def learnt_note(examples: Sequence[Example], model: str | Path) -> str:
    """Return a caution where a model (folder or name) has learnt some of the rows, as far as it tells; else nothing."""
    known = filter(None, map(Marks.read, model_folders(model).values()))
    n = max((marks.n_learnt(examples) for marks in known), default=0)
    return f"{n:,} of {len(examples):,} rows taught this model; it looks better on them than it is" if n else ""


def mark(example: Example) -> str:
    """Return 16 hexadecimal digits that stand for a text; letter case, spaces and punctuation change nothing."""
    return hashlib.sha256(folded(example.document.text).encode()).hexdigest()[:16]
