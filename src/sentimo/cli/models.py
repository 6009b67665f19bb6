"""`sentimo models`: which models there are, and fetch those of others."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from sentimo.cli.console import err, out, print_json

models = typer.Typer(help="List models, and fetch those of others.", invoke_without_command=True)

_Json = Annotated[bool, typer.Option("--json", help="Print it as one line of JSON.")]


@models.callback()
def _alone(context: typer.Context, json: _Json = False) -> None:
    if context.invoked_subcommand is None:
        _list(None, json=json)


@models.command(name="list")
def list_(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of models, looked through to the bottom. Default: the built-in ones.")
    ] = None,
    json: _Json = False,
) -> None:
    """List models with what they answer, size and digest.

    Example: sentimo models list models
    """
    _list(folder, json=json)


def _list(folder: Path | None, *, json: bool) -> None:
    from sentimo.engine.inventory import built_in, models_in
    from sentimo.errors import InputError

    if folder is not None and not folder.is_dir():
        raise InputError(f"{folder}: no such folder. Give one that holds models, or none for the built-in ones.")
    found = list(built_in() if folder is None else models_in(folder))
    if json:
        print_json([each.to_dict() for each in found])
        return
    if not found:
        err.print(
            f"No model in {folder}. Make one with `sentimo train`, or fetch one: sentimo models pull", markup=False
        )
        return
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for heading in ("name", "kind", "language", "answers", "MB", "digest"):
        table.add_column(heading, justify="right" if heading == "MB" else "left", overflow="fold")
    for each in found:
        tasks = [task if task == space else f"{task} ({space})" for task, space in (each.tasks or {}).items()]
        about = each.problem or ("to train on" if each.kind == "base" else ", ".join(tasks))
        cells = (each.name, each.kind, ", ".join(each.languages), about, f"{each.megabytes:.1f}", each.digest[:12])
        table.add_row(*map(Text, cells))
    out.print(table)


@models.command()
def pull(
    source: Annotated[str, typer.Argument(help="Hub id (owner/model), or a folder.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to make.")],
    task: Annotated[
        str | None, typer.Option(help="Name of a classifier's task. Default: seen from its labels.")
    ] = None,
    labels: Annotated[
        str | None, typer.Option(help="Names of a classifier's outputs in order, with commas between.")
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit on the hub.")] = None,
    max_tokens: Annotated[int, typer.Option(min=8, help="Read at once; longer texts are read in windows.")] = 256,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the model in --output.")] = False,
    json: _Json = False,
) -> None:
    """Fetch a model: a classifier of transformers becomes a Sentimo model, any other encoder a base to train on.

    HF_ENDPOINT names a mirror of the hub, HF_TOKEN opens models that need a login. Code that comes with a model is
    never run, and weights are read from safetensors alone.

    Example: sentimo models pull cardiffnlp/twitter-roberta-base-sentiment-latest -o models/tweets
    """
    from sentimo.errors import MissingExtraError

    try:
        from sentimo.train.pull import pull as run
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"fetching models ({error.name})", "train") from None

    done = run(
        source,
        output,
        task=task,
        labels=[each.strip() for each in labels.split(",")] if labels else None,
        revision=revision,
        max_tokens=max_tokens,
        overwrite=overwrite,
        tell=lambda sentence: err.print(sentence, markup=False),
    )
    if json:
        spaces = {name: list(space.labels) for name, space in done.spaces.items()}
        print_json({"path": str(done.path), "kind": done.kind, "tasks": spaces, "notes": list(done.notes)})
        return
    for name, space in done.spaces.items():
        err.print(f"{name}: {', '.join(space.labels)}", markup=False)
    for note in done.notes:
        err.print(note, markup=False)
    use = f'sentimo analyze --model {quote(str(done.path))} "text"' if done.kind == "model" else f"base: {done.path}"
    err.print(f"Wrote {done.path}. Next: {use}", markup=False)
