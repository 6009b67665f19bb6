"""`sentimo predict`: a file of texts in, the same file with answers out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sentimo.cli import options
from sentimo.cli.console import err, print_json


def predict(
    source: Annotated[Path, typer.Argument(help="File of texts: CSV, TSV, JSONL, Parquet or plain text.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write: .csv, .tsv, .jsonl or .parquet.")],
    text: Annotated[str | None, typer.Option(help="Column of the texts. Default: guessed.")] = None,
    model: Annotated[str, typer.Option(help="Model folder, or 'auto' for the built-in models.")] = "auto",
    cascade: options.CascadeFolder = None,
    delimiter: Annotated[str | None, typer.Option(help="Sign between CSV cells. Default: guessed.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Of a text file. Default: detected.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is already there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as one line of JSON.")] = False,
) -> None:
    """Answer every row of a file. All its columns are kept; rows without an answer are listed in a side file.

    Example: sentimo predict reviews.csv -o answers.parquet --text review --model models/mine
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from sentimo.data.readers import estimate_rows, guess_columns
    from sentimo.engine.files import predict_file

    if text is None:
        text, _ = guess_columns(source, delimiter=delimiter, encoding=encoding)
        err.print(f"Reading texts from column {text!r}; choose another with --text", markup=False)
    analyzer = options.open_models(model, cascade)
    bar = Progress(
        TextColumn("rows"), BarColumn(), MofNCompleteColumn(), TextColumn("left"), TimeRemainingColumn(), console=err
    )
    with bar:
        task = bar.add_task("rows", total=None, visible=False)  # shown when all checks are passed

        def show(n: int) -> None:
            bar.update(task, total=bar.tasks[0].total or estimate_rows(source), completed=n, visible=True)

        summary = predict_file(
            analyzer,
            source,
            output,
            text=text,
            delimiter=delimiter,
            encoding=encoding,
            resume=resume,
            overwrite=overwrite,
            on_rows=show,
        )
        bar.update(task, total=summary.n_rows, completed=summary.n_rows)
    for name, given in summary.renamed.items():
        err.print(f"The file has a column {name!r} already; the result is in {given!r}", markup=False)
    if json:
        bad = str(summary.bad) if summary.bad else None
        print_json({"output": str(output), "rows": summary.n_rows, "bad_rows": summary.n_bad, "bad": bad})
        return
    err.print(f"Wrote {summary.n_rows} rows to {output}", markup=False)
    if summary.bad:
        err.print(f"{summary.n_bad} rows have no answer; why is in {summary.bad}", markup=False)
