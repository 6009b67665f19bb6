from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from sentimo.core.labels import MAPPINGS
from sentimo.errors import RecipeError
from sentimo.train.recipe import (
    Recipe,
    dump_recipe,
    load_recipe,
    parse_recipe,
    parse_setting,
    relative_to,
    with_settings,
)

TASK = {"name": "mood", "train": "reviews.csv"}

EVERYTHING = {
    "name": "everything",
    "base": "some/encoder",
    "tasks": [
        {
            "name": "stars",
            "train": ["a.csv", "b.jsonl"],
            "dev": "dev.csv",
            "test": "test.csv",
            "text": "review",
            "label": "stars",
            "kind": "ordinal",
            "space": ["1", "2", "3"],
            "mapping": {"one": "1"},
            "on_unknown": "skip",
            "head": {"name": "attention", "size": 16},
            "objective": {"name": "ordinal", "weight": "balanced"},
            "loss_weight": 0.5,
        },
        {"name": "emotions", "train": "emotions.csv", "separator": "|", "space": "goemotions-28", "kind": "multi"},
    ],
    "languages": ["en", "zh"],
    "pooling": "mean",
    "epochs": 1.5,
    "optimiser": {"name": "sgd", "learning_rate": 0.02, "layer_decay": 0.9},
    "schedule": "cosine",
    "early_stopping": {"metric": "stars.accuracy", "patience": 1},
    "train_last": 2,
    "seed": 7,
}


def parse(**settings):
    return parse_recipe({"tasks": [TASK], **settings})


def parse_task(**settings):
    return parse_recipe({"tasks": [{**TASK, **settings}]})


def test_a_task_with_a_file_is_a_whole_recipe():
    recipe = parse()

    assert recipe.tasks[0].train == [Path("reviews.csv")]
    assert (recipe.base, recipe.optimiser.name, recipe.schedule.name) == ("minilm", "adamw", "linear")


def test_a_name_stands_for_a_part_without_settings():
    recipe = parse_recipe({"tasks": [{**TASK, "head": "attention", "objective": "focal"}], "optimiser": "sgd"})

    assert (recipe.tasks[0].head.name, recipe.tasks[0].objective.name, recipe.optimiser.name) == (
        "attention",
        "focal",
        "sgd",
    )


def test_a_named_mapping_is_looked_up():
    name = next(iter(MAPPINGS))

    assert parse_task(mapping=name).tasks[0].reading.mapping == MAPPINGS[name]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"tasks": [TASK], "bach_size": 3}, "unknown key 'bach_size'. Did you mean 'batch_size'?"),
        ({"tasks": [{**TASK, "lable": "y"}]}, "unknown key 'tasks.0.lable'. Did you mean 'label'?"),
        (
            {"tasks": [TASK], "optimiser": {"learning_rat": 1}},
            "'optimiser.learning_rat'. Did you mean 'learning_rate'?",
        ),
        ({"tasks": [TASK], "schedule": {"warmpu": 0.1}}, "unknown key 'schedule.warmpu'. Did you mean 'warmup'?"),
        ({"tasks": [TASK], "early_stopping": {"patienc": 1}}, "'early_stopping.patienc'. Did you mean 'patience'?"),
        ({"tasks": [TASK], "learning_rate": 1}, "unknown key 'learning_rate'. Did you mean optimiser.learning_rate?"),
        ({"tasks": [TASK], "imbalance": "weights"}, "unknown key 'imbalance'. Did you mean tasks.0.imbalance?"),
        ({"tasks": [TASK], "early_stopping": {"zzz": 1}}, "'early_stopping.zzz'. Known keys: metric, patience."),
        (
            {"tasks": [{**TASK, "head": "linaer"}]},
            "head 'linaer' is not known (linear, attention). Did you mean 'linear'",
        ),
        ({"tasks": [{**TASK, "objective": "focul"}]}, "Did you mean 'focal'?"),
        ({"tasks": [{**TASK, "space": "polarity3"}]}, "Did you mean 'polarity-3'?"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(data, sentence):
    with pytest.raises(RecipeError) as refused:
        parse_recipe(data, where="my.yaml")

    assert sentence in str(refused.value)
    assert str(refused.value).startswith("my.yaml: ")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"epochs": 0}, "epochs: Input should be greater than 0, found 0"),
        ({"epochs": float("inf")}, "epochs: Input should be a finite number, found inf"),
        ({"batch_size": "many"}, "batch_size: Input should be a valid integer"),
        ({"dropout": 1.0}, "dropout: Input should be less than 1, found 1.0"),
        ({"seed": -1}, "seed: Input should be greater than or equal to 0, found -1"),
        ({"seed": 2**32}, "seed: Input should be less than 4294967296"),
        ({"precision": "fp16"}, "precision: Input should be 'auto', 'fp32' or 'bf16', found 'fp16'"),
        ({"optimiser": "adam"}, "optimiser.name: Input should be 'adamw', 'sgd' or 'adafactor', found 'adam'"),
        ({"optimiser": {"layer_decay": 1.1}}, "optimiser.layer_decay: Input should be less than or equal to 1"),
        ({"tasks": []}, "tasks: List should have at least 1 item"),
        ({"tasks": ["mood"]}, "tasks.0: "),
    ],
)
def test_a_wrong_value_is_named_with_its_place(settings, sentence):
    with pytest.raises(RecipeError) as refused:
        parse(**settings)

    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"kind": "singel"}, "tasks.0.kind: Input should be 'single', 'multi', 'ordinal' or 'score', found 'singel'"),
        ({"train": []}, "tasks.0: train: no file given"),
        ({"name": "text"}, "a task cannot be called 'text'"),
        ({"name": "a/b"}, "task name 'a/b': use letters, digits, - and _"),
        ({"space": 3}, "tasks.0.space: expected a list, found 3"),
        ({"space": ["a", 1]}, "tasks.0.space.1: Input should be a valid string, found 1"),
        ({"objective": ["focal"]}, "tasks.0.objective: expected a name or a mapping of settings, found ['focal']"),
        ({"objective": {"gamma": 2}}, "'tasks.0.objective.name' is missing"),
        ({"loss_weight": 0}, "tasks.0.loss_weight: Input should be greater than 0, found 0"),
    ],
)
def test_a_wrong_value_of_a_task_is_named_with_its_place(settings, sentence):
    with pytest.raises(RecipeError) as refused:
        parse_task(**settings)

    assert sentence in str(refused.value)


