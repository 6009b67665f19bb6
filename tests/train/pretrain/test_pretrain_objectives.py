from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tokenizers import Tokenizer, models

from sentimo.train.pretrain.objectives import OBJECTIVES, MaskedLanguageModel, ReplacedTokens, continuations


@pytest.mark.parametrize("name", OBJECTIVES)
def test_an_untrained_model_guesses_among_all_tokens(name, shape, special, rows):
    model = OBJECTIVES[name](shape, special)
    figures = model(torch.from_numpy(rows[:8].astype("int64")))

    assert figures["loss"].isfinite()
    assert figures["perplexity"].item() == pytest.approx(shape.vocabulary, rel=0.5)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_weight_of_the_encoder_that_is_read_learns(name, shape, special, rows):
    model = OBJECTIVES[name](shape, special)
    model(torch.from_numpy(rows[:8].astype("int64")))["loss"].backward()

    still = [name for name, each in model.encoder.named_parameters() if each.grad is None or not each.grad.any()]
    assert still == []


def test_an_untrained_judge_is_in_two_minds(shape, special, rows):
    figures = ReplacedTokens(shape, special)(torch.from_numpy(rows[:8].astype("int64")))

    assert figures["judged"].item() == pytest.approx(0.693, abs=0.15)  # ln 2


def test_the_generator_shares_the_embeddings_and_is_a_quarter_as_wide(shape, special):
    model = ReplacedTokens(shape, special)

    assert model.generator.embeddings.word_embeddings is model.encoder.embeddings.word_embeddings
    assert model.generator.shape.width == shape.width // 4


@pytest.mark.parametrize(("width", "heads"), [(416, 13), (448, 14), (832, 26)])
def test_a_generator_of_every_width_has_heads_that_divide_it(width, heads, shape, special, rows):
    model = ReplacedTokens(replace(shape, width=width, heads=heads), special)

    assert model(torch.from_numpy(rows[:2].astype("int64")))["loss"].isfinite()


def test_the_guess_goes_through_the_embeddings(shape, special):
    names = dict(MaskedLanguageModel(shape, special).named_parameters())

    assert [name for name, each in names.items() if len(each) == shape.vocabulary] == [
        "encoder.embeddings.word_embeddings.weight",
        "guess.bias",
    ]


def test_pieces_that_go_on_with_a_word_are_known_by_their_mark():
    tokenizer = Tokenizer(models.WordPiece({"[UNK]": 0, "good": 1, "##ness": 2, "#": 3}, unk_token="[UNK]"))

    assert continuations(tokenizer, 5).tolist() == [False, False, True, False, False]
