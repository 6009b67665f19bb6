import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentimo.engine.batching import batches


def test_items_of_like_length_stand_together_the_longest_first():
    # 9 alone (2 * 9 > 12), then 5 + 4 (2 * 5 <= 12), then 2 + 1 + 1
    assert list(batches([1, 9, 4, 2, 5, 1], max_tokens=12, max_items=8)) == [[1], [4, 2], [3, 0, 5]]


def test_a_batch_holds_no_more_than_the_most_items():
    assert list(batches([1] * 5, max_tokens=100, max_items=2)) == [[0, 1], [2, 3], [4]]


def test_an_item_longer_than_a_batch_goes_alone():
    assert list(batches([50, 50], max_tokens=10, max_items=8)) == [[0], [1]]


@pytest.mark.parametrize("lengths", [[], [3]])
def test_none_or_one_item_needs_no_more(lengths):
    assert list(batches(lengths, max_tokens=10, max_items=8)) == [[at] for at in range(len(lengths))]


@given(st.lists(st.integers(1, 300)), st.integers(1, 1000), st.integers(1, 20))
def test_every_item_is_in_one_batch_and_no_batch_is_too_large(lengths, max_tokens, max_items):
    found = list(batches(lengths, max_tokens, max_items))

    assert sorted(position for batch in found for position in batch) == list(range(len(lengths)))
    for batch in found:
        padded = len(batch) * max(lengths[position] for position in batch)
        assert len(batch) == 1 or (len(batch) <= max_items and padded <= max_tokens)