def test_every_wrong_place_is_named_at_once():
    with pytest.raises(RecipeError) as refused:
        parse(epochs=0, bach_size=3)

    assert len(str(refused.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"freeze": "encoder", "train_last": 1}, "freeze and train_last exclude each other"),
        ({"tasks": [TASK, TASK]}, "tasks are called alike: mood"),
        ({"tasks": [{**TASK, "head": "attention"}], "pooling": "native"}, "pooling native has plain linear heads only"),
        (
            {"tasks": [{**TASK, "head": {"name": "linear", "pooling": "first"}}], "pooling": "native"},
            "pooling native has plain linear heads only",
        ),
        ({"base": "bilstm", "encoder": {"hidden": 255}}, "encoder.hidden is 255; of a bilstm half"),
        ({"base": "textcnn", "encoder": {"hidden": 2}}, "encoder.hidden is 2: fewer filters than windows"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, sentence):
    with pytest.raises(RecipeError, match=sentence):
        parse(**settings)


@pytest.mark.parametrize(("data", "found"), [(None, "nothing"), ([TASK], "a list"), ("mood", "'mood'"), (3, "3")])
def test_what_is_not_a_table_is_refused(data, found):
    with pytest.raises(RecipeError, match=f"expected keys and values at the top, such as `tasks:`, found {found}"):
        parse_recipe(data)


def test_a_recipe_cannot_be_changed():
    with pytest.raises(ValidationError):
        parse().epochs = 5.0


def test_a_dumped_recipe_reads_back_the_same():
    recipe = parse_recipe(EVERYTHING)

    again = parse_recipe(yaml.safe_load(dump_recipe(recipe)))

    assert again == recipe
    assert again.tasks[0].head.model_extra == {"size": 16}
    assert again.tasks[0].objective.model_extra == {"weight": "balanced"}


def test_a_dumped_recipe_spells_every_choice_out():
    dumped = yaml.safe_load(dump_recipe(parse()))

    assert set(dumped) == set(Recipe.model_fields)
    assert dumped["optimiser"]["weight_decay"] == 0.01


def test_files_are_looked_for_beside_the_recipe(tmp_path):
    elsewhere = tmp_path / "elsewhere.csv"
    (tmp_path / "r.yaml").write_text(
        f"tasks:\n  - {{name: mood, train: data/a.csv, dev: [../b.csv], test: {elsewhere}}}\n"
    )

    task = load_recipe(tmp_path / "r.yaml").tasks[0]

    assert task.train == [tmp_path / "data" / "a.csv"]
    assert task.dev == [tmp_path / ".." / "b.csv"]
    assert task.test == [elsewhere]


def test_a_base_in_a_folder_is_looked_for_beside_the_recipe(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "minilm").mkdir()

    def base(name):
        (tmp_path / "r.json").write_text(json.dumps({"base": name, "tasks": [TASK]}))
        return load_recipe(tmp_path / "r.json").base

    assert base("./mine") == str(tmp_path / "mine")
    assert base("org/encoder") == "org/encoder"
    assert base("minilm") == "minilm"


