import io
import json
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
from rich.console import Console

from sentimo.core.documents import Document, Example
from sentimo.core.labels import INTENSITY, LabelSpace
from sentimo.core.predictions import TaskScores
from sentimo.errors import InputError
from sentimo.evaluate.report import Report, evaluate, print_report

MOODS = LabelSpace("moods", ("sad", "[red]calm"))
TAGS = LabelSpace("tags", ("anger", "joy"), "multi")


class Model(NamedTuple):
    name: str
    digest: str


class FakePredictor:
    """Answers each text with what it was given; unknown texts stay unanswered (NaN)."""

    def __init__(self, **tasks):
        self.tasks = tasks
        self.asked = []

    def predict(self, texts):
        self.asked.append(list(texts))
        scores = {
            name: TaskScores(
                space, np.array([answers.get(text, [np.nan] * len(space)) for text in texts], dtype=np.float32), None
            )
            for name, (space, answers) in self.tasks.items()
        }
        return SimpleNamespace(tasks=scores, models=(Model("fake", "abc123"),) * len(texts))


def examples(task, **answers):
    return [Example(Document(text), {task: target}) for text, target in answers.items()]


def moods_predictor():
    return FakePredictor(mood=(MOODS, {"rain": [0.9, 0.1], "tea": [0.2, 0.8], "fog": [0.4, 0.6]}))


def printed(report, beside=None, width=140):
    console = Console(file=io.StringIO(), width=width)
    print_report(report, console, beside)
    return console.file.getvalue()


def test_a_model_is_judged_by_its_answers_alone():
    report = evaluate(moods_predictor(), {"mood": examples("mood", rain=0, tea=1, fog=0)}, data="mood.csv")

    assert report.tasks["mood"].figures["accuracy"].value == pytest.approx(2 / 3)
    assert (report.model, report.digest, report.data, report.n_rows) == ("fake", "abc123", "mood.csv", 3)


def test_a_text_that_tasks_share_is_asked_once():
    predictor = FakePredictor(
        mood=(MOODS, {"rain": [0.9, 0.1], "tea": [0.1, 0.9]}), intensity=(INTENSITY, {"rain": [0.4], "tea": [0.6]})
    )
    rows = [Example(Document("rain"), {"mood": 0, "intensity": 0.5}), Example(Document("tea"), {"mood": 1})]

    report = evaluate(predictor, {"mood": rows, "intensity": rows})

    assert predictor.asked == [["rain", "tea"]]
    assert (report.tasks["mood"].n, report.tasks["intensity"].n, report.n_rows) == (2, 1, 2)


def test_unanswered_rows_are_counted_and_not_judged():
    report = evaluate(moods_predictor(), {"mood": examples("mood", rain=0, sand=1)})

    assert (report.tasks["mood"].n, report.tasks["mood"].unanswered) == (1, 1)
    assert "1 unanswered rows left out" in printed(report)


@pytest.mark.parametrize(
    ("datasets", "complaint"),
    [
        ({"mood": []}, "no row has a target"),
        ({"colour": examples("colour", rain=0)}, "its tasks: mood"),
        ({"mood": examples("mood", sand=0)}, "answered none of 1 rows"),
        ({}, "no task was given"),
    ],
)
def test_what_cannot_be_evaluated_is_named(datasets, complaint):
    with pytest.raises(InputError, match=complaint):
        evaluate(moods_predictor(), datasets)


def test_a_report_survives_json():
    report = evaluate(moods_predictor(), {"mood": examples("mood", rain=0, tea=1, fog=0)}, n_bootstrap=20)

    assert Report.from_dict(json.loads(json.dumps(report.to_dict(), allow_nan=False))) == report


def test_the_printed_report_shows_values_with_intervals_labels_and_confusion():
    report = evaluate(moods_predictor(), {"mood": examples("mood", rain=0, tea=1)}, n_skipped=4)

    text = printed(report)

    assert "fake (abc123)" in text
    assert "4 unreadable rows skipped" in text
    assert "1.0000 [1.0000, 1.0000]" in text
    assert "[red]calm" in text  # a label is text, not markup
    assert "confusion" in text


def test_a_narrow_terminal_keeps_each_label_on_one_line():
    report = evaluate(moods_predictor(), {"mood": examples("mood", rain=0, tea=1, fog=0)}, n_bootstrap=20)

    sad = next(line for line in printed(report, width=80).splitlines() if "sad " in line)

    assert sad.count("[") == 1
    assert "]" in sad


def test_the_printed_report_shows_other_reports_in_columns_of_their_own():
    before = evaluate(moods_predictor(), {"mood": examples("mood", rain=0, tea=0)}, n_bootstrap=0)
    after = evaluate(moods_predictor(), {"mood": examples("mood", rain=0, tea=1)}, n_bootstrap=0)

    text = printed(after, {"untuned": before})
    accuracy = next(line for line in text.splitlines() if " accuracy " in line)

    assert "untuned" in text
    assert accuracy.index("1.0000") < accuracy.index("0.5000")


def test_a_multi_task_is_printed_with_its_thresholds_and_gaps():
    predictor = FakePredictor(tags=(TAGS, {"rain": [0.9, 0.1], "tea": [0.2, 0.1]}))

    text = printed(evaluate(predictor, {"tags": examples("tags", rain=(0,), tea=())}, n_bootstrap=0))

    joy = next(line for line in text.splitlines() if "joy" in line)
    assert "0.50" in joy
    assert " - " in joy  # never given, never true: undefined, not 0


def test_a_score_task_is_printed_without_label_tables():
    predictor = FakePredictor(intensity=(INTENSITY, {"rain": [0.4], "tea": [0.6]}))

    text = printed(evaluate(predictor, {"intensity": examples("intensity", rain=0.5, tea=0.6)}))

    assert "Pearson" in text
    assert "confusion" not in text
