"""`sentimo pretrain`: let an encoder read plain text before it is trained on labels."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from sentimo.cli.console import err, out, print_json


def pretrain(
    text: Annotated[
        list[Path], typer.Option(help='File of plain text: one document a line, or a column "text". May be repeated.')
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to make.")],
    base: Annotated[
        str | None, typer.Option(help="BERT-type encoder to go on from: minilm, zh-small, a folder or a hub id.")
    ] = None,
    objective: Annotated[str, typer.Option(help="mlm (hidden tokens) or replaced-tokens.")] = "mlm",
    epochs: Annotated[float, typer.Option(help="Times the text is read.")] = 3.0,
    rows: Annotated[int, typer.Option(help="Packed rows per step.")] = 32,
    length: Annotated[int, typer.Option(help="Tokens of a row.")] = 128,
    learning_rate: Annotated[float, typer.Option(help="At its highest.")] = 2e-4,
    extend: Annotated[int, typer.Option(min=0, help="Most new tokens for the base's vocabulary.")] = 0,
    vocabulary: Annotated[int, typer.Option(help="Tokens of an encoder that is made anew.")] = 10_000,
    width: Annotated[int, typer.Option(help="Width of an encoder that is made anew.")] = 384,
    layers: Annotated[int, typer.Option(help="Layers of an encoder that is made anew.")] = 6,
    held_out: Annotated[float, typer.Option(help="Share of the documents to measure on.")] = 0.02,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn.")] = 13,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a base that is already there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as one line of JSON.")] = False,
) -> None:
    """Let an encoder read plain text of your domain, or make one anew; `sentimo train --base` takes the result.

    Example: sentimo pretrain --base zh-small --text corpus.txt -o models/my-base
    """
    from sentimo.errors import MissingExtraError

    try:
        from sentimo.train.pretrain.run import Pretraining, run
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"pre-training ({error.name})", "train") from None

    settings = Pretraining(
        base=base,
        objective=objective,
        epochs=epochs,
        rows=rows,
        length=length,
        learning_rate=learning_rate,
        vocabulary=vocabulary,
        extend=extend,
        width=width,
        layers=layers,
        held_out=held_out,
        seed=seed,
    )
    found = run(settings, text, output, resume=resume, overwrite=overwrite, console=err)
    if json:
        print_json(found.to_dict())
        return
    for name, value in found.after.items():
        out.print(f"held-out {name}: {found.before[name]:.3f} before, {value:.3f} after")
    hint = f"sentimo train --data FILE --base {quote(str(output))} -o models/mine"
    err.print(f"Saved {output}. Go on with: {hint}", markup=False, soft_wrap=True)
