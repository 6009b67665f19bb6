from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sentimo.compress.gate import Gate, pareto
from sentimo.compress.trial import TaskTrial, Trial, _furthest, judge
from sentimo.core.documents import Document, Example
from sentimo.core.labels import LabelSpace
from sentimo.core.manifest import TaskSpec
from sentimo.core.predictions import ModelId
from sentimo.engine.backends.fake import FakeBackend
from sentimo.engine.predictor import Predictor
from sentimo.errors import InputError
from sentimo.evaluate.bootstrap import Figure
from sentimo.evaluate.speed.ratio import Speed, measure_speed

MOODS = LabelSpace("moods", ("bad", "good"))
SHADE = LabelSpace("shade", ("shade",), "score", range=(0.0, 4.0))
TASKS = [TaskSpec("mood", MOODS), TaskSpec("shade", SHADE)]


def predictor(answers):
    """A model that says (mood 0 or 1, logit of shade) for texts that are numbers."""

    def logits(words):
        mood, shade = answers(int(words[0]))
        return {"mood": [4.0 * (mood == 0), 4.0 * (mood == 1)], "shade": [shade]}

    return Predictor(FakeBackend(logits, 8), TASKS, ModelId("fake", ""))


def rows(n, truth):
    return {"mood": [Example(Document(str(at)), {"mood": truth(at)}) for at in range(n)]}


def test_points_lost_are_the_paired_difference_of_the_main_figure():
    # Ten rows, five of each mood. The original is right everywhere. The candidate calls rows 0 and 1 wrong: one that
    # is bad, one that is good, so F1 of each label is 4/5 and macro F1 falls from 1 to 0.8: 20 points.
    texts = [str(at) for at in range(10)]
    before = predictor(lambda at: (at % 2, 0.0)).predict(texts)
    after = predictor(lambda at: (1 - at % 2 if at < 2 else at % 2, 0.0)).predict(texts)

    found = judge(before, after, rows(10, lambda at: at % 2), seed=1)

    assert (found["mood"].before, found["mood"].after) == (1.0, pytest.approx(0.8))
    assert found["mood"].drop.value == pytest.approx(20.0)
    assert found["mood"].drop.low <= 20.0 <= found["mood"].drop.high
    assert found["mood"].agreement == 0.8


def test_a_task_without_labelled_rows_loses_what_changed():
    # sigmoid(0) = 0.5 -> 2.0; sigmoid(ln 3) = 0.75 -> 3.0 of 0..4: a quarter of the range on half of the rows
    texts = [str(at) for at in range(10)]
    before = predictor(lambda at: (0, 0.0)).predict(texts)
    after = predictor(lambda at: (0, np.log(3.0) if at < 5 else 0.0)).predict(texts)

    found = judge(before, after, {}, seed=1)

    assert found["shade"].agreement == pytest.approx(1 - 0.125, abs=1e-6)
    assert found["shade"].lost == pytest.approx(12.5, abs=1e-4)
    assert found["mood"].lost == 0.0


def test_a_row_that_is_no_longer_answered_counts_as_answered_wrong():
    # Twelve rows, six of each mood, shade 0 or 4. The candidate answers the first three only: of the six bad ones two
    # are right, of the six good ones one, and every row left open counts as the other mood. So 2 of 7 said to be bad
    # and 1 of 5 said to be good are right: F1 4/13 and 2/11, macro F1 0.245. Three of twelve answers agree.
    texts = [str(at) for at in range(12)]
    before = predictor(lambda at: (at % 2, 0.0)).predict(texts)
    tasks = {}
    for name, scores in before.tasks.items():
        left = scores.scores.copy()
        left[3:] = np.nan
        tasks[name] = replace(scores, scores=left)

    found = judge(before, replace(before, tasks=tasks), rows(12, lambda at: at % 2), seed=1)

    assert found["mood"].after == pytest.approx((4 / 13 + 2 / 11) / 2)
    assert found["mood"].lost == pytest.approx(100 * (1 - (4 / 13 + 2 / 11) / 2))
    assert found["mood"].agreement == 0.25
    assert found["shade"].lost == pytest.approx(75.0)  # each missing score counts as the whole range


