"""`sentimo lr-range`: which learning rates a recipe can be trained with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentimo.cli.console import err, out, print_json

if TYPE_CHECKING:
    from sentimo.train.lr_range import RangeTest


def lr_range(
    recipe: Annotated[Path, typer.Argument(help="Recipe, YAML or JSON.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Picture to write, .svg.")] = None,
    low: Annotated[float, typer.Option(help="First learning rate of the encoder.")] = 1e-6,
    high: Annotated[float, typer.Option(help="Last one.")] = 1e-1,
    steps: Annotated[int, typer.Option(min=10, help="Steps between them.")] = 100,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the picture.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print rates and losses as one line of JSON.")] = False,
) -> None:
    """Raise the learning rate step by step until the loss breaks away, and show where learning works.

    Example: sentimo lr-range recipe.yaml -o rates.svg
    """
    from sentimo.errors import InputError, MissingExtraError
    from sentimo.train.recipe import load_recipe

    try:
        from sentimo.train.lr_range import lr_range as measure
        from sentimo.train.picture import log_curve
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"training ({error.name})", "train") from None
    if output is not None and output.exists() and not overwrite:
        raise InputError(f"{output} exists; choose another name, or replace it with --overwrite")
    if output is not None and output.suffix != ".svg":
        raise InputError(f"--output {output}: expected a name that ends in .svg")
    found = measure(
        load_recipe(recipe), low=low, high=high, steps=steps, tell=lambda each: err.print(each, markup=False)
    )
    if output is not None:
        points = list(zip(found.rates, found.smoothed, strict=True))
        marks = {"suggested": found.suggested, "steepest": found.steepest, "lowest": found.lowest}
        marks = {name: rate for name, rate in marks.items() if found.rates[0] <= rate <= found.rates[-1]}
        picture = log_curve("Learning-rate range test", points, marks, across="learning rate", up="smoothed loss")
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(picture, "utf-8")
        err.print(f"Wrote {output}", markup=False)
    if json:
        print_json(found.to_dict())
    else:
        _print(found)


def _print(found: RangeTest) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for heading in ("learning rate", "smoothed loss", ""):
        table.add_column(heading, justify="right" if heading else "left")
    top = max(found.smoothed)
    every = max(1, len(found.rates) // 20)
    for rate, loss in list(zip(found.rates, found.smoothed, strict=True))[::every]:
        table.add_row(f"{rate:.2e}", f"{loss:.4f}", Text("█" * round(30 * loss / top), style="cyan"))
    out.print(table)
    end = f"; the loss broke away at {found.breaks_at:.2g}" if found.breaks_at else "; the loss did not break away"
    out.print(f"falls fastest at {found.steepest:.2g}, lowest at {found.lowest:.2g}{end}")
    if not found.tells:
        out.print(
            f"the loss hardly falls at any rate: nothing to suggest. Take more --steps, or stay with {found.usual:.2g}"
        )
        return
    out.print(
        f"suggested learning rate: {found.suggested:.2g} (a tenth of the lowest; the usual one is {found.usual:.2g})"
    )
