"""`sentimo export`: a model in a format that other programs read."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sentimo.cli import options
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
    text: options.TextColumn = None,
    delimiter: options.Delimiter = None,
    encoding: options.Encoding = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is in --output.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print what was written as one line of JSON.")] = False,
) -> None:
    """Write a model for plain onnxruntime, transformers or OpenVINO, and prove that it answers the same there.

    Example: sentimo export models/mine -o mine.onnx --format onnx
    """
    from sentimo.compress.export import export as run

    chosen = [] if texts is None else options.texts_of(texts, text, delimiter, encoding, most=1000)
    done = run(model, output, form.value, texts=chosen, overwrite=overwrite)
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
