"""`sentimo train`: from labelled files to a model folder."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentimo.cli import options
from sentimo.cli.console import err, out, print_json

if TYPE_CHECKING:
    from sentimo.train.recipe import Recipe

_Files = list[Path] | None


def train(
    recipe: Annotated[Path | None, typer.Argument(help="Recipe, YAML or JSON. Without one, give --data.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Model folder to make.")] = Path("models/mine"),
    data: Annotated[_Files, typer.Option(help="Labelled file: CSV, TSV, JSONL or Parquet. May be repeated.")] = None,
    dev: Annotated[_Files, typer.Option(help="Held-out file to choose on. Default: a tenth of the data.")] = None,
    test: Annotated[_Files, typer.Option(help="Held-out file to report on. Default: a tenth of the data.")] = None,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    task: Annotated[str | None, typer.Option(help="Name of the task. Default: seen from the labels.")] = None,
    kind: options.Kind = None,
    space: options.Space = None,
    separator: options.Separator = None,
    mapping: options.Mapping = None,
    on_unknown: Annotated[
        options.OnUnknown | None, typer.Option(help="Labels that do not fit: error (default) or skip.")
    ] = None,
    delimiter: options.Delimiter = None,
    encoding: options.Encoding = None,
    base: Annotated[str | None, typer.Option(help="minilm, zh-small, a Hugging Face hub id, or a folder.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the model. Default: that of the folder.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Epochs at most.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Texts per step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Default: by optimiser and size of the base.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Texts are cut to it in training.")] = None,
    head: Annotated[str | None, typer.Option(help="linear or attention.")] = None,
    objective: Annotated[str | None, typer.Option(help="Loss, such as cross_entropy, focal or asymmetric.")] = None,
    freeze: Annotated[str | None, typer.Option(help="none, embeddings or encoder (heads only).")] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same data, same machine: same model.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any other choice of a recipe, dotted.")
    ] = None,
    no_baseline: Annotated[bool, typer.Option("--no-baseline", help="Leave the n-gram baseline out.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a model that is already there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one line of JSON.")] = False,
) -> None:
    """Fine-tune a pre-trained encoder on labelled files, judge it, and save it as a model folder.

    Example: sentimo train --data reviews.csv --text text --label label --base minilm -o models/mine
    """
    from sentimo.core.bundle import check_target
    from sentimo.train.recipe import parse_setting, with_settings

    check_target(output, overwrite=overwrite)
    of_task = {"data": data, "dev": dev, "test": test, "text": text, "label": label, "task": task}
    of_task |= {"kind": kind, "space": space, "separator": separator, "mapping": mapping}
    of_task |= {"on-unknown": on_unknown and on_unknown.value, "delimiter": delimiter, "encoding": encoding}
    chosen = _chosen(recipe, {flag: value for flag, value in of_task.items() if value})
    flags = {
        "name": name or (options.utf8_name(output) if chosen.name == "model" else None),
        "base": base,
        "epochs": epochs,
        "batch_size": batch_size,
        "optimiser.learning_rate": learning_rate,
        "max_tokens": max_tokens,
        "freeze": freeze,
        "seed": seed,
        "baseline": False if no_baseline else None,
        **{f"tasks.{place}.head": head for place in range(len(chosen.tasks))},
        **{f"tasks.{place}.objective": objective for place in range(len(chosen.tasks))},
    }
    given = {key: value for key, value in flags.items() if value is not None}
    chosen = with_settings(chosen, given | dict(map(parse_setting, settings or [])))
    _run(chosen, output, resume=resume, overwrite=overwrite, json=json)


def _run(recipe: Recipe, output: Path, *, resume: bool, overwrite: bool, json: bool) -> None:
    from sentimo.errors import MissingExtraError
    from sentimo.evaluate.report import print_report

    try:
        from sentimo.train.run import train as run
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"training ({error.name})", "train") from None

    result = run(recipe, output, resume=resume, overwrite=overwrite, console=err)
    if result is None:  # another process of a run over several GPUs tells
        return
    if json:
        print_json(
            {
                "model": str(output),
                "digest": result.bundle.digest,
                "test": result.test.to_dict(),
                "before": result.before.to_dict(),
                "baseline": result.baseline.to_dict() if result.baseline else None,
                "epochs": result.fit.history,
            }
        )
        return
    print_report(result.test, out, result.beside)
    hint = f'sentimo analyze --model {quote(str(output))} "..."'
    err.print(f"Saved {output}. Try: {hint}", markup=False, soft_wrap=True)


def _chosen(recipe: Path | None, of_task: dict[str, Any]) -> Recipe:
    """Return the recipe that is given, or one of a single task made from the flags."""
    from sentimo.errors import InputError
    from sentimo.train.recipe import load_recipe

    if recipe is None and "data" not in of_task:
        raise InputError("give either a recipe or --data, for example: sentimo train --data reviews.csv -o models/mine")
    if recipe is not None:
        if of_task:
            flags = ", ".join(f"--{flag}" for flag in of_task)
            raise InputError(
                f"{recipe} says which files and labels its tasks have; leave out {flags}, or change it there"
            )
        return load_recipe(recipe)
    keys = {"data": "train", "task": "name", "on-unknown": "on_unknown"}
    task = {keys.get(flag, flag): value for flag, value in of_task.items()}
    return options.recipe_of_files(task)
