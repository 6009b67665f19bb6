from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentimo.core.labels import INTENSITY, POLARITY_3, SENTIMENT_5, LabelSpace
from sentimo.core.manifest import TaskSpec
from sentimo.core.predictions import ModelId
from sentimo.engine.backends.fake import FakeBackend
from sentimo.engine.overrides import Overrides
from sentimo.engine.predictor import Predictor
from sentimo.errors import InputError

TOPICS = LabelSpace("topics", ("food", "staff"), "multi")
TASKS = (
    TaskSpec("polarity", POLARITY_3),
    TaskSpec("intensity", INTENSITY),
    TaskSpec("topics", TOPICS, 1.0, (0.3, 0.98)),
)
LOGITS = {"polarity": [math.log(0.2), math.log(0.5), math.log(0.3)], "intensity": [0.0], "topics": [0.0, 0.0]}


def predictor(rules=None, tasks=TASKS, logits=None, **how):
    backend = FakeBackend(lambda words: {**LOGITS, **(logits or {})}, **how)
    return Predictor(backend, tasks, ModelId("fake", "0"), rules=Overrides.parse(rules) if rules is not None else None)


def polarity(rules, text):
    return predictor(rules).analyze(text).polarity.probabilities


def test_without_rules_nothing_is_traced():
    prediction = predictor().analyze("a text")

    assert prediction.trace is None
    assert "trace" not in prediction.to_dict()


def test_a_text_without_a_match_keeps_its_answer_to_the_bit():
    plain, ruled = (
        predictor().predict(["a text"]),
        predictor([{"word": "refund", "label": "negative"}]).predict(["a text"]),
    )

    assert np.array_equal(plain.tasks["polarity"].scores, ruled.tasks["polarity"].scores)
    assert ruled.traces == ((),)


def test_a_label_is_raised_to_the_certainty_and_the_others_keep_their_proportions():
    found = polarity([{"word": "refund", "label": "negative", "certainty": 0.9}], "I want a Refund!")

    assert found["negative"] == pytest.approx(0.9)
    assert found["neutral"] / found["positive"] == pytest.approx(0.5 / 0.3, rel=1e-4)


def test_a_label_that_is_sure_already_is_left_alone():
    ruled = predictor([{"word": "refund", "label": "neutral", "certainty": 0.51}], logits={"polarity": [0, 9, 0]})

    assert ruled.analyze("refund").polarity.probabilities["neutral"] > 0.99


def test_a_shift_is_added_to_the_logit():
    found = polarity([{"word": "refund", "shift": {"negative": math.log(2)}}], "refund refund")

    # odds 0.2 : 0.5 : 0.3 become 0.4 : 0.5 : 0.3
    assert found == {
        "negative": pytest.approx(0.4 / 1.2),
        "neutral": pytest.approx(0.5 / 1.2),
        "positive": pytest.approx(0.25),
    }


def test_shifts_of_several_rules_add_up_and_a_decision_comes_last():
    rules = [
        {"word": "a", "label": "positive", "certainty": 0.8},
        {"word": "b", "shift": {"negative": 1.0}},
        {"regex": "[bc]", "shift": {"negative": 2.0}},
    ]
    shifted, decided = polarity(rules, "b"), polarity(rules, "a b")

    assert shifted["negative"] == pytest.approx(0.2 * math.e**3 / (0.2 * math.e**3 + 0.8))
    assert decided["positive"] == pytest.approx(0.8)


def test_labels_of_a_multi_label_task_are_raised_past_their_threshold():
    rules = [{"word": "waiter", "label": "staff"}, {"word": "soup", "label": "food"}]
    prediction = predictor(rules).analyze("the waiter spilt the soup")

    assert set(prediction.tasks["topics"].labels) == {"food", "staff"}
    assert prediction.tasks["topics"].probabilities["staff"] == pytest.approx(0.99)  # half way from 0.98 to 1


def test_one_word_may_decide_several_tasks_and_several_labels_that_do_not_exclude_each_other():
    rules = [{"word": "waiter", "label": label} for label in ("staff", "food", "negative")]

    prediction = predictor(rules).analyze("the waiter spilt the soup")

    assert set(prediction.tasks["topics"].labels) == {"food", "staff"}
    assert prediction.polarity.label == "negative"


def test_a_score_is_shifted_in_its_odds():
    prediction = predictor([{"word": "refund", "shift": {"intensity": math.log(3)}}]).analyze("refund")

    assert prediction.intensity == pytest.approx(0.75)


