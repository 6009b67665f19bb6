import pytest
import torch

from sentimo.train.cautions import cautions
from sentimo.train.rows import Rows


@pytest.fixture
def told(bert_base, recipe):
    """Returns what is told of texts and a rate; the usual one for this width is 1e-4."""

    def tell(*texts, rate=None):
        rows = Rows(bert_base.encode(texts, 32), {}, {}, torch.ones(len(texts)))
        return list(cautions(recipe("mood", optimiser={"learning_rate": rate}), bert_base, rows))

    return tell


def test_usual_texts_and_rates_need_no_caution(told):
    assert told("the film was good", rate=1e-3) == []
    assert told("the film was good") == []


def test_texts_the_base_cannot_read_are_told_with_their_share(told):
    # [CLS] the film [UNK] [SEP]: one of 5 tokens
    (sentence,) = told("the film 好")

    assert "does not know 20% of the tokens" in sentence


def test_a_few_unknown_words_are_not_worth_telling(told):
    assert told(*["the film was good and the book was good and"] * 3, "the 好") == []


def test_a_rate_far_above_the_usual_one_is_told(told):
    (sentence,) = told("the film was good", rate=2e-3)

    assert "learning rate 0.002 is 20 times the usual one for adamw" in sentence
