import json
import sys
from types import ModuleType, SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
from running import invoke

from sentimo.cli.compare import compare
from sentimo.cli.evaluate import evaluate
from sentimo.core.labels import EKMAN_7, POLARITY_3
from sentimo.core.predictions import TaskScores
from sentimo.errors import InputError

GOOD_WORDS, BAD_WORDS = ("lovely", "好"), ("broken", "差")


class Model(NamedTuple):
    name: str
    digest: str


class FakeAnalyzer:
    """Knows a few words; the model called "poor" always answers neutral."""

    def __init__(self, name):
        self.name = name
        self.spaces = {"polarity": POLARITY_3} if name == "small" else {"polarity": POLARITY_3, "emotion": EKMAN_7}

    @classmethod
    def load(cls, name, base=None):
        return cls(str(name))

    def predict(self, texts):
        polarity = np.array([self.polarity(text) for text in texts], dtype=np.float32)
        emotion = np.eye(7, dtype=np.float32)[[3 if self.polarity(text)[2] > 0.5 else 4 for text in texts]]
        scores = {"polarity": TaskScores(POLARITY_3, polarity, None), "emotion": TaskScores(EKMAN_7, emotion, None)}
        tasks = {name: scores[name] for name in self.spaces}
        return SimpleNamespace(tasks=tasks, models=(Model(self.name, "0" * 64),))

    def polarity(self, text):
        if self.name == "poor":
            return [0.1, 0.8, 0.1]
        if any(word in text for word in GOOD_WORDS):
            return [0.1, 0.1, 0.8]
        return [0.8, 0.1, 0.1] if any(word in text for word in BAD_WORDS) else [0.2, 0.6, 0.2]


@pytest.fixture(autouse=True)
def fake_models(monkeypatch):
    module = ModuleType("sentimo.engine.analyzer")
    module.Analyzer = FakeAnalyzer
    monkeypatch.setitem(sys.modules, "sentimo.engine.analyzer", module)


@pytest.fixture
def reviews(tmp_path):
    rows = [
        "a lovely bag,positive",
        "一家好店,positive",
        "a broken zip,negative",
        "质量差,negative",
        "it is a bag,neutral",
    ]
    lines = ["text,polarity", *(f"{n}: {row}" for n, row in enumerate(rows * 8))]
    path = tmp_path / "reviews.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def columns_of(path):
    return (path, "--text", "text", "--label", "polarity")


def test_evaluate_prints_figures_with_intervals(reviews):
    result = invoke(evaluate, "mine", *columns_of(reviews), "--n-bootstrap", 50)

    assert result.exit_code == 0
    assert "macro F1" in result.stdout
    assert "1.0000 [1.0000, 1.0000]" in result.stdout
    assert "Judging task polarity on 40 rows" in result.stderr


def test_evaluate_json_is_one_line_of_json(reviews):
    result = invoke(evaluate, "poor", *columns_of(reviews), "--json", "--n-bootstrap", 50)

    report = json.loads(result.stdout)

    assert result.stdout.count("\n") == 1
    assert report["tasks"]["polarity"]["figures"]["accuracy"]["value"] == pytest.approx(0.2)  # the neutral rows
    assert (report["model"], report["n_rows"]) == ("poor", 40)


def test_evaluate_with_one_seed_gives_the_same_intervals(reviews):
    first, again = (invoke(evaluate, "poor", *columns_of(reviews), "--json", "--seed", 5).stdout for _ in range(2))

    assert first == again


def test_evaluate_writes_an_html_report(reviews, tmp_path):
    invoke(evaluate, "mine", *columns_of(reviews), "--html", tmp_path / "report.html", "--n-bootstrap", 20)

    assert "macro F1" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_evaluate_refuses_a_task_the_model_does_not_have(reviews):
    with pytest.raises(InputError, match="no task 'colour'"):
        invoke(evaluate, "mine", *columns_of(reviews), "--task", "colour")


