from __future__ import annotations

import numpy as np
import pytest
import torch

from sentimo.core.documents import Document, Example
from sentimo.core.labels import LabelSpace
from sentimo.errors import RecipeError
from sentimo.train.objectives.bce import BinaryCrossEntropy
from sentimo.train.objectives.cross_entropy import CrossEntropy
from sentimo.train.objectives.mse import MeanSquaredError
from sentimo.train.objectives.ordinal import Ordinal
from sentimo.train.weighting import balanced_weights, build_objective, row_weights

MOODS = LabelSpace("moods", ("bad", "good", "mixed"))
EMOTIONS = LabelSpace("emotions", ("anger", "joy", "fear"), "multi")
STARS = LabelSpace("stars", ("1", "2", "3"), "ordinal")
INTENSITY = LabelSpace("intensity", ("intensity",), "score", range=(0.0, 100.0))


@pytest.fixture
def objective(recipe):
    """Builds the objective that a task asks for."""

    def build(space, targets, choice=None):
        task = {"name": "mood"} if choice is None else {"name": "mood", "objective": choice}
        rows = [Example(Document("a film"), {"mood": target}) for target in targets]
        return build_objective(recipe(task).tasks[0], space, rows)

    return build


def test_balanced_weights_of_a_single_label_task():
    # n / (n_labels * n_label): 6 / (3 * 4), 6 / (3 * 1), 6 / (3 * 1)
    assert balanced_weights(MOODS, [0, 0, 0, 0, 1, 2]) == pytest.approx([0.5, 2.0, 2.0])


def test_balanced_weights_of_a_multi_label_task():
    # rows without the label per row with it: 2 / 2, 3 / 1, 1 / 3
    targets = [(0, 1), (0, 2), (2,), (2,)]

    assert balanced_weights(EMOTIONS, targets) == pytest.approx([1.0, 3.0, 1 / 3])


def test_a_label_that_no_row_has_weighs_one():
    assert balanced_weights(MOODS, [0, 0, 1]) == pytest.approx([0.5, 1.0, 1.0])
    assert balanced_weights(EMOTIONS, [(), (0,)]) == pytest.approx([1.0, 1.0, 1.0])


def test_no_weight_is_above_fifty():
    # 300 / (3 * 1) and 299 / 1 would be 100 and 299
    assert balanced_weights(MOODS, [0] * 299 + [1])[1] == 50.0
    assert balanced_weights(EMOTIONS, [()] * 299 + [(1,)])[1] == 50.0


def test_rows_that_do_not_tell_a_label_apart_say_nothing_of_how_rare_it_is():
    # the third label: told apart by 2 of 6 rows, one of which has it
    telling = np.array([6, 6, 2])

    assert balanced_weights(MOODS, [0, 0, 0, 1, 0, 2], telling) == pytest.approx([6 / 12, 6 / 3, 2 / 3])
    assert balanced_weights(EMOTIONS, [(0,), (0,), (), (), (1,), (2,)], telling) == pytest.approx([2.0, 5.0, 1.0])


def test_a_row_weighs_what_its_rarest_label_does():
    assert row_weights(MOODS, [0, 0, 0, 1]).tolist() == pytest.approx([4 / 9, 4 / 9, 4 / 9, 4 / 3])
    assert row_weights(EMOTIONS, [(0,), (0, 1), ()]).tolist() == pytest.approx([0.5, 1.0, 1.0])


@pytest.mark.parametrize(
    ("space", "targets", "kind"),
    [
        (MOODS, [0, 1], CrossEntropy),
        (EMOTIONS, [(0,), ()], BinaryCrossEntropy),
        (STARS, [0, 2], Ordinal),
        (INTENSITY, [3.0, 99.0], MeanSquaredError),
    ],
)
def test_a_task_without_a_choice_gets_the_objective_of_its_kind(objective, space, targets, kind):
    assert isinstance(objective(space, targets), kind)


def test_balanced_puts_the_weights_into_the_objective(objective):
    logits, targets = torch.zeros(2, 3), torch.tensor([0, 1])

    plain = objective(MOODS, [0, 0, 0, 0, 1, 2])(logits, targets)
    weighed = objective(MOODS, [0, 0, 0, 0, 1, 2], {"name": "cross_entropy", "weight": "balanced"})(logits, targets)

    assert (weighed / plain).tolist() == pytest.approx([0.5, 2.0])


def test_an_objective_of_another_kind_is_refused_with_those_that_fit(objective):
    with pytest.raises(RecipeError, match=r"'mood' is multi; objective 'focal' is for single and ordinal.*asymmetric"):
        objective(EMOTIONS, [(0,)], "focal")


def test_an_unknown_setting_is_refused_with_the_nearest(objective):
    with pytest.raises(RecipeError, match=r"objective 'focal' of task 'mood' has no setting 'gama'.*'gamma'"):
        objective(MOODS, [0, 1], {"name": "focal", "gama": 2})


def test_a_score_has_no_labels_to_balance(objective):
    with pytest.raises(RecipeError, match=r"objective 'mse' of task 'mood' has no setting 'weight'"):
        objective(INTENSITY, [3.0, 99.0], {"name": "mse", "weight": "balanced"})


def test_a_weight_that_is_no_number_is_refused(objective):
    with pytest.raises(RecipeError, match="objective 'cross_entropy' of task 'mood'"):
        objective(MOODS, [0, 1], {"name": "cross_entropy", "weight": "balance"})


def test_weights_are_as_many_as_labels(objective):
    with pytest.raises(RecipeError, match=r"2 weights; expected `balanced`, or 3 numbers"):
        objective(MOODS, [0, 1, 2], {"name": "cross_entropy", "weight": [1.0, 2.0]})


@pytest.mark.parametrize("weight", [[1, 2, -3], [0, 0, 0], [1, "2", 3], [1, 2, float("inf")]])
def test_weights_that_no_loss_can_have_are_refused(weight, objective):
    with pytest.raises(RecipeError, match="expected numbers from 0 on, some above it"):
        objective(MOODS, [0, 1, 2], {"name": "cross_entropy", "weight": weight})
