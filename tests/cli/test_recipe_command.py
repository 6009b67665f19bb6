import json

import pytest
import running
import yaml

from sentimo.cli.recipe import recipe
from sentimo.errors import RecipeError


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    return write


def invoke(*arguments):
    return running.invoke(recipe, *arguments, columns=200)


def test_show_spells_every_choice_out(file, tmp_path):
    result = invoke("show", file({"tasks": [{"name": "mood", "train": "rows.csv"}], "epochs": 2}))

    shown = yaml.safe_load(result.stdout)
    assert (shown["epochs"], shown["base"], shown["optimiser"]["name"]) == (2.0, "minilm", "adamw")
    assert shown["tasks"][0]["train"] == [str(tmp_path / "rows.csv")]


def test_what_is_shown_is_a_recipe_itself(file, tmp_path):
    shown = invoke("show", file({"tasks": [{"name": "mood", "train": "rows.csv"}]})).stdout
    (tmp_path / "shown.yaml").write_text(shown, encoding="utf-8")

    assert invoke("show", tmp_path / "shown.yaml").stdout == shown


def test_a_recipe_whose_files_are_there_is_valid(file, tmp_path):
    (tmp_path / "rows.csv").write_text("text,label\n", encoding="utf-8")

    result = invoke("validate", file({"tasks": [{"name": "mood", "train": "rows.csv"}]}))

    assert result.exit_code == 0
    assert "is a valid recipe for mood" in result.stderr
    assert result.stdout == ""


def test_missing_files_are_told(file):
    with pytest.raises(RecipeError, match=r"no such file: .*rows\.csv.*relative to the recipe"):
        invoke("validate", file({"tasks": [{"name": "mood", "train": "rows.csv"}]}))


def test_missing_teachers_are_told(file, tmp_path):
    (tmp_path / "rows.csv").write_text("text,label\n", encoding="utf-8")

    with pytest.raises(RecipeError, match=r"no such file: .*models/big"):
        invoke("validate", file({"tasks": [{"name": "mood", "train": "rows.csv"}], "teacher": "models/big"}))


def test_a_base_that_can_only_be_a_folder_must_be_there(file, tmp_path):
    (tmp_path / "rows.csv").write_text("text,label\n", encoding="utf-8")

    with pytest.raises(RecipeError, match=r"no such file: .*nothing-here"):
        invoke("validate", file({"tasks": [{"name": "mood", "train": "rows.csv"}], "base": "./nothing-here"}))


def test_a_folder_of_rows_is_told(file, tmp_path):
    (tmp_path / "rows").mkdir()

    with pytest.raises(RecipeError, match=r"rows is a folder; name a file in it"):
        invoke("validate", file({"tasks": [{"name": "mood", "train": "rows"}]}))


@pytest.mark.parametrize("command", ["show", "validate"])
def test_an_unknown_key_gets_the_nearest_one(file, command):
    with pytest.raises(RecipeError, match=r"unknown key 'epoch'\. Did you mean 'epochs'\?"):
        invoke(command, file({"tasks": [{"name": "mood", "train": "rows.csv"}], "epoch": 2}))


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        (
            {"head": {"name": "attention", "sise": 64}},
            r"head 'attention' has no setting 'sise'\. Did you mean 'size'\?",
        ),
        (
            {"objective": {"name": "focal", "gama": 1}},
            r"objective 'focal' .* no setting 'gama'\. Did you mean 'gamma'\?",
        ),
        ({"objective": {"name": "focal", "gamma": -1}}, "gamma"),
        ({"head": {"name": "linear", "pooling": "mena"}}, "pooling 'mena' is not one of mean, max, first, last"),
        ({"head": {"name": "linear", "what": 1}}, "head 'linear' has no setting 'what'"),
        ({"head": {"name": "attention", "size": -1}}, "head 'attention': "),
        ({"kind": "multi", "objective": "focal"}, "task 'mood' is multi; objective 'focal' is for single and ordinal"),
        ({"space": "polarity-3", "objective": {"name": "focal", "weight": [1, 2]}}, "2 weights; expected"),
    ],
)
def test_settings_of_heads_and_objectives_are_checked(file, part, sentence):
    with pytest.raises(RecipeError, match=sentence):
        invoke("validate", file({"tasks": [{"name": "mood", "train": "rows.csv", **part}]}))


@pytest.mark.parametrize(
    "part",
    [
        {"objective": "huber"},
        {"objective": {"name": "bce", "weight": "balanced"}},
        {"objective": {"name": "focal", "weight": [1, 2, 3]}},
        {"space": "intensity"},
        {"space": ["a", "b"], "objective": {"name": "focal", "weight": [1, 2]}},
    ],
)
def test_parts_that_fit_are_valid_before_any_label_is_seen(file, tmp_path, part):
    (tmp_path / "rows.csv").write_text("text,label\n", encoding="utf-8")

    assert invoke("validate", file({"tasks": [{"name": "mood", "train": "rows.csv", **part}]})).exit_code == 0


@pytest.mark.parametrize("content", ["a: [", "- 1", "", "\x00"])
def test_what_is_no_recipe_is_told(tmp_path, content):
    (tmp_path / "recipe.yaml").write_text(content, encoding="utf-8")

    with pytest.raises(RecipeError, match=r"recipe\.yaml: "):
        invoke("validate", tmp_path / "recipe.yaml")


def test_a_missing_recipe_is_told(tmp_path):
    with pytest.raises(RecipeError, match="cannot be read"):
        invoke("show", tmp_path / "none.yaml")


def test_the_schema_is_one_line_of_json_that_knows_every_key():
    result = invoke("schema")

    schema = json.loads(result.stdout)
    assert result.stdout.count("\n") == 1
    assert {"tasks", "base", "epochs", "optimiser"} <= set(schema["properties"])
    assert schema["additionalProperties"] is False
