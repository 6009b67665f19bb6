import json

import pytest
import running

from sentimo.cli.baseline import baseline
from sentimo.errors import BundleError, RecipeError

THINGS = [f"{noun} {number}" for noun in ("soup", "hotel", "手机", "物流") for number in range(10)]
ROWS = [
    *((f"{thing} is lovely 真好", "positive") for thing in THINGS),
    *((f"{thing} is awful 太差", "negative") for thing in THINGS),
]


@pytest.fixture
def reviews(tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text("\n".join(["review,mood", *(f"{text},{label}" for text, label in ROWS)]) + "\n", encoding="utf-8")
    return path


def invoke(*arguments):
    return running.invoke(baseline, *arguments)


def columns_of(path):
    return (path, "--text", "review", "--label", "mood")


@pytest.mark.parametrize("method", ["logistic", "svm", "bayes"])
def test_baseline_prints_the_test_report(reviews, method):
    result = invoke(*columns_of(reviews), "--method", method)

    assert result.exit_code == 0
    assert "n-gram baseline" in result.stdout
    assert "polarity (single, 2 labels, 8 rows)" in result.stdout
    assert f"Fitting {method} on 64 rows" in result.stderr


def test_baseline_json_is_one_line_of_json(reviews):
    result = invoke(*columns_of(reviews), "--json", "--task", "polarity")

    report = json.loads(result.stdout)

    assert result.stdout.count("\n") == 1
    assert report["tasks"]["polarity"]["figures"]["accuracy"]["value"] == 1.0


def test_without_test_rows_the_report_says_it_is_on_dev(reviews, tmp_path):
    dev = tmp_path / "dev.csv"
    dev.write_text("review,mood\na film is lovely 真好,positive\na film is awful 太差,negative\n", encoding="utf-8")

    report = json.loads(invoke(*columns_of(reviews), "--dev", dev, "--json").stdout)

    assert (report["data"], report["n_rows"]) == ("the dev rows", 2)


def test_training_rows_that_also_stand_in_test_are_left_out(reviews, tmp_path):
    test = tmp_path / "test.csv"
    test.write_text("review,mood\nSoup 0 is lovely 真好！,positive\nsoup 1 is awful 太差,negative\n", encoding="utf-8")

    result = invoke(*columns_of(reviews), "--test", test)

    assert "training rows left out, their texts stand in test" in result.stderr


def test_baseline_saves_a_model_with_card_and_report(reviews, tmp_path):
    from sentimo.engine.analyzer import Analyzer

    result = invoke(*columns_of(reviews), "--task", "polarity", "-o", tmp_path / "base")

    assert f"Saved {tmp_path / 'base'}" in result.stderr
    assert "# base" in (tmp_path / "base" / "README.md").read_text("utf-8")
    assert json.loads((tmp_path / "base" / "report.json").read_text("utf-8"))["tasks"]
    assert Analyzer.load(tmp_path / "base").analyze("这家店真好").polarity.label == "positive"


def test_baseline_leaves_a_taken_folder_alone(reviews, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("mine")

    with pytest.raises(BundleError, match="is not a model folder"):
        invoke(*columns_of(reviews), "-o", tmp_path / "notes", "--overwrite")


def test_a_task_name_that_answers_already_have_is_refused(reviews):
    with pytest.raises(RecipeError, match="cannot be called 'text'"):
        invoke(*columns_of(reviews), "--task", "text")


def test_the_help_has_an_example():
    assert "Example: sentimo" in invoke("--help").stdout


def test_baseline_reads_a_file_written_in_its_own_way(tmp_path):
    path = tmp_path / "reviews.csv"
    lines = ["review;mood", *(f"{text};{'good' if label == 'positive' else 'poor'}" for text, label in ROWS), "x;?"]
    path.write_text("\n".join(lines), encoding="utf-16")
    options = [
        "--mapping",
        "good=positive,poor=negative,?=unsure",
        "--space",
        "negative,positive",
        "--task",
        "polarity",
    ]

    result = invoke(*columns_of(path), *options, "--on-unknown", "skip", "--delimiter", ";", "--encoding", "utf-16")

    assert "polarity (single, 2 labels, 8 rows)" in result.stdout
    assert "polarity: 1 rows of train could not be used" in result.stderr
