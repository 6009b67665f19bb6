"""Tokenizers that know no emoji read them as words; those of BERT otherwise lose every word that an emoji touches."""

from __future__ import annotations

import re
from typing import Any

from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers

from sentimo.text.emoji import EMOJI, MODIFIERS

_HAN = re.compile(r"[\u3400-\u9fff]")
_CHINESE_FROM = 0.2  # share of Han characters in the vocabulary of a Chinese model; multilingual ones have less
_PROBE = "😀"


def read_signs(tokenizer: Any) -> None:
    """Let a WordPiece tokenizer without emoji read them as words, and full-width letters as letters; in place.

    Emoji become the words they stand for (`sentimo.text.emoji`), in Chinese for a Chinese vocabulary. Other symbols are
    cut from the words that they touch. It is part of tokenizer.json, so a saved model reads the same everywhere. Any
    other tokenizer stays as it is.

    Args:
        tokenizer: A fast tokenizer of transformers.
    """
    backend: Tokenizer = tokenizer.backend_tokenizer
    if type(backend.model).__name__ != "WordPiece":
        return
    ids = backend.encode(_PROBE, add_special_tokens=False).ids
    if tokenizer.unk_token_id is None or (ids and tokenizer.unk_token_id not in ids):
        return
    vocabulary = backend.get_vocab()
    han = sum(1 for token in vocabulary if len(token) == 1 and _HAN.match(token))
    words = EMOJI["zh" if han > _CHINESE_FROM * len(vocabulary) else "en"]
    before = [
        normalizers.NFKC(),
        normalizers.Replace(Regex(f"[{MODIFIERS}]"), ""),
        *(normalizers.Replace(Regex(f"[{signs}]"), f" {word} ") for word, signs in words.items()),
    ]
    after = [backend.normalizer] if backend.normalizer else []
    backend.normalizer = normalizers.Sequence([*before, *after])
    symbols = pre_tokenizers.Split(Regex(r"\p{So}"), "isolated")
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [symbols, *([backend.pre_tokenizer] if backend.pre_tokenizer else [])]
    )