def test_compare_names_the_clear_winner(reviews):
    result = invoke(compare, "mine", "poor", *columns_of(reviews))

    assert result.exit_code == 0
    assert "mine is better than poor" in result.stdout


def test_compare_of_equals_names_no_winner(reviews):
    comparison = json.loads(invoke(compare, "mine", "small", *columns_of(reviews), "--json").stdout)

    assert (comparison["winner"], comparison["task"], comparison["mcnemar"]["p"]) == (None, "polarity", 1.0)


def test_compare_reads_the_labels_for_a_task_that_both_have(reviews):
    with pytest.raises(InputError, match="no task 'emotion'"):
        invoke(compare, "mine", "small", *columns_of(reviews), "--task", "emotion")


@pytest.mark.parametrize("command", [evaluate, compare])
def test_the_help_has_an_example(command):
    assert "Example: sentimo" in invoke(command, "--help").stdout


@pytest.mark.parametrize(("command", "models"), [(evaluate, ["small"]), (compare, ["small", "poor"])])
def test_a_file_written_in_its_own_way_is_read_as_the_options_say(tmp_path, command, models):
    path = tmp_path / "odd.csv"
    rows = ["a lovely bag|5 stars", "这个差|1 star", "it is a bag|3 stars", "a bag|no idea", "odd|?"]
    path.write_bytes("\n".join(["text|verdict", *rows]).encode("utf-16"))
    names = "5 stars=positive,1 star=negative,3 stars=neutral,?=unsure"
    options = ["--mapping", names, "--delimiter", "|", "--encoding", "utf-16", "--on-unknown", "skip"]

    result = invoke(command, *models, path, "--label", "verdict", "--task", "polarity", *options, "--json")

    assert "on 3 rows" in result.stderr
    assert json.loads(result.stdout)


def test_ids_are_told_before_they_are_judged(tmp_path):
    path = tmp_path / "ids.csv"
    path.write_text("text,polarity\na lovely bag,2\nbroken,0\na bag,1\n", "utf-8")

    result = invoke(evaluate, "small", path)

    assert "read as ids: 0 is 'negative', 2 is 'positive'" in result.stderr


def test_a_report_that_cannot_be_written_is_refused_before_any_work(reviews, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="is a folder; name a file"):
        invoke(evaluate, "small", reviews, "--html", tmp_path)

    assert invoke(evaluate, "small", reviews, "--html", tmp_path / "new" / "report.html").exit_code == 0
    assert (tmp_path / "new" / "report.html").is_file()


@pytest.mark.parametrize(("command", "models"), [(evaluate, ["small"]), (compare, ["small", "poor"])])
def test_a_seed_below_0_is_misuse(reviews, command, models):
    assert invoke(command, *models, reviews, "--seed", "-1").exit_code == 2


def test_a_mapping_that_is_none_is_told(reviews):
    with pytest.raises(InputError, match="Did you mean 'smp2020-6 -> ekman-7'"):
        invoke(evaluate, "small", reviews, "--mapping", "smp2020-6 - ekman-7")


def test_evaluate_attacks_the_model_when_asked(reviews):
    shown = invoke(evaluate, "small", *columns_of(reviews), "--attack", "typos,homophones", "--n-bootstrap", 20)
    told = invoke(evaluate, "small", *columns_of(reviews), "--attack", "all", "--attack-rows", 9, "--json")

    assert "under attack (typos, homophones; 40 rows)" in shown.stdout
    found = json.loads(told.stdout)["attack"]
    assert (found["n"], found["clean"]["value"]) == (9, 1.0)
    assert found["robust"]["low"] <= found["robust"]["value"] < 1.0


def test_an_unknown_attack_is_refused_before_any_work():
    with pytest.raises(InputError, match="attack 'typo' is not known"):
        invoke(evaluate, "small", "nowhere.csv", "--attack", "typo")