def test_a_rate_may_be_written_as_1e_minus_4(tmp_path):
    # YAML 1.1 reads 1e-4 as text: it wants a dot.
    (tmp_path / "r.yaml").write_text("tasks: [{name: mood, train: a.csv}]\noptimiser: {learning_rate: 1e-4}\n", "utf-8")

    assert load_recipe(tmp_path / "r.yaml").optimiser.learning_rate == 1e-4


def test_a_recipe_may_be_chinese(tmp_path):
    path = tmp_path / "配方.yaml"
    path.write_text(dump_recipe(parse_task(name="情感", space=["负面", "正面"])), "utf-8")

    assert "负面" in path.read_text("utf-8")
    assert load_recipe(path).tasks[0].space == ["负面", "正面"]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("r.yaml", b"tasks: [", "not YAML"),
        ("r.json", b"{", "not JSON"),
        ("r.yaml", b"", "expected keys and values at the top"),
        ("r.yaml", b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_an_unreadable_file_is_refused_by_name(tmp_path, name, content, sentence):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(RecipeError, match=sentence) as refused:
        load_recipe(tmp_path / name)

    assert name in str(refused.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RecipeError, match=r"none\.yaml: cannot be read"):
        load_recipe(tmp_path / "none.yaml")


def test_a_recipe_seen_from_a_folder_loads_the_same_files_from_there(tmp_path):
    (tmp_path / "models" / "mine").mkdir(parents=True)
    recipe = parse_recipe({"tasks": [{"name": "mood", "train": str(tmp_path / "data" / "a.csv")}]})

    seen = relative_to(recipe, tmp_path / "models" / "mine")
    (tmp_path / "models" / "mine" / "recipe.yaml").write_text(dump_recipe(seen))

    assert seen.tasks[0].train == [Path("../../data/a.csv")]
    loaded = load_recipe(tmp_path / "models" / "mine" / "recipe.yaml")
    assert loaded.tasks[0].train[0].resolve() == (tmp_path / "data" / "a.csv").resolve()


def test_settings_change_a_copy():
    recipe = parse()

    changed = with_settings(
        recipe, {"name": "3", "optimiser.layer_decay": 0.9, "tasks.0.head": "attention", "tasks.0.head.size": 16}
    )

    assert (changed.name, changed.optimiser.layer_decay) == ("3", 0.9)
    assert (changed.tasks[0].head.name, changed.tasks[0].head.model_extra) == ("attention", {"size": 16})
    assert recipe == parse()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"epoch": 3}, "settings: unknown key 'epoch'. Did you mean 'epochs'"),
        ({"optimizer.name": "sgd"}, "unknown key 'optimizer'. Did you mean 'optimiser'"),
        ({"epochs": "many"}, "epochs: Input should be a valid number"),
        ({"tasks.9.head": "linear"}, "setting 'tasks.9.head': there is no '9'"),
        ({"tasks.0": "mood"}, "setting 'tasks.0': tasks has no keys"),
        ({"name.first.letter": "a"}, "settings: name: Input should be a valid string"),
    ],
)
def test_a_setting_that_leads_nowhere_is_refused(settings, sentence):
    with pytest.raises(RecipeError, match=re.escape(sentence)):
        with_settings(parse(), settings)


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("epochs=2", ("epochs", 2)),
        ("dropout = null", ("dropout", None)),
        ("base=a=b", ("base", "a=b")),
        ("tasks.0.head={name: attention, size: 16}", ("tasks.0.head", {"name": "attention", "size": 16})),
        ("name=", ("name", None)),
    ],
)
def test_a_written_setting_is_read_as_yaml(text, setting):
    assert parse_setting(text) == setting


@pytest.mark.parametrize("text", ["epochs", "", "name=[", "name=a: b: c"])
def test_a_setting_that_cannot_be_read_is_refused(text):
    with pytest.raises(RecipeError, match="^setting "):
        parse_setting(text)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"base": "textccn"}, "Did you mean 'textcnn'"),
        ({"base": "zh_small"}, "Did you mean 'zh-small'"),
        ({"base": "bilstm", "adapt": "lora"}, "leave adapt out"),
    ],
)
def test_a_base_that_cannot_be_meant_is_refused_before_any_network_is_asked(settings, said):
    with pytest.raises(RecipeError, match=said):
        parse_recipe({"tasks": [{"name": "a", "train": "a.csv"}], **settings})


def test_a_hub_id_without_owner_is_no_misspelling():
    assert parse_recipe({"tasks": [{"name": "a", "train": "a.csv"}], "base": "bert-base-chinese"}).base
