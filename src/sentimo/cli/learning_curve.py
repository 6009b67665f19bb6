"""`sentimo learning-curve`: what more labels would bring."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentimo.cli import options
from sentimo.cli.console import err, out, print_json

if TYPE_CHECKING:
    from sentimo.train.learning_curve import Curve


def learning_curve(
    recipe: Annotated[
        Path | None, typer.Argument(help="Recipe of one task, YAML or JSON. Without one, give --data.")
    ] = None,
    data: Annotated[
        list[Path] | None, typer.Option(help="Labelled file: CSV, TSV, JSONL or Parquet. May be repeated.")
    ] = None,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    base: Annotated[str | None, typer.Option(help="minilm, zh-small, a Hugging Face hub id, or a folder.")] = None,
    sizes: Annotated[str | None, typer.Option(help="Numbers of rows, with commas. Default: 16,32,64 ... all.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Samples per size.")] = 3,
    json: Annotated[bool, typer.Option("--json", help="Print the curve as one line of JSON.")] = False,
) -> None:
    """Train on 16, 32, 64 ... rows and show what each step brings, beside the n-gram baseline.

    Example: sentimo learning-curve recipe.yaml --sizes 16,32,64,128 --seeds 3
    """
    from sentimo.errors import InputError, MissingExtraError
    from sentimo.train.recipe import load_recipe, with_settings

    try:
        from sentimo.train.learning_curve import learning_curve as measure
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"training ({error.name})", "train") from None
    try:
        wanted = [int(each) for each in sizes.split(",")] if sizes else None
    except ValueError:
        raise InputError(f"--sizes {sizes!r}: expected whole numbers with commas, such as 16,32,64") from None
    if (recipe is None) == (not data):
        raise InputError("give either a recipe or --data, for example: sentimo learning-curve --data reviews.csv")
    if recipe is not None and (text or label):
        raise InputError(f"{recipe} says which columns its task has; leave out --text and --label, or change it there")
    chosen = load_recipe(recipe) if recipe else options.recipe_of_files({"train": data, "text": text, "label": label})
    curve = measure(
        with_settings(chosen, {"base": base}) if base else chosen,
        sizes=wanted,
        seeds=seeds,
        on_sample=lambda n, number: err.print(f"training on {n} rows, sample {number} of {seeds}"),
        on_point=lambda point: err.print(f"{point.n} rows: {', '.join(f'{each:.3f}' for each in point.model)}"),
    )
    if json:
        print_json(curve.to_dict())
    else:
        _print(curve, seeds)


def _print(curve: Curve, seeds: int) -> None:
    from rich.table import Table
    from rich.text import Text

    from sentimo.train.learning_curve import summary

    table = Table(
        title=f"{curve.task}: {curve.figure}, mean of {seeds} samples with 95% interval", title_justify="left"
    )
    for heading in ("rows", "fine-tuned", "", "n-gram baseline"):
        table.add_column(heading, justify="right" if heading else "left")
    for point in curve.points:
        model, baseline = (summary(each, point.bounds) for each in (point.model, point.baseline))
        bar = Text("█" * round(20 * max(0.0, model["mean"] or 0.0)), style="cyan")
        table.add_row(f"{point.n:,}", _shown(model), bar, _shown(baseline))
    out.print(table)


def _shown(found: dict[str, float | None]) -> str:
    if found["mean"] is None:
        return "-"
    interval = f" [{found['low']:.3f}, {found['high']:.3f}]" if found["low"] is not None else ""
    return f"{found['mean']:.3f}{interval}"
