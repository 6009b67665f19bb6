"""`sentimo export`: a model in a format that other programs read."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sentimo.cli.console import err, print_json


class Format(StrEnum):
    """What to write."""

    onnx = "onnx"
    hf = "hf"
    openvino = "openvino"


def export(
    model: Annotated[Path, typer.Argument(help="Model folder.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File or folder to write.")],
    form: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.onnx,
    texts: Annotated[Path | None, typer.Option(help="File of texts to compare on. Default: ten built-in ones.")] = None,
    text: Annotated[str | None, typer.Option(help="Column of the texts. Default: guessed.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print what was written as one line of JSON.")] = False,
) -> None:
    """Write a model for plain onnxruntime, transformers or OpenVINO, and prove that it answers the same there.

    Example: sentimo export models/mine -o mine.onnx --format onnx
    """
    from itertools import islice

    from sentimo.compress.export import export as run
    from sentimo.data.readers import Row, guess_columns, read_rows

    chosen: list[str] = []
    if texts is not None:
        column = text or guess_columns(texts)[0]
        cells = (row.cells.get(column) for row in islice(read_rows(texts), 1000) if isinstance(row, Row))
        chosen = [cell for cell in cells if isinstance(cell, str)]
    done = run(model, output, form.value, texts=chosen)
    if json:
        print_json(
            {
                "format": form.value,
                "path": str(done.path),
                "files": list(done.files),
                "largest_difference": float(f"{done.largest_difference:.3g}"),
                "windows": done.n_windows,
            }
        )
        return
    err.print(
        f"Wrote {done.path}; scores differ from the model's by at most {done.largest_difference:.1g} "
        f"on {done.n_windows} windows of text",
        markup=False,
    )
