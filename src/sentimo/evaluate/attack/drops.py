"""A word or a Chinese character left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random


def drops(parts: Sequence[str], place: int, dice: Random) -> Iterator[dict[int, str]]:
    """Yield the text without the word, and without the space before it where one stands on both sides."""
    change = {place: ""}
    if parts[place - 1].endswith(" ") and (parts[place + 1].startswith(" ") or not parts[place + 1]):
        change[place - 1] = parts[place - 1][:-1]
    yield change
