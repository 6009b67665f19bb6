import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentimo.text.normalise import folded


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Good tea!", "good  tea"),
        ("ＧＯＯＤ　ｔｅａ", "good tea"),  # full width
        ("物流太慢了，差评！", "物流太慢了 差评"),
        ("Straße", "STRASSE"),
        ("cafe\u0301", "café"),  # combining accent
        ("a_b", "ab"),
    ],
)
def test_copies_of_a_text_agree(one, other):
    assert folded(one) == folded(other)


@pytest.mark.parametrize(("one", "other"), [("good", "bad"), ("不好", "好"), (":)", ":("), ("😀", "😡"), ("3", "4")])
def test_different_texts_differ(one, other):
    assert folded(one) != folded(other)


def test_a_text_of_signs_keeps_them_without_repeated_spaces():
    assert folded("  :)   !!\n") == ":) !!"


def test_nothing_stays_nothing():
    assert folded(" \n") == folded("") == ""


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_letter_case_and_spaces_around_never_matter(text):
    assert folded(f" {text.upper()}\n") == folded(text.lower()) == folded(text)
