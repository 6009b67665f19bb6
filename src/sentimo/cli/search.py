"""`sentimo search`: find better settings of a recipe."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from sentimo.cli.console import err, out, print_json

if TYPE_CHECKING:
    from sentimo.train.search import SearchResult, TrialRecord


def search(
    recipe: Annotated[Path, typer.Argument(help="Recipe, YAML or JSON; its `search` block is the space.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the study.")] = Path("study"),
    trials: Annotated[int, typer.Option(min=1, help="Trials in all, earlier sessions included.")] = 20,
    no_prune: Annotated[bool, typer.Option("--no-prune", help="Let poor trials run to their end.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the study in the folder.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one line of JSON.")] = False,
) -> None:
    """Try settings of a recipe on its dev rows, and write the best recipe; test rows are never looked at.

    Example: sentimo search recipe.yaml --trials 20 -o study
    """
    from sentimo.errors import MissingExtraError
    from sentimo.train.recipe import load_recipe

    try:
        from sentimo.train.search import BEST, IMPORTANCE
        from sentimo.train.search import search as find
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"training ({error.name})", "train") from None
    result = find(
        load_recipe(recipe),
        output,
        trials=trials,
        resume=resume,
        prune=not no_prune,
        tell=lambda sentence: err.print(sentence, markup=False),
    )
    if json:
        print_json(result.to_dict())
        return
    _print(result)
    err.print(
        f"Wrote {output / BEST}{f' and {output / IMPORTANCE}' if result.importance else ''}. "
        f"Next: sentimo train {quote(str(output / BEST))} -o models/best",
        markup=False,
    )


def _print(result: SearchResult) -> None:
    from rich.table import Table
    from rich.text import Text

    keys = list(result.importance) or list(dict.fromkeys(key for each in result.trials for key in each.settings))
    table = Table(title=f"{result.metric} on the dev rows, best first", title_justify="left")
    for heading in ("trial", result.metric, "epochs run", *keys):
        table.add_column(Text(heading), justify="right")
    order = sorted([result.start, *result.trials], key=lambda each: (each.state != "complete", -(each.value or 0.0)))
    for each in order:
        style = "bold" if each is result.best else "dim" if each.state != "complete" else ""
        values = [_value(each.settings.get(key)) for key in keys]
        table.add_row(_name(each), _figure(each), str(each.epochs), *map(Text, values), style=style)
    out.print(table)
    if result.importance:
        shares = Table(title=f"what {result.metric} depends on", title_justify="left")
        for heading in ("setting", "share", ""):
            shares.add_column(heading, justify="right" if heading == "share" else "left")
        for key, share in result.importance.items():
            shares.add_row(Text(key), f"{share:.2f}", Text("█" * round(20 * share), style="cyan"))
        out.print(shares)
    for each in result.trials:
        if each.error:
            err.print(f"trial {each.number + 1} failed: {each.error}", markup=False)


def _name(trial: TrialRecord) -> str:
    return "recipe as it is" if trial.number < 0 else str(trial.number + 1)


def _figure(trial: TrialRecord) -> str:
    found = "-" if trial.value is None else f"{trial.value:.4f}"
    return found if trial.state == "complete" else f"{found} ({trial.state})"


def _value(value: object) -> str:
    return "-" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
