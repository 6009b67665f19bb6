"""`sentimo predict`: files of texts in, the same rows with answers out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentimo.cli import options
from sentimo.cli.console import err, print_json

if TYPE_CHECKING:
    from sentimo.data.streams import Input, StreamInput
    from sentimo.engine.files import Summary

_LONG_NAME = 15  # characters; few columns are called so, most sentences are as long
_SHOWN = 20  # rows without an answer told one by one where there is no side file


def predict(
    sources: Annotated[
        list[str],
        typer.Argument(help="Files (also .gz, .zst), folders or globs of CSV, TSV, JSONL, Parquet or text; -: stdin."),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", help="File (.csv, .tsv, .jsonl, also .gz or .zst; .parquet), folder/ of Parquet, or - ."
        ),
    ],
    text: Annotated[str | None, typer.Option(help="Column of the texts. Default: guessed.")] = None,
    model: options.Model = "auto",
    cascade: options.CascadeFolder = None,
    max_windows: options.MaxWindows = None,
    base: options.BaseFolder = None,
    rules: options.RulesFile = None,
    input_format: Annotated[
        str | None, typer.Option(help="csv, tsv, jsonl, parquet or txt. Default: by the name.")
    ] = None,
    output_format: Annotated[
        str | None, typer.Option("--format", help="csv, tsv, jsonl or parquet. Default: by the name.")
    ] = None,
    delimiter: Annotated[str | None, typer.Option(help="Sign between CSV cells. Default: guessed.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Of a text file. Default: detected.")] = None,
    no_formula_guard: Annotated[
        bool, typer.Option("--no-formula-guard", help="Write texts that a spreadsheet runs as formulas as they are.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run, if there is one.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is already there.")] = False,
    fail_on_errors: Annotated[
        bool, typer.Option("--fail-on-errors", help="Exit with 1 if a row has no answer.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as one line of JSON.")] = False,
) -> None:
    """Answer every row of files. All their columns are kept; rows without an answer are listed in a side file.

    Example: sentimo predict reviews.csv -o answers.parquet --text review --model models/mine
    """
    from sentimo.cli.progress import FileProgress
    from sentimo.data.readers import READERS, guess_columns
    from sentimo.data.writers import WRITERS
    from sentimo.engine.files import predict_file, predict_stream
    from sentimo.errors import InputError

    to_stdout = output == "-"
    if to_stdout and (resume or json):
        raise InputError(
            "an output on stdout cannot be resumed; name a file with -o"
            if resume
            else "the output and --json both go to stdout; name a file with -o"
        )
    given = _ending(input_format, "--input-format", READERS)
    wanted = _ending(output_format, "--format", WRITERS)
    inputs, first = _inputs(sources, given, None if to_stdout else Path(output))
    if text is None:
        text, _ = guess_columns(first, delimiter=delimiter, encoding=encoding)
        err.print(f"Reading texts from column {text!r}; choose another with --text", markup=False)
        if first.ending in (".csv", ".tsv") and len(text) > _LONG_NAME:
            err.print("Its name is the first row of the file; if that row is data, put a row of names above it.")
    how: dict[str, Any] = {
        "text": text,
        "input_ending": given,
        "delimiter": delimiter,
        "encoding": encoding,
        "formula_guard": not no_formula_guard,
    }
    analyzer = options.open_models(model, cascade, max_windows, base, rules)
    with FileProgress(err, bar=not (to_stdout and sys.stdout.isatty())) as progress:
        if to_stdout:
            ending = wanted or (first.ending if first.ending in (".csv", ".tsv") else ".jsonl")
            out = sys.stdout.buffer
            summary = predict_stream(
                analyzer, inputs, out, ending=ending, on_bad=_teller(), on_progress=progress.show, **how
            )
        else:
            summary = predict_file(
                analyzer,
                inputs,
                output.rstrip("/" + os.sep),
                ending=wanted,
                folder=output.endswith(("/", os.sep)) or Path(output).is_dir(),
                resume=resume,
                overwrite=overwrite,
                on_progress=progress.show,
                **how,
            )
    _tell(summary, output)
    if json:
        print_json({"output": output, **summary.to_dict()})
    if fail_on_errors and summary.n_bad:
        raise typer.Exit(1)


def _ending(name: str | None, option: str, known: Mapping[str, str]) -> str | None:
    """Return the file name ending of a format."""
    from sentimo.errors import InputError, did_you_mean

    if name is None or f".{name.lower()}" in known:
        return name and f".{name.lower()}"
    names = [each.removeprefix(".") for each in known]
    raise InputError(f"{option} {name!r} is not known.{did_you_mean(name, names)} One of: {', '.join(names)}.")


def _inputs(sources: Sequence[str], ending: str | None, output: Path | None) -> tuple[list[str] | StreamInput, Input]:
    """Return what to read, and the first of it."""
    from sentimo.data.sources import find_inputs
    from sentimo.data.streams import StreamInput
    from sentimo.errors import InputError

    if "-" not in sources:
        return list(sources), find_inputs(sources, ending, output)[0]
    if len(sources) > 1:
        raise InputError("- (stdin) stands alone; it cannot be read together with files")
    try:
        file: Any = open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)  # noqa: SIM115
    except OSError:  # no real file, as in tests
        file = sys.stdin.buffer
    stream = StreamInput(file, ending)
    return stream, stream


def _teller() -> Callable[[Mapping[str, Any]], None]:
    """Return what tells the first rows without an answer."""
    left = _SHOWN

    def tell(row: Mapping[str, Any]) -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            where = f"{row['file']}, row" if "file" in row else "row"
            err.print(f"{where} {row['row']}: {row['reason']}", markup=False)

    return tell


def _tell(summary: Summary, output: str) -> None:
    from sentimo.cli.progress import rate
    from sentimo.data.diagnosis import counted

    if summary.was_finished:
        err.print(
            f"{output} is already there and nothing waits to be resumed, so nothing was done; what wrote it was not "
            "checked. Answer anew with --overwrite.",
            markup=False,
        )
        return
    for name, given in summary.renamed.items():
        err.print(f"The file has a column {name!r} already; the result is in {given!r}", markup=False)
    if summary.left_out:
        names = ", ".join(summary.left_out)
        err.print(f"Left out, since the first object has no such key: {names}. Files keep all keys.", markup=False)
    work, n = summary.progress.work, max(1, summary.progress.work.n_texts)
    shares = {
        "padding": work.padding,
        "duplicates": work.n_duplicates / n,
        "run again": work.n_rerun / n,
        "cheap model": work.n_cheap / n,
    }
    told = "".join(f"  {what} {share:.1%}" for what, share in shares.items() if share)
    err.print(f"Wrote {counted(summary.n_rows, 'row')} to {'stdout' if output == '-' else output}", markup=False)
    err.print(f"{rate(summary.progress)}{told}", markup=False)
    if summary.n_bad:
        where = f"; why is in {summary.bad}" if summary.bad else ""
        err.print(f"Completed with errors: {counted(summary.n_bad, 'row')} without an answer{where}", markup=False)
