import math

import numpy as np
import pytest

from sentimo.core.labels import EKMAN_7, GOEMOTIONS_28, INTENSITY, NLPCC2013_8, POLARITY_2, POLARITY_3, SENTIMENT_5
from sentimo.core.predictions import ModelId, Predictions, TaskScores
from sentimo.errors import DataError, InputError
from sentimo.evaluate.phenomena.answer import Answer
from sentimo.evaluate.phenomena.judge import judge, wilson
from sentimo.evaluate.phenomena.suite import load_suite

BAD, SO_SO, GOOD = (0.7, 0.2, 0.1), (0.2, 0.6, 0.2), (0.1, 0.2, 0.7)


class Scripted:
    """Answers each text with the scores written down for it: task -> space, and text -> task -> scores."""

    def __init__(self, spaces, answers):
        self.spaces, self.answers, self.asked = spaces, answers, []

    def predict(self, texts):
        self.asked += texts
        tasks = {}
        for task, space in self.spaces.items():
            rows = [self.answers[text].get(task, [math.nan] * len(space)) for text in texts]
            tasks[task] = TaskScores(space, np.array(rows, dtype=np.float64))
        n = len(texts)
        errors = tuple(None if self.answers[text] else "broken" for text in texts)
        model = (ModelId("scripted", "0" * 64),) * n
        return Predictions(tuple(texts), tasks, ("en",) * n, np.ones(n, np.int64), np.ones(n), model, errors, ((),) * n)


def polarities(**answers):
    return Scripted({"polarity": POLARITY_3}, {text: {"polarity": scores} for text, scores in answers.items()})


@pytest.fixture
def suite_of(tmp_path):
    def write(*rows, header="group,case,expect,text"):
        path = tmp_path / "own.csv"
        path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
        return load_suite(path)

    return write


def outcome(suite, model):
    """Return found by expect of the failures, and the tally."""
    report = judge(model, suite)
    return report.total, [failure.found for failure in report.failures]


def test_a_polarity_is_right_when_it_is_one_of_those_expected(suite_of):
    suite = suite_of("g,,positive,a", "g,,negative|neutral,b", "g,,positive,c")

    total, found = outcome(suite, polarities(a=GOOD, b=SO_SO, c=BAD))

    assert total == (3, 2)
    assert found == ["negative 0.70"]


def test_every_step_of_a_chain_must_rise(suite_of):
    rows = ["g,one,rising: positivity,a", "g,one,rising: positivity,b", "g,one,rising: positivity,c"]
    suite = suite_of(*rows)

    assert outcome(suite, polarities(a=BAD, b=SO_SO, c=GOOD)) == ((1, 1), [])
    # 0.1 - 0.7 = -0.6; the last step falls from 0.6 to 0
    assert outcome(suite, polarities(a=BAD, b=GOOD, c=SO_SO)) == ((1, 0), ["-0.600, 0.600, 0.000"])


def test_a_step_that_stays_level_does_not_rise(suite_of):
    suite = suite_of("g,one,rising: positivity,a", "g,one,rising: positivity,b")

    assert outcome(suite, polarities(a=GOOD, b=GOOD))[0] == (1, 0)


def test_intensity_rises_by_its_own_task_and_without_it_by_what_is_not_neutral(suite_of):
    suite = suite_of("g,one,rising: intensity,a", "g,one,rising: intensity,b")
    spaces = {"polarity": POLARITY_3, "intensity": INTENSITY}
    own = Scripted(spaces, {"a": {"polarity": BAD, "intensity": [0.3]}, "b": {"polarity": SO_SO, "intensity": [0.9]}})

    assert outcome(suite, own)[0] == (1, 1)
    assert outcome(suite, polarities(a=BAD, b=SO_SO))[0] == (1, 0)  # 1 - 0.2 falls to 1 - 0.6


