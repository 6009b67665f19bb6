from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentimo.text.lexicon import Lexicon
from sentimo.text.rules import FEATURES, Rules, is_negated

RULES = Rules(
    Lexicon(
        {
            "en": {"good": 0.5, "bad": -0.5, "like": 0.4, "like a": 0.0, ":)": 0.6},
            "zh": {"好": 0.5, "差": -0.5, "不错": 0.5, "好像": 0.0, "干净": 0.5},
        }
    )
)


def normed(total):
    return 4 * total / math.sqrt((4 * total) ** 2 + 15)


def valence(text):
    return RULES.read(text).valence


def rules(text):
    return [fired.rule for fired in RULES.read(text).trace]


@pytest.mark.parametrize(
    ("text", "total"),
    [
        ("good", 0.5),
        ("not good", 0.5 * -0.74),
        ("very good", 0.5 * 1.5),
        ("very, very good", 0.5 * 1.5),  # a comma ends what a degree reaches
        ("slightly bad", -0.5 * 0.6),
        ("not very good", 0.5 * -0.74),  # not as bad as "very bad"
        ("really not good", 0.5 * -0.74),  # "really" counts right before its word only
        ("good but bad", 0.5 * 0.5 - 0.5 * 1.5),
        ("It is good. But bad", 0.5 * 0.5 - 0.5 * 1.5),
        ("so good!", 0.5 * 1.5 + 0.292 / 4),
        ("so good!!!!!!!", 0.5 * 1.5 + 0.292),
        ("this is GOOD", 0.5 + 0.733 / 4),
        ("goooood", 0.5 * 1.2),
        ("is it good?", 0.5 * 0.3),
        ("why is it bad?", -0.5),
        ("if it were good, well", 0.5 * 0.5),
        ("although it is bad, it is good", -0.5 * 0.5 + 0.5),
        ("never :)", 0.6),  # no word turns an emoji around
        ("not only good", 0.5),
        ("like a stone", 0.0),
        ("好", 0.5),
        ("不好", 0.5 * -0.74),
        ("不错", 0.5),
        ("不是不错", 0.5 * -0.74),
        ("很好", 0.5 * 1.5),
        ("好干净", 0.5 * 1.5),  # 好 before another word of feeling is a degree
        ("好像来过", 0.0),
        ("差得很", -0.5 * 1.5),
        ("房间好，但是服务差", 0.5 * 0.5 - 0.5 * 1.5),
        ("虽然差，但干净", -0.5 * 0.5 * 0.5 + 0.5 * 1.5),
        ("干净吗？", 0.5 * 0.3),
        ("如果干净就来", 0.5 * 0.5),
        ("这个手机good", 0.5),
        ("", 0.0),
    ],
)
def test_the_rules_count_as_written(text, total):
    assert valence(text) == pytest.approx(normed(total), abs=1e-6)


def test_a_negation_reaches_three_words_and_no_further():
    assert valence("not in this good") < 0
    assert valence("not in all of this good") > 0


def test_two_negations_turn_back():
    assert valence("never not good") == pytest.approx(normed(0.5 * 0.74 * 0.74))


def test_the_trace_tells_what_fired_and_where_in_both_languages():
    negation, word = RULES.read("It is not good").trace

    assert (negation.rule, negation.start, negation.end, negation.word) == ("negation", 6, 9, "not")
    assert negation.en == "'not' turns 'good' around (x -0.74)"
    assert negation.zh == "否定词“not”反转“good”（×-0.74）"
    assert (word.rule, word.start, word.end, word.effect) == ("word", 10, 14, 0.5)
    assert word.to_dict()["en"] == "'good' is positive (+0.50)"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("very good", "degree"),
        ("good but bad", "contrast"),
        ("although bad", "concession"),
        ("if good", "condition"),
        ("is it good?", "question"),
        ("so GOOD", "capitals"),
        ("good!", "exclamation"),
        ("gooood", "drawn out"),
    ],
)
def test_every_rule_is_told(text, rule):
    assert rule in rules(text)


def test_the_words_that_come_with_sentimo_read_plain_sentences():
    rules = Rules()

    assert rules.read("What a wonderful day, I love it").valence > 0.5
    assert rules.read("The worst service, rude and slow").valence < -0.5
    assert rules.read("房间很干净，服务也很热情").valence > 0.5
    assert rules.read("太失望了，再也不会来了").valence < -0.5
    assert rules.read("The meeting is on Tuesday").n_feelings == 0
    assert rules.read("会议改到周三下午三点").n_feelings == 0


@given(st.text(max_size=80))
def test_any_text_gives_features_in_their_range(text):
    reading = RULES.read(text)

    assert len(reading.features) == len(FEATURES)
    assert all(-1 <= each <= 1 for each in reading.features)
    assert all(text[fired.start : fired.end] == fired.word for fired in reading.trace)


@pytest.mark.parametrize(
    ("text", "word", "negated"),
    [
        ("no refund", "refund", True),
        ("a refund", "refund", False),
        ("no, refund me", "refund", False),
        ("不要退款", "退款", True),
        ("我要退款", "退款", False),
        ("we never do not refund", "refund", False),
    ],
)
def test_what_stands_behind_a_negation_is_negated(text, word, negated):
    assert is_negated(text, text.index(word)) == negated
