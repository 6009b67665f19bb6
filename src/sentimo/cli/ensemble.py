"""`sentimo ensemble`: one model from several."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sentimo.cli import options
from sentimo.cli.console import err, out, print_json


class Combine(StrEnum):
    """The ways to make one of several."""

    mean = "mean"
    weighted = "weighted"
    vote = "vote"
    stack = "stack"
    soup = "soup"
    greedy_soup = "greedy-soup"


def ensemble(
    models: Annotated[list[Path], typer.Argument(help="Model folders, two or more.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Model folder to make.")],
    dev: Annotated[
        list[Path] | None, typer.Option(help="Labelled file that no member was trained on; one per task.")
    ] = None,
    combine: Annotated[Combine, typer.Option(help="How to make one of them.")] = Combine.weighted,
    task: options.DevTasks = None,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    separator: options.Separator = None,
    mapping: options.Mapping = None,
    on_unknown: options.Unknown = options.OnUnknown.error,
    delimiter: options.Delimiter = None,
    encoding: options.Encoding = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the folds and the intervals.")] = 13,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of timing.")] = 5,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a model that is already there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print what was found as one line of JSON.")] = False,
) -> None:
    """Combine the answers of several models, or average their weights (soup), into one model folder.

    Example: sentimo ensemble models/a models/b models/c -o models/ens --dev dev.csv --combine weighted
    """
    from sentimo.core.bundle import Bundle, check_target
    from sentimo.engine.ensemble import shared_tasks
    from sentimo.errors import InputError, MissingExtraError
    from sentimo.train.ensemble import build_ensemble, member_names
    from sentimo.train.judged import print_contest

    if not dev:
        raise InputError(
            "an ensemble needs --dev, a labelled file that no member was trained on: it is calibrated and judged on it"
        )
    check_target(output, overwrite=overwrite, read=models)
    names = member_names(models)
    spaces = shared_tasks([(n, Bundle.open(each).manifest.tasks) for n, each in zip(names, models, strict=True)])
    reading = options.reading_of(
        text,
        label,
        separator=separator,
        mapping=mapping,
        on_unknown=on_unknown,
        delimiter=delimiter,
        encoding=encoding,
    )
    rows = options.labelled_rows(dev, spaces, reading, task)

    def show(sentence: str) -> None:
        err.print(sentence, markup=False)

    if combine in (Combine.soup, Combine.greedy_soup):
        try:
            from sentimo.compress.soup import build_soup
        except ModuleNotFoundError as error:
            raise MissingExtraError(f"a soup ({error.name})", "train") from None
        made = build_soup(models, output, rows, combine=combine, seed=seed, overwrite=overwrite, show=show)
    else:
        made = build_ensemble(
            models, output, rows, combine=combine, seed=seed, rounds=rounds, overwrite=overwrite, show=show
        )
    if json:
        print_json({"output": str(output), **made.to_dict()})
    else:
        for name, contest in made.contests.items():
            print_contest(name, contest, out, f"{output.name} ({combine})")
        for note in made.notes:
            out.print(note, markup=False)
    err.print(f"Saved {output}", markup=False)
