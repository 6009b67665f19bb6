from __future__ import annotations

import json

import pytest
from running import invoke

from sentimo.cli.lr_range import lr_range
from sentimo.cli.search import search
from sentimo.errors import InputError
from sentimo.train.recipe import dump_recipe
from sentimo.train.search import _Search


@pytest.fixture
def recipe_file(multi_task, tmp_path):
    recipe = multi_task.model_copy(update={"tasks": multi_task.tasks[:1], "epochs": 1.0})
    text = dump_recipe(recipe).replace("search: {}", "search: {batch_size: [4, 16], dropout: [0.0, 0.2]}")
    (tmp_path / "recipe.yaml").write_text(text, "utf-8")
    return tmp_path / "recipe.yaml"


def test_a_search_shows_trials_and_what_to_do_next(recipe_file, tmp_path, monkeypatch):
    monkeypatch.setattr(_Search, "_train", lambda self, recipe, watch: (1 / recipe.batch_size, 2))

    result = invoke(search, recipe_file, "-o", tmp_path / "study", "--trials", 6, columns=120)
    again = json.loads(
        invoke(search, recipe_file, "-o", tmp_path / "study", "--trials", 7, "--resume", "--json").stdout
    )

    assert result.exit_code == 0
    assert "recipe as it is" in result.stdout
    assert "what main depends on" in result.stdout
    assert f"Next: sentimo train {tmp_path / 'study' / 'best.yaml'} -o models/best" in result.stderr
    assert len(again["trials"]) == 7
    assert again["best"]["settings"]["batch_size"] == 4
    assert again["recipe"]["batch_size"] == 4


def test_a_range_test_shows_a_table_and_writes_a_picture(recipe_file, tmp_path):
    result = invoke(lr_range, recipe_file, "-o", tmp_path / "rates.svg", "--steps", 60, "--high", 0.5)

    assert result.exit_code == 0
    assert "suggested learning rate: " in result.stdout
    assert "<polyline" in (tmp_path / "rates.svg").read_text("utf-8")
    with pytest.raises(InputError, match="expected a name that ends in .svg"):
        invoke(lr_range, recipe_file, "-o", tmp_path / "rates.png")
