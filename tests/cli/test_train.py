from __future__ import annotations

import csv
import json
import subprocess
import sys

import pytest
from running import invoke

from sentimo import cli
from sentimo.cli.learning_curve import learning_curve
from sentimo.cli.train import train
from sentimo.engine.predictor import Predictor
from sentimo.errors import BundleError, DataError, InputError, RecipeError
from sentimo.train.recipe import dump_recipe


@pytest.fixture
def reviews(labelled):
    return labelled / "polarity.csv"


@pytest.fixture
def recipe_file(multi_task, tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(dump_recipe(multi_task), "utf-8")
    return path


@pytest.fixture
def asked(monkeypatch, trained):
    """What `train` of the library is asked for; it gives the shared model at once."""
    calls = []

    def fake(recipe, output, **choices):
        calls.append((recipe, output, choices))
        return trained

    monkeypatch.setattr("sentimo.train.run.train", fake)
    return calls


def chosen(asked, *arguments):
    """The recipe that the command makes of its arguments."""
    assert invoke(train, *arguments).exit_code == 0
    return asked[-1][0]


# ---------------------------------------------------------------------------------------------- the whole way


def test_flags_alone_train_a_model(reviews, encoder, tmp_path):
    result = invoke(
        train, "--data", reviews, "--base", encoder, "-o", tmp_path / "2024", "--epochs", 1, "--no-baseline", "--json"
    )

    printed = json.loads(result.stdout)
    predictor = Predictor.load(tmp_path / "2024")
    assert result.stdout.count("\n") == 1
    assert printed["model"] == str(tmp_path / "2024")
    assert printed["digest"] == predictor.model.digest
    assert (printed["test"]["title"], printed["before"]["title"]) == ("after training", "before training")
    assert (printed["baseline"], len(printed["epochs"])) == (None, 1)
    assert predictor.model.name == "2024"
    assert predictor.analyze("I love it").polarity.label in ("negative", "neutral", "positive")
    assert "Task 'polarity' (another name: --task)" in result.stderr
    assert "M weights (" in result.stderr


def test_a_person_sees_the_report_with_all_columns_and_what_to_do_next(recipe_file, asked, tmp_path):
    result = invoke(train, recipe_file, "-o", tmp_path / "mine")

    for heading in ("after training", "untuned", "n-gram baseline", "polarity", "emotions", "stars", "intensity"):
        assert heading in result.stdout
    assert f'Saved {tmp_path / "mine"}. Try: sentimo analyze --model {tmp_path / "mine"} "..."' in result.stderr


# ---------------------------------------------------------------------------------------------- the recipe


def test_a_recipe_goes_to_the_library_as_it_is(recipe_file, multi_task, asked, tmp_path):
    recipe = chosen(asked, recipe_file, "-o", tmp_path / "mine", "--resume", "--overwrite")

    _, output, choices = asked[-1]
    assert recipe == multi_task
    assert (output, choices["resume"], choices["overwrite"]) == (tmp_path / "mine", True, True)


def test_flags_and_settings_change_a_recipe(recipe_file, multi_task, asked, tmp_path):
    recipe = chosen(
        asked, recipe_file, "-o", tmp_path / "mine", "--base", "some/base", "--epochs", 7, "--learning-rate", "2e-5",
        "--head", "attention", "--batch-size", 4, "--max-tokens", 16, "--freeze", "embeddings", "--seed", 5,
        "--no-baseline", "--name", "yes", "--set", "optimiser.layer_decay=0.9", "--set", "schedule=cosine",
        "--set", "tasks.1.objective={name: asymmetric}", "--set", "tasks.0.label=polarity", "--set", "epochs=8",
    )  # fmt: skip

    assert (recipe.base, recipe.name, recipe.epochs, recipe.seed) == ("some/base", "yes", 8.0, 5)
    assert (recipe.optimiser.learning_rate, recipe.optimiser.layer_decay) == (2e-5, 0.9)
    assert (recipe.batch_size, recipe.max_tokens, recipe.freeze, recipe.baseline) == (4, 16, "embeddings", False)
    assert [task.head.name for task in recipe.tasks] == ["attention"] * 4
    assert recipe.tasks[1].objective.name == "asymmetric"
    assert (recipe.tasks[0].label, recipe.schedule.name) == ("polarity", "cosine")
    assert recipe.tasks[0].train == multi_task.tasks[0].train


def test_null_takes_a_choice_back(recipe_file, asked, tmp_path):
    recipe = chosen(asked, recipe_file, "-o", tmp_path / "mine", "--set", "optimiser.learning_rate=null")

    assert recipe.optimiser.learning_rate is None


@pytest.mark.parametrize("folder", ["mine", "3", "null", "a: b", "on"])
def test_a_model_is_called_like_its_folder(reviews, asked, tmp_path, folder):
    assert chosen(asked, "--data", reviews, "-o", tmp_path / folder).name == folder


def test_a_recipe_with_a_name_keeps_it(recipe_file, asked, tmp_path):
    assert chosen(asked, recipe_file, "-o", tmp_path / "mine").name == "four tasks"


def test_flags_make_a_task(labelled, asked, tmp_path):
    recipe = chosen(
        asked, "--data", labelled / "stars.csv", "--data", labelled / "stars.csv", "--dev", labelled / "stars.csv",
        "--test", labelled / "stars.csv", "--text", "text", "--label", "stars", "--task", "rating", "--kind", "ordinal",
        "--space", "1, 2,3,4,5", "--on-unknown", "skip", "--objective", "focal", "-o", tmp_path / "mine",
    )  # fmt: skip

    (task,) = recipe.tasks
    files = [labelled / "stars.csv"]
    assert (task.train, task.dev, task.test) == (files * 2, files, files)
    assert (task.name, task.text, task.label, task.kind) == ("rating", "text", "stars", "ordinal")
    assert (task.space, task.on_unknown, task.objective.name) == (["1", "2", "3", "4", "5"], "skip", "focal")


def test_a_task_without_a_name_is_called_after_its_labels(labelled, asked, tmp_path):
    assert chosen(asked, "--data", labelled / "emotions.jsonl", "-o", tmp_path / "a").tasks[0].name == "emotions"
    assert chosen(asked, "--data", labelled / "stars.csv", "-o", tmp_path / "b").tasks[0].name == "stars"


def test_a_separator_splits_cells_of_several_labels(asked, tmp_path):
    path = tmp_path / "moods.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [["text", "moods"], *([f"text {n}", "joy+fear" if n % 2 else "joy"] for n in range(30))]
        )

    recipe = chosen(asked, "--data", path, "--separator", "+", "-o", tmp_path / "mine")

    assert (recipe.tasks[0].separator, recipe.tasks[0].name) == ("+", "moods")


