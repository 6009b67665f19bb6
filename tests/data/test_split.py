from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentimo.core.documents import Document, Example
from sentimo.data.split import split_examples
from sentimo.errors import DataError
from sentimo.text.normalise import folded


def examples(*rows):
    return [Example(Document(text), {"mood": target}) for text, target in rows]


def numbered(n, target):
    """n rows with different texts; the target is a function of the row number."""
    return examples(*((f"text number {row}", target(row)) for row in range(n)))


def targets(part):
    return Counter(each.targets["mood"] for each in part)


def texts(part):
    return [each.document.text for each in part]


def test_each_part_gets_its_share_of_every_label():
    rows = numbered(200, lambda row: 0 if row < 150 else 1)

    train, dev, test = split_examples(rows, "mood")

    assert targets(train) == {0: 120, 1: 40}
    assert targets(dev) == {0: 15, 1: 5}
    assert targets(test) == {0: 15, 1: 5}


def test_a_part_of_0_is_empty():
    train, dev, test = split_examples(numbered(100, lambda row: row % 2), "mood", fractions=(0.9, 0.1, 0.0))

    assert (len(train), len(dev), len(test)) == (90, 10, 0)


def test_a_label_with_one_row_is_in_train():
    train, *_ = split_examples(numbered(41, lambda row: 2 if row == 40 else row % 2), "mood")

    assert targets(train)[2] == 1


@pytest.mark.parametrize("copies", [("Good tea!", "good  tea", "GOOD TEA...")])
def test_copies_of_a_text_stay_together(copies):
    rows = examples(*((text, 0) for text in copies)) + numbered(60, lambda row: row % 2)

    for seed in range(10):
        parts = split_examples(rows, "mood", seed=seed)

        assert sum(any(text in texts(part) for text in copies) for part in parts) == 1


def test_one_seed_gives_the_same_parts_and_another_gives_others():
    rows = numbered(100, lambda row: row % 2)

    assert split_examples(rows, "mood", seed=1) == split_examples(rows, "mood", seed=1)
    assert texts(split_examples(rows, "mood", seed=1)[2]) != texts(split_examples(rows, "mood", seed=2)[2])


def test_scores_are_spread_evenly_over_the_parts():
    # 100 scores 0.00 .. 0.99: of each tenth 8, 1 and 1.
    parts = split_examples(numbered(100, lambda row: row / 100), "mood")

    for part, n in zip(parts, (8, 1, 1), strict=True):
        assert Counter(int(each.targets["mood"] * 10) for each in part) == dict.fromkeys(range(10), n)


def test_a_multi_label_row_counts_for_its_rarest_label():
    rows = numbered(100, lambda row: (0, 1) if row < 20 else (0,))

    train, dev, test = split_examples(rows, "mood")

    assert [sum(each.targets["mood"] == (0, 1) for each in part) for part in (train, dev, test)] == [16, 2, 2]


def test_rows_without_any_of_the_labels_can_be_split():
    assert len(split_examples(numbered(40, lambda row: ()), "mood")[0]) == 32


@pytest.mark.parametrize("n", [0, 1, 5])
def test_too_few_rows_are_told(n):
    with pytest.raises(DataError, match=rf"task 'mood': {n} rows are too few.*Give more rows, or dev and test files"):
        split_examples(numbered(n, lambda row: row % 2), "mood")


ROWS = st.lists(
    st.tuples(st.sampled_from(["a", "A!", "b", "c", "好", "好。", "d e", "D-E"]), st.integers(0, 2)), max_size=60
)


@settings(max_examples=100, deadline=None)
@given(rows=ROWS, seed=st.integers(0, 5))
def test_every_row_is_in_one_part_and_no_text_in_two(rows, seed):
    rows = examples(*rows) + numbered(60, lambda row: row % 3)

    parts = split_examples(rows, "mood", seed=seed)

    assert sorted(map(id, [each for part in parts for each in part])) == sorted(map(id, rows))
    keys = [key for part in parts for key in {folded(text) for text in texts(part)}]
    assert len(keys) == len(set(keys))


def test_a_few_rows_of_many_labels_still_give_every_part_some():
    # 10 labels x 4 rows: each label's first row is for train, the others go where rows are missing most
    rows = [Example(Document(f"text {label} {n}"), {"mood": label}) for label in range(10) for n in range(4)]

    train, dev, test = split_examples(rows, "mood")

    assert (len(train), len(dev), len(test)) == (32, 4, 4)
    assert {each.targets["mood"] for each in train} == set(range(10))
