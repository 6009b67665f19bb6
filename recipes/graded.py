"""What the made sentences of both languages share."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from sentimo.evaluate.phenomena.suite import built_in_suite
from sentimo.text.normalise import folded


class Graded(NamedTuple):
    """A sentence, its side (negative, neutral, positive) and its strength from 0 to 1."""

    text: str
    polarity: str
    intensity: float


Make = Callable[[random.Random], Graded]


def different(
    n: int, seed: int, language: str, kinds: Mapping[Make, float], dress: Callable[[random.Random, Graded], Graded]
) -> Iterator[Graded]:
    """Yield n different sentences, none of which stands in the suite of phenomena.

    Args:
        n: How many.
        seed: Same seed, same sentences.
        language: Of the suite.
        kinds: What makes a sentence -> its share.
        dress: Writes a sentence as people do.
    """
    draw = random.Random(seed)
    seen = set[str]()
    judged = {folded(text) for case in built_in_suite(language).cases for text in case.texts}
    makers, shares = zip(*kinds.items(), strict=True)
    while len(seen) < n:
        made = dress(draw, draw.choices(makers, shares)[0](draw))
        if made.text not in seen and folded(made.text) not in judged:
            seen.add(made.text)
            yield made


def a_side(draw: random.Random) -> str:
    """Draw a side."""
    return draw.choice(("positive", "negative"))


def other_than(side: str) -> str:
    """Return the other side."""
    return "negative" if side == "positive" else "positive"
