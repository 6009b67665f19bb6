from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sentimo.compress.thresholds import carried_over, decided_by, fitted, written_with
from sentimo.core.bundle import Bundle
from sentimo.core.documents import Document, Example
from sentimo.core.labels import LabelSpace
from sentimo.core.predictions import ModelId, Predictions, TaskScores

MOODS = LabelSpace("moods", ("calm", "tense"), "multi")


class Reader:
    """Answers with the number in a text as the score of both labels, moved by `shift`; "?" it cannot read."""

    def __init__(self, shift=0.0):
        self.shift = shift

    def predict(self, texts, /):
        scores = np.array([[np.nan if text == "?" else float(text) + self.shift] * 2 for text in texts], np.float32)
        n = len(texts)
        tasks = {"moods": TaskScores(MOODS, scores.reshape(n, 2), thresholds=(0.5, 0.75))}
        ones = np.ones(n)
        ids = (ModelId("reader", ""),) * n
        return Predictions(tuple(texts), tasks, ("en",) * n, ones, ones, ids, errors=(None,) * n, windows=((),) * n)


TEXTS = ["0.2", "0.3", "0.4", "0.45", "0.55", "0.6", "0.7", "0.8", "?"]


def given(predictions):
    return [set(each.tasks["moods"].labels) for each in predictions if "moods" in each.tasks]


def test_thresholds_of_the_original_fit_the_rows_that_it_answers():
    rows = {"moods": [Example(Document(each), {"moods": (0, 1) if each > "0.4" else ()}) for each in TEXTS]}

    assert fitted(Reader(), rows)["moods"] == pytest.approx((0.425, 0.425))


@pytest.mark.parametrize("shift", [-0.1, 0.0, 0.15])
def test_scores_that_moved_give_each_label_to_the_same_texts(shift):
    before, after = Reader().predict(TEXTS), Reader(shift).predict(TEXTS)

    found = carried_over(before, after)

    assert found["moods"] == pytest.approx((0.5 + shift, 0.75 + shift))
    assert given(decided_by(after, found)) == given(before)


def test_a_model_that_did_not_change_keeps_its_thresholds():
    answers = Reader().predict(["0.1", "0.9"])

    assert carried_over(answers, answers)["moods"] == pytest.approx((0.5, 0.75))


@pytest.mark.parametrize("texts", [["0.1", "0.2"], ["0.8", "0.85"]], ids=["never given", "always given"])
def test_a_label_that_no_text_or_every_text_has_stays_so(texts):
    before, after = Reader().predict(texts), Reader(0.1).predict(texts)

    assert given(decided_by(after, carried_over(before, after))) == given(before)


@pytest.mark.parametrize("texts", [["?"], []], ids=["unread", "no text"])
def test_without_any_answer_thresholds_stay(texts):
    assert carried_over(Reader().predict(texts), Reader(0.05).predict(texts))["moods"] == (0.5, 0.75)


def test_texts_that_one_of_them_leaves_open_do_not_count():
    before, after = Reader().predict(["0.9", "0.8", "0.2", "0.1"]), Reader().predict(["?", "0.8", "0.2", "0.1"])

    assert given(decided_by(after, carried_over(before, after)))[0] == {"calm", "tense"}


def test_without_thresholds_a_label_is_given_from_one_half():
    before = Reader().predict(TEXTS)
    before = replace(before, tasks={"moods": replace(before.tasks["moods"], thresholds=None)})

    assert carried_over(before, before)["moods"] == pytest.approx((0.5, 0.5))


def test_other_tasks_keep_theirs(trained, rows):
    manifest = Bundle.open(trained.bundle.path).manifest
    single = {task: members for task, members in rows.items() if not isinstance(members[0].targets[task], tuple)}

    assert fitted(Reader(), single) == {}
    assert written_with(manifest, {}) == manifest