def test_the_first_rule_decides_and_the_trace_tells_who_did_not():
    rules = [
        {"word": "sick", "label": "positive"},
        {"word": ["ill", "sick beat"], "label": "negative", "name": "health"},
    ]
    prediction = predictor(rules).analyze("a sick beat")

    assert prediction.polarity.label == "positive"
    first, second = prediction.trace
    assert first.name == "sick"
    assert first.en.startswith("rule 'sick' decides polarity: positive (+")
    assert second.en == "rule 'health' wants polarity negative; rule 'sick' stands before it and decides"
    assert (second.start, second.end, second.effect) == (2, 11, 0.0)
    assert prediction.to_dict()["trace"][0]["rule"] == "override"
    assert prediction.to_dict()["trace"][0]["name"] == "sick"


@pytest.mark.parametrize(
    ("word", "text", "fires"),
    [
        ("art", "smart", False),
        ("art", "ART!", True),
        ("my cup", "not my  cup", True),
        ("翻车", "这次翻车了", True),
        ("A股", "看好A股", True),
        ("A股", "AA股", False),
        ("c++", "I like C++", True),
        (":)", "ok:)", True),
    ],
)
def test_a_word_is_found_whole_and_chinese_anywhere(word, text, fires):
    assert bool(predictor([{"word": word, "label": "negative"}]).analyze(text).trace) == fires


def test_a_rule_can_stay_silent_behind_a_negation():
    rules = [{"word": "refund", "label": "negative", "unless_negated": True}]

    assert predictor(rules).analyze("no refund needed").trace == ()
    assert predictor(rules).analyze("no refund. A refund!").trace != ()


def test_the_lexicon_is_a_product_of_experts():
    found = polarity({"lexicon": 0.5, "rules": [{"word": "frobbly", "valence": 0.5}]}, "frobbly")
    valence = 2.0 / math.sqrt(4 + 15)

    odds = [0.2 * math.exp(-2 * valence), 0.5 * math.exp(0.4), 0.3 * math.exp(2 * valence)]
    assert list(found.values()) == pytest.approx([each / sum(odds) for each in odds], rel=1e-4)


def test_the_lexicon_leaves_a_text_without_feeling_alone():
    assert polarity({"lexicon": 1.0}, "the parcel arrived")["neutral"] == pytest.approx(0.5)


def test_words_of_the_user_are_turned_around_by_the_rules():
    prediction = predictor([{"word": "frobbly", "valence": 0.8}]).analyze("not frobbly")

    assert [fired.rule for fired in prediction.trace] == ["negation", "word"]
    assert prediction.polarity.probabilities["negative"] > 0.2


def test_the_lexicon_moves_ordered_labels_by_their_place():
    tasks = (TaskSpec("polarity", SENTIMENT_5),)
    ruled = predictor({"lexicon": 1}, tasks, {"polarity": [0, 0, 0, 0, 0]})

    assert list(np.argsort(list(ruled.analyze("I love it").polarity.probabilities.values()))) == [0, 1, 2, 3, 4]


def test_a_row_without_an_answer_stays_so():
    prediction = predictor([{"word": "refund", "label": "negative"}]).predict(["", "refund"])

    assert prediction.errors[0] == "empty text"
    assert prediction[0].trace == ()
    assert prediction[1].polarity.label == "negative"


def test_columns_name_the_rules_that_fired():
    ruled = predictor([{"word": "a", "label": "negative", "name": "first"}, {"word": "b", "shift": {"neutral": 1}}])
    columns = ruled.predict(["a b", "c"]).to_columns()

    assert columns["rules"] == ["first|b", ""]
    assert "rules" not in predictor().predict(["a"]).to_columns()


def test_windows_stay_those_of_the_model():
    prediction = predictor([{"word": "refund", "label": "negative"}], max_tokens=4).analyze("refund " * 8)

    assert prediction.polarity.label == "negative"
    assert all(tasks["polarity"].label == "neutral" for *_, tasks in prediction.windows)


def test_rules_are_part_of_what_the_answers_depend_on():
    one, other = ([{"word": "a", "label": each}] for each in ("negative", "positive"))

    assert len({str(predictor(each).identity) for each in (None, one, other)}) == 3


