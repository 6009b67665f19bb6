from __future__ import annotations

import numpy as np
import pytest

from sentimo.compress.thresholds import decided_by, fitted_anew, written_with
from sentimo.core.bundle import Bundle
from sentimo.core.documents import Document, Example
from sentimo.core.labels import LabelSpace
from sentimo.core.predictions import ModelId, Predictions, TaskScores

MOODS = LabelSpace("moods", ("calm", "tense"), "multi")


class Shifted:
    """Answers with the number in a text as the score of both labels, lowered by a tenth."""

    def predict(self, texts, /):
        scores = np.array([[float(text) - 0.1] * 2 for text in texts], np.float32)
        n = len(texts)
        tasks = {"moods": TaskScores(MOODS, scores, thresholds=(0.5, 0.5))}
        ones = np.ones(n)
        ids = (ModelId("shifted", ""),) * n
        return Predictions(tuple(texts), tasks, ("en",) * n, ones, ones, ids, errors=(None,) * n, windows=((),) * n)


@pytest.fixture
def numbers():
    """Rows whose labels a threshold of 0.5 on the number tells."""
    values = [0.2, 0.3, 0.4, 0.45, 0.55, 0.56, 0.58, 0.6, 0.7, 0.9]
    return {"moods": [Example(Document(str(each)), {"moods": (0, 1) if each > 0.5 else ()}) for each in values]}


def test_scores_that_moved_get_thresholds_that_fit_them(numbers):
    found = fitted_anew(Shifted(), numbers)

    assert found["moods"] == pytest.approx((0.4, 0.4), abs=0.02)
    answers = decided_by(Shifted().predict(["0.55", "0.45"]), found)
    assert [set(each.labels) for each in (answers[0].tasks["moods"], answers[1].tasks["moods"])] == [
        {"calm", "tense"},
        set(),
    ]


def test_other_tasks_keep_theirs(trained, rows):
    manifest = Bundle.open(trained.bundle.path).manifest
    single = {task: members for task, members in rows.items() if not isinstance(members[0].targets[task], tuple)}

    assert fitted_anew(Shifted(), single) == {}
    assert written_with(manifest, {}) == manifest
