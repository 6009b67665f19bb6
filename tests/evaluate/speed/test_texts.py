import pytest

from sentimo.evaluate.speed.texts import SENTENCES, written_texts
from sentimo.text.language import language_of


@pytest.mark.parametrize("language", SENTENCES)
def test_the_texts_are_different_and_of_their_language(language):
    texts = written_texts(language, 2000)

    assert len(set(texts)) == 2000
    assert {language_of(text) for text in texts} == {language}


@pytest.mark.parametrize("language", SENTENCES)
def test_their_lengths_spread(language):
    lengths = sorted(len(text) for text in written_texts(language, 1000))

    assert lengths[10] < 0.4 * lengths[500]
    assert lengths[-10] > 3 * lengths[500]


def test_the_same_seed_gives_the_same_texts():
    assert written_texts("zh", 50, seed=3) == written_texts("zh", 50, seed=3) != written_texts("zh", 50, seed=4)