@given(st.lists(st.floats(-50, 50), min_size=3, max_size=3), st.floats(0.51, 0.99))
def test_probabilities_stay_probabilities(shifts, certainty):
    rules = [
        {"word": "a", "shift": dict(zip(POLARITY_3.labels, shifts, strict=True))},
        {"word": "a", "label": "negative", "certainty": certainty},
    ]
    found = list(polarity(rules, "a").values())

    assert sum(found) == pytest.approx(1.0, abs=1e-5)
    assert all(0 <= each <= 1 for each in found)


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ("nonsense", "expected a list of rules"),
        ([], "no rule in it"),
        ({"rulse": []}, "unknown key 'rulse'. Did you mean 'rules'"),
        (["refund"], "rule 1: found 'refund'"),
        ([{"label": "negative"}], "rule 1: expected a word"),
        ([{"word": "a", "regex": "b", "label": "negative"}], "one of the two"),
        ([{"word": "a"}], "expected a label to decide for, or a shift"),
        ([{"word": "a", "lable": "negative"}], "unknown key 'lable'. Did you mean 'label'"),
        ([{"regex": "(", "label": "negative"}], r"regex '\(' cannot be read"),
        ([{"regex": "a*", "label": "negative"}], "matches an empty text"),
        ([{"word": "a", "shift": 2}], "shift 2 of which label"),
        ([{"word": "a", "shift": {"negative": "much"}}], "shift of 'negative' is 'much'"),
        ([{"word": "a", "label": "negative", "certainty": 1.5}], "certainty is 1.5"),
        ([{"word": "a", "valence": 3}], "valence is 3"),
        ([{"word": "a", "valence": 0.5, "label": "negative"}], "valence goes with word and language.*found label"),
        ([{"word": "a", "valence": 0.5, "certainty": 0.7}], "valence goes .* found certainty"),
        ([{"word": "a", "label": "negative", "language": "en"}], "language goes with valence"),
        ([{"word": "a", "valence": 0.5}, {"word": "a", "valence": -0.5}], "'a' has the valence 0.5 in an earlier rule"),
        ({"lexicon": {"wieght": 1}}, "Did you mean 'weight'"),
        ({"lexicon": {"built_in": False}}, "lexicon has no word"),
    ],
)  # fmt: skip
def test_bad_rules_are_told(rules, says):
    with pytest.raises(InputError, match=says):
        Overrides.parse(rules)


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ([{"word": "a", "label": "negativ"}], "rule 1: the model has no label 'negativ'. Did you mean 'negative'"),
        ([{"word": "a", "task": "topic", "label": "food"}], "no task 'topic'.*Did you mean 'topics'"),
        ([{"word": "a", "shift": {"food": 1, "negative": 1}}], "no task has all of the labels food, negative"),
        ([{"word": "a", "task": "intensity", "label": "intensity"}], "is a score"),
        (
            [{"word": "a", "label": "negative"}, {"word": "A", "label": "negative"}, {"word": "a", "label": "neutral"}],
            "rule 3: 'a' decides for 'neutral', and for 'negative' in rules, rule 1",
        ),
        ({"lexicon": {"task": "topics"}}, "no task 'topics' whose labels are negative and positive"),
    ],
)
def test_rules_that_do_not_fit_the_model_are_told(rules, says):
    with pytest.raises(InputError, match=says):
        predictor(rules)


def test_yaml_json_and_csv_say_the_same(tmp_path):
    rules = [
        {"word": "refund", "label": "negative", "unless_negated": True},
        {"regex": "(?i)late", "label": "negative", "shift": 2, "name": "slow"},
    ]
    (tmp_path / "r.json").write_text(json.dumps(rules), "utf-8")
    (tmp_path / "r.yaml").write_text(
        "- {word: refund, label: negative, unless_negated: true}\n"
        "- {regex: '(?i)late', label: negative, shift: 2, name: slow}\n",
        "utf-8",
    )
    (tmp_path / "r.csv").write_text(
        "word,regex,label,shift,unless_negated,name\nrefund,,negative,,true,\n,(?i)late,negative,2,,slow\n", "utf-8"
    )
    loaded = [Overrides.load(tmp_path / f"r.{ending}") for ending in ("json", "yaml", "csv")]

    told = [[(r.name, r.label, dict(r.shifts), r.unless_negated, r.pattern) for r in each.rules] for each in loaded]
    assert told[0] == told[1] == told[2]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("r.json", "{", "not JSON"),
        ("r.yaml", "a: [", "not YAML"),
        ("r.txt", "", "from .yaml, .json or .csv"),
        ("r.csv", "word,label\nrefund,\n", "r.csv, rule 1: expected a label"),
    ],
)
def test_a_bad_file_is_told(name, content, says, tmp_path):
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(InputError, match=says):
        Overrides.load(tmp_path / name)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(InputError, match=r"none.yaml: cannot be read"):
        Overrides.load(tmp_path / "none.yaml")


def test_a_list_of_others_can_be_the_lexicon(tmp_path):
    (tmp_path / "mine.csv").write_text("word,valence\nfrobbly,-1\n", "utf-8")
    (tmp_path / "r.json").write_text('{"lexicon": {"file": "mine.csv", "built_in": false}}', "utf-8")
    rules = Overrides.load(tmp_path / "r.json")

    assert rules.prior.lexicon.words == {"en": {"frobbly": -1.0}}
