"""English sentences whose side and strength are known, put together from our own words.

Real sets hold few of the things that turn a judgement around or leave it out: negation, contrast, comparison, wishes,
reports, irony, facts told without a side. So the built-in model also learns from sentences made here, in which words of
praise and blame, adverbs of degree (quite good < good < very good < absolutely brilliant) and the constructions around
them are drawn independently of each other.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial

from graded import SIDES, SIGNS, Graded, Make, a_side, about, different, fitting, other_than, turned, with_clause
from graded_en_words import (
    ASKED,
    BAD_NEWS,
    BLAME,
    CLICHES,
    CONDITIONS,
    DAYS,
    DEEDS,
    DEGREES,
    DOINGS,
    EVENT_FRAMES,
    FACTS,
    FEELINGS,
    FIELDS,
    FRAMES,
    GOOD_NEWS,
    JOYS,
    LOUD,
    LUCK,
    MILD_BLAME,
    MILD_PRAISE,
    MISHAPS,
    NOUNS,
    NUISANCES,
    OTHERS,
    PEOPLE,
    PLACES,
    PRAISE,
    RATED,
    RATINGS,
    REPORTS,
    SHORT,
    SIGNED,
    SLANG,
    STRONG_BLAME,
    STRONG_PRAISE,
    THINGS,
    TREAT_FRAMES,
)

_WORDS = fitting(FIELDS, PRAISE, BLAME, lambda phrases: phrases.split(", "))


def graded_sentences(n: int, seed: int) -> Iterator[Graded]:
    """Yield n different sentences, none of which stands in the suite of phenomena."""
    return different(n, seed, "en", _KINDS, _dressed)


def _pick(draw: random.Random, phrases: str) -> str:
    return draw.choice(phrases.split(", "))


def _word(draw: random.Random, side: str, thing: str) -> str:
    return draw.choice(_WORDS[thing][side])


def _said(draw: random.Random, side: str, thing: str) -> tuple[str, float]:
    """Return what is said of a thing, and its strength."""
    strong, mild = (STRONG_PRAISE, MILD_PRAISE) if side == "positive" else (STRONG_BLAME, MILD_BLAME)
    kind = draw.random()
    if kind < 0.15:
        return _pick(draw, strong), 0.95
    if kind < 0.25:
        return _pick(draw, mild), 0.25
    return _in_degrees(draw, side, thing)


def _in_degrees(draw: random.Random, side: str, thing: str) -> tuple[str, float]:
    degree = draw.choice(tuple(DEGREES))
    return f"{degree} {_word(draw, side, thing)}".strip(), DEGREES[degree]


def _clause(draw: random.Random, side: str, thing: str = "") -> tuple[str, float]:
    """Return a clause that takes a side, and its strength; four in ten by way of negation."""
    thing = thing or _pick(draw, THINGS)
    is_ = draw.choice(("is", "was", "is", "turned out to be"))
    kind = draw.random()
    if kind < 0.55:
        said, strength = _said(draw, side, thing)
        return f"{thing} {is_} {said}", strength
    if kind < 0.75:
        return _deed(draw, side, thing)
    word = _word(draw, other_than(side), thing)  # denied
    if side == "positive":
        forms = {
            f"{thing} {draw.choice(('is not', 'was not', 'is never', 'was never'))} {word}": 0.4,
            f"{thing} was not {word} at all": 0.55,
            f"there was nothing {word} about {thing}": 0.5,
            f"I have never once found {thing} {word}": 0.6,
            f"{thing} leaves me without a complaint": 0.55,
            f"nobody could call {thing} {word}": 0.5,
            f"I did not expect {thing} to be this good": 0.7,
            f"you can't go wrong with {thing}": 0.6,
            f"{thing} never lets me down": 0.7,
            f"it is hard to find fault with {thing}": 0.6,
        }
    else:
        forms = {
            f"{thing} {draw.choice(('is not', 'was not', 'is hardly', 'was never'))} {word}": 0.45,
            f"{thing} is not very {word}": 0.35,
            f"{thing} was not {word} at all": 0.65,
            f"{thing} is anything but {word}": 0.7,
            f"I would not call {thing} {word}": 0.45,
            f"nothing about {thing} is {word}": 0.7,
            f"I don't think {thing} is {word}": 0.45,
            f"I cannot recommend {thing}": 0.6,
            f"{thing} is far from {word}": 0.65,
            f"{thing} fails to be {word}": 0.55,
        }
    return draw.choice(tuple(forms.items()))


def _deed(draw: random.Random, side: str, thing: str) -> tuple[str, float]:
    """Return a clause on what people feel for a thing or what it does, or do not, and its strength."""
    feel, do = _pick(draw, FEELINGS[side]), _pick(draw, DEEDS[side])
    unfelt, undone = _pick(draw, FEELINGS[other_than(side)]), _pick(draw, DEEDS[other_than(side)])
    forms = {
        f"I {feel} {thing}": 0.6,
        f"I really {feel} {thing}": 0.75,
        f"we all {feel} {thing}": 0.65,
        f"{thing} {_third(do)}": 0.55,
        f"{thing} {_third(do)} every time": 0.7,
        f"I don't {unfelt} {thing}": 0.3,
        f"I did not {unfelt} {thing} at all": 0.55,
        f"I no longer {unfelt} {thing}": 0.3,
        f"I can't say that I {unfelt} {thing}": 0.3,
        f"it is impossible to {unfelt} {thing}": 0.65,
        f"nobody would {unfelt} {thing}": 0.55,
        f"{thing} doesn't {undone}": 0.45,
        f"{thing} did not {undone}": 0.45,
        f"{thing} won't {undone}": 0.5,
        f"{thing} never {_third(undone)}": 0.65,
    }
    return draw.choice(tuple(forms.items()))


def _third(deed: str) -> str:
    """Return a deed in the third person: help becomes helps, keep its promise becomes keeps its promise."""
    verb, *rest = deed.split()
    return " ".join(({"do": "does", "impress": "impresses"}.get(verb, verb + "s"), *rest))


def _opinion(draw: random.Random) -> Graded:
    return with_clause(draw, _clause, FRAMES)


def _bare(draw: random.Random) -> Graded:
    """A judgement alone: what it is about is known."""
    side = a_side(draw)
    said, strength = _in_degrees(draw, side, _pick(draw, THINGS))
    return Graded(f"{said}.", side, strength)


def _contrast(draw: random.Random) -> Graded:
    """Two sides, of which the main or the last clause decides."""
    frames = (
        "{a}, but {b}.",
        "{a}, yet {b}.",
        "{a}. However, {b}.",
        "although {a}, {b}.",
        "even though {a}, {b}.",
        "while {a}, {b}.",
        "{a}. Still, {b}.",
        "{b}, even though {a}.",
        "I had read that {a}, but {b}.",
        "{a}; in the end, though, {b}.",
    )
    return turned(draw, _clause, dict.fromkeys(SIDES, frames), 0.85)


def _comparison(draw: random.Random) -> Graded:
    side, thing, other = a_side(draw), _pick(draw, THINGS), _pick(draw, OTHERS)
    good, bad = _word(draw, "positive", thing), _word(draw, "negative", thing)
    if draw.random() < 0.4:
        better = {
            "positive": ("better", "nicer", "more fun", "far better", "so much better", f"more {good}", f"less {bad}"),
            "negative": ("worse", "far worse", "less fun", "so much worse", f"less {good}", f"more {bad}"),
        }
        than = draw.choice((other, other, "I expected", "in the pictures", "I had hoped"))
        word = draw.choice(better[side])
        return Graded(f"{thing} is {word} than {than}.", side, 0.65 if " " in word else 0.55)
    forms = {
        "positive": (
            f"nothing I know is as {good} as {thing}",
            f"{thing} beats {other} by miles",
            f"{thing} is a big step up from {other}",
            f"compared with {other}, {thing} is a joy",
            f"{other} was {bad}; {thing} is not",
            f"I have tried many, and {thing} here is the most {good} of all",
            f"rarely have I seen {thing} this {good}",
            f"{thing} makes {other} look {bad}",
            f"I would take {thing} over {other} any day",
        ),
        "negative": (
            f"{thing} is not as {good} as {other}",
            f"{thing} is nowhere near as {good} as {other}",
            f"{thing} is a step down from {other}",
            f"compared with {other}, {thing} is a letdown",
            f"{other} was {good}; {thing} is not",
            f"I had hoped for more from {thing}",
            f"even {other} was less {bad}",
            f"rarely have I seen {thing} this {bad}",
            f"{thing} makes {other} look {good}",
            f"I should have stayed with {other} instead of paying for {thing}",
        ),
    }
    return Graded(draw.choice(forms[side]) + ".", side, 0.6)


def _wish(draw: random.Random) -> Graded:
    thing = _pick(draw, THINGS)
    good = _word(draw, "positive", thing)
    forms = (
        f"I wish {thing} were {good}.",
        f"if only {thing} had been {good}.",
        f"{thing} should have been {good}.",
        f"it would have been nice if {thing} had been {good}.",
        f"{thing} could have been {good} with a little care.",
        f"I should never have paid for {thing}.",
        f"had I known, I would not have chosen {thing}.",
        f"{thing} was supposed to be {good}.",
    )
    return Graded(draw.choice(forms), "negative", 0.5)


def _report(draw: random.Random) -> Graded:
    """What others say, and what the author thinks of it."""
    frames = (
        "{h} says that {a}. I don't agree: {b}.",
        "{h} told me that {a}. Not true, {b}.",
        "{h} insists {a}, which is nonsense; {b}.",
        "they advertise that {a}. In reality {b}.",
    )
    clause = partial(_clause, thing=_pick(draw, THINGS))  # the same one, or they would not disagree
    return turned(draw, clause, dict.fromkeys(SIDES, frames), 0.9, PEOPLE.split(", "))


def _event(draw: random.Random) -> Graded:
    """Irony, and the same words meant as they are said: what happened decides."""
    happened = {
        side: own.split(", ")
        if draw.random() < 0.5
        else [f"{_pick(draw, each)} {_pick(draw, more[each])}" for each in more]
        for side, own, more in (("positive", GOOD_NEWS, LUCK), ("negative", BAD_NEWS, MISHAPS))
    }
    return about(draw, happened, EVENT_FRAMES, 0.7)


def _treat(draw: random.Random) -> Graded:
    """Delight, meant or not: what it is about decides."""
    return about(draw, {"positive": JOYS.split(", "), "negative": NUISANCES.split(", ")}, TREAT_FRAMES, 0.65)


def _long(draw: random.Random) -> Graded:
    """A story without a side, and an opinion before, in or behind it."""
    side = a_side(draw)
    clause, strength = _clause(draw, side)
    against, _ = _clause(draw, other_than(side))
    doings = draw.sample(DOINGS.split(", "), draw.randint(3, 6))
    joint = draw.choice((", ", ", then ", ", and "))
    story, rest = joint.join(doings[:-1]), doings[-1]
    form = draw.choice(
        (
            "{a}, {b}, and after all that {c}.",
            "{a}, and {b}; what I want to say is that {c}.",
            "to cut a long story short: {a}, {b}, and {c}.",
            "{a}, {b}, and for the first hour {x}, but by the end it was plain to see that {c}.",
            "{c}, and I say so although {a}, and {b}.",
            "since {a}, and {b}, I can tell you that {c}.",
            "{a}. {b}. {c}.",
            "{a}, {b}, and my verdict, if anyone cares to read this far, is that {c}.",
        )
    )
    return Graded(form.format(a=story, b=rest, c=clause, x=against), side, 0.9 * strength)


def _condition(draw: random.Random) -> Graded:
    """What would be, which says what is."""
    side, thing = a_side(draw), _pick(draw, THINGS)
    good, bad = _word(draw, "positive", thing), _word(draw, "negative", thing)
    forms = {
        "positive": (
            f"I would come back even if {thing} cost twice as much.",
            f"if you are ever near {_pick(draw, PLACES)}, try {thing}; you will thank me.",
            f"if every place were like this, nobody would call {thing} {bad} again.",
            f"if {thing} were any better, nobody would believe it.",
            f"without {thing} the week would have been half the fun.",
            f"should {thing} ever be gone, I would miss it.",
        ),
        "negative": (
            f"even if {thing} were free, I would not take it.",
            f"if this is what they call {good}, I do not want to see the rest.",
            f"if {thing} had been {good}, I would have come back.",
            f"unless you enjoy {_pick(draw, NUISANCES)}, stay away.",
            f"if {thing} were any worse, they would have to pay us.",
            f"without {thing} it would have been a good week.",
        ),
    }
    return Graded(draw.choice(forms[side]), side, 0.6)


def _quoted(draw: random.Random) -> Graded:
    """Words of others, turned down."""
    side, thing = a_side(draw), _pick(draw, THINGS)
    form = draw.choice(
        (
            'they call {t} "{a}". I call it {b}.',
            '"{a}", says the review of {t}. To us it was {b}.',
            'I was told to expect "{a}". {t} was {b} instead.',
            '{h} said "{a}" about {t}; I beg to differ.',
            '"{a}"? Not in the least, {t} is {b}.',
        )
    )
    words = {
        "a": _word(draw, other_than(side), thing),
        "b": _word(draw, side, thing),
        "t": thing,
        "h": _pick(draw, PEOPLE),
    }
    return Graded(form.format(**words), side, 0.6)


def _slang(draw: random.Random) -> Graded:
    side = a_side(draw)
    form = draw.choice(("{t} {s}", "ngl {t} {s}", "{t} {s} fr", "yo {t} {s}", "lol {t} {s}", "imo {t} {s} tbh"))
    return Graded(form.format(t=_pick(draw, THINGS), s=_pick(draw, SLANG[side])), side, 0.65)


def _doubt(draw: random.Random) -> Graded:
    """Questions that are none."""
    side, thing = a_side(draw), _pick(draw, THINGS)
    good, bad = _word(draw, "positive", thing), _word(draw, "negative", thing)
    forms = {
        "positive": (
            f"who would not love {thing}?",
            f"how can anyone not like {thing}?",
            f"isn't {thing} just lovely?",
        ),
        "negative": (
            f"who on earth would pay for {thing}?",
            f"how is this {thing.removeprefix('the ')} supposed to help anyone?",
            f"must I beg for {thing} to be {good}?",
            f"why is {thing} always so {bad}?",
            f"do they even test {thing}?",
        ),
    }
    return Graded(draw.choice(forms[side]), side, 0.65)


def _cliche(draw: random.Random) -> Graded:
    side = a_side(draw)
    phrase = _pick(draw, CLICHES[side])
    return Graded(
        draw.choice(("{t}: {c}.", "{c}!", "{c}.", "{t}? {c}.")).format(t=_pick(draw, THINGS), c=phrase), side, 0.75
    )


def _rating(draw: random.Random) -> Graded:
    side = draw.choice((*SIDES, *SIDES, "neutral"))
    text = draw.choice(RATED).format(r=_pick(draw, RATINGS[side]), t=_pick(draw, THINGS))
    return Graded(text + draw.choice((".", "")), side, 0.2 if side == "neutral" else 0.75)


def _sign(draw: random.Random) -> Graded:
    """Emoji and emoticons alone, or with words that take no side."""
    side = a_side(draw)
    words = {"t": THINGS, "p": PLACES, "x": NOUNS, "d": DAYS, "h": PEOPLE}
    drawn = {name: _pick(draw, phrases) for name, phrases in words.items()}
    return Graded(draw.choice(SIGNED).format(s=draw.choice(SIGNS[side].split()), **drawn), side, 0.6)


def _both(draw: random.Random) -> Graded:
    """As much praise as blame."""
    (good, _), (bad, _) = _clause(draw, "positive"), _clause(draw, "negative")
    pair = [good, bad]
    draw.shuffle(pair)
    return Graded("on the one hand {}, on the other {}.".format(*pair), "neutral", 0.3)


def _neutral(forms: tuple[str, ...]) -> Make:
    def made(draw: random.Random) -> Graded:
        thing, place, noun = _pick(draw, THINGS), _pick(draw, PLACES), _pick(draw, NOUNS)
        word, who = _word(draw, a_side(draw), thing), _pick(draw, PEOPLE)
        any_word = _pick(draw, draw.choice((PRAISE, BLAME)))
        words = {"t": thing, "p": place, "x": noun, "w": word, "a": any_word, "d": _pick(draw, DAYS), "h": who}
        capitals = {name.upper(): value[0].upper() + value[1:] for name, value in words.items()}
        return Graded(draw.choice(forms).format(**words, **capitals), "neutral", 0.03)

    return made


_KINDS: dict[Make, float] = {
    _opinion: 5,
    _bare: 1,
    _contrast: 3,
    _comparison: 1.3,
    _wish: 0.7,
    _report: 0.7,
    _quoted: 0.7,
    _condition: 0.7,
    _long: 1.2,
    _event: 1,
    _treat: 1,
    _slang: 0.5,
    _doubt: 0.7,
    _cliche: 0.5,
    _rating: 0.5,
    _sign: 0.7,
    _both: 0.7,
    _neutral(FACTS): 2,
    _neutral(ASKED): 1,
    _neutral(CONDITIONS): 0.7,
    _neutral(REPORTS): 0.7,
}
"""Kind of sentence -> its share."""


def _misspelt(draw: random.Random, text: str) -> str:
    """Return the text with one or two letters dropped, doubled or exchanged within its longer words."""
    words = text.split()
    long = [at for at, word in enumerate(words) if len(word) > 4 and word.isalpha()]
    for at in draw.sample(long, min(len(long), draw.randint(1, 2))):
        word, place = words[at], draw.randrange(1, len(words[at]) - 2)
        one, other = word[place], word[place + 1]
        middle = draw.choice((one, other, one + one + other, other + one))
        words[at] = word[:place] + middle + word[place + 2 :]
    return " ".join(words)


def _dressed(draw: random.Random, made: Graded) -> Graded:
    """Return the sentence as people write: with a capital or without, loud, drawn out, or in short spellings."""
    text, strength = made.text[0].upper() + made.text[1:], made.intensity
    if made.polarity == "neutral":
        return Graded(text if draw.random() < 0.8 else text.lower(), made.polarity, strength)
    kind = draw.random()
    if kind < 0.1:
        text = " ".join(SHORT.get(word, word) for word in text.lower().rstrip(".").split())
    elif kind < 0.15:
        text, strength = text.upper(), strength + 0.1
    elif kind < 0.2:
        words = text.split()
        at = max(range(len(words)), key=lambda place: len(words[place]))
        vowel = max((words[at].rfind(each) for each in "aeiou"), default=-1)
        if vowel > 0:
            words[at] = words[at][:vowel] + words[at][vowel] * draw.randint(3, 5) + words[at][vowel + 1 :]
            text, strength = " ".join(words), strength + 0.1
    elif kind < 0.35:
        text = text.lower()
    elif kind < 0.45:
        text = _misspelt(draw, text)
    loud = draw.choices(tuple(LOUD), (8, 2, 1))[0]
    if loud:
        text, strength = text.rstrip(".") + loud, strength + LOUD[loud]
    return Graded(text, made.polarity, min(1.0, strength))
