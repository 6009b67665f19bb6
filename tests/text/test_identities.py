from __future__ import annotations

import pytest

from sentimo.text.identities import DIMENSIONS, counterfactuals


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He loves his wife", "She loves her husband"),
        ("she told him.", "he told her."),
        ("I told her.", "I told him."),
        ("HER BOOK", "HIS BOOK"),
        ("a gay couple", "a straight couple"),
        ("他很生气", "她很生气"),
        ("这位先生是男人", "这位女士是女人"),
        ("同性恋也是人", "异性恋也是人"),
    ],
)
def test_identities_are_exchanged_both_ways_and_case_is_kept(text, expected):
    assert expected in counterfactuals(text)


def test_every_other_identity_gives_a_text():
    assert len(counterfactuals("a Muslim friend")) == 4
    assert "a Jewish friend" in counterfactuals("a Muslim friend")
    assert len(counterfactuals("河南人很热情")) == 6


@pytest.mark.parametrize("text", ["", "the heat was there", "其他都好，吉他也好", "a black phone", "mankind"])
def test_a_text_that_names_nobody_has_none(text):
    assert counterfactuals(text) == []


def test_two_respects_are_exchanged_apart():
    assert set(counterfactuals("the old man")) == {"the old woman", "the young man"}


def test_the_identities_of_a_respect_have_as_many_words():
    for each in DIMENSIONS:
        assert len({len(words) for words in each.identities}) == 1, each.name
