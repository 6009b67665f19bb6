import random

import pytest

from sentimo.data.near_duplicates import SIMILARITY, NearPair, near_duplicates

REVIEW = "the parcel came two days late and the box was torn at one corner"


def jaccard(a, b, size):
    first, second = ({text[at : at + size] for at in range(len(text) - size + 1)} for text in (a, b))
    return len(first & second) / len(first | second)


def test_a_changed_letter_is_a_near_duplicate_with_its_exact_similarity():
    # "abcdefghijklmnopqrstuvwx" has 20 5-grams; one more letter adds one: 20 common of 21.
    text = "abcdefghijklmnopqrstuvwx"

    assert near_duplicates([text, text + "y"]) == [NearPair(0, 1, 20 / 21)]


def test_similarity_of_exactly_the_threshold_counts():
    # 8 5-grams against the same 8 and 2 more: 8 / 10 = 0.8.
    assert SIMILARITY == 0.8
    assert near_duplicates(["abcdefghijkl", "abcdefghijklmn"]) == [NearPair(0, 1, 0.8)]


def test_a_pair_just_below_the_threshold_is_left_out():
    # 7 of 9 5-grams: 0.78
    assert near_duplicates(["abcdefghijk", "abcdefghijklm"]) == []


def test_han_texts_are_compared_by_3_grams():
    # 12 characters have 10 3-grams; the last one changed: 9 common of 11 = 0.82. By 5-grams: 7 of 9 = 0.78.
    pairs = near_duplicates(["房间很大服务也不错早餐好", "房间很大服务也不错早餐差"])

    assert pairs == [NearPair(0, 1, 9 / 11)]


@pytest.mark.parametrize("texts", [[], [REVIEW], ["", ""], ["好", "好"], ["abcd", "abcd"], ["😀", "\ud800"]])
def test_too_few_or_too_short_texts_have_no_pairs(texts):
    assert near_duplicates(texts) == []


def test_the_place_of_short_texts_does_not_shift_the_others():
    assert [(each.first, each.second) for each in near_duplicates(["", REVIEW, "a", REVIEW + "!", ""])] == [(1, 3)]


def test_repeated_n_grams_count_once():
    # both have the 5-grams "ababa" and "babab" only
    assert near_duplicates(["ab" * 4, "ab" * 400]) == [NearPair(0, 1, 1.0)]


def test_all_pairs_of_a_small_group_are_found():
    texts = [REVIEW + sign for sign in ("", "!", "?", ".")]

    assert {(each.first, each.second) for each in near_duplicates(texts)} == {
        (a, b) for b in range(4) for a in range(b)
    }


def test_a_large_group_stays_in_one_piece_with_few_pairs():
    texts = [f"{REVIEW} {number:03}" for number in range(300)]

    pairs = near_duplicates(texts)

    partners = {each.second for each in pairs} | {each.first for each in pairs}
    assert partners == set(range(300))
    assert len(pairs) < 300 * 299 / 2


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_pairs_are_those_of_a_full_comparison(seed):
    random_ = random.Random(seed)
    words = ["".join(random_.choices("abcdefgh", k=random_.randint(2, 8))) for _ in range(300)]
    texts = [" ".join(random_.choices(words, k=random_.randint(3, 15))) for _ in range(150)]
    for text in texts[:50]:
        kept = text.split()
        kept[random_.randrange(len(kept))] = random_.choice(words)
        texts.append(" ".join(kept))

    expected = {
        (a, b): jaccard(texts[a], texts[b], 5)
        for b in range(len(texts))
        for a in range(b)
        if jaccard(texts[a], texts[b], 5) >= SIMILARITY
    }

    assert {(each.first, each.second): each.similarity for each in near_duplicates(texts)} == expected
    assert expected