def test_a_score_or_a_set_of_labels_that_is_missing_is_as_far_from_the_truth_as_can_be():
    feelings = LabelSpace("feelings", ("joy", "fear", "anger"), "multi")
    stars = LabelSpace("stars", ("1", "2", "3", "4", "5"), "ordinal")

    found = {
        space.name: [_furthest(space, target).tolist() for target in targets]
        for space, targets in ((SHADE, (1.0, 3.0)), (feelings, ((0, 2), ())), (stars, (0, 3)))
    }

    assert found == {
        "shade": [[4.0], [0.0]],
        "feelings": [[0, 1, 0], [1, 1, 1]],
        "stars": [[0, 0, 0, 0, 1], [1, 0, 0, 0, 0]],
    }


def test_rows_that_the_original_leaves_open_are_not_held_against_the_candidate():
    texts = [str(at) for at in range(10)]
    after = predictor(lambda at: (at % 2, 0.0)).predict(texts)
    tasks = {}
    for name, scores in after.tasks.items():
        left = scores.scores.copy()
        left[8:] = np.nan
        tasks[name] = replace(scores, scores=left)

    found = judge(replace(after, tasks=tasks), after, rows(10, lambda at: at % 2), seed=1)

    assert (found["mood"].lost, found["mood"].agreement, found["shade"].agreement) == (0.0, 1.0, 1.0)


class Recorded:
    """A model that writes down when it is asked how many texts."""

    def __init__(self, name, calls):
        self.name, self.calls = name, calls

    def predict(self, texts):
        self.calls.append((self.name, len(texts)))


def test_time_is_taken_from_both_models_in_turn():
    calls = []
    models = (Recorded("original", calls), Recorded("candidate", calls))

    measure_speed(*models, [str(at) for at in range(64)], rounds=2)

    a_round = [("original", 64), ("candidate", 64), *[("original", 1)] * 32, *[("candidate", 1)] * 32]
    assert calls == 3 * a_round  # the first to warm up


# ------------------------------------------------------------------------------------------------ the gate


def trial(chain="any", lost=0.2, ratio=2.0, single=1.5, megabytes=20.0):
    task = TaskTrial(0.99, "accuracy", 0.9, 0.9 - lost / 100, Figure(lost, lost - 1, lost + 1))
    return Trial(chain, {"mood": task}, 100, megabytes, 4.0, Speed(5.0, 100.0, ratio, single))


GATE = Gate(max_drop=0.5, min_speedup=1.5)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, []),
        ({"lost": 0.5, "ratio": 1.5}, []),
        ({"lost": 0.6}, ["loses 0.60 points (at most 0.5)"]),
        ({"ratio": 1.4}, ["is 1.40 times as fast (at least 1.5)"]),
        ({"single": 0.9}, ["answers one text at 0.90 times the speed"]),
        ({"lost": 1.0, "ratio": 1.0}, ["loses 1.00 points (at most 0.5)", "is 1.00 times as fast (at least 1.5)"]),
    ],
)
def test_the_gate_says_why_it_refuses(given, why):
    assert GATE.refusals(trial(**given)) == why


def test_a_gate_for_size_alone_lets_models_be_slower():
    assert Gate(0.5, 0.8).passes(trial(ratio=0.85, single=0.85))


def test_the_fastest_that_passes_is_best_and_of_equally_fast_ones_the_smallest():
    trials = [
        trial("small", ratio=1.6, megabytes=5.0),
        trial("fast", ratio=3.0, megabytes=60.0),
        trial("as fast", ratio=2.9, megabytes=30.0),  # 2.9 > 0.95 * 3.0
        trial("worse", ratio=9.0, lost=2.0),
    ]

    assert GATE.best(trials).chain == "as fast"
    assert GATE.best(trials[3:]) is None


def test_the_nearest_misses_by_least():
    # misses: (2 - 0.5) / 0.5 = 3; 1 - 1.35 / 1.5 = 0.1
    assert GATE.nearest([trial("worse", lost=2.0), trial("slow", ratio=1.35)]).chain == "slow"
    assert GATE.nearest([]) is None


@pytest.mark.parametrize("wrong", [{"max_drop": -0.1}, {"min_speedup": 0}, {"max_drop": float("nan")}])
def test_a_gate_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(InputError, match="expected"):
        replace(GATE, **wrong)


def test_on_the_front_is_what_no_other_beats():
    trials = [trial("a", lost=0.1), trial("b", lost=0.2), trial("c", lost=0.3, ratio=3.0), trial("d", megabytes=1.0)]

    assert pareto(trials) == {"a", "c", "d"}  # b is like a but loses more
