import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentimo.core.labels import POLARITY_2, POLARITY_3, SENTIMENT_5, LabelSpace
from sentimo.engine.calibration import calibrated

TOPICS = LabelSpace("topics", ("food", "staff"), "multi")
VALENCE = LabelSpace("valence", ("valence",), "score", range=(-1.0, 3.0))
LN3 = math.log(3)


def test_one_label_of_several_is_a_softmax():
    # e**0 : e**ln 3 = 1 : 3
    assert calibrated(POLARITY_2, np.array([[0, LN3]])) == pytest.approx(np.array([[0.25, 0.75]]))


def test_ordered_labels_are_a_softmax_too():
    assert calibrated(SENTIMENT_5, np.zeros((1, 5))) == pytest.approx(np.full((1, 5), 0.2))


def test_several_labels_are_a_sigmoid_each():
    # 1 / (1 + e**-ln 3) = 3/4
    assert calibrated(TOPICS, np.array([[0, LN3]])) == pytest.approx(np.array([[0.5, 0.75]]))


def test_a_score_lies_in_its_range():
    # -1 + 4 * 3/4
    assert calibrated(VALENCE, np.array([[LN3]])) == pytest.approx(np.array([[2.0]]))


def test_the_temperature_divides_the_logits():
    assert calibrated(POLARITY_2, np.array([[0, 2 * LN3]]), 2.0) == pytest.approx(np.array([[0.25, 0.75]]))
    assert calibrated(TOPICS, np.array([[0, 2 * LN3]]), 2.0) == pytest.approx(np.array([[0.5, 0.75]]))


def test_the_temperature_does_not_touch_a_score():
    assert calibrated(VALENCE, np.array([[LN3]]), 5.0) == pytest.approx(np.array([[2.0]]))


def test_no_row_gives_no_row():
    assert calibrated(POLARITY_3, np.empty((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("space", [POLARITY_2, TOPICS])
def test_huge_logits_are_sure_and_do_not_overflow(space):
    assert calibrated(space, np.array([[-1e30, 1e30]], dtype=np.float32)).tolist() == [[0, 1]]


@given(st.lists(st.floats(-1e4, 1e4), min_size=3, max_size=3), st.floats(0.05, 20))
def test_probabilities_sum_to_one_and_keep_the_order_of_the_logits(logits, temperature):
    (scores,) = calibrated(POLARITY_3, np.array([logits]), temperature)

    assert scores.dtype == np.float32
    assert scores.sum() == pytest.approx(1, abs=1e-6)
    assert (np.diff(scores[np.argsort(logits)]) >= 0).all()
