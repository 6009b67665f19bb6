import random

import pytest

from sentimo.data.near_duplicates import SIMILARITY, near_duplicates, similarity

REVIEW = "the parcel came two days late and the box was torn at one corner"


def jaccard(a, b, size):
    first, second = ({text[at : at + size] for at in range(len(text) - size + 1)} for text in (a, b))
    return len(first & second) / len(first | second)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("abcdefghijklmnopqrstuvwx", "abcdefghijklmnopqrstuvwxy", 20 / 21),  # 20 5-grams, and the same with one more
        ("abcdefghijkl", "abcdefghijklmn", 8 / 10),
        ("abcdefghijk", "abcdefghijklm", 7 / 9),
        ("ababababab", "babababababababab", 1.0),  # both have the 5-grams ababa and babab only
        ("房间很大服务也不错早餐好", "房间很大服务也不错早餐差", 9 / 11),  # 3-grams: 10 each, 9 of them common
        ("abcde", "vwxyz", 0.0),
        ("abcd", "abcd", 0.0),  # too short for a 5-gram
    ],
)
def test_similarity_is_the_share_of_common_n_grams(one, other, expected):
    assert similarity(one, other) == similarity(other, one) == expected


def test_a_similarity_of_exactly_the_threshold_counts():
    assert SIMILARITY == 0.8
    assert near_duplicates(["abcdefghijkl", "abcdefghijklmn"]) == [[0, 1]]


def test_a_pair_just_below_the_threshold_is_left_out():
    assert near_duplicates(["abcdefghijk", "abcdefghijklm"]) == []


def test_han_texts_are_compared_by_3_grams():
    # by 5-grams it would be 7 of 9 = 0.78
    assert near_duplicates(["房间很大服务也不错早餐好", "房间很大服务也不错早餐差"]) == [[0, 1]]


@pytest.mark.parametrize("texts", [[], [REVIEW], ["", ""], ["好", "好"], ["abcd", "abcd"], ["😀", "\ud800"]])
def test_too_few_or_too_short_texts_have_no_groups(texts):
    assert near_duplicates(texts) == []


def test_short_texts_between_do_not_shift_the_others():
    assert near_duplicates(["", REVIEW, "a", "quite another text", REVIEW + "!", ""]) == [[1, 4]]


def test_groups_come_in_the_order_of_their_first_texts():
    other = "nobody answers the phone and nobody reads the mail there"

    assert near_duplicates([REVIEW, other, other + "!", REVIEW + "!"]) == [[0, 3], [1, 2]]


def test_texts_are_linked_through_others():
    # 20 5-grams and 4 more at each step: 20 / 24 = 0.83 to the next one, 20 / 28 = 0.71 to the one after
    chain = ["abcdefghijklmnopqrstuvwx", "abcdefghijklmnopqrstuvwx0123", "abcdefghijklmnopqrstuvwx01234567"]

    assert near_duplicates(chain) == [[0, 1, 2]]
    assert near_duplicates(chain[::2]) == []


def test_a_large_group_stays_in_one_piece():
    assert near_duplicates([f"{REVIEW} {number:03}" for number in range(300)]) == [list(range(300))]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_pairs_are_those_of_a_full_comparison(seed):
    draw = random.Random(seed)
    words = ["".join(draw.choices("abcdefgh", k=draw.randint(2, 8))) for _ in range(300)]
    texts = [" ".join(draw.choices(words, k=draw.randint(3, 15))) for _ in range(100)]
    for text in texts[:50]:
        kept = text.split()
        kept[draw.randrange(len(kept))] = draw.choice(words)
        texts.append(" ".join(kept))

    pairs = [[a, b] for a in range(len(texts)) for b in range(a + 1, len(texts))]
    expected = [pair for pair in pairs if jaccard(*(texts[each] for each in pair), 5) >= SIMILARITY]

    assert near_duplicates(texts) == expected
    assert expected
