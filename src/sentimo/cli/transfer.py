"""`sentimo transfer`: what a model of one domain is worth in others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentimo.cli import options
from sentimo.cli.console import err, out, print_json

if TYPE_CHECKING:
    from sentimo.train.transfer import Transfer


def transfer(
    files: Annotated[list[Path] | None, typer.Argument(help="Further files to test on.")] = None,
    train: Annotated[list[Path] | None, typer.Option(help="Labelled file to train on. May be repeated.")] = None,
    test: Annotated[list[Path] | None, typer.Option(help="File to test on. Default: the files of --train.")] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="Recipe of one task; its files are not read. Default: the usual choices.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for transfer.csv, transfer.json and transfer.md.")
    ] = None,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    kind: options.Kind = None,
    space: options.Space = None,
    mapping: options.Mapping = None,
    base: Annotated[str | None, typer.Option(help="minilm, zh-small, a Hugging Face hub id, or a folder.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a choice of the recipe, dotted.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the matrix as one line of JSON.")] = False,
) -> None:
    """Train one model per file and test each on every file: how much is lost from domain to domain?

    Example: sentimo transfer --train hotels.csv --train books.csv --test hotels.csv books.csv phones.csv
    """
    from sentimo.errors import InputError, MissingExtraError
    from sentimo.train.recipe import load_recipe, parse_setting, with_settings

    try:
        from sentimo.train.transfer import transfer as measure
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"training ({error.name})", "train") from None
    if not train:
        raise InputError("give at least one --train file, for example: sentimo transfer --train a.csv --test b.csv")
    of_task = {"text": text, "label": label, "kind": kind, "space": space, "mapping": mapping}
    if recipe is not None and (given := [name for name, value in of_task.items() if value]):
        raise InputError(f"{recipe} says which labels its task has; leave out --{given[0]}, or change it there")
    chosen = load_recipe(recipe) if recipe else options.recipe_of_files({"train": train, **of_task})
    changes = dict(map(parse_setting, settings or [])) | ({"base": base} if base else {})
    found = measure(
        with_settings(chosen, changes),
        train,
        [*(test or []), *(files or [])],
        tell=lambda sentence: err.print(sentence, markup=False),
    )
    if output is not None:
        _write(found, output)
    if json:
        print_json(found.to_dict())
    else:
        _print(found)


def _write(found: Transfer, folder: Path) -> None:
    from json import dumps

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "transfer.csv").write_text(found.to_csv(), "utf-8")
    (folder / "transfer.md").write_text(found.to_markdown(), "utf-8")
    (folder / "transfer.json").write_text(dumps(found.to_dict(), ensure_ascii=False, indent=1) + "\n", "utf-8")
    err.print(f"Wrote transfer.csv, transfer.md and transfer.json to {folder}", markup=False)


def _print(found: Transfer) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"{found.main} of {found.task}; trained on the file at the left", title_justify="left")
    table.add_column("")
    for test in found.tests:
        table.add_column(Text(test), justify="right")
    for train in found.trains:
        cells = [
            Text(str(found.cell(train, test).figure), style="bold" if test == train else "") for test in found.tests
        ]
        table.add_row(Text(train), *cells)
    out.print(table)
