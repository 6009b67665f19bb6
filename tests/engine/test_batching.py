import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentimo.engine.batching import batches, in_turns, look_ahead


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


def test_a_part_ends_at_its_texts_or_its_characters(monkeypatch):
    monkeypatch.setattr("sentimo.engine.batching.TEXTS_AHEAD", 3)
    monkeypatch.setattr("sentimo.engine.batching.CHARACTERS_AHEAD", 10)
    texts = ["a", "b" * 9, "c", "d", "e", "f", "g" * 50]

    # 1 + 9 characters; three texts; then 1 + 50 characters
    assert list(look_ahead(texts, range(7))) == [[0, 1], [2, 3, 4], [5, 6]]
    assert list(look_ahead(texts, [6, 0])) == [[6], [0]]
    assert list(look_ahead(texts, [])) == []


def test_jobs_begin_before_earlier_ones_go_on():
    told = []

    def job(name, n_steps):
        for step in range(n_steps):
            told.append((name, step))
            yield
        told.append((name, "end"))

    in_turns([job("a", 2), job("b", 1), job("c", 2)])

    assert told == [
        ("a", 0),
        ("b", 0),
        ("a", 1),
        ("c", 0),
        ("a", "end"),
        ("b", "end"),
        ("c", 1),
        ("c", "end"),
    ]
