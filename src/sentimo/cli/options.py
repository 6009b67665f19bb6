"""Options that several commands share: how labelled files are read."""

from __future__ import annotations

import os
from enum import StrEnum
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentimo.cli.console import err

if TYPE_CHECKING:
    from sentimo.core.documents import Example
    from sentimo.core.labels import LabelSpace
    from sentimo.data.reading import Reading, Texts
    from sentimo.engine.analyzer import Analyzer
    from sentimo.engine.cascade import Cascade
    from sentimo.train.recipe import Recipe


class OnUnknown(StrEnum):
    """What to do with a label that does not fit."""

    error = "error"
    skip = "skip"


_MODEL = "Model folder, or built in: 'auto' (by language), 'en', 'zh' or 'lexicon' (words and rules)."
Model = Annotated[str, typer.Option("--model", help=_MODEL)]
ModelArgument = Annotated[str, typer.Argument(help=_MODEL)]
TextColumn = Annotated[str | None, typer.Option("--text", help="Column of the texts. Default: guessed.")]
LabelColumn = Annotated[str | None, typer.Option("--label", help="Column of the labels. Default: guessed.")]
DevTasks = Annotated[
    list[str] | None,
    typer.Option("--task", help="Task of the dev file; of several, one each in their order. Default: by their labels."),
]
Kind = Annotated[
    str | None, typer.Option("--kind", help="single, multi, ordinal or score. Default: seen from the labels.")
]
Space = Annotated[
    str | None,
    typer.Option("--space", help="Known label space, or the labels in order with commas between. Default: seen."),
]
MaxWindows = Annotated[
    int | None,
    typer.Option("--max-windows", min=1, help="Most windows read of a long text. Default: all; `coverage` tells."),
]
Separator = Annotated[str | None, typer.Option("--separator", help="Sign between several labels in one cell.")]
Mapping = Annotated[
    str | None,
    typer.Option("--mapping", metavar="NAME|OLD=NEW,...", help="Rename labels; rows with others are left out."),
]
Unknown = Annotated[OnUnknown, typer.Option("--on-unknown", help="What to do with a label that does not fit.")]
Delimiter = Annotated[str | None, typer.Option("--delimiter", help="Sign between CSV cells. Default: guessed.")]
Encoding = Annotated[str | None, typer.Option("--encoding", help="Of text files. Default: detected.")]

CascadeFolder = Annotated[
    Path | None,
    typer.Option("--cascade", help="Folder of `sentimo cascade`: a cheap model answers what it is sure of."),
]

RulesFile = Annotated[
    Path | None,
    typer.Option(
        "--rules", help="Rules of your own that move the answers: .yaml, .json or .csv, see docs/knowledge.md."
    ),
]

BaseFolder = Annotated[
    Path | None,
    typer.Option("--base", help="Folder of the base, for an adapter that does not find it under its name."),
]


def reading_of(
    text: str | None,
    label: str | None,
    *,
    kind: str | None = None,
    separator: str | None,
    mapping: str | None,
    on_unknown: OnUnknown,
    delimiter: str | None,
    encoding: str | None,
) -> Reading:
    """Return how to read labelled files.

    Raises:
        InputError: no such kind or mapping.
    """
    from sentimo.core.labels import KINDS
    from sentimo.data.reading import Reading
    from sentimo.errors import InputError

    if kind is not None and kind not in KINDS:
        raise InputError(f"--kind {kind!r} is not one of {', '.join(KINDS)}")
    renamed = mapping_of(mapping) if mapping else None
    return Reading(text, label, kind, separator, renamed, on_unknown.value, delimiter, encoding)  # type: ignore[arg-type]


def mapping_of(option: str) -> dict[str, str]:
    """Read ``--mapping``: the name of a known mapping, or ``old=new,old=new``.

    Raises:
        InputError: it is neither.
    """
    from sentimo.core.labels import MAPPINGS
    from sentimo.errors import InputError, did_you_mean

    if option in MAPPINGS:
        return dict(MAPPINGS[option])
    pairs = [pair.partition("=") for pair in option.split(",") if pair.strip()]
    if not pairs or not all(old.strip() and sign and new.strip() for old, sign, new in pairs):
        otherwise = f" Give old=new pairs with commas between, or one of {', '.join(MAPPINGS)}."
        raise InputError(f"--mapping {option!r} is not known.{did_you_mean(option, MAPPINGS, otherwise)}")
    return {old.strip(): new.strip() for old, _, new in pairs}


