from __future__ import annotations

import pytest
from tokenizers import Tokenizer

from sentimo.train.pretrain.vocabulary import SPECIAL_TOKENS, special_ids


def test_special_tokens_come_first(vocabulary):
    assert special_ids(vocabulary) == (0, 1, 2, 3, 4)
    assert [vocabulary.id_to_token(place) for place in range(5)] == list(SPECIAL_TOKENS)


def test_characters_digits_and_emoji_stand_alone_and_words_are_cut_into_pieces(vocabulary):
    tokens = vocabulary.encode("酒店好 room12😀", add_special_tokens=False).tokens

    assert tokens[:3] == ["酒", "店", "好"]
    assert tokens[-3:] == ["1", "2", "😀"]
    assert "".join(tokens[3:-3]) == "room"


def test_width_and_case_do_not_matter(vocabulary):
    assert vocabulary.encode("ＲＯＯＭ！").ids == vocabulary.encode("room!").ids


@pytest.mark.parametrize("text", ["龘", "한국", "ﷺx", "酒龘店", "🦖", "ñandú"])
def test_nothing_is_unknown(vocabulary, text):
    encoding = vocabulary.encode(text, add_special_tokens=False)

    assert "[UNK]" not in encoding.tokens
    assert vocabulary.decode(encoding.ids) == "".join(vocabulary.normalizer.normalize_str(text).split())


def test_offsets_point_into_the_text_as_it_was_given(vocabulary):
    text = "ＡＢ 酒店，龘"
    encoding = vocabulary.encode(text, add_special_tokens=False)

    assert text[slice(*encoding.offsets[encoding.tokens.index("酒")])] == "酒"
    assert {text[start:end] for start, end in encoding.offsets[-3:]} == {"龘"}


def test_the_size_is_kept_and_a_saved_vocabulary_reads_the_same(vocabulary, tmp_path):
    vocabulary.save(str(tmp_path / "tokenizer.json"))
    again = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))

    assert vocabulary.get_vocab_size() <= 520
    assert sorted(vocabulary.get_vocab().values()) == list(range(vocabulary.get_vocab_size()))
    assert again.encode("服务太差了 warm").ids == vocabulary.encode("服务太差了 warm").ids
