"""Options that name labelled files and their columns, as a recipe of one task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sentimo.cli.console import err

if TYPE_CHECKING:
    from sentimo.train.recipe import Recipe


def recipe_of_files(task: dict[str, Any]) -> Recipe:
    """Return a recipe of one task from the fields that were given; one without a name gets its usual name."""
    from sentimo.train.recipe import parse_recipe
    from sentimo.train.tasks import default_task_name

    if "," in task.get("space", ""):
        task["space"] = [label.strip() for label in task["space"].split(",")]
    if "name" not in task:
        checked = parse_recipe({"tasks": [{"name": "labels", **task}]}, where="options")
        task["name"] = default_task_name(checked.tasks[0])
        err.print(f"Task {task['name']!r} (another name: --task)", markup=False)
    return parse_recipe({"tasks": [task]}, where="options")
