"""`sentimo cascade`: let a cheap model answer what it is sure of."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sentimo.cli import options
from sentimo.cli.console import err, out, print_json


def cascade(
    cheap: Annotated[Path, typer.Argument(help="Folder of the cheap model, such as one of `sentimo baseline`.")],
    exact: Annotated[Path, typer.Argument(help="Folder of the model that it stands in for.")],
    data: Annotated[Path, typer.Argument(help="File of texts that neither was trained on; labels are not needed.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to make, for --cascade.")],
    text: options.TextColumn = None,
    agreement: Annotated[
        float, typer.Option(min=0.5, max=0.9999, help="Share of texts whose labels must be those of the exact model.")
    ] = 0.995,
    delimiter: options.Delimiter = None,
    encoding: options.Encoding = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a model that is in --output.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one line of JSON.")] = False,
) -> None:
    """Fit from where on a cheap model is believed; then use it with `analyze` or `predict` and --cascade.

    Example: sentimo cascade models/base models/mine texts.csv -o models/cascade
    """
    from sentimo.core.bundle import check_target
    from sentimo.engine.cascade import fit_cascade, write_cascade
    from sentimo.engine.predictor import Predictor
    from sentimo.errors import InputError

    check_target(output, overwrite=overwrite, read=(cheap, exact))
    texts = options.texts_of(data, text, delimiter, encoding)
    quick, full = Predictor.load(cheap), Predictor.load(exact)
    fit = fit_cascade(quick, full, texts, agreement)
    if not fit.answered:
        raise InputError(
            f"{cheap} is sure enough of none of {fit.n_rows:,} texts, so a cascade would gain nothing and none was "
            f"saved. Ask for less than --agreement {agreement:g}, or take a better cheap model."
        )
    assert quick.bundle is not None  # load() sets it
    write_cascade(quick.bundle, full.model, fit, output, overwrite=overwrite)
    if json:
        print_json({"output": str(output), **fit.to_dict()})
        return
    out.print(
        f"{fit.answered:.1%} of {fit.n_rows:,} held-out texts are answered by the cheap model alone", markup=False
    )
    for task, share in fit.agreement.items():
        out.print(f"{task}: {share:.2%} of the final labels are those of {full.model.name}", markup=False)
    err.print(f"Saved {output}. Try: sentimo predict ... --model {exact} --cascade {output}", markup=False)
