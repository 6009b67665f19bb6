import sys

import numpy as np

from sentimo.engine.cache import Remembered, ResultCache


def answer(number=0.0):
    return Remembered(np.array([number], np.float32), 1, 1.0, None, ())


ENTRY = sys.getsizeof("a") + answer().n_bytes


def test_what_is_put_in_comes_out():
    cache = ResultCache(10 * ENTRY)
    kept = answer(0.5)

    cache.put("a", kept)

    assert cache.get("a") is kept
    assert cache.get("b") is None


def test_it_never_holds_more_than_it_may_and_forgets_what_was_not_asked_for_longest():
    cache = ResultCache(2 * ENTRY)

    cache.put("a", answer())
    cache.put("b", answer())
    cache.get("a")
    cache.put("c", answer())

    assert [cache.get(text) is not None for text in "abc"] == [True, False, True]
    assert cache.n_bytes == 2 * ENTRY


def test_a_text_put_twice_counts_once():
    cache = ResultCache(2 * ENTRY)

    cache.put("a", answer())
    cache.put("a", answer(0.5))

    assert cache.n_bytes == ENTRY
    assert cache.get("a").scores[0] == 0.5


def test_an_answer_larger_than_the_cache_is_not_kept():
    cache = ResultCache(ENTRY)

    cache.put("a", answer())
    cache.put("b" * 1000, answer())

    assert cache.get("a") is not None
