"""A text in pieces: words and Chinese characters, and what stands between them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sentimo.text.scripts import HAN

_PIECE = re.compile(rf"[^\W\d_{HAN}]+(?:['’][^\W\d_{HAN}]+)*|[{HAN}]")
_HAN = re.compile(f"[{HAN}]")


def pieces(text: str) -> list[str]:
    """Return the pieces of a text, which joined give it again: at odd places a word or a Chinese character."""
    parts, at = [], 0
    for found in _PIECE.finditer(text):
        parts += [text[at : found.start()], found[0]]
        at = found.end()
    return [*parts, text[at:]]


def places(parts: Sequence[str]) -> range:
    """Return the places of words and Chinese characters."""
    return range(1, len(parts), 2)


def is_han(piece: str) -> bool:
    """Return whether a piece is a Chinese character."""
    return bool(_HAN.fullmatch(piece))


def changed(parts: Sequence[str], change: Mapping[int, str]) -> list[str]:
    """Return the pieces with some of them changed."""
    return [change.get(place, piece) for place, piece in enumerate(parts)]
