"""Transfer between domains: train on one file, test on all others."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from sentimo.core.documents import Example
from sentimo.core.labels import LabelSpace
from sentimo.data.dataset import load_dataset
from sentimo.errors import InputError, RecipeError
from sentimo.evaluate.bootstrap import Figure
from sentimo.evaluate.metrics import MAIN_FIGURE
from sentimo.evaluate.report import evaluate
from sentimo.train.calibrate import fit_specs
from sentimo.train.prepare import Prepared, Stock, prepare, rows_of
from sentimo.train.recipe import Recipe, TaskRecipe
from sentimo.train.semi.method import refuse_semi
from sentimo.train.tasks import TaskData, load_task


@dataclass(frozen=True)
class Cell:
    """What a model reaches on a file.

    Attributes:
        train, test: Names of the files.
        figure: The main figure, with its 95 % interval.
        n_train, n_test: Rows.
        accuracy: Share of rows answered exactly right, where the kind of task has one.
    """

    train: str
    test: str
    figure: Figure
    n_train: int
    n_test: int
    accuracy: Figure | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        return {name: each.to_dict() if isinstance(each, Figure) else each for name, each in vars(self).items()}


@dataclass(frozen=True)
class Transfer:
    """A matrix: a row for each file trained on, a column for each tested on.

    Attributes:
        task: The task.
        main: The figure.
        trains, tests: Names of the files, in order.
        cells: Row by row.
    """

    task: str
    main: str
    trains: tuple[str, ...]
    tests: tuple[str, ...]
    cells: tuple[Cell, ...]

    def cell(self, train: str, test: str) -> Cell:
        """Return one cell."""
        return next(each for each in self.cells if (each.train, each.test) == (train, test))

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        return {**vars(self), "cells": [each.to_dict() for each in self.cells]}

    def to_csv(self) -> str:
        """Return one line per cell."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["train", "test", "n_train", "n_test", self.main, "low", "high"])
        for each in self.cells:
            ends = (each.figure.value, each.figure.low, each.figure.high)
            writer.writerow([each.train, each.test, each.n_train, each.n_test, *(f"{end:.4f}" for end in ends)])
        return text.getvalue()

    def to_markdown(self) -> str:
        """Return the matrix as a table."""
        lines = [f"{self.main} of {self.task}, with 95 % intervals; trained on the file at the left.", ""]
        lines.append("| trained on | " + " | ".join(map(_escaped, self.tests)) + " |")
        lines.append("| --- |" + " --- |" * len(self.tests))
        for train in self.trains:
            cells = [str(self.cell(train, test).figure) for test in self.tests]
            lines.append(f"| {_escaped(train)} | {' | '.join(cells)} |")
        return "\n".join(lines) + "\n"


def transfer(
    recipe: Recipe,
    trains: Sequence[Path],
    tests: Sequence[Path],
    *,
    tell: Callable[[str], None] = lambda sentence: None,
    n_bootstrap: int = 1000,
) -> Transfer:
    """Train one model per file with the same recipe, and test each on every file.

    A file that is trained on is split once (a tenth to choose and calibrate, a tenth to test), so that all models are
    tested on the same rows of it. A file that is only tested on is tested as a whole. Training and dev texts that stand
    in any test rows are left out, so that no cell is too good, unless the recipe says `drop_leaks: false`.

    Args:
        recipe: A recipe of one task; its own files are not read.
        trains: Files to train on.
        tests: Files to test on; by default those of `trains`.
        tell: Shows a sentence.
        n_bootstrap: Resamples behind the intervals.

    Raises:
        RecipeError: the recipe has several tasks.
        InputError: there is nothing to test on in a file.
        DataError: files cannot be read in the same labels, or nothing is left to learn from in one.

    Source: the matrix of Blitzer et al. 2007, "Biographies, Bollywood, Boom-boxes and Blenders", ACL, table 2.
    """
    if len(recipe.tasks) != 1:
        raise RecipeError("a transfer matrix is for one task; give a recipe with a single one")
    refuse_semi(recipe, "a transfer matrix")
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    names = _names([*trains, *tests])
    task = recipe.tasks[0]
    data: dict[str, TaskData] = {}
    space: LabelSpace | None = None
    for path in trains:
        found = load_task(_of(task, path, space), recipe.seed, space=space)
        space = space or found.space
        data[names[path]] = found
    assert space is not None  # there is a file to train on: the command line asks for one
    judged: dict[str, list[Example]] = {}
    for path in tests or trains:
        name = names[path]
        judged[name] = data[name].test if name in data else _whole(task, path, space)
    tested = [each for rows in judged.values() for each in rows]
    stock = Stock()
    cells = []
    for name, found in data.items():
        rows = rows_of(recipe, {name: TaskData(space, found.train, found.dev, tested)})[name]
        prepared = prepare(recipe, {task.name: rows}, stock)
        for note in prepared.material.notes:
            tell(note)
        tell(f"training on {name}: {len(rows.train)} rows")
        cells += _row(prepared, name, judged, n_bootstrap)
        tell("  ".join(f"{each.test} {each.figure.value:.3f}" for each in cells[-len(judged) :]))
    return Transfer(task.name, MAIN_FIGURE[space.kind], tuple(data), tuple(judged), tuple(cells))


def _row(prepared: Prepared, name: str, judged: Mapping[str, Sequence[Example]], n_bootstrap: int) -> list[Cell]:
    prepared.ask_teachers()
    task = prepared.recipe.tasks[0].name
    learner, dev = prepared.learner(), prepared.material.dev
    n_train = len(prepared.material.data[task].train)
    learner.fit(dev)
    predictor = learner.predictor(fit_specs(learner.ask(dev)))
    cells = []
    for test, rows in judged.items():
        report = evaluate(predictor, {task: rows}, n_bootstrap=n_bootstrap, seed=prepared.recipe.seed).tasks[task]
        figures = report.figures
        cells.append(Cell(name, test, figures[report.main], n_train, report.n, figures.get("accuracy")))
    return cells


def _of(task: TaskRecipe, path: Path, space: LabelSpace | None) -> TaskRecipe:
    """Return the task over one file, of the kind of the first one."""
    kind = task.kind or (space.kind if space else None)
    return task.model_copy(update={"train": [path], "dev": [], "test": [], "kind": kind})


def _whole(task: TaskRecipe, path: Path, space: LabelSpace) -> list[Example]:
    found = load_dataset([path], task.reading.with_columns(path), task=task.name, space=space).examples
    if not found:
        raise InputError(f"{path}: no row has a text and a label for task {task.name!r}")
    return found


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """Return file -> its name without ending, or its whole path where two are called alike."""
    unique = list(dict.fromkeys(paths))
    stems = [path.stem for path in unique]
    return {path: path.stem if stems.count(path.stem) == 1 else str(path) for path in unique}


def _escaped(name: str) -> str:
    return name.replace("|", r"\|")
