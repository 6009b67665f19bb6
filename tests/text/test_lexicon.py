from __future__ import annotations

import pytest

from sentimo.errors import InputError
from sentimo.text.lexicon import Entries, Lexicon, built_in_lexicon, key_of, tokens_of


def found(words, text):
    return [" ".join(match.key) for match in Entries(words).find(tokens_of(text))]


def test_the_longest_entry_at_a_place_is_read():
    assert found(["好", "好像", "不错"], "好像不错") == ["好 像", "不 错"]


def test_a_phrase_ends_with_the_text():
    assert found(["waste of time", "waste"], "what a waste of") == ["waste"]


def test_english_words_are_read_whole():
    assert found(["art", "cute"], "smart and executed") == []


def test_an_emoticon_is_read_beside_words_and_signs():
    assert found([":)", "<3", "😀"], "nice!:) <3😀") == [": )", "< 3", "😀"]


def test_skin_and_variation_of_an_emoji_do_not_count():
    assert key_of("❤\ufe0f") == key_of("❤")
    assert key_of("👍\U0001f3fd") == key_of("👍")


def test_links_and_names_are_not_read():
    assert [token.form for token in tokens_of("see https://bad.com/awful @awful ok")] == ["see", "ok"]


def test_drawn_out_letters_are_read_as_the_word():
    (match,) = Entries(["good"]).find(tokens_of("goooood"))

    assert match.key == ("good",)
    assert match.is_drawn


def test_full_width_and_capital_letters_are_one():
    assert key_of("ＧＯＯＤ") == key_of("good")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_built_in_lists_hold_many_words_of_both_leanings(language):
    valences = list(built_in_lexicon().words[language].values())

    assert sum(each > 0 for each in valences) > 600
    assert sum(each < 0 for each in valences) > 600


def test_forms_of_an_english_word_are_known():
    words = built_in_lexicon().words["en"]

    for form in ("love", "loves", "loved", "loving", "angrily", "happily", "cutest", "fantastically", "worries"):
        assert form in words, form


def test_a_lexicon_reads_back_what_it_wrote():
    lexicon = Lexicon({"zh": {"好": 0.5}, "en": {"good": 0.5, "bad": -0.5}})

    assert Lexicon.from_json(lexicon.to_json()) == lexicon
    assert Lexicon({"en": {"bad": -0.5, "good": 0.5}, "zh": {"好": 0.5}}).digest == lexicon.digest


def test_of_two_lexicons_the_later_word_counts():
    joined = Lexicon({"en": {"sick": -0.6, "bad": -0.5}}).joined(Lexicon({"en": {"sick": 0.6}}))

    assert joined.words["en"] == {"sick": 0.6, "bad": -0.5}


@pytest.mark.parametrize(
    ("words", "says"),
    [({"de": {}}, "language 'de'"), ({"en": {"good": 4}}, "'good' has the valence 4"), ({"en": {"a": None}}, "None")],
)
def test_a_wrong_lexicon_is_refused(words, says):
    with pytest.raises(InputError, match=says):
        Lexicon(words)


def test_what_is_no_lexicon_is_told():
    with pytest.raises(InputError, match="not a lexicon"):
        Lexicon.from_json("[1, 2]")
