"""More tokens for a vocabulary: the words of a corpus that it cuts into pieces."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate
from typing import Any

from tokenizers import Tokenizer

from sentimo.errors import InputError

_LEAST = 5  # a word that is rarer teaches its vector little


def extend(tokenizer: Tokenizer, texts: Iterable[str], n_tokens: int) -> tuple[Tokenizer, dict[int, list[int]]]:
    """Give whole words tokens of their own, those first that save the most tokens in the texts.

    In a WordPiece vocabulary a word is one new token. In one of byte pairs it is a chain of new merges, whose
    beginnings are tokens too. A character that fell into bytes becomes a token.

    Args:
        tokenizer: WordPiece or byte pairs; it stays as it is.
        texts: What to count; held in memory as counts only.
        n_tokens: Most new tokens.

    Returns:
        The new tokenizer, whose old ids are those of `tokenizer`, and new id -> old ids of what it stands for.

    Raises:
        InputError: the tokenizer is of another kind.
    """
    stored = json.loads(tokenizer.to_str())
    model = stored["model"]
    if model["type"] not in ("WordPiece", "BPE"):
        raise InputError(f"a vocabulary of type {model['type']} cannot be extended; expected WordPiece or BPE")
    first_new = next_id = tokenizer.get_vocab_size(with_added_tokens=True)
    pieces: dict[int, list[int]] = {}
    for word in _costly(tokenizer, texts):
        if next_id - first_new >= n_tokens:
            break
        encoding = _cut(tokenizer, word)
        chain = [word] if model["type"] == "WordPiece" or len(word) == 1 else _chain(encoding.tokens, model)
        if not chain or next_id - first_new + sum(each not in model["vocab"] for each in chain) > n_tokens:
            continue
        for length, token in enumerate(chain, 2):
            if token not in model["vocab"]:
                if len(token) > 1 and model["type"] == "BPE":
                    model["merges"].append(
                        [token.removesuffix(encoding.tokens[length - 1]), encoding.tokens[length - 1]]
                    )
                model["vocab"][token] = next_id
                pieces[next_id] = encoding.ids if token == word else encoding.ids[:length]
                next_id += 1
    return Tokenizer.from_str(json.dumps(stored, ensure_ascii=False)), pieces


def _costly(tokenizer: Tokenizer, texts: Iterable[str]) -> list[str]:
    """Return the words that are cut into pieces, by how many tokens each would save."""
    words: Counter[str] = Counter()
    for text in texts:
        plain = tokenizer.normalizer.normalize_str(text) if tokenizer.normalizer else text
        words.update(word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(plain))
    saved = {}
    for word, count in words.items():
        n_pieces = len(_cut(tokenizer, word).ids) if count >= _LEAST else 1
        unknown = len(word) == 1 and n_pieces == 1 and tokenizer.token_to_id(word) is None and count >= _LEAST
        if n_pieces > 1 or unknown:
            saved[word] = count * max(1, n_pieces - 1)
    return sorted(saved, key=lambda word: (-saved[word], word))


def _cut(tokenizer: Tokenizer, word: str) -> Any:
    return tokenizer.encode(word, add_special_tokens=False)


def _chain(tokens: list[str], model: dict[str, Any]) -> list[str]:
    """Return what the pieces become when they are joined from the left; nothing where one of them is a byte."""
    if any(token.startswith("<0x") or token == model["unk_token"] for token in tokens):
        return []
    return list(accumulate(tokens))[1:]
