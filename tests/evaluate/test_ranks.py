import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from sentimo.evaluate.bootstrap import resamples
from sentimo.evaluate.ranks import RankedColumn, auroc_measure, spearman_measure

ONCE = np.ones((1, 6))


def test_equal_values_share_the_mean_of_their_places():
    # sorted: 1, 2, 2, 5 -> places 1, (2 + 3) / 2, 4
    ranks = RankedColumn(np.array([2.0, 5.0, 1.0, 2.0])).ranks(np.ones((4, 1)))

    assert ranks[:, 0].tolist() == [2.5, 4.0, 1.0, 2.5]


def test_a_row_drawn_twice_ties_with_itself():
    # drawn: 1, 1, 7 -> ranks 1.5, 1.5, 3
    ranks = RankedColumn(np.array([1.0, 7.0])).ranks(np.array([[2.0], [1.0]]))

    assert ranks[:, 0].tolist() == [1.5, 3.0]


def test_auroc_counts_the_pairs_in_the_right_order():
    # positives 0.9, 0.4 against negatives 0.5, 0.4, 0.1, 0.1: wins 4 + 2, tie 0.4-0.4 half -> 6.5 / 8
    positive = np.array([[True], [True], [False], [False], [False], [False]])
    scores = np.array([[0.9], [0.4], [0.5], [0.4], [0.1], [0.1]])

    assert auroc_measure(positive, scores)(ONCE)["auroc"][0, 0] == 6.5 / 8


@pytest.mark.parametrize("all_or_none", [True, False])
def test_auroc_is_undefined_without_both_sides(all_or_none):
    positive = np.full((6, 1), all_or_none)

    assert np.isnan(auroc_measure(positive, np.random.default_rng(0).random((6, 1)))(ONCE)["auroc"][0, 0])


def test_weighted_auroc_equals_the_auroc_of_the_rows_written_out():
    random = np.random.default_rng(0)
    positive, scores = random.random((40, 1)) < 0.4, random.integers(0, 8, (40, 1)) / 8
    for weights in next(resamples(40, 5, seed=2)):
        rows = np.repeat(np.arange(40), weights.astype(int))

        found = auroc_measure(positive, scores)(weights[None])["auroc"][0, 0]

        assert found == pytest.approx(roc_auc_score(positive[rows, 0], scores[rows, 0]))


def test_weighted_spearman_equals_the_spearman_of_the_rows_written_out():
    random = np.random.default_rng(0)
    x = random.integers(0, 9, 40).astype(float)
    y = x + random.integers(0, 9, 40)
    for weights in next(resamples(40, 5, seed=2)):
        rows = np.repeat(np.arange(40), weights.astype(int))

        found = spearman_measure(x, y)(weights[None])["spearman"][0]

        assert found == pytest.approx(stats.spearmanr(x[rows], y[rows]).statistic)


def test_spearman_of_a_constant_answer_is_zero():
    assert spearman_measure(np.arange(6.0), np.full(6, 0.5))(ONCE)["spearman"][0] == 0.0
