import csv
import json

import pytest
from running import invoke

from sentimo.cli.analyze import analyze
from sentimo.cli.baseline import baseline
from sentimo.cli.phenomena import phenomena
from sentimo.cli.predict import predict
from sentimo.core.bundle import Bundle
from sentimo.engine.analyzer import Analyzer
from sentimo.errors import InputError


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "rules.csv"
    path.write_text("word,label,name\nfrobbly,negative,made up\n", "utf-8")
    return path


def test_the_trace_of_the_lexicon_is_shown_in_the_language_of_the_text():
    shown = invoke(analyze, "--model", "lexicon", "--trace", "never good", "很满意").stdout

    assert "'never' turns 'good' around (x -0.74)" in shown
    assert "程度词“很”改变“满意”的强度" in shown


def test_json_holds_the_rules_that_fired(rules):
    found = json.loads(invoke(analyze, "--model", "lexicon", "--rules", rules, "--json", "a frobbly good day").stdout)

    assert found["polarity"]["label"] == "negative"
    assert [(each["rule"], each["name"], each["start"]) for each in found["trace"]] == [("override", "made up", 2)]


def test_json_with_trace_holds_both_kinds(rules):
    told = invoke(analyze, "--model", "lexicon", "--rules", rules, "--trace", "--json", "frobbly good").stdout

    assert [each["rule"] for each in json.loads(told)["trace"]] == ["override", "word"]


def test_without_rules_json_is_as_before():
    assert "trace" not in json.loads(invoke(analyze, "--model", "lexicon", "--json", "good").stdout)


def test_a_rule_about_no_label_of_the_model_is_told(tmp_path):
    path = tmp_path / "rules.json"
    path.write_text('[{"word": "a", "label": "postive"}]', "utf-8")

    with pytest.raises(InputError, match="Did you mean 'positive'"):
        invoke(analyze, "--model", "lexicon", "--rules", path, "good")


def test_predict_names_the_rules_in_a_column_and_resumes_with_the_same_only(rules, tmp_path):
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("text\na frobbly thing\na good thing\n", "utf-8")
    invoke(predict, source, "-o", output, "--model", "lexicon", "--rules", rules, "--text", "text")
    with output.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    assert [row["rules"] for row in rows] == ["made up", ""]
    assert [row["polarity"] for row in rows] == ["negative", "positive"]
    plain, ruled = Analyzer.load("lexicon"), Analyzer.load("lexicon", rules=rules)
    assert plain.identity != ruled.identity


def test_phenomena_judges_a_model_with_rules(rules, tmp_path):
    suite = tmp_path / "suite.csv"
    suite.write_text("group,case,expect,text\nmine,,negative,a frobbly day\n", "utf-8")
    judged = [
        json.loads(invoke(phenomena, "lexicon", "--file", suite, "--json", *more).stdout)["reports"][0]["total"][
            "right"
        ]
        for more in ([], ["--rules", rules])
    ]

    assert judged == [0, 1]


def test_a_lexicon_baseline_is_judged_and_saved(tmp_path):
    data, words, output = tmp_path / "a.csv", tmp_path / "words.csv", tmp_path / "model"
    rows = [
        (f"the {thing} was {word} {n}", label)
        for n in range(10)
        for thing in ("film", "room")
        for word, label in (("frobbly", "bad"), ("zorgy", "good"))
    ]
    data.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows), "utf-8")
    words.write_text("word,valence\nfrobbly,-0.6\nzorgy,0.6\n", "utf-8")

    report = json.loads(
        invoke(baseline, data, "--method", "lexicon", "--lexicon", words, "-o", output, "--json").stdout
    )

    (task,) = report["tasks"].values()
    assert task["figures"]["accuracy"]["value"] == 1.0
    bundle = Bundle.open(output)
    assert bundle.manifest.backend == "lexicon"
    assert Analyzer.load(output).analyze("a zorgy day").tasks[next(iter(report["tasks"]))].label == "good"


def test_words_without_the_method_are_misuse(tmp_path):
    data = tmp_path / "a.csv"
    data.write_text("text,label\na,b\n", "utf-8")

    assert invoke(baseline, data, "--lexicon", data).exit_code == 2
