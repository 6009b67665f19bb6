from __future__ import annotations

import pytest

from sentimo.core.documents import Document, Example
from sentimo.core.labels import LabelSpace
from sentimo.core.manifest import TaskSpec
from sentimo.core.predictions import ModelId
from sentimo.engine.backends.fake import FakeBackend
from sentimo.engine.predictor import Predictor
from sentimo.errors import InputError
from sentimo.evaluate.promotion import PromotionGate, judge_promotion

MOODS = LabelSpace("moods", ("bad", "good"))
ROWS = [Example(Document(f"{'good' if at % 2 else 'bad'} {at}"), {"mood": at % 2}) for at in range(200)]


def model(*, right, sure=3.0):
    """Answers a row right where `right` holds for its number; `sure` is the logit of its answers."""

    def answer(words):
        truth = "good" in words
        number = int(next(word for word in words if word.isdigit()))
        good = truth if right(number) else not truth
        return {"mood": [0.0, sure] if good else [sure, 0.0]}

    return Predictor(FakeBackend(answer, 8), [TaskSpec("mood", MOODS)], ModelId("fake", "ab" * 32))


def judged(champion, challenger, **options):
    return judge_promotion(champion, challenger, "mood", {"mood": ROWS}, **options)


MOSTLY = model(right=lambda number: number % 10 != 0)  # 90 %
RARELY = model(right=lambda number: number % 3 != 0)  # 67 %


def test_a_challenger_that_is_surely_better_is_promoted():
    found = judged(RARELY, MOSTLY)

    main, calibration = found.checks
    assert found.promoted
    assert (main.name, main.n) == ("mood: macro_f1", 200)
    assert main.champion.value == pytest.approx(133 / 200, abs=0.01)
    assert main.challenger.value == pytest.approx(0.9, abs=0.01)
    assert main.difference.low > 0.1
    # sure at 0.9526, right in 0.9 and 0.665: the error falls from 0.288 to 0.053
    assert calibration.difference.value == pytest.approx(-0.235, abs=0.01)


@pytest.mark.parametrize("challenger", [MOSTLY, RARELY])
def test_a_challenger_that_is_the_same_or_worse_is_refused_with_the_reason(challenger):
    found = judged(MOSTLY, challenger)

    assert not found.promoted
    assert found.refusals[0].startswith("mood: macro_f1: ")
    assert "needs its lower end above 0" in found.refusals[0]


def test_a_margin_lets_one_pass_that_is_surely_not_worse_by_more():
    assert not judged(MOSTLY, MOSTLY).promoted
    assert judged(MOSTLY, MOSTLY, gate=PromotionGate(margin=0.01)).promoted
    assert not judged(MOSTLY, RARELY, gate=PromotionGate(margin=0.01)).promoted


def test_a_better_challenger_that_is_less_honest_about_itself_is_refused():
    shy = model(right=lambda number: True, sure=0.1)  # always right, at 0.52: an error of 0.48

    found = judged(MOSTLY, shy)

    assert [each.passed for each in found.checks] == [True, False]
    assert found.refusals[0].startswith("mood: ece: 0.4")
    assert judged(MOSTLY, shy, gate=PromotionGate(calibration_margin=0.5)).promoted


def test_a_better_challenger_that_fails_on_a_phenomenon_is_refused():
    better = model(right=lambda number: number < 180)  # 90 %, wrong where the phenomenon is
    phenomenon = {"negation.csv": ROWS[180:]}

    found = judged(RARELY, better, others=phenomenon)

    assert [each.passed for each in found.checks] == [True, True, False]
    assert "macro_f1 on negation.csv" in found.refusals[0]
    assert judged(RARELY, better, others={"other.csv": ROWS[:20]}).promoted


def test_margins_are_shares():
    with pytest.raises(InputError, match="margin is -1; expected a share"):
        PromotionGate(margin=-1)


def test_no_rows_is_an_error():
    with pytest.raises(InputError, match="no row has a target for task 'mood'"):
        judge_promotion(MOSTLY, MOSTLY, "mood", {"mood": []})
