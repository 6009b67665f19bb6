import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentimo.text.ngrams import MOST_WORD_CHARACTERS, ngrams, token_spans


def test_han_gives_one_to_three_characters():
    assert ngrams("不好吃") == ["h不", "h好", "h吃", "h不好", "h好吃", "h不好吃"]


def test_han_ngrams_do_not_run_over_signs():
    grams = ngrams("好，差")

    assert "h好差" not in grams
    assert grams == ["h好", "s,", "h差"]  # NFKC makes the full-width comma a plain one


def test_a_word_gives_itself_and_its_pieces():
    assert ngrams("bad") == [
        *("wbad",),
        *("c b", "cba", "cad", "cd "),
        *("c ba", "cbad", "cad "),
        *("c bad", "cbad "),
        *("c bad ",),
    ]


def test_words_with_space_between_make_a_pair():
    assert [gram for gram in ngrams("not  good, sir") if gram[0] == "w"] == ["wnot", "wgood", "wnot good", "wsir"]


def test_words_in_chinese_text_are_words():
    assert {"wabc", "h酒店", "h很"} <= set(ngrams("ABC酒店很好"))


def test_apostrophes_stay_in_the_word():
    assert ngrams("don’t") == ngrams("don't")
    assert "wdon't" in ngrams("don't")


@pytest.mark.parametrize("text", ["ＡＢＣ", "abc", "ABC", "Abc"])
def test_width_and_letter_case_do_not_matter(text):
    assert ngrams(text) == ngrams("abc")


def test_signs_count_together_and_one_by_one():
    assert ngrams(":)") == ["s:)", "s)", "s:"]
    assert ngrams("!!") == ["s!!", "s!"]
    assert ngrams("😀") == ["s😀"]


def test_kinds_never_collide():
    # "s" + "_" and the word "_" would be one without the letter in front.
    assert {gram[0] for gram in ngrams("a _ 好")} == {"w", "c", "s", "h"}


@pytest.mark.parametrize("text", ["", "  \n\t ", "\x00\x07", "\u200b\ufe0f\u202e", "\ufffd"])
def test_a_text_with_nothing_to_read_gives_nothing(text):
    assert ngrams(text) == []
    assert token_spans(text) == []


def test_half_a_surrogate_pair_is_passed_over():
    assert ngrams("\ud83d好") == ["h好"]


def test_tokens_are_han_characters_words_and_signs():
    text = " 好吃 ok!!"

    assert [text[start:end] for start, end in token_spans(text)] == ["好", "吃", "ok", "!!"]


def test_an_endless_word_is_read_in_parts():
    assert token_spans("a" * 100) == [(0, 40), (40, 80), (80, 100)]
    assert max(map(len, ngrams("a" * 100))) == 1 + MOST_WORD_CHARACTERS


@given(st.text())
def test_any_text_has_ngrams_that_fit_on_a_line(text):
    grams = ngrams(text)

    assert all(len(gram) > 1 and gram[0] in "hwcs" and not set(gram) & set("\r\n") for gram in grams)
    "\n".join(grams).encode("utf-8")


@given(st.text())
def test_tokens_of_any_text_are_in_order_and_never_empty(text):
    places = [0, *(offset for span in token_spans(text) for offset in span)]

    assert places == sorted(places)
    assert all(start < end for start, end in token_spans(text))


def test_short_texts_are_read_fast():
    # 3,000 texts a second are wanted; a tenth of it must pass on any machine.
    started = time.perf_counter()
    for _ in range(100):
        ngrams("房间很干净，服务也不错，就是早餐一般般。 The room was clean and the staff kind.")

    assert time.perf_counter() - started < 100 / 300
