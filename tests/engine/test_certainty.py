import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from sentimo.core.labels import INTENSITY, POLARITY_2, POLARITY_3, LabelSpace
from sentimo.core.manifest import TaskSpec
from sentimo.engine.certainty import _allowed, differ, fit_bound, margins, unsure
from sentimo.errors import InputError

POLARITY = TaskSpec("polarity", POLARITY_3)
PAIR = TaskSpec("pair", POLARITY_2)
TOPICS = TaskSpec("topics", LabelSpace("topics", ("food", "staff"), "multi"), thresholds=(0.8, 0.3))
STRENGTH = TaskSpec("intensity", INTENSITY)


def test_the_margin_of_one_label_is_its_lead_over_the_next():
    assert margins(POLARITY, np.array([[0.2, 0.5, 0.3], [0.9, 0.05, 0.05]])) == pytest.approx([0.2, 0.85])


def test_the_margin_of_several_labels_is_the_distance_of_the_nearest_from_its_threshold():
    # 0.9 - 0.8 = 0.1 and 0.3 - 0.1 = 0.2; 0.8 - 0.5 = 0.3 and 0.35 - 0.3 = 0.05
    assert margins(TOPICS, np.array([[0.9, 0.1], [0.5, 0.35]])) == pytest.approx([0.1, 0.05])


def test_a_score_is_always_sure_and_a_row_without_an_answer_is_no_number():
    assert margins(STRENGTH, np.array([[0.5]])) == np.inf
    assert np.isnan(margins(POLARITY, np.full((1, 3), np.nan))).all()


def test_a_row_is_unsure_when_any_task_is():
    scores = {
        "pair": np.array([[0.9, 0.1], [0.9, 0.1], [0.55, 0.45]]),
        "topics": np.array([[0.0, 0.9], [0.0, 0.31]] * 2)[:3],
    }

    # Margins: pair 0.8, 0.8, 0.1; topics 0.6, 0.01, 0.6
    assert unsure([PAIR, TOPICS], scores, {"pair": 0.2, "topics": 0.05}).tolist() == [False, True, True]
    assert unsure([PAIR, TOPICS], scores, {"pair": 0.2}).tolist() == [False, False, True]


def test_a_row_without_an_answer_is_not_asked_again():
    assert unsure([PAIR], {"pair": np.full((1, 2), np.nan)}, {"pair": 0.5}).tolist() == [False]


def pair(*positive):
    """Return scores of a two-label task from the probabilities of the second label."""
    return np.array([[1 - p, p] for p in positive])


def test_a_bound_lies_just_above_the_surest_wrong_answer_that_may_not_stay():
    fast = pair(0.9, 0.8, 0.7, 0.6, 0.55, 0.1, 0.2, 0.25, 0.4, 0.46)
    exact = pair(0.9, 0.8, 0.3, 0.6, 0.45, 0.1, 0.2, 0.25, 0.4, 0.46)

    # Rows 2 (margin 0.4) and 4 (margin 0.1) are wrong. All right: bound above 0.4, which rows 2, 3, 4, 8, 9 lie below.
    all_right = fit_bound(PAIR, fast, exact, agreement=1.0)
    assert all_right.value == pytest.approx(0.4)
    assert (all_right.asked, all_right.agreement) == (pytest.approx(0.5), 1.0)
    # One in ten may be wrong: row 2 may stay, the bound lies above 0.1; rows 4 and 9 lie below it.
    most_right = fit_bound(PAIR, fast, exact, agreement=0.9)
    assert most_right.value == pytest.approx(0.1)
    assert (most_right.asked, most_right.agreement) == (pytest.approx(0.2), pytest.approx(0.9))


def test_models_that_agree_need_no_bound():
    scores = pair(0.9, 0.2)

    assert fit_bound(PAIR, scores, scores, agreement=1.0) == fit_bound(PAIR, scores, scores + 0.01, agreement=1.0)
    assert fit_bound(PAIR, scores, scores).value == 0.0


def test_a_score_needs_no_bound():
    assert fit_bound(STRENGTH, np.array([[0.1]]), np.array([[0.9]])).value == 0.0


shares = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=50)


@given(shares, st.floats(0.5, 1))
def test_a_fitted_bound_keeps_its_promise_on_its_rows(rows, agreement):
    fast, exact = pair(*(a for a, _ in rows)), pair(*(b for _, b in rows))

    bound = fit_bound(PAIR, fast, exact, agreement)

    below = unsure([PAIR], {"pair": fast}, {"pair": bound.value})
    final = np.where(below[:, None], exact, fast)
    assert 1 - differ(PAIR, final, exact).mean() == pytest.approx(bound.agreement)
    assert bound.agreement >= agreement - 1e-9
    assert below.mean() == pytest.approx(bound.asked)


def test_rows_to_come_ask_for_fewer_wrong_ones_than_these_rows():
    # 100 rows, one in ten may be wrong: 10 of these. P(X <= 5) = 0.058 <= 0.1 < P(X <= 6) = 0.117 for X ~ B(100, 0.1):
    # with a confidence of 90 % no more than 5.
    margin = np.linspace(0.1, 0.9, 100)
    fast, exact = pair(*(0.5 + margin / 2)), pair(*(0.5 - margin / 2))

    assert fit_bound(PAIR, fast, exact, 0.9).agreement == pytest.approx(0.90)
    assert fit_bound(PAIR, fast, exact, 0.9, confidence=0.9).agreement == pytest.approx(0.95)


@pytest.mark.parametrize("n", [460, 14_400, 15_500, 300_000, 10**6])  # 0.95**14,400 is denormal, 0.95**15,500 is 0
@pytest.mark.parametrize("rate", [0.005, 0.05, 0.5])
def test_as_many_may_turn_as_the_binomial_distribution_allows(n, rate):
    k = _allowed(n, rate, 0.9)

    assert binom.cdf(k, n, rate) <= 0.1 < binom.cdf(k + 1, n, rate)


def test_too_few_rows_for_a_confidence_are_refused():
    # 0.995 ** 460 = 0.0997 <= 0.1
    with pytest.raises(InputError, match=r"50 rows cannot show 99.50% agreement; 460 or more can"):
        fit_bound(PAIR, pair(*[0.9] * 50), pair(*[0.9] * 50), 0.995, confidence=0.9)


@pytest.mark.parametrize(
    ("fast", "exact", "agreement", "message"),
    [
        (pair(0.5), pair(0.5, 0.5), 0.9, "shapes"),
        (np.zeros((0, 2)), np.zeros((0, 2)), 0.9, "no row has an answer"),
        (pair(0.5), pair(0.5), 1.5, "agreement is 1.5"),
    ],
)
def test_rows_that_cannot_be_compared_are_refused(fast, exact, agreement, message):
    with pytest.raises(InputError, match=message):
        fit_bound(PAIR, fast, exact, agreement)