# ---------------------------------------------------------------------------------------------- refusals


def test_without_recipe_and_data_it_asks_for_one():
    with pytest.raises(InputError, match=r"give either a recipe or --data, for example: sentimo train --data"):
        invoke(train, "-o", "nowhere")


@pytest.mark.parametrize("flag", ["--data", "--dev", "--test", "--text", "--task", "--kind", "--on-unknown"])
def test_flags_of_a_task_do_not_go_with_a_recipe(recipe_file, tmp_path, flag):
    with pytest.raises(InputError, match=f"which files and labels its tasks have; leave out {flag}"):
        invoke(train, recipe_file, "-o", tmp_path / "mine", flag, "error")


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("epochs", "setting 'epochs': expected KEY=VALUE, such as"),
        ("name=[", r"setting 'name=\[': '\[' is not YAML"),
        ("epoch=3", "settings: unknown key 'epoch'. Did you mean 'epochs'"),
        ("optimizer.name=sgd", "unknown key 'optimizer'. Did you mean 'optimiser'"),
        ("optimiser.nam=sgd", "unknown key 'optimiser.nam'. Did you mean 'name'"),
        ("epochs=many", "settings: epochs: Input should be a valid number"),
        ("tasks.9.head=attention", "setting 'tasks.9.head': there is no '9'"),
        ("tasks.first.head=attention", "there is no 'first'"),
        ("tasks.0=polarity", "setting 'tasks.0': tasks has no keys"),
        ("name.first=a", "settings: name: Input should be a valid string"),
        (
            "tasks.0.objective.gamma=2",
            "tasks.0.objective is not set; give it as a whole",
        ),
    ],
)
def test_a_wrong_setting_is_refused(recipe_file, tmp_path, setting, sentence):
    with pytest.raises(RecipeError, match=sentence):
        invoke(train, recipe_file, "-o", tmp_path / "mine", "--set", setting)