@pytest.mark.parametrize(
    ("expect", "other", "right"),
    [
        ("same", (0.25, 0.2, 0.55), 1),  # 0.15 apart
        ("same", (0.35, 0.2, 0.45), 0),  # 0.25 apart
        ("same: 0.3", (0.35, 0.2, 0.45), 1),
        ("same", (0.2, 0.45, 0.35), 0),
    ],
)
def test_texts_answered_alike_agree_in_label_and_within_the_margin(suite_of, expect, other, right):
    suite = suite_of(f"g,one,{expect},a", f"g,one,{expect},b")

    assert outcome(suite, polarities(a=GOOD, b=other))[0] == (1, right)


def test_close_scores_with_other_labels_are_not_the_same(suite_of):
    suite = suite_of("g,one,same,a", "g,one,same,b")

    total, found = outcome(suite, polarities(a=(0.4, 0.2, 0.4001), b=(0.4001, 0.2, 0.4)))

    assert total == (1, 0)
    assert found == ["positive, negative; 0.00 apart"]


def test_an_emotion_is_the_likeliest_one_in_the_words_of_ekman(suite_of):
    suite = suite_of("g,,emotion: anger,a", "g,,emotion: fear|sadness,b")
    scores = np.full((2, 28), 0.01)
    scores[0, GOEMOTIONS_28.labels.index("annoyance")] = 0.4  # no label reaches 0.5: the likeliest counts
    scores[1, GOEMOTIONS_28.labels.index("joy")] = 0.9
    model = Scripted({"moods": GOEMOTIONS_28}, {"a": {"moods": scores[0]}, "b": {"moods": scores[1]}})

    assert outcome(suite, model) == ((2, 1), ["joy"])


def test_what_a_model_cannot_be_asked_is_left_out_and_counted(suite_of):
    suite = suite_of(
        "g,,positive,a",
        "facts,,neutral,a",
        "h,,emotion: joy,a",
        "i,two,rising: intensity,a",
        "i,two,rising: intensity,b",
    )
    both = {"a": {"polarity": (0.2, 0.8)}, "b": {"polarity": (0.1, 0.9)}}

    report = judge(Scripted({"polarity": POLARITY_2}, both), suite)

    assert report.total == (1, 1)
    assert list(report.groups) == ["g"]
    assert sum(report.left_out.values()) == 3
    assert "the model does not answer neutral" in report.left_out


def test_an_emotion_space_without_the_emotion_cannot_be_asked_for_it(suite_of):
    suite = suite_of("g,,emotion: disgust,a", "g,,emotion: joy,a")
    space = EKMAN_7.__class__("few", ("joy", "anger", "neutral"))

    report = judge(Scripted({"emotions": space}, {"a": {"emotions": (0.8, 0.1, 0.1)}}), suite)

    assert (report.total, dict(report.left_out)) == ((1, 1), {"the model does not answer disgust": 1})


def test_a_model_without_any_of_it_is_refused(suite_of):
    space = INTENSITY.__class__("topics", ("sport", "weather"))

    with pytest.raises(InputError, match="none of its 1 cases; its tasks: topics"):
        judge(Scripted({"topics": space}, {"a": {"topics": (0.5, 0.5)}}), suite_of("g,,positive,a"))


def test_a_text_without_an_answer_makes_its_case_wrong(suite_of):
    suite = suite_of("g,,positive,a", "g,,positive,b")
    model = Scripted({"polarity": POLARITY_3}, {"a": {"polarity": GOOD}, "b": {}})

    assert outcome(suite, model) == ((2, 1), ["no answer: broken"])


def test_a_text_in_several_cases_is_asked_once(suite_of):
    suite = suite_of("g,,positive,a", "g,one,same,a", "g,one,same,b")
    model = polarities(a=GOOD, b=GOOD)

    judge(model, suite)

    assert model.asked == ["a", "b"]


def answer_in(space, scores, task="polarity"):
    return Answer.of(Scripted({task: space}, {"a": {task: scores}}).predict(["a"])[0])


def test_ordered_labels_give_their_leaning_and_their_place():
    # places -1, -0.5, 0, 0.5, 1: 0.5 * 0.5 + 0.3 * 1 + 0.2 * 0 = 0.55
    answer = answer_in(SENTIMENT_5, (0.0, 0.0, 0.2, 0.5, 0.3), task="stars")

    assert answer.polarity == "positive"
    assert answer.shares == {"negative": 0.0, "neutral": 0.2, "positive": pytest.approx(0.8)}
    assert answer.positivity == pytest.approx(0.55)


