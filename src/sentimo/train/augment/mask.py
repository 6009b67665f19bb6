"""Some words become what a masked language model would write in their places."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoModelForMaskedLM

from sentimo.data.augment.words import Word, check_share, is_negation, replaced, words_of
from sentimo.errors import InputError
from sentimo.text.language import language_of
from sentimo.train.encoder import Base, open_base, pretrained, quiet_transformers
from sentimo.train.pretrain.save import HEAD

_TEXTS_AT_ONCE = 32
_MOST_TOKENS = 256


class _Model(NamedTuple):
    """A masked language model.

    Attributes:
        base: Its tokenizer and configuration.
        network: The network.
        words: (n_vocabulary,) the whole word that a token is, or "".
        is_han, is_other: (n_vocabulary,) bool, tokens that are whole words in Han characters, and in other letters.
    """

    base: Base
    network: Any
    words: Sequence[str]
    is_han: Tensor
    is_other: Tensor


class Mask:
    """Mask a share of the words and draw others from what a masked language model says about their places.

    A word can change where it is one token. It becomes one of the `top` most likely other words of its script, drawn by
    their probabilities. Negations stay.

    The model knows what fits, not what keeps the label: "good" may become "bad". The check of the labels
    (`check` of the recipe) is what drops such rows, so do not switch it off here.

    Args:
        base: A masked language model with its head: a folder, such as `sentimo pretrain` writes, or a hub id.
        share: Of the words of a text, in (0, 1]; at least one.
        top: Most likely words to draw from.

    Raises:
        ValueError: a number is out of range, or no base is given.
        InputError: the base cannot be read or has no masked-language-model head (when the first text is written anew).

    Source: Wu et al. 2019, "Conditional BERT Contextual Augmentation", section 3.2 (without the label embedding).
    """

    def __init__(self, base: str = "", share: float = 0.15, top: int = 10) -> None:
        check_share(share)
        if not base:
            raise ValueError("give base: a folder or hub id of a masked language model")
        if top < 1:
            raise ValueError(f"top is {top}; expected at least 1")
        self._name, self._share, self._top = base, share, top

    def rewrite(self, texts: Sequence[str], draws: Sequence[Random]) -> list[str]:
        """Return the texts with words that the model put in."""
        found: list[str] = []
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            stop = start + _TEXTS_AT_ONCE
            found += self._rewrite(list(texts[start:stop]), draws[start:stop])
        return found

    @cached_property
    def _model(self) -> _Model:
        base = open_base(self._name)
        network = _load(base)
        words = _whole_words(base.tokenizer, int(network.config.vocab_size))
        is_han = torch.tensor([language_of(word) == "zh" for word in words])
        is_other = torch.tensor([bool(word) for word in words]) & ~is_han
        return _Model(base, network, words, is_han, is_other)

    def _rewrite(self, texts: list[str], draws: Sequence[Random]) -> list[str]:
        base = self._model.base
        read = base.tokenizer(
            texts,
            truncation=True,
            max_length=base.most_tokens(_MOST_TOKENS),
            padding=True,
            return_offsets_mapping=True,
            return_tensors="pt",
        )
        ids = read["input_ids"]
        places = [
            _drawn(_places(text, read, row), self._share, draw)
            for row, (text, draw) in enumerate(zip(texts, draws, strict=True))
        ]
        masked = ids.clone()
        for row, chosen in enumerate(places):
            for at in chosen:
                masked[row, at] = base.tokenizer.mask_token_id
        with torch.inference_mode():
            logits = self._model.network(input_ids=masked, attention_mask=read["attention_mask"]).logits
        new = []
        for row, (text, draw) in enumerate(zip(texts, draws, strict=True)):
            changes = {
                word: self._word(logits[row, at], int(ids[row, at]), word.is_han, draw)
                for at, word in places[row].items()
            }
            new.append(replaced(text, {word: other for word, other in changes.items() if other}))
        return new

    def _word(self, logits: Tensor, old: int, is_han: bool, draw: Random) -> str:
        """Draw another word of the same script, "" where the model knows none."""
        allowed = (self._model.is_han if is_han else self._model.is_other).clone()
        allowed[old] = False
        best = logits.masked_fill(~allowed, -torch.inf).topk(min(self._top, int(allowed.sum())))
        if not len(best.indices):
            return ""
        chosen: list[int] = draw.choices(best.indices.tolist(), best.values.softmax(dim=0).tolist())
        return self._model.words[chosen[0]]


def _places(text: str, read: Any, row: int) -> dict[int, Word]:
    """Return place of the token -> word, for the words of one token that may change."""
    word_ids = read.word_ids(row)
    negations = [word for word in words_of(text) if is_negation(word)]  # tokenizers cut "don't", and characters apart
    found = {}
    for at, number in enumerate(word_ids):
        if number is None or word_ids.count(number) > 1:
            continue
        start, end = map(int, read["offset_mapping"][row, at])
        start += len(text[start:end]) - len(text[start:end].lstrip())  # byte-level tokenizers count the blank before
        word = Word(start, end, text[start:end].lower())
        negates = any(word.start < each.end and each.start < word.end for each in negations)
        if word.key.isalpha() and not negates:
            found[at] = word
    return found


def _drawn(places: dict[int, Word], share: float, draw: Random) -> dict[int, Word]:
    n = min(len(places), max(1, round(share * len(places))))
    return {at: places[at] for at in sorted(draw.sample(list(places), n))}


def _whole_words(tokenizer: Any, size: int) -> list[str]:
    """Return the word that each token is, "" for pieces, signs and special tokens."""
    tokens = tokenizer.convert_ids_to_tokens(range(min(size, len(tokenizer))))
    tokens += [""] * (size - len(tokens))
    special = set(tokenizer.all_special_tokens)
    mark = next((mark for mark in ("\u0120", "\u2581") if sum(token.startswith(mark) for token in tokens) > 1), "")
    words = [token.removeprefix(mark) if token.startswith(mark) and token not in special else "" for token in tokens]
    return [word if word.isalpha() else "" for word in words]  # "##s" is none either


def _load(base: Base) -> Any:
    if base.tokenizer.mask_token_id is None or base.is_decoder:
        raise InputError(f"augment 'mask': {base.name!r} is no masked language model: its tokenizer has no mask token")
    try:
        with quiet_transformers():
            network, report = pretrained(AutoModelForMaskedLM, base, base.config)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(
            f"augment 'mask': {base.name!r} cannot be opened as a masked language model: {error}"
        ) from error
    if (head := Path(base.source) / HEAD).is_file():
        _take_head(network, head)
    elif missing := sorted(report["missing_keys"]):
        raise InputError(
            f"augment 'mask': {base.name!r} has no head that predicts words ({missing[0]} is missing). Name a folder "
            "that was saved with its masked-language-model head, such as `sentimo pretrain --objective mlm` writes."
        )
    return network.float().eval()


def _take_head(network: Any, path: Path) -> None:
    """Put the head that `sentimo pretrain` saved into a BERT of transformers."""
    head = load_file(path)
    names = {f"cls.predictions.transform.{name}": name for name in head if name != "bias"}
    names |= {f"cls.predictions.{name}": "bias" for name in ("bias", "decoder.bias")}
    known = network.state_dict()
    network.load_state_dict({name: head[own] for name, own in names.items() if name in known}, strict=False)
