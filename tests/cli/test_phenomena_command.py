import json

import pytest
from running import invoke

from sentimo.cli.phenomena import phenomena
from sentimo.errors import BundleError, DataError


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.csv"
    rows = [
        "mine,,positive,a good day",
        "mine,,negative,a \x1b[31mgood] day",
        "joy,,emotion: joy,what a day",
        'order,1,rising: positivity,"bad, so bad"',
        "order,1,rising: positivity,good",
    ]
    path.write_text("\n".join(["group,case,expect,text", *rows]) + "\n", "utf-8")
    return path


def test_the_table_shows_every_group_and_all(fake_model, own):
    result = invoke(phenomena, "mine", "--file", own, columns=100)

    assert result.exit_code == 0
    # Wilson for 1 of 2 and for 2 of 3
    assert "0.50 [0.09, 0.91]" in result.stdout
    assert "0.67 [0.21, 0.94]" in result.stdout
    assert "[fake] (abababababab)" in result.stdout
    assert "1 cases left out: the model does not answer joy" in result.stderr
    assert "so bad" not in result.stdout
    assert fake_model == ["mine"]


def test_failures_are_shown_with_what_was_found_and_cannot_steer_the_terminal(fake_model, own):
    result = invoke(phenomena, "mine", "--file", own, "--failures", columns=120)

    assert "neutral 0.79" in result.stdout  # e^2 / (e^2 + 2)
    assert "␛[31mgood] day" in result.stdout
    assert "\x1b" not in result.stdout


def test_json_is_one_line_of_json(fake_model, own):
    result = invoke(phenomena, "mine", "--file", own, "--json")

    (report,) = json.loads(result.stdout)["reports"]

    assert result.stdout.count("\n") == 1
    assert (report["total"]["n"], report["total"]["right"]) == (3, 2)
    assert report["groups"].keys() == {"mine", "order"}
    assert [failure["where"] for failure in report["failures"]] == [f"{own}, row 2"]


def test_a_suite_that_comes_with_sentimo_is_chosen_by_language(fake_model):
    result = invoke(phenomena, "mine", "--language", "zh", "--json")

    (report,) = json.loads(result.stdout)["reports"]

    assert report["suite"] == "zh"
    assert "traditional" in report["groups"]


def test_the_built_in_models_are_asked_in_both_languages(fake_model):
    reports = json.loads(invoke(phenomena, "auto", "--json").stdout)["reports"]

    assert [report["suite"] for report in reports] == ["en", "zh"]


def test_a_language_and_a_file_are_misuse(fake_model, own):
    result = invoke(phenomena, "mine", "--file", own, "--language", "en")

    assert result.exit_code == 2
    assert "give one" in result.stderr
    assert fake_model == []


def test_a_file_that_is_not_there_is_told_before_a_model_is_opened(fake_model, tmp_path):
    with pytest.raises(DataError, match="none.csv"):
        invoke(phenomena, "mine", "--file", tmp_path / "none.csv")

    assert fake_model == []


def test_a_model_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(BundleError, match="no such model folder"):
        invoke(phenomena, tmp_path / "none")