def test_emotions_are_not_taken_for_polarity():
    answer = answer_in(NLPCC2013_8, (0.1, 0, 0, 0.8, 0.1, 0, 0, 0), task="emotions")

    assert (answer.polarity, answer.positivity) == (None, None)
    assert answer.emotion == "joy"
    assert answer.emotions == {"anger", "disgust", "fear", "joy", "sadness", "surprise"}


def test_the_interval_is_wilsons():
    # 8 of 10, z = 1.96: (0.8 + 0.19207) / 1.38415 = 0.71674; half 1.96 * sqrt(0.016 + 0.0096037) / 1.38415 = 0.22658
    found = wilson(8, 10)

    assert found.value == 0.8
    assert found.low == pytest.approx(0.4902, abs=1e-4)
    assert found.high == pytest.approx(0.9433, abs=1e-4)


@pytest.mark.parametrize(("right", "low", "high"), [(0, 0.0, 0.2775), (10, 0.7225, 1.0)])
def test_all_or_none_of_a_few_still_has_an_interval(right, low, high):
    found = wilson(right, 10)  # 3.8415 / 13.8415 = 0.2775

    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["g,,positve,a"], r"own.csv, row 1, expect: 'positve' is no polarity.*Did you mean 'positive'\?"),
        (["g,,emotion: jo,a"], r"'jo' is no emotion.*Did you mean 'joy'\?"),
        (["g,,emotion: neutral,a"], "'neutral' is no emotion"),
        (["g,1,rising: warmth,a", "g,1,rising: warmth,b"], "'warmth' cannot rise; expected one of positivity"),
        (["g,1,same: 2,a", "g,1,same: 2,b"], "expected a number from 0 to 1"),
        (["g,1,same: x,a", "g,1,same: x,b"], "'x' is no distance"),
        (["g,,falling: intensity,a"], "Before a colon stands emotion, rising or same"),
        (["g,,same,a"], "about several texts; found one"),
        (["g,1,positive,a", "g,1,positive,b"], "about one text; found 2 in one case"),
        (["g,1,same,a", "h,1,same,b"], r"row 2: 'case 1' is 'h', 'same' here and 'g', 'same' in its first row"),
        (["g,,positive, "], "row 1: no text"),
        ([",,positive,a"], "row 1: column 'group' is empty"),
        (["g,,positive"], "row 1: 3 cells, the header has 4"),
        ([], "no rows; a suite has at least one case"),
    ],
)
def test_a_suite_that_cannot_be_used_says_where_and_why(suite_of, rows, message):
    with pytest.raises(DataError, match=message):
        suite_of(*rows)


def test_a_missing_column_is_named_with_those_there(suite_of):
    with pytest.raises(DataError, match="no column 'expect'; its columns: group, text.*group, expect, text, and case"):
        suite_of("g,a", header="group,text")


def test_json_lines_need_no_case(tmp_path):
    path = tmp_path / "own.jsonl"
    path.write_text('{"text": "a", "group": "g", "expect": "positive"}\n{"text": "b", "group": "g", "expect": 3}\n')
    with pytest.raises(DataError, match="row 2, expect: '3' is no polarity"):
        load_suite(path)

    path.write_text('{"text": " a, b\\n", "group": "g", "expect": "positive"}\n')
    (case,) = load_suite(path).cases

    assert (case.texts, case.group, case.where) == ((" a, b\n",), "g", f"{path}, row 1")


def test_the_report_is_plain_json(suite_of):
    report = judge(polarities(a=GOOD, b=BAD), suite_of("g,,positive,a", "h,,positive,b")).to_dict()

    assert report["total"] == {"n": 2, "right": 1, **wilson(1, 2).to_dict()}
    assert report["groups"]["h"]["right"] == 0
    (failure,) = report["failures"]
    assert failure.keys() == {"group", "expect", "found", "texts", "where"}
    assert failure["texts"] == ["b"]
