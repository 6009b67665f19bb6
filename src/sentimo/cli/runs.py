"""`sentimo runs`: look at training runs, finished or not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentimo.cli.console import out, print_json

if TYPE_CHECKING:
    from sentimo.train.track.history import History

runs = typer.Typer(help="Show the figures of training runs.", no_args_is_help=True)

_Json = Annotated[bool, typer.Option("--json", help="Print it as one line of JSON.")]


@runs.command()
def show(
    paths: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Model folders, also of runs that still go on.")
    ],
    figure: Annotated[
        list[str] | None, typer.Option(help="Curve to draw, may be repeated. Default: loss and main.")
    ] = None,
    height: Annotated[int, typer.Option(min=2, max=60, help="Lines of a curve.")] = 8,
    json: _Json = False,
) -> None:
    """Draw the curves of one run or several side by side, and the figures they came to.

    Example: sentimo runs show models/mine models/other --figure loss --figure polarity.macro_f1
    """
    from sentimo.errors import InputError, did_you_mean
    from sentimo.train.track.history import read_history

    histories = [read_history(each) for each in paths]
    if json:
        print_json([each.to_dict() for each in histories])
        return
    known = list(dict.fromkeys(name for each in histories for line in (*each.steps, *each.epochs) for name in line))
    for name in figure or ():
        if not any(each.curve(name) for each in histories):
            shown = [each for each in known if each not in ("event", "step", "epoch")]
            raise InputError(f"no run has {name!r}; there are {', '.join(shown)}.{did_you_mean(name, shown)}")
    for name in figure or ("loss", "main"):
        _draw(name, histories, height)
    _compare(histories)


@runs.command(name="list")
def list_(
    folder: Annotated[Path, typer.Argument(help="Folder of model folders; looked through to the bottom.")],
    json: _Json = False,
) -> None:
    """List the runs under a folder, the latest first.

    Example: sentimo runs list models
    """
    from rich.table import Table
    from rich.text import Text

    from sentimo.train.track.history import find_histories

    found = find_histories(folder)
    if json:
        print_json([{name: value for name, value in each.to_dict().items() if name != "steps"} for each in found])
        return
    table = Table()
    for heading in ("run", "started (UTC)", "state", "base", "epochs", "dev", "test"):
        table.add_column(heading, justify="right" if heading in ("epochs", "dev", "test") else "left")
    for each in found:
        where = each.path.parent if each.is_saved else each.path
        base = Path(str(each.parameters.get("base", ""))).name
        cells = [str(where), each.started[:16].replace("T", " "), each.state, base, str(len(each.epochs))]
        table.add_row(*map(Text, cells), _short(each.best.get("main")), _short(each.end.get("main")))
    out.print(table)


def _draw(name: str, histories: list[History], height: int) -> None:
    """Draw one figure of all runs on the same axes, as many beside each other as the terminal is wide."""
    from rich.table import Table
    from rich.text import Text

    from sentimo.train.track.chart import bounds, chart

    curves = [each.curve(name) for each in histories]
    if not any(curves):
        return
    across, up = bounds(curves)
    beside = max(1, min(len(curves), out.width // 40))
    width = max(20, min(60, out.width // beside - 12))
    for start in range(0, len(curves), beside):
        grid = Table.grid(padding=(0, 2))
        part = list(zip(histories, curves, strict=True))[start : start + beside]
        grid.add_row(*(Text(f"{each.name}: {name}", style="bold") for each, _ in part))
        drawn = (chart(curve, width=width, height=height, across=across, up=up) for _, curve in part)
        grid.add_row(*(Text("\n".join(lines)) for lines in drawn))
        out.print(grid)


def _compare(histories: list[History]) -> None:
    """Print what the runs came to, and the choices in which they differ."""
    from rich.table import Table
    from rich.text import Text

    table = Table()
    table.add_column("")
    for each in histories:
        table.add_column(Text(each.name), justify="right")
    rows: dict[str, list[Any]] = {
        "state": [each.state for each in histories],
        "epochs": [len(each.epochs) for each in histories],
        "kept epoch": [each.best.get("epoch") for each in histories],
        "dev": [each.best.get("main") for each in histories],
        "test": [each.end.get("main") for each in histories],
        "seconds": [round(sum(line.get("seconds", 0.0) for line in each.epochs), 1) for each in histories],
    }
    for heading, values in rows.items():
        table.add_row(heading, *map(_short, values))
    if len(histories) > 1:
        keys = dict.fromkeys(key for each in histories for key in each.parameters)
        for key in keys:
            values = [each.parameters.get(key) for each in histories]
            if key != "name" and any(value != values[0] for value in values):
                table.add_row(Text(key, style="dim"), *map(_short, values))
    out.print(table)


def _short(value: Any) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
