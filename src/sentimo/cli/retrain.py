"""`sentimo retrain`: renew a model with corrections, through the gate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentimo.cli.console import err, out, print_json

if TYPE_CHECKING:
    from sentimo.train.renew import Renewal

REFUSED = 3
"""Exit status of a renewal whose challenger was refused: nothing failed, and nothing was replaced."""

_Files = list[Path] | None


def retrain(
    champion: Annotated[Path, typer.Argument(help="Model folder in use, made by `sentimo train`.")],
    new: Annotated[list[Path], typer.Option(help="Labelled file of corrections and new rows. May be repeated.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Model folder to make.")] = Path("models/next"),
    replay: Annotated[
        _Files, typer.Option(help="Old rows to learn from again. Default: those of the model's recipe.")
    ] = None,
    replay_rows: Annotated[int | None, typer.Option(min=0, help="Most rows to replay. Default: all.")] = None,
    test: Annotated[
        _Files, typer.Option(help="Rows to judge both by. Default: held-out new rows and the model's own test rows.")
    ] = None,
    phenomena: Annotated[_Files, typer.Option(help="Further file on which it must not get worse.")] = None,
    task: Annotated[str | None, typer.Option(help="Task of the rows, for a model with several.")] = None,
    margin: Annotated[
        float, typer.Option(help="The interval of the gain must lie above minus this. 0: surely better.")
    ] = 0.0,
    calibration_margin: Annotated[float, typer.Option(help="Most that the calibration error may rise.")] = 0.01,
    others_margin: Annotated[float, typer.Option(help="Most that further files and other tasks may fall.")] = 0.01,
    log: Annotated[Path | None, typer.Option(help="Log of decisions. Default: decisions.jsonl beside it.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a choice of the recipe, dotted.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted training.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a model there, once promoted.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the decision as one line of JSON.")] = False,
) -> None:
    """Train a challenger from a model's own recipe and weights, and promote it only if it is better.

    Exit status 3: the challenger was refused, and nothing was replaced.

    Example: sentimo retrain models/mine --new corrections.csv -o models/next
    """
    from sentimo.errors import MissingExtraError
    from sentimo.evaluate.promotion import PromotionGate
    from sentimo.train.recipe import parse_setting

    gate = PromotionGate(margin, calibration_margin, others_margin)
    try:
        from sentimo.train.renew import renew
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"training ({error.name})", "train") from None
    result = renew(
        champion,
        new,
        output,
        replay=replay or (),
        replay_rows=replay_rows,
        test=test or (),
        phenomena=phenomena or (),
        task=task,
        settings=dict(map(parse_setting, settings or [])),
        gate=gate,
        log=log,
        resume=resume,
        overwrite=overwrite,
        console=err,
    )
    if json:
        print_json(result.to_dict())
    else:
        _print(result)
    if not result.promoted:
        raise typer.Exit(REFUSED)


def _print(result: Renewal) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for heading in ("check", "rows", "champion", "challenger", "difference", "needs", ""):
        table.add_column(heading, justify="right" if heading in ("rows", "champion", "challenger") else "left")
    for each in result.promotion.checks:
        verdict = Text("passed", style="green") if each.passed else Text("refused", style="red")
        values = (f"{each.champion.value:.4f}", f"{each.challenger.value:.4f}", str(each.difference), each.needs)
        table.add_row(Text(each.name), str(each.n), *map(Text, values), verdict)
    out.print(table)
    if result.promoted:
        out.print(Text(f"Promoted: {result.path}"))
    else:
        out.print(Text(f"Refused; the challenger stays in {result.path}, nothing was replaced."))
    err.print(f"Decision appended to {result.log}", markup=False)
