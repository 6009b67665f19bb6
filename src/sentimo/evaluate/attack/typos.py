"""Typos in words: a neighbouring key, a letter too few, a letter twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from sentimo.evaluate.attack.pieces import is_han

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_LEAST = 3  # letters; in shorter words a typo makes another word


def typos(parts: Sequence[str], place: int, dice: Random) -> Iterator[dict[int, str]]:
    """Yield a word with a neighbouring key hit, with a letter left out and with one doubled; its first letter stays.

    Source: Gao et al. 2018, "Black-box Generation of Adversarial Text Sequences to Evade Deep Learning Classifiers"
    (DeepWordBug), arXiv:1801.04354, section III-C.
    """
    word = parts[place]
    if is_han(word) or len(word) < _LEAST:
        return
    at = dice.randrange(1, len(word))
    if near := _neighbours(word[at]):
        yield {place: word[:at] + dice.choice(near) + word[at + 1 :]}
    at = dice.randrange(1, len(word))
    yield {place: word[:at] + word[at + 1 :]}
    at = dice.randrange(1, len(word))
    yield {place: word[:at] + word[at] + word[at:]}


def _neighbours(letter: str) -> str:
    """Return the letters beside one on an English keyboard, in its case."""
    for row in _ROWS:
        at = row.find(letter.lower())
        if at >= 0:
            near = row[max(0, at - 1) : at] + row[at + 1 : at + 2]
            return near.upper() if letter.isupper() else near
    return ""
