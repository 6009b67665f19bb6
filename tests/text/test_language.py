import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentimo.text.language import language_of, main_languages


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("I love it", "en"),
        ("物流太慢了，差评！", "zh"),
        ("這家店很好", "zh"),
        ("😡", "und"),
        ("", "und"),
        (" \n\0", "und"),
        ("12:30 - 50%", "und"),
        ("Как дела", "other"),
        ("أنا سعيد جدا", "other"),
        ("とてもおいしいです", "other"),
        ("정말 좋아요", "other"),
        ("C'est très bon", "en"),  # Latin script: told apart by no script
        ("Ｉ　ｌｏｖｅ　ｉｔ", "en"),  # full width
        ("Phở này rất ngon", "en"),
        ("\ud83d", "und"),
        ("\uf900\ufa0c", "zh"),  # compatibility characters
        ("\ue000", "und"),  # private use
        ("𠮷", "zh"),  # beyond the first 65,536 characters
    ],
)
def test_a_language_is_told_by_its_script(text, language):
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("iPhone 15 Pro Max 太贵了", "zh"),  # 4 characters, 3 words
        ("很 good morning my dear friends", "en"),
        ("好 ok", "zh"),  # a tie is Chinese
        ("Спасибо, this was a really good hotel", "en"),  # 7 letters are no more than twice 6 words
        ("Спасибо за отличный отель, ok", "other"),
        ("日本の人はとてもやさしい", "other"),
    ],
)
def test_a_mixed_text_has_the_language_of_most_of_it(text, language):
    assert language_of(text) == language


def test_only_the_beginning_of_a_long_text_counts():
    assert language_of("好" * 2000 + "word " * 9000) == "zh"


@given(st.text())
def test_any_text_has_a_language(text):
    assert language_of(text) in {"en", "zh", "other", "und"}


@given(st.text(alphabet="的一是了我不人在他有这个上们来到时", min_size=1))
def test_chinese_characters_alone_are_chinese(text):
    assert language_of(text) == "zh"


def test_languages_of_a_tenth_of_the_texts_are_seen():
    texts = ["好"] * 8 + ["good"] * 2 + ["123"] * 5 + ["привет"]

    assert main_languages(texts) == ("zh", "en")
