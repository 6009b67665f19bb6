"""Texts as words that can be replaced, moved or left out, whatever stands between them."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Container, Iterable, Mapping, Sequence
from random import Random
from typing import NamedTuple

from sentimo.text.cues import NEGATIONS
from sentimo.text.ngrams import token_spans
from sentimo.text.scripts import HAN

_HAN = re.compile(f"[{HAN}]")
_LONGEST = 8  # Han characters of the longest word looked for
_NEGATIONS = frozenset(word for words in NEGATIONS.values() for word in words)


class Word(NamedTuple):
    """A word of a text: where it stands, and as what a list would know it (lower case)."""

    start: int
    end: int
    key: str

    @property
    def is_han(self) -> bool:
        """Whether it is written in Han characters."""
        return _HAN.match(self.key) is not None


class WordAugmenter(ABC):
    """A method that looks at one text at a time."""

    def rewrite(self, texts: Sequence[str], draws: Sequence[Random]) -> list[str]:
        """Return each text written anew; a text that cannot be comes back as it was."""
        return [self.change(text, draw) for text, draw in zip(texts, draws, strict=True)]

    @abstractmethod
    def change(self, text: str, draw: Random) -> str:
        """Return a text written anew."""


def words_of(text: str, known: Container[str] = ()) -> list[Word]:
    """Return the words of a text in order; signs and numbers are none.

    Chinese is cut into the longest words from the left, negations and those known; what belongs to none is a word per
    character.
    """
    words: list[Word] = []
    covered = 0
    for start, end in token_spans(text):
        if start < covered:
            continue
        if _HAN.match(text, start):
            end = start + _longest(text, start, known)
        elif not text[start:end].replace("'", "").replace("’", "").isalpha():
            continue
        words.append(Word(start, end, text[start:end].lower().replace("’", "'")))
        covered = end
    return words


def is_negation(word: Word) -> bool:
    """Return whether a word turns a feeling around: without it, or elsewhere, the label may be another."""
    return word.key in _NEGATIONS


def replaced(text: str, changes: Mapping[Word, str]) -> str:
    """Return the text with other words in the places of some, in the letter case of what they stand for."""
    pieces, at = [], 0
    for word in sorted(changes):
        pieces += [text[at : word.start], _in_case(changes[word], text[word.start : word.end])]
        at = word.end
    return "".join([*pieces, text[at:]])


def chosen(words: Sequence[Word], share: float, n_words: int, draw: Random) -> list[Word]:
    """Draw about a share of n words from those that can be changed: at least one, where there is one."""
    n = max(1, round(share * n_words))
    return draw.sample(list(words), min(n, len(words)))


def check_share(share: float) -> None:
    """Raise ValueError when a share of words is not in (0, 1]."""
    if not 0 < share <= 1:
        raise ValueError(f"share is {share}; expected above 0 and at most 1")


def han_positions(text: str, known: Container[str]) -> Iterable[int]:
    """Yield the places of known Han characters that stand in no word of negation."""
    for word in words_of(text):
        if word.is_han and not is_negation(word):
            yield from (at for at in range(word.start, word.end) if text[at] in known)


def with_characters(text: str, changes: Mapping[int, str]) -> str:
    """Return the text with other characters in some places."""
    characters = list(text)
    for at, character in changes.items():
        characters[at] = character
    return "".join(characters)


def _longest(text: str, start: int, known: Container[str]) -> int:
    most = 1
    while most < _LONGEST and start + most < len(text) and _HAN.match(text, start + most):
        most += 1
    parts = ((size, text[start : start + size]) for size in range(most, 1, -1))
    return next((size for size, part in parts if part in known or part in _NEGATIONS), 1)


def _in_case(word: str, model: str) -> str:
    if len(model) > 1 and model.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if model[:1].isupper() else word
