"""`sentimo train`: from labelled files to a model folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
    text: Annotated[str | None, typer.Option(help="Column of the texts. Default: guessed.")] = None,
    label: Annotated[str | None, typer.Option(help="Column of the labels. Default: guessed.")] = None,
    task: Annotated[str | None, typer.Option(help="Name of the task. Default: seen from the labels.")] = None,
    kind: Annotated[str | None, typer.Option(help="single, multi, ordinal or score. Default: seen.")] = None,
    space: Annotated[
        str | None, typer.Option(help="Known label space, or the labels in order, separated by commas. Default: seen.")
    ] = None,
    separator: Annotated[str | None, typer.Option(help="Sign between several labels in one cell.")] = None,
    on_unknown_label: Annotated[str, typer.Option("--on-unknown", help="Unknown labels: error or skip.")] = "error",
    base: Annotated[str | None, typer.Option(help="'minilm', a Hugging Face hub id, or a folder.")] = None,
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
    from sentimo.errors import InputError
    from sentimo.train.recipe import load_recipe, with_settings

    if (recipe is None) == (data is None):
        raise InputError("give either a recipe or --data, for example: sentimo train --data reviews.csv -o models/mine")
    if recipe is not None:
        chosen = load_recipe(recipe)
    else:
        chosen = _from_files(
            train=data,
            dev=dev or [],
            test=test or [],
            text=text,
            label=label,
            name=task,
            kind=kind,
            space=space,
            separator=separator,
            on_unknown=on_unknown_label,
        )
    flags = {
        "name": name or (output.name if chosen.name == "model" else None),
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
        **_parsed(settings or []),
    }
    chosen = with_settings(chosen, {key: value for key, value in flags.items() if value is not None})
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
    err.print(f'Saved {output}. Try: sentimo analyze --model {output} "..."', markup=False)


def _from_files(**task: Any) -> Recipe:
    from sentimo.train.recipe import parse_recipe
    from sentimo.train.tasks import default_task_name

    if task["space"] and "," in task["space"]:
        task["space"] = [label.strip() for label in task["space"].split(",")]
    given = {key: value for key, value in task.items() if value is not None}
    if "name" not in given:
        checked = parse_recipe({"tasks": [{"name": "labels", **given}]}, where="options")
        given["name"] = default_task_name(checked.tasks[0])
        err.print(f"Task {given['name']!r} (another name: --task)", markup=False)
    return parse_recipe({"tasks": [given]}, where="options")


def _parsed(settings: list[str]) -> dict[str, Any]:
    from sentimo.errors import InputError

    pairs = {}
    for each in settings:
        key, sign, value = each.partition("=")
        if not sign:
            raise InputError(f"--set {each!r}: expected KEY=VALUE, such as optimiser.layer_decay=0.9")
        pairs[key.strip()] = value.strip()
    return pairs
