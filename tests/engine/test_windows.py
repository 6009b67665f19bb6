import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentimo.core.labels import EKMAN_7, INTENSITY, POLARITY_2, POLARITY_3, LabelSpace
from sentimo.engine.windows import aggregate, spans

TOPICS = LabelSpace("topics", ("food", "staff"), "multi")


@pytest.mark.parametrize(
    ("n_tokens", "size", "expected"),
    [
        (0, 4, []),
        (1, 4, [(0, 1, 1)]),
        (4, 4, [(0, 4, 4)]),
        # A quarter of 4 is read again: windows move on by 3.
        (5, 4, [(0, 4, 4), (3, 5, 1)]),
        (10, 4, [(0, 4, 4), (3, 7, 3), (6, 10, 3)]),
        (11, 4, [(0, 4, 4), (3, 7, 3), (6, 10, 3), (9, 11, 1)]),
        (3, 1, [(0, 1, 1), (1, 2, 1), (2, 3, 1)]),
    ],
)
def test_windows_overlap_by_a_quarter(n_tokens, size, expected):
    assert list(spans(n_tokens, size)) == expected


def test_no_more_than_the_most_windows_are_made():
    assert list(spans(10, 4, most=2)) == [(0, 4, 4), (3, 7, 3)]


@given(st.integers(0, 500), st.integers(1, 60))
def test_windows_hold_every_token_and_count_it_new_once(n_tokens, size):
    windows = list(spans(n_tokens, size))

    assert {at for start, end, _ in windows for at in range(start, end)} == set(range(n_tokens))
    assert sum(n_new for _, _, n_new in windows) == n_tokens
    assert all(0 < end - start <= size and n_new > 0 for start, end, n_new in windows)


def test_what_is_said_with_feeling_counts_most():
    scores = np.array([[0.05, 0.9, 0.05], [0.85, 0.1, 0.05]], dtype=np.float32)

    found = aggregate({"polarity": POLARITY_3}, {"polarity": scores}, [10, 10])

    # Feeling 0.1 and 0.9: shares 0.1**4 = 0.0001 and 0.9**4 = 0.6561, in all 0.6562.
    expected = (0.0001 * scores[0] + 0.6561 * scores[1]) / 0.6562
    assert found["polarity"] == pytest.approx(expected, abs=1e-5)
    assert found["polarity"].dtype == np.float32


def test_one_furious_window_outweighs_two_thousand_plain_ones():
    scores = np.array([[0.05, 0.9, 0.05]] * 2000 + [[0.9, 0.05, 0.05]], dtype=np.float32)

    found = aggregate({"polarity": POLARITY_3}, {"polarity": scores}, [96] * 2001)

    # 2000 * 0.1**4 = 0.2 against 0.95**4 = 0.8145: negative (0.2 * 0.05 + 0.8145 * 0.9) / 1.0145
    assert found["polarity"][0] == pytest.approx(0.7324, abs=1e-3)


def test_other_tasks_follow_the_feeling_too():
    scores = {
        "polarity": np.array([[0, 1, 0], [1, 0, 0]], dtype=np.float32),
        "intensity": np.array([[0.0], [0.75]], dtype=np.float32),
    }

    found = aggregate({"polarity": POLARITY_3, "intensity": INTENSITY}, scores, [10, 10])

    assert found["intensity"] == pytest.approx([0.75])


def test_without_a_neutral_label_the_clearest_window_counts_most():
    scores = np.array([[0.4, 0.6]] * 20 + [[0.95, 0.05]], dtype=np.float32)

    found = aggregate({"p": POLARITY_2}, {"p": scores}, [10] * 21)

    # Clearness 0.2 and 0.9: 20 * 0.2**4 = 0.032 against 0.9**4 = 0.6561, in all 0.6881
    # negative: (0.032 * 0.4 + 0.6561 * 0.95) / 0.6881
    assert found["p"][0] == pytest.approx(0.9244, abs=1e-3)


def test_equally_clear_windows_count_by_their_tokens():
    scores = np.array([[1, 0], [0, 1]], dtype=np.float32)

    assert aggregate({"p": POLARITY_2}, {"p": scores}, [3, 1])["p"] == pytest.approx([0.75, 0.25])


def test_a_score_alone_counts_by_tokens():
    scores = np.array([[1.0], [0.0]], dtype=np.float32)

    assert aggregate({"intensity": INTENSITY}, {"intensity": scores}, [3, 1])["intensity"] == pytest.approx([0.75])


def test_a_label_of_several_is_as_clear_as_in_its_clearest_window():
    scores = np.array([[0.9, 0.1], [0.2, 0.8]], dtype=np.float32)

    assert aggregate({"topics": TOPICS}, {"topics": scores}, [5, 5])["topics"] == pytest.approx([0.9, 0.8])


def test_wholly_neutral_windows_count_by_their_tokens():
    scores = np.array([[0, 1, 0], [0, 1, 0]], dtype=np.float32)

    assert aggregate({"polarity": POLARITY_3}, {"polarity": scores}, [3, 1])["polarity"].tolist() == [0, 1, 0]


@given(st.lists(st.lists(st.floats(-30, 30), min_size=7, max_size=7), min_size=1, max_size=9))
def test_probabilities_still_sum_to_one(logits):
    powers = np.exp(np.array(logits))
    scores = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)

    found = aggregate({"emotions": EKMAN_7}, {"emotions": scores}, [1] * len(scores))

    assert found["emotions"].sum() == pytest.approx(1, abs=1e-5)
