"""What the made sentences of both languages share."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sentimo.evaluate.phenomena.suite import built_in_suite
from sentimo.text.normalise import folded


class Graded(NamedTuple):
    """A sentence, its side (negative, neutral, positive) and its strength from 0 to 1."""

    text: str
    polarity: str
    intensity: float


class Field(NamedTuple):
    """Things, and words of praise and blame that fit them."""

    things: str
    praise: str = ""
    blame: str = ""


SIDES = ("positive", "negative")
SIGNS = {
    "positive": "😀 😍 🥰 🎉 👏 ❤️ 😊 🤩 👍 🥳 :) :-) :D ^_^ <3",
    "negative": "😡 😠 👎 💔 🤮 😤 😒 🙄 😭 😞 :( :-( =( T_T >:(",
}

Make = Callable[[random.Random], Graded]
Clause = Callable[[random.Random, str], tuple[str, float]]
"""Makes a clause of a side, and tells its strength."""


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


def fitting(
    fields: Sequence[Field], praise: str, blame: str, split: Callable[[str], list[str]]
) -> dict[str, dict[str, list[str]]]:
    """Return thing -> side -> words that can be said of it: those of anything, and those of its field."""
    of_any = {"positive": split(praise), "negative": split(blame)}
    return {
        thing: {
            side: [*of_any[side], *(split(own) if own else ())]
            for side, own in (("positive", field.praise), ("negative", field.blame))
        }
        for field in fields
        for thing in split(field.things)
    }


def a_side(draw: random.Random) -> str:
    """Draw a side."""
    return draw.choice(SIDES)


def other_than(side: str) -> str:
    """Return the other side."""
    return "negative" if side == "positive" else "positive"


def with_clause(draw: random.Random, clause: Clause, frames: Sequence[str]) -> Graded:
    """Make a sentence of one clause, {s} in its frame."""
    side = a_side(draw)
    said, strength = clause(draw, side)
    return Graded(draw.choice(frames).format(s=said), side, strength)


def turned(
    draw: random.Random, clause: Clause, frames: Mapping[str, Sequence[str]], share: float, people: Sequence[str] = ()
) -> Graded:
    """Make a sentence of two sides: {a} is said, by {h} or the author, and {b} decides.

    Args:
        draw: What draws.
        clause: Makes a clause of a side.
        frames: Side that decides -> frames.
        share: Of the strength of {b} that is left.
        people: Who {h} may be.
    """
    side = a_side(draw)
    (first, _), (last, strength) = clause(draw, other_than(side)), clause(draw, side)
    frame = draw.choice(frames[side])
    who = draw.choice(people) if people else ""
    return Graded(frame.format(a=first, b=last, h=who), side, share * strength)


def about(draw: random.Random, of_side: Mapping[str, Sequence[str]], frames: Sequence[str], strength: float) -> Graded:
    """Make a sentence whose side is that of what it is about, {e} in its frame, meant or not."""
    side = a_side(draw)
    what = draw.choice(of_side[side])
    return Graded(draw.choice(frames).format(e=what), side, strength)
