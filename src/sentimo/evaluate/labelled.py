"""Labelled files for a model: which of its tasks the labels belong to, and the rows as examples of that task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sentimo.core.labels import LabelSpace
from sentimo.data.dataset import Dataset, load_dataset
from sentimo.data.readers import columns, require_columns
from sentimo.data.reading import Reading
from sentimo.errors import DataError, InputError


def load_labelled(
    path: str | Path,
    spaces: Mapping[str, LabelSpace],
    reading: Reading,
    *,
    task: str | None = None,
) -> tuple[str, Dataset]:
    """Read a labelled file in the label space of one of a model's tasks.

    Args:
        path: The file.
        spaces: The model's tasks and their label spaces.
        reading: Columns and what stands in them.
        task: The task to read for. By default the model's only task, the one named like the label column, or the
            only one that has all labels of the file.

    Returns:
        The task and the data set, whose targets are ids of the task's space.

    Raises:
        InputError: no such task, no label column, or no one task that the labels belong to.
        DataError: the file cannot be read in that space.
    """
    reading = reading.with_columns(path)
    text, label = reading.columns
    require_columns(path, columns(path, **reading.options), {"text": text, "label": label})
    if task is None:
        task = next(iter(spaces)) if len(spaces) == 1 else label if label in spaces else None
    if task is not None:
        if task not in spaces:
            raise InputError(f"the model has no task {task!r}; its tasks: {_listed(spaces)}")
        return task, load_dataset([path], reading, task=task, space=spaces[task])
    strict = replace(reading, on_unknown="error")  # with rows skipped, every task would fit
    read = {name: _try(path, strict, name, space) for name, space in spaces.items()}
    if reading.on_unknown == "skip" and not any(read.values()):
        read = {name: _try(path, reading, name, space) for name, space in spaces.items()}
        most = max((len(found.examples) for found in read.values() if found), default=0)
        read = {name: found for name, found in read.items() if found and len(found.examples) == most > 0}
    fitting = {name: found for name, found in read.items() if found is not None}
    if len(fitting) != 1:
        what = f"fit several tasks ({', '.join(fitting)})" if fitting else "fit none of the model's tasks"
        raise InputError(
            f"{path}: the labels in column {label!r} {what}. Choose one with --task; the tasks are: {_listed(spaces)}"
        )
    return next(iter(fitting.items()))


def _try(path: str | Path, reading: Reading, task: str, space: LabelSpace) -> Dataset | None:
    try:
        return load_dataset([path], reading, task=task, space=space)
    except DataError:
        return None


def _listed(spaces: Mapping[str, LabelSpace]) -> str:
    few = {name: ", ".join(space.labels[:8]) + (", ..." if len(space) > 8 else "") for name, space in spaces.items()}
    return "; ".join(f"{name} ({labels})" for name, labels in few.items())
