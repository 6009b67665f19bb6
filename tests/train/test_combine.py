"""What an ensemble learns: weights and stacks, against numbers worked out by hand and members that are known."""

from __future__ import annotations

import numpy as np
import pytest

from sentimo.core.labels import LabelSpace
from sentimo.engine.ensemble import Combination
from sentimo.train.combine import PRIOR_ROWS, fit_combination, on_simplex

MOODS = LabelSpace("moods", ("bad", "plain", "good"))
MARKS = LabelSpace("marks", ("anger", "joy", "fear"), "multi")
STRENGTH = LabelSpace("strength", ("strength",), "score", range=(0.0, 1.0))
N = 2000


def noisy(truth, share, seed):
    """Probabilities of a member that is right on about this share of the rows, and says so."""
    draw = np.random.default_rng(seed)
    said = np.where(draw.random(len(truth)) < share, truth, draw.integers(0, 3, len(truth)))
    sure = share + (1 - share) / 3
    return np.eye(3)[said] * (sure - (1 - sure) / 2) + (1 - sure) / 2


@pytest.fixture(scope="module")
def truth():
    return np.random.default_rng(0).integers(0, 3, N)


def loss(scores, truth):
    return -np.log(scores[np.arange(len(truth)), truth]).mean()


def cuts(scores):
    return np.full((len(scores), scores.shape[2]), 0.5)


@pytest.mark.parametrize(
    ("values", "nearest"),
    [([0.5, 0.5], [0.5, 0.5]), ([1.0, 1.0], [0.5, 0.5]), ([2.0, 0.0], [1.0, 0.0]), ([0.8, 0.4, -1.0], [0.7, 0.3, 0.0])],
)
def test_the_nearest_weights(values, nearest):
    assert on_simplex(np.array(values)).tolist() == pytest.approx(nearest)


def test_a_member_that_guesses_gets_next_to_no_weight(truth):
    scores = np.stack([noisy(truth, 0.8, 1), np.full((N, 3), 1 / 3)])
    useless = np.stack([scores[0], np.random.default_rng(5).dirichlet([1, 1, 1], N)])

    first, second = fit_combination("weighted", MOODS, useless, list(truth)).weights

    assert first + second == pytest.approx(1.0)
    assert second < 0.1


def test_weights_that_are_learnt_explain_the_rows_best(truth):
    scores = np.stack([noisy(truth, 0.5, 1), noisy(truth, 0.7, 2), noisy(truth, 0.6, 3)])
    fitted = fit_combination("weighted", MOODS, scores, list(truth))

    least = loss(fitted(MOODS, scores, cuts(scores)), truth)
    for weights in np.random.default_rng(4).dirichlet([2, 2, 2], 300):
        assert least <= loss(np.tensordot(weights, scores, axes=1), truth) + 2e-4  # the prior draws a little


def test_without_rows_members_count_alike():
    weights = fit_combination("weighted", MOODS, np.empty((4, 0, 3)), []).weights

    assert weights == pytest.approx([0.25] * 4)


def test_a_few_rows_move_weights_a_little():
    # one row, explained by the first alone: it counts 1 + PRIOR_ROWS of 1 + 2 PRIOR_ROWS
    scores = np.array([[[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]]])
    first, _ = fit_combination("weighted", MOODS, scores, [0]).weights

    assert first == pytest.approx((1 + PRIOR_ROWS) / (1 + 2 * PRIOR_ROWS), abs=1e-4)


def test_weights_of_scores_make_the_squares_least():
    draw = np.random.default_rng(0)
    truth = draw.random(N)
    scores = np.stack([truth + draw.normal(0, 0.1, N), truth + draw.normal(0, 0.2, N), draw.random(N)])[:, :, None]

    found = np.array(fit_combination("weighted", STRENGTH, scores, list(truth)).weights)

    # Errors of variance 0.01 and 0.04 weigh 4 to 1, and leave 0.008. The third, 2 / 12 from the truth, pulls to the
    # middle: 0.008 / (0.008 + 0.167) = 0.046 of the whole.
    assert found == pytest.approx([0.763, 0.191, 0.046], abs=0.02)
    assert found.sum() == pytest.approx(1.0)


def test_several_labels_are_weighed_together():
    draw = np.random.default_rng(1)
    hot = draw.random((N, 3)) < 0.3
    good = np.where(hot, 0.8, 0.1)
    scores = np.stack([good, draw.random((N, 3))])

    weights = fit_combination("weighted", MARKS, scores, [tuple(np.flatnonzero(row)) for row in hot]).weights

    assert weights[0] > 0.9


@pytest.mark.parametrize("kind", ["single", "multi"])
def test_a_stack_believes_each_member_in_what_it_knows(kind):
    """The first member knows label 0 alone, the second the others."""
    draw = np.random.default_rng(2)
    space = LabelSpace("all", ("a", "b", "c"), kind)
    truth = draw.integers(0, 3, N)
    guess = lambda: draw.dirichlet([3, 3, 3], N)  # noqa: E731
    first, second = guess(), guess()
    first[:, 0] = np.where(truth == 0, 0.9, 0.05)
    second[:, 1:] = np.where(truth[:, None] == [1, 2], 0.9, 0.05)
    scores = np.stack([each / each.sum(axis=1, keepdims=True) for each in (first, second)])
    targets = [(int(label),) for label in truth] if kind == "multi" else truth.tolist()

    stack = fit_combination("stack", space, scores, targets)
    by_stack = stack(space, scores, cuts(scores))
    by_weights = fit_combination("weighted", space, scores, targets)(space, scores, cuts(scores))

    (a0, b0, c0), (a1, b1, c1) = stack.coef
    assert a0 > a1
    assert b1 > b0
    assert c1 > c0
    right = [(found.argmax(axis=1) == truth).mean() for found in (by_stack, by_weights)]
    assert right[0] >= right[1]
    if kind == "single":
        assert loss(by_stack, truth) < loss(by_weights, truth)


def test_a_stack_without_rows_is_the_mean_of_the_logits():
    stack = fit_combination("stack", MOODS, np.empty((2, 0, 3)), [])

    assert np.array(stack.coef) == pytest.approx(np.full((2, 3), 0.5))
    assert stack.bias == pytest.approx([0.0] * 3)


def test_the_newton_steps_reach_a_place_where_the_slope_is_nil(truth):
    from sentimo.engine.ensemble import stack_inputs
    from sentimo.train.combine import RIDGE

    scores = np.stack([noisy(truth, 0.5, 1), noisy(truth, 0.7, 2)])
    stack = fit_combination("stack", MOODS, scores, list(truth))

    found = stack(MOODS, scores, cuts(scores))
    inputs = stack_inputs(MOODS, scores)
    slope = np.einsum("knl,nl->kl", inputs, found - np.eye(3)[truth]) + RIDGE * (np.array(stack.coef) - 0.5)
    assert np.abs(slope).max() < 1e-2 * N


def test_a_stack_of_scores_corrects_a_member_that_is_always_too_low():
    draw = np.random.default_rng(3)
    truth = draw.random(N)
    scores = np.stack([truth / 2, draw.random(N)])[:, :, None]

    stack = fit_combination("stack", STRENGTH, scores, list(truth))

    assert stack.coef[0][0] == pytest.approx(2.0, abs=0.15)
    assert np.abs(stack(STRENGTH, scores, cuts(scores))[:, 0] - truth).mean() < 0.03


@pytest.mark.parametrize("method", ["mean", "vote"])
def test_mean_and_vote_learn_nothing(method, truth):
    assert fit_combination(method, MOODS, np.ones((2, N, 3)) / 3, list(truth)) == Combination(method)