def test_a_taken_target_is_refused_before_a_file_is_read(trained, tmp_path):
    with pytest.raises(BundleError, match="already holds a model"):
        invoke(train, "--data", tmp_path / "nowhere.csv", "-o", trained.bundle.path)


@pytest.mark.parametrize("command", ["train", "learning-curve"])
def test_without_torch_it_says_what_to_install(command, recipe_file):
    code = "import sys; sys.modules['torch'] = None; from sentimo.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, command, str(recipe_file)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stderr.startswith("sentimo: training (torch) needs an optional part that is not installed. Run: pip")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--data", "nowhere.csv"],
        ["nowhere.yaml"],
        ["--data", "reviews.csv", "--base", "./nowhere"],
        ["--data", "reviews.csv", "--kind", "singel"],
        ["--data", "reviews.csv", "--label", "labels"],
        ["--data", "reviews.csv", "--resume", "--base", "BASE"],
        ["--data", "reviews.csv", "--objective", "bce", "--base", "BASE"],
    ],
)
def test_an_error_is_one_line_and_exit_status_one(arguments, reviews, encoder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reviews.csv").write_bytes(reviews.read_bytes())
    given = [str(encoder) if each == "BASE" else each for each in arguments]
    monkeypatch.setattr(
        sys,
        "argv",
        ["sentimo", "train", *given, "--task", "mood"] if "--data" in given else ["sentimo", "train", *given],
    )

    with pytest.raises(SystemExit) as stopped:
        cli.main()

    streams = capsys.readouterr()
    assert stopped.value.code == 1
    assert streams.out == ""
    assert streams.err.splitlines()[-1].startswith("sentimo: ")
    assert "Traceback" not in streams.err
    assert not (tmp_path / "models").exists()


def test_the_help_has_an_example():
    assert "Example: sentimo train --data reviews.csv" in invoke(train, "--help").stdout


# ---------------------------------------------------------------------------------------------- learning curves


@pytest.fixture
def one_task(multi_task, tmp_path):
    path = tmp_path / "one.yaml"
    path.write_text(dump_recipe(multi_task.model_copy(update={"tasks": multi_task.tasks[:1]})), "utf-8")
    return path


@pytest.fixture
def few_steps(monkeypatch):
    monkeypatch.setattr("sentimo.train.learning_curve.MIN_STEPS", 2)


def test_a_learning_curve_is_a_table_with_a_bar(one_task, few_steps):
    result = invoke(learning_curve, one_task, "--sizes", "8,16", "--seeds", 2)

    assert "polarity: macro_f1, mean of 2 samples with 95% interval" in result.stdout
    assert [line.split()[1] for line in result.stdout.splitlines() if line.startswith("│")] == ["8", "16"]
    assert [line.split(":")[0] for line in result.stderr.splitlines() if ":" in line] == ["8 rows", "16 rows"]
    assert "training on 16 rows, sample 2 of 2" in result.stderr


def test_a_learning_curve_of_a_file_needs_no_recipe(labelled, encoder, few_steps):
    files = ["--data", labelled / "stars.csv", "--text", "text", "--label", "stars"]

    result = invoke(learning_curve, *files, "--base", encoder, "--sizes", "8", "--seeds", 1, "--json")

    assert json.loads(result.stdout)["task"] == "stars"


@pytest.mark.parametrize("arguments", [[], ["recipe.yaml", "--data", "rows.csv"]])
def test_a_learning_curve_takes_a_recipe_or_files(arguments):
    with pytest.raises(InputError, match="give either a recipe or --data"):
        invoke(learning_curve, *arguments)


def test_a_learning_curve_in_json_is_one_line(one_task, few_steps):
    result = invoke(learning_curve, one_task, "--sizes", "8", "--seeds", 1, "--json")

    (point,) = json.loads(result.stdout)["points"]
    assert result.stdout.count("\n") == 1
    assert (point["n"], point["model"]["low"]) == (8, None)


def test_sizes_that_are_no_numbers_are_refused(one_task):
    with pytest.raises(InputError, match="--sizes '8,many': expected whole numbers with commas"):
        invoke(learning_curve, one_task, "--sizes", "8,many")


def test_a_learning_curve_of_a_missing_file_is_refused(one_task):
    one_task.write_text(one_task.read_text("utf-8").replace("polarity.csv", "nowhere.csv"), "utf-8")

    with pytest.raises(DataError, match=r"nowhere\.csv"):
        invoke(learning_curve, one_task)
