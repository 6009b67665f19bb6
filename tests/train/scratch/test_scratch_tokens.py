from __future__ import annotations

import pytest

from sentimo.train.scratch.tokens import tokenizer_of


def tokens(tokenizer, text):
    return tokenizer.encode(text).tokens


def test_words_stay_whole_and_chinese_is_read_by_characters():
    tokenizer = tokenizer_of(["Good film, 很好看!"], "words", size=100, least=1)

    assert tokens(tokenizer, "good FILM, 很好看!") == ["good", "film", ",", "很", "好", "看", "!"]


def test_characters_hold_blanks_once():
    tokenizer = tokenizer_of(["so good"], "characters", size=100, least=1)

    assert tokens(tokenizer, "  so\n\n good") == [*"so good"]


def test_full_width_forms_are_those_of_half_width():
    tokenizer = tokenizer_of(["ok!"], "words", size=100, least=1)

    assert tokens(tokenizer, "ＯＫ！") == ["ok", "!"]


def test_places_are_those_of_the_text_as_it_was():
    tokenizer = tokenizer_of(["good 好"], "words", size=100, least=1)

    assert tokenizer.encode("Good 好").offsets == [(0, 4), (5, 6)]


def test_rare_words_are_unknown():
    tokenizer = tokenizer_of(["a a b b c"], "words", size=100, least=2)

    assert tokens(tokenizer, "a c b") == ["a", "[UNK]", "b"]


def test_the_frequent_words_are_kept_and_equal_texts_give_equal_ids():
    first, again = (tokenizer_of(["b b b a a c c d"], "words", size=4, least=1) for _ in range(2))

    assert first.get_vocab() == {"[PAD]": 0, "[UNK]": 1, "b": 2, "a": 3}
    assert first.to_str() == again.to_str()


def test_words_with_vectors_are_known_without_being_in_the_texts():
    tokenizer = tokenizer_of(["a a rare"], "words", size=5, least=2, also=["rare", "other", "last"])

    assert tokenizer.get_vocab().keys() == {"[PAD]", "[UNK]", "a", "rare", "other"}


@pytest.mark.parametrize("text", ["", "   ", "😀👍🏽", "a" * 5000, "​", "\x00é‮"])
@pytest.mark.parametrize("unit", ["words", "characters"])
def test_any_text_can_be_read(unit, text):
    tokenizer = tokenizer_of(["good", text], unit, size=100, least=1)

    assert "[UNK]" not in tokens(tokenizer, text)