def space_of(option: str | None) -> str | list[str] | None:
    """Read ``--space``: the name of a known label space, or labels with commas between them."""
    if option is None or "," not in option:
        return option
    return [label.strip() for label in option.split(",") if label.strip()]


def open_models(
    model: str,
    cascade: Path | None,
    max_windows: int | None = None,
    base: Path | None = None,
    rules: Path | None = None,
) -> Analyzer | Cascade:
    """Open what --model, --base, --cascade and --rules name."""
    from sentimo.engine.analyzer import Analyzer

    if cascade is None:
        return Analyzer.load(model, max_windows=max_windows, base=base, rules=rules)
    analyzer = Analyzer.load(model, max_windows=max_windows, base=base)
    from sentimo.engine.cascade import Cascade

    return Cascade.load(cascade, analyzer, rules)


def texts_of(
    path: Path, column: str | None, delimiter: str | None, encoding: str | None, *, most: int | None = None
) -> list[str]:
    """Return the texts of a file, see `numbered_texts`."""
    return numbered_texts(path, column, delimiter, encoding, most=most).texts


def numbered_texts(
    path: Path, column: str | None, delimiter: str | None, encoding: str | None, *, most: int | None = None
) -> Texts:
    """Read the texts of a file (see `read_texts`); the column guessed and how many rows have none go to stderr."""
    from sentimo.data.reading import read_texts

    found = read_texts(path, column, most=most, delimiter=delimiter, encoding=encoding)
    if column is None:
        err.print(f"{path}: reading texts from column {found.column!r}; choose another with --text", markup=False)
    if found.n_without:
        n = found.n_without + len(found.texts)
        err.print(f"{path}: {found.n_without:,} of {n:,} rows have no text and are left out", markup=False)
    return found


def labelled_rows(
    paths: list[Path], spaces: dict[str, LabelSpace], reading: Reading, tasks: list[str] | None
) -> dict[str, list[Example]]:
    """Return task -> rows of labelled files, one file per task, read in the tasks' label spaces; notes go to stderr.

    `tasks` names the task of each file, in their order; None: it is seen from the labels.
    """
    from sentimo.errors import InputError
    from sentimo.evaluate.labelled import load_labelled

    if tasks and len(tasks) != len(paths):
        raise InputError(f"--task is given {len(tasks)} times and --dev {len(paths)} times; give one per file, or none")
    rows: dict[str, list[Example]] = {}
    for path, task in zip_longest(paths, tasks or ()):
        name, dataset = load_labelled(path, spaces, reading, task=task)
        if name in rows:
            raise InputError(f"{path}: task {name!r} has a dev file already; give one file per task")
        if dataset.note:
            err.print(dataset.note, markup=False)
        rows[name] = dataset.examples
        err.print(f"{len(dataset.examples)} labelled rows for {name} in {path}", markup=False)
    return rows


def utf8_name(path: Path) -> str:
    """Return the name of a file or folder; bytes of it that are no UTF-8 become U+FFFD, so that it can be stored."""
    return os.fsencode(path.name).decode("utf-8", "replace")


def recipe_of_files(task: dict[str, Any]) -> Recipe:
    """Return a recipe of one task from the fields that were given; one without a name gets its usual name."""
    from sentimo.train.recipe import parse_recipe
    from sentimo.train.tasks import default_task_name

    task = {key: value for key, value in task.items() if value}
    if "space" in task:
        task["space"] = space_of(task["space"])
    if "mapping" in task:
        task["mapping"] = mapping_of(task["mapping"])
    if "name" not in task:
        checked = parse_recipe({"tasks": [{"name": "labels", **task}]}, where="options")
        task["name"] = default_task_name(checked.tasks[0])
        err.print(f"Task {task['name']!r} (another name: --task)", markup=False)
    return parse_recipe({"tasks": [task]}, where="options")
