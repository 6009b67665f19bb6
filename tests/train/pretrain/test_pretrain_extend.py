from __future__ import annotations

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from sentimo.errors import InputError
from sentimo.train.pretrain.extend import extend


@pytest.fixture
def wordpiece():
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##like", "##ly", "like", "room", "##s"]
    tokenizer = Tokenizer(models.WordPiece({each: at for at, each in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    return tokenizer


def tokens(tokenizer, text):
    return tokenizer.encode(text, add_special_tokens=False).tokens


def test_a_word_that_is_cut_often_becomes_a_token(wordpiece):
    texts = ["Unlikely rooms", "unlikely like"] * 5 + ["rooms"]

    wider, pieces = extend(wordpiece, texts, 1)

    # "unlikely" saves 10 * 2 tokens, "rooms" 6 * 1
    assert tokens(wider, "unlikely rooms like") == ["unlikely", "room", "##s", "like"]
    assert pieces == {11: [5, 6, 7]}
    assert tokens(wordpiece, "unlikely") == ["un", "##like", "##ly"]


def test_rare_words_stay_in_pieces(wordpiece):
    assert extend(wordpiece, ["unlikely"] * 4, 10)[1] == {}


def test_an_unknown_character_becomes_a_token(wordpiece):
    wider, pieces = extend(wordpiece, ["好 room 好"] * 3, 10)

    assert tokens(wider, "好room") == ["好", "[UNK]"] or tokens(wider, "好 room") == ["好", "room"]
    assert pieces == {11: [1]}


def test_byte_pairs_get_a_chain_of_merges(vocabulary):
    texts = ["zwyx on", "the zwyx"] * 5

    wider, pieces = extend(vocabulary, texts, 20)

    n_before = len(tokens(vocabulary, "zwyx"))
    assert n_before > 1
    assert tokens(wider, "zwyx") == ["zwyx"]
    assert tokens(wider, "酒店真好 room") == tokens(vocabulary, "酒店真好 room")
    assert len(pieces[wider.token_to_id("zwyx")]) == n_before
    assert set(pieces) == set(range(vocabulary.get_vocab_size(), wider.get_vocab_size()))


def test_no_more_tokens_than_asked_for(vocabulary):
    wider, pieces = extend(vocabulary, ["zwyxqj vbnmk"] * 9, 3)

    assert len(pieces) <= 3
    assert wider.get_vocab_size() == vocabulary.get_vocab_size() + len(pieces)


def test_another_kind_of_vocabulary_is_refused():
    with pytest.raises(InputError, match="type WordLevel cannot be extended; expected WordPiece or BPE"):
        extend(Tokenizer(models.WordLevel({"a": 0}, unk_token="a")), ["a"], 1)
