"""What the made sentences of both languages share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from typing import NamedTuple

from sentimo.text.normalise import folded


class Graded(NamedTuple):
    """A sentence, its side (negative, neutral, positive) and its strength from 0 to 1."""

    text: str
    polarity: str
    intensity: float


def different(n: int, make: Callable[[], Graded], without: Set[str] = frozenset()) -> Iterator[Graded]:
    """Yield n sentences that `make` gives, each text once, none that stands folded in `without`."""
    seen = set[str]()
    while len(seen) < n:
        made = make()
        if made.text not in seen and folded(made.text) not in without:
            seen.add(made.text)
            yield made
