"""How many tokens texts have: counted by a tokenizer, or roughly without one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from sentimo.data.bases import MINILM, local_folder
from sentimo.data.diagnosis import Lengths
from sentimo.errors import InputError, MissingExtraError
from sentimo.text.scripts import HAN

CountTokens = Callable[[Sequence[str]], Sequence[int]]
"""Texts to their numbers of tokens."""

_ROUGH_TOKEN = re.compile(rf"[{HAN}]|(?:(?![{HAN}])\w)+")
_TEXTS_AT_ONCE = 4096  # encodings hold far more than their length


def rough_lengths(texts: Sequence[str]) -> list[int]:
    """Return words + Han characters of each text. A tokenizer cuts rare words and makes more tokens of a text."""
    return [len(_ROUGH_TOKEN.findall(text)) for text in texts]


def tokenizer_lengths(base: str) -> CountTokens:
    """Return a counter that counts exactly, special tokens included, with the tokenizer of a base model.

    Args:
        base: "minilm" (extra `offline`), "zh-small", or a folder with tokenizer.json.

    Raises:
        InputError: there is no tokenizer in the folder, or it cannot be read.
        MissingExtraError: "minilm" is not installed.
    """
    folder = local_folder(base)
    if folder is None and base == MINILM:
        raise MissingExtraError("counting the tokens of minilm", "offline")
    path = (folder or Path(base)) / "tokenizer.json"
    if not path.is_file():
        raise InputError(f"{base}: no tokenizer.json there. Give minilm, zh-small or a local folder of a base model.")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises nothing narrower
        raise InputError(f"{path}: not a tokenizer: {error}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def count(texts: Sequence[str]) -> list[int]:
        readable = [text.encode("utf-8", "replace").decode() for text in texts]  # half surrogates are refused
        chunks = (readable[at : at + _TEXTS_AT_ONCE] for at in range(0, len(readable), _TEXTS_AT_ONCE))
        return [len(each.ids) for chunk in chunks for each in tokenizer.encode_batch_fast(chunk)]

    return count


def summarise_lengths(n_tokens: Sequence[int], limit: int, *, exact: bool) -> Lengths | None:
    """Return the figures of some lengths, or None where there are none."""
    if not n_tokens:
        return None
    median, p95 = np.quantile(n_tokens, (0.5, 0.95))
    over = float(np.mean(np.asarray(n_tokens) > limit))
    return Lengths(round(float(median)), round(float(p95)), max(n_tokens), limit, over, exact)
