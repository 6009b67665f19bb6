"""`sentimo augment`: labelled rows written anew, to look at or to train on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from sentimo.cli import options
from sentimo.cli.console import err, out, print_json
from sentimo.text.printable import printable

if TYPE_CHECKING:
    from sentimo.core.documents import Example
    from sentimo.data.dataset import Dataset
    from sentimo.data.reading import Reading


def augment(
    data: Annotated[list[Path], typer.Argument(help="Labelled file or files: CSV, TSV, JSONL or Parquet.")],
    method: Annotated[list[str], typer.Option("--method", "-m", help="How texts are written anew. May be repeated.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write: all rows and the new ones. Default: only look."),
    ] = None,
    copies: Annotated[int, typer.Option(help="New rows per row and method.")] = 1,
    rows: Annotated[float, typer.Option(help="Share of the rows that are written anew.")] = 1.0,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="METHOD.KEY=VALUE", help="A setting of a method, such as synonym.share=0.3."),
    ] = None,
    check: Annotated[
        str, typer.Option(help="What drops new rows whose label it strongly disputes: ngrams, a model folder, or none.")
    ] = "ngrams",
    certainty: Annotated[float, typer.Option(help="Score of another label that is a strong dispute.")] = 0.8,
    show: Annotated[int, typer.Option(min=0, help="New rows to show.")] = 5,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    kind: options.Kind = None,
    space: options.Space = None,
    separator: options.Separator = None,
    mapping: options.Mapping = None,
    on_unknown: options.Unknown = options.OnUnknown.error,
    delimiter: options.Delimiter = None,
    encoding: options.Encoding = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same rows.")] = 13,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print counts and examples as one line of JSON.")] = False,
) -> None:
    """Write labelled texts anew with the same labels, and show what comes of it.

    In a recipe `augment:` does the same while training. In the file that is written, new rows have the text they were
    made from in a column augmented_from: training never puts such a row, nor one whose original is there, into dev or
    test.

    Example: sentimo augment reviews.csv -o more.csv --method synonym --method delete
    """
    from sentimo.core.labels import chosen_space
    from sentimo.data.augment.rows import METHOD, ORIGINAL
    from sentimo.data.dataset import load_dataset
    from sentimo.data.writers.table import check_free
    from sentimo.train.augment.rows import augment_parts
    from sentimo.train.recipe import parse_augment

    if output is not None:
        check_free(output, overwrite=overwrite)
    how = {"copies": copies, "rows": rows, "check": check, "certainty": certainty}
    choice = parse_augment({"methods": _methods(method, settings or []), **how})
    reading = options.reading_of(
        text,
        label,
        kind=kind,
        separator=separator,
        mapping=mapping,
        on_unknown=on_unknown,
        delimiter=delimiter,
        encoding=encoding,
    ).with_columns(data[0])
    task = reading.columns[1]
    given = chosen_space(options.space_of(space), task, reading.kind)
    dataset = load_dataset(data, reading, task=task, space=given)
    found = augment_parts(choice, {task: dataset.examples}, {task: dataset.space}, seed=seed)
    new = found.parts[task][len(dataset.examples) :]
    if output is not None:
        _write(output, data, reading, dataset, new, overwrite=overwrite)
    shown = [
        {"label": _label(each, task, dataset), "method": each.document.meta[METHOD]}
        | {"original": each.document.meta[ORIGINAL], "text": each.document.text}
        for each in new[:: max(1, len(new) // max(1, show))][:show]
    ]
    if json:
        counts = {"rows": len(dataset.examples), "added": len(new), "dropped": found.n_dropped[task]}
        print_json({**counts, "output": output and str(output), "examples": shown})
        return
    for note in found.notes:
        err.print(note, markup=False)
    if shown:
        out.print(_table(shown))
    if output is not None:
        none = "" if new else ", none of them new"
        err.print(f"Wrote {len(dataset.examples) + len(new):,} rows to {output}{none}", markup=False)


def _methods(names: Sequence[str], settings: Sequence[str]) -> list[dict[str, Any]]:
    """Return the methods with their settings."""
    from sentimo.errors import InputError
    from sentimo.train.recipe import parse_setting

    methods: dict[str, dict[str, Any]] = {name: {"name": name} for name in names}
    for key, value in map(parse_setting, settings):
        name, _, setting = key.partition(".")
        if name not in methods or not setting:
            raise InputError(f"--set {key}: expected METHOD.KEY=VALUE for one of {', '.join(methods)}")
        methods[name][setting] = value
    return list(methods.values())


def _write(
    output: Path, data: Sequence[Path], reading: Reading, dataset: Dataset, new: Sequence[Example], *, overwrite: bool
) -> None:
    from sentimo.data.augment.rows import METHOD, ORIGINAL
    from sentimo.data.readers import Row, read_rows
    from sentimo.data.writers.table import write_table

    column = reading.columns[0]
    cells: dict[tuple[str, int], Mapping[str, Any]] = {
        (str(path), row.number): row.cells
        for path in data
        for row in read_rows(path, **reading.options)
        if isinstance(row, Row)
    }
    known = [cells[place] for place in dataset.places]
    first = {(each.document.text, str(each.targets)): row for each, row in zip(dataset.examples, known, strict=True)}
    rows = [dict(row) for row in known]
    for each in new:
        meta = each.document.meta
        row = first[meta[ORIGINAL], str(each.targets)]
        rows.append({**row, column: each.document.text, ORIGINAL: meta[ORIGINAL], METHOD: meta[METHOD]})
    names = dict.fromkeys([*(name for row in rows for name in row), ORIGINAL, METHOD])
    write_table(output, {name: [row.get(name) for row in rows] for name in names}, overwrite=overwrite)


def _label(example: Example, task: str, dataset: Dataset) -> str:
    target = example.targets[task]
    if dataset.space.range is not None:
        return f"{target:g}"
    ids = target if isinstance(target, tuple) else (int(target),)
    return " ".join(dataset.space.labels[each] for each in ids)


def _table(shown: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("label", "method", show_lines=True)
    table.add_column("text", overflow="fold")
    for each in shown:
        texts = Text.assemble((printable(each["original"]), "dim"), "\n", printable(each["text"]))
        table.add_row(Text(printable(each["label"])), each["method"], texts)
    return table
