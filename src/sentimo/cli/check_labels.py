"""`sentimo check-labels`: labels that are likely to be wrong, the most suspicious first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from sentimo.cli import options
from sentimo.cli.console import err, out, print_json
from sentimo.text.printable import printable

if TYPE_CHECKING:
    from sentimo.data.dataset import Dataset
    from sentimo.train.label_errors import LabelCheck


_FEW = 100


def check_labels(
    data: Annotated[list[Path], typer.Argument(help="Labelled file or files: CSV, TSV, JSONL or Parquet.")],
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    task: Annotated[str | None, typer.Option(help="Task of the model. Default: seen from the labels.")] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Model that judges, as of `sentimo analyze`; not trained on these rows. Default: n-grams."),
    ] = None,
    folds: Annotated[int, typer.Option(min=2, help="Folds of the n-gram models.")] = 5,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write the list to: .csv, .tsv, .jsonl or .parquet.")
    ] = None,
    show: Annotated[int, typer.Option(min=0, help="Rows to show.")] = 20,
    kind: options.Kind = None,
    space: options.Space = None,
    separator: options.Separator = None,
    mapping: options.Mapping = None,
    on_unknown: options.Unknown = options.OnUnknown.error,
    delimiter: options.Delimiter = None,
    encoding: options.Encoding = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the folds and the fits.")] = 13,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print all of them as one line of JSON.")] = False,
) -> None:
    """List rows whose label is likely to be wrong, the most suspicious first, with the reason. Nothing is changed.

    Example: sentimo check-labels reviews.csv -o suspicious.csv
    """
    from sentimo.core.labels import chosen_space
    from sentimo.data.copies import contradictions
    from sentimo.data.dataset import load_dataset
    from sentimo.data.diagnosis import counted
    from sentimo.data.writers.table import check_free, write_table
    from sentimo.engine.analyzer import Analyzer
    from sentimo.evaluate.labelled import load_labelled
    from sentimo.train.label_errors import check_labels as check
    from sentimo.train.marks import learnt_note

    if output is not None:
        check_free(output, overwrite=overwrite)
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
    name = task or reading.columns[1]
    judge = Analyzer.load(model) if model else None
    given = chosen_space(options.space_of(space), name, reading.kind)
    dataset = None
    if judge is not None:
        name, first = load_labelled(data[0], judge.spaces, reading, task=task)
        dataset = first if given is None and len(data) == 1 else None
        given = given or judge.spaces[name]
    dataset = dataset or load_dataset(data, reading, task=name, space=given)
    if model is not None and (note := learnt_note(dataset.examples, model)):
        err.print(f"{note}, and defends their labels", markup=False)
    texts = [each.document.text for each in dataset.examples]
    if twice := contradictions(texts, [each.targets[name] for each in dataset.examples], dataset.space):
        told = f"{counted(len(twice), 'text')} with different labels in different rows: sentimo doctor names them"
        err.print(told, markup=False)
    found = check(
        dataset.examples,
        name,
        dataset.space,
        model=judge,
        n_folds=folds,
        seed=seed,
        on_fold=lambda number: err.print(f"fold {number} judged", markup=False),
    )
    if model is None and found.n_rows < _FEW:
        err.print(f"{found.n_rows} rows are few for n-grams to learn from: the list is hardly more than a guess")
    rows = _rows(found, dataset)
    if output is not None:
        names = ("file", "row", "given", "suggested", "given_score", "suggested_score", "reason", "text")
        write_table(output, {each: [row[each] for row in rows] for each in names}, overwrite=overwrite)
        err.print(f"Wrote {len(rows):,} rows to {output}", markup=False)
    if json:
        pairs = [{"given": given, "suggested": suggested, "n": n} for given, suggested, n in found.pairs]
        print_json({"rows": found.n_rows, "suspicious": len(rows), "pairs": pairs, "errors": rows})
        return
    out.print(_table(rows[:show], several=len(data) > 1))
    share = len(rows) / found.n_rows
    out.print(
        f"{len(rows):,} of {found.n_rows:,} labels ({share:.1%}) are likely to be wrong; look before you change any."
    )
    for given_label, suggested, n in found.pairs[:5]:
        out.print(Text(printable(f"  {given_label} that looks like {suggested}: {n:,}")))


def _rows(found: LabelCheck, dataset: Dataset) -> list[dict[str, Any]]:
    rows = []
    for each in found.errors:
        file, number = dataset.places[each.row]
        scores = {"given_score": round(each.given_score, 4), "suggested_score": round(each.suggested_score, 4)}
        labels = {"given": each.given, "suggested": each.suggested}
        text = dataset.examples[each.row].document.text
        rows.append({"file": file, "row": number, **labels, **scores, "reason": each.reason, "text": text})
    return rows


def _table(rows: list[dict[str, Any]], *, several: bool) -> Table:
    table = Table(*(["file"] if several else []), "row", "given", "suggested")
    table.add_column("text", overflow="fold")
    for row in rows:
        cells = [f"{row['given']} {row['given_score']:.0%}", f"{row['suggested']} {row['suggested_score']:.0%}"]
        place = [row["file"]] if several else []
        table.add_row(*(Text(printable(each)) for each in (*place, f"{row['row']:,}", *cells, row["text"])))
    return table
