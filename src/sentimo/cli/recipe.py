"""`sentimo recipe`: look at, check and learn to write training recipes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sentimo.cli.console import err, print_json

recipe = typer.Typer(help="Show, check or describe training recipes.", no_args_is_help=True)

_File = Annotated[Path, typer.Argument(help="Recipe, YAML or JSON.")]


@recipe.command()
def show(path: _File) -> None:
    """Print a recipe with every choice spelled out.

    Example: sentimo recipe show recipe.yaml
    """
    from sentimo.train.recipe import dump_recipe, load_recipe

    typer.echo(dump_recipe(load_recipe(path)), nl=False)


@recipe.command()
def validate(path: _File) -> None:
    """Check a recipe: keys, values, settings of heads and objectives, and that its files and teachers are there.

    Example: sentimo recipe validate recipe.yaml
    """
    from sentimo.errors import MissingExtraError, RecipeError
    from sentimo.train.recipe import load_recipe, paths_of

    loaded = load_recipe(path)
    try:
        from sentimo.train.check import check_parts
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"checking heads and objectives ({error.name})", "train") from None
    check_parts(loaded)
    named = paths_of(loaded)
    if loaded.base.startswith(("./", "../", "/")):  # what is not there may be the id of a hub, but not so
        named.append(Path(loaded.base))
    if missing := [str(each) for each in named if not each.exists()]:
        raise RecipeError(f"{path}: no such file: {', '.join(missing)}. Paths are relative to the recipe.")
    files = (each for task in loaded.tasks for each in (*task.train, *task.dev, *task.test))
    if folder := next((each for each in files if each.is_dir()), None):
        raise RecipeError(f"{path}: {folder} is a folder; name a file in it")
    err.print(f"{path} is a valid recipe for {', '.join(task.name for task in loaded.tasks)}", markup=False)


@recipe.command()
def schema() -> None:
    """Print the JSON Schema of recipes, for editors that complete and check YAML.

    Example: sentimo recipe schema > recipe.schema.json
    """
    from sentimo.train.recipe import Recipe

    print_json(Recipe.model_json_schema())
