"""Emoji and full-width letters in the eyes of a tokenizer that has none."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from sentimo.text.emoji import EMOJI
from sentimo.train.encoder import open_base
from sentimo.train.signs import read_signs

WORDS = ["[UNK]", "i", "love", "it", "so", "happy", "broken", "heart", "good", "love", "ok", "great", "开", "心", "好"]


def tokenizer(*more):
    vocabulary = {word: at for at, word in enumerate(dict.fromkeys([*WORDS, *more]))}
    backend = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]")
    read_signs(made)
    return made


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("i love it😀", "i love it happy"),
        ("ok👍🏽😀", "ok good happy"),
        ("so 💔", "so broken heart"),
        ("❤️ it", "love it"),
        ("ｌｏｖｅ　ｉｔ", "love it"),
        ("love🦖it", "love [UNK] it"),
    ],
)
def test_emoji_are_words_and_leave_their_neighbours_whole(text, tokens):
    assert tokenizer("l", "##o").tokenize(text) == tokens.split()


def test_places_in_the_text_stay_right():
    encoding = tokenizer()("i love💔it", return_offsets_mapping=True, add_special_tokens=False)

    assert encoding["offset_mapping"][:2] == [(0, 1), (2, 6)]
    assert encoding["offset_mapping"][-1] == (7, 9)


def test_a_chinese_vocabulary_gets_chinese_words():
    han = [chr(0x4E00 + at) for at in range(40)]

    assert tokenizer(*han).tokenize("好😀") == ["好", "开", "心"]


def test_a_tokenizer_that_knows_emoji_stays_as_it_is():
    before = tokenizer("😀").backend_tokenizer.to_str()

    assert "Replace" not in before


def test_it_is_saved_and_done_once(bert, tmp_path):
    base = open_base(str(bert))
    base.tokenizer.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text((bert / "config.json").read_text())

    again = open_base(str(tmp_path))

    assert (
        again.tokenizer.tokenize("i love it😀")
        == base.tokenizer.tokenize("i love it😀")
        == ["i", "love", "it", "happy"]
    )
    assert again.tokenizer.backend_tokenizer.to_str() == base.tokenizer.backend_tokenizer.to_str()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_emoji_means_one_thing(language):
    signs = "".join(EMOJI[language].values())

    assert len(set(signs)) == len(signs) > 150
