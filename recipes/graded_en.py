"""English sentences whose side and strength are known, put together from our own words.

Real sets hold few of the things that turn a judgement around or leave it out: negation, contrast, comparison, wishes,
reports, irony, facts told without a side. So the built-in model also learns from sentences made here, in which words of
praise and blame, adverbs of degree (quite good < good < very good < absolutely brilliant) and the constructions around
them are drawn independently of each other.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from graded import Graded, different

from sentimo.evaluate.phenomena.suite import built_in_suite
from sentimo.text.normalise import folded

DEGREES = {  # adverb -> strength of a plain word behind it
    "": 0.5,
    "a bit": 0.25,
    "slightly": 0.2,
    "kind of": 0.3,
    "somewhat": 0.3,
    "fairly": 0.4,
    "quite": 0.45,
    "rather": 0.45,
    "pretty": 0.5,
    "really": 0.7,
    "very": 0.7,
    "so": 0.7,
    "truly": 0.75,
    "seriously": 0.75,
    "incredibly": 0.85,
    "extremely": 0.9,
    "unbelievably": 0.9,
    "absolutely": 0.9,
    "ridiculously": 0.9,
}
PRAISE = (
    "good, nice, tasty, comfy, clean, helpful, pretty, useful, friendly, patient, fresh, sturdy, smooth, clear, "
    "thoughtful, fun, kind, reliable, pleasant, lovely, handy, quick, bright, charming, solid, great, cheerful, "
    "polite, well-made, funny"
)
BLAME = (
    "bad, bland, noisy, dirty, confusing, ugly, laggy, rude, careless, overpriced, slow, blurry, boring, sad, "
    "disappointing, annoying, flimsy, cold, stale, useless, unfriendly, broken, uncomfortable, late, greasy, "
    "messy, cheap-looking, awkward, smelly, poor"
)
STRONG_PRAISE = (
    "perfect, superb, brilliant, outstanding, flawless, stunning, phenomenal, a masterpiece, pure joy, the best I "
    "have had, absolutely brilliant, out of this world, simply wonderful, magnificent"
)
STRONG_BLAME = (
    "terrible, horrible, a disaster, atrocious, unbearable, garbage, a complete waste of money, the worst I have "
    "had, absolutely dreadful, a nightmare, disgusting, shameful, a total mess, pathetic"
)
MILD_PRAISE = "okay, decent, all right, fine, acceptable, not half bad, good enough"
MILD_BLAME = "so-so, mediocre, nothing special, forgettable, not quite there, a little underwhelming"
THINGS = (
    "the room, the service, breakfast, the hotel, the phone, the screen, the battery, the delivery, the "
    "packaging, the jacket, the sound, the soup, the film, the plot, this book, the teacher, the course, the "
    "music, the app, the update, this café, the location, the bed, the price, the staff, the meeting, the trip, "
    "the view, the washing machine, the headset, the game, the interview, the new laptop, their support team, the "
    "flight, the ending, the song, the neighbourhood, the cake"
)
GOOD_NEWS = (
    "my package came a day early, they refunded me at once, I passed the exam, the bug is finally fixed, the "
    "landlord chose us, they gave us a free upgrade, the kids loved every minute, we won the match, my test came back "
    "clean"
)
BAD_NEWS = (
    "my package is lost again, they billed me for a stranger, the app crashed again, my flight got cancelled, it broke "
    "after two days, nobody answers the phone, they lost my bag, the heating is out again, I waited three hours "
    "for nothing, it started to rain the minute we arrived, the update deleted my files"
)
PEOPLE = "my sister, the guide, a friend of mine, the reviewer, my boss, the man next door, his teacher, everyone"
FRAMES = (
    "{s}",
    "{s}.",
    "I think {s}.",
    "honestly, {s}.",
    "After a week: {s}.",
    "We went yesterday. {s}.",
    "All in all {s}.",
    "{s}, for what it's worth.",
    "First visit, and {s}.",
    "Just so you know, {s}.",
    "tbh {s}",
)
CLICHES = {  # turns of phrase that say more than their words
    "positive": (
        "a breath of fresh air, worth every penny, second to none, right up my street, a real gem, top notch, on "
        "cloud nine, a feast for the eyes, music to my ears, a sight for sore eyes, a dream come true, a cut above the "
        "rest, it raised the bar, it made my day, I could not ask for more, I am sold, they went the extra mile, it "
        "works like a charm, ten out of ten, hats off to the team, two thumbs up, would do it again in a heartbeat"
    ),
    "negative": (
        "a slap in the face, a rip-off, not worth a dime, the last straw, a kick in the teeth, a thorn in my side, "
        "all talk and no action, it fell flat, it was a shambles, I am fed up, it gets on my nerves, it leaves a "
        "bad taste, a bitter pill to swallow, daylight robbery, they dropped the ball, an eyesore, I regret every "
        "cent, save yourself the trouble, it drives me up the wall, what a letdown, one star is too many, a "
        "recipe for trouble"
    ),
}
FACTS = (
    "{T} is next to {p}.",
    "I bought {t} {d}.",
    "{T} was delivered {d}.",
    "There are three kinds of {x}.",
    "{P} is two kilometres from here.",
    "The meeting starts {d}.",
    "We walked to {p} {d}.",
    "{P} opens {d} at nine.",
    "{T} is the same model as the last one.",
    "The {x} comes in black and white.",
    "Order 5512 was shipped {d}.",
    "{T} weighs about two kilos and runs on batteries.",
    "Shares of the company closed at 41.20 {d}, unchanged from the day before.",
    "The report was published {d} and has 80 pages.",
    "He moved to {p} in 2016 and works at {p}.",
    "{T} is longer than the one that we had before.",
    "Turn left at {p}, then walk straight on.",
    "According to the notice, {p} is closed {d}.",
    "The {x} is made of steel and glass.",
    "The {w} {x} sale starts {d}.",
    "The band is called {W} {X}s.",
)
ASKED = (
    "Where is {p}?",
    "When does {p} open {d}?",
    "Does {t} come with a cable?",
    "Is {t} {w}?",
    "Has anyone tried {t} yet?",
    "How much is the {x}?",
    "Could you tell me whether {t} is {w}?",
    "Which {x} is the {w} one?",
    "What did you think of {t}?",
    "Can I change my order until {d}?",
)
CONDITIONS = (
    "If {t} is {w}, let the desk know.",
    "Let me know whether {t} is {w}.",
    "Unless {t} is {w}, send it back.",
    "I will write a review once I have used {t}.",
    "If you like {w} things, there is a {x} at {p}.",
)
REPORTS = (
    "{H} asked if {t} was {w}.",
    "{H} wrote about {t} {d}.",
    'The article is called "{W} {X}s of the year".',
    "{H} says {t} is {w}; I have not seen it.",
    "{H} wanted to know why {t} was called {w}.",
)
PLACES = "the station, the harbour, the museum, the second floor, Madrid, the old school, the airport, Elm Street"
NOUNS = "lamp, printer, sofa, ticket, kettle, bike, backpack, charger, table, jacket, camera"
DAYS = "yesterday, this morning, on Wednesday, last year, tomorrow, on the 4th of May, at the weekend, last month"
LOUD = {"": 0.0, "!": 0.05, "!!!": 0.1}
SHORT = {"you": "u", "great": "gr8", "really": "rly", "love": "luv", "though": "tho", "thanks": "thx", "with": "w/"}
SHORT |= {"so": "sooo"}


def graded_sentences(n: int, seed: int) -> Iterator[Graded]:
    """Yield n different sentences, none of which stands in the suite of phenomena."""
    draw = random.Random(seed)
    judged = {folded(text) for case in built_in_suite("en").cases for text in case.texts}
    kinds, shares = zip(*_KINDS.items(), strict=True)
    return different(n, lambda: _dressed(draw, draw.choices(kinds, shares)[0](draw)), judged)


def _pick(draw: random.Random, phrases: str) -> str:
    return draw.choice(phrases.split(", "))


def _side(draw: random.Random) -> str:
    return draw.choice(("positive", "negative"))


def _other(side: str) -> str:
    return "negative" if side == "positive" else "positive"


def _said(draw: random.Random, side: str) -> tuple[str, float]:
    """Return what is said of a thing, and its strength."""
    plain, strong, mild = (
        (PRAISE, STRONG_PRAISE, MILD_PRAISE) if side == "positive" else (BLAME, STRONG_BLAME, MILD_BLAME)
    )
    kind = draw.random()
    if kind < 0.15:
        return _pick(draw, strong), 0.95
    if kind < 0.25:
        return _pick(draw, mild), 0.25
    degree = draw.choice(tuple(DEGREES))
    return f"{degree} {_pick(draw, plain)}".strip(), DEGREES[degree]


def _clause(draw: random.Random, side: str) -> tuple[str, float]:
    """Return a clause that takes a side, and its strength; a third of them by way of negation."""
    thing = _pick(draw, THINGS)
    is_ = draw.choice(("is", "was", "is", "turned out to be"))
    kind = draw.random()
    if kind < 0.67:
        said, strength = _said(draw, side)
        return f"{thing} {is_} {said}", strength
    word = _pick(draw, BLAME if side == "positive" else PRAISE)  # denied
    if side == "positive":
        forms = {
            f"{thing} {draw.choice(('is not', 'was not', 'is never', 'was never'))} {word}": 0.4,
            f"{thing} was not {word} at all": 0.55,
            f"there was nothing {word} about {thing}": 0.5,
            f"I have never once found {thing} {word}": 0.6,
            f"I have no complaints about {thing}": 0.55,
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


def _opinion(draw: random.Random) -> Graded:
    side = _side(draw)
    clause, strength = _clause(draw, side)
    return Graded(draw.choice(FRAMES).format(s=clause), side, strength)


def _contrast(draw: random.Random) -> Graded:
    """Two sides, of which the main or the last clause decides."""
    side = _side(draw)
    (first, _), (last, strength) = _clause(draw, _other(side)), _clause(draw, side)
    form = draw.choice(
        (
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
    )
    return Graded(form.format(a=first, b=last), side, 0.85 * strength)


def _comparison(draw: random.Random) -> Graded:
    side, thing = _side(draw), _pick(draw, THINGS)
    better = {
        "positive": ("better", "nicer", "more fun", "far better", "so much better"),
        "negative": ("worse", "far worse"),
    }
    better["negative"] += ("less fun", "so much worse", "more annoying")
    other = draw.choice(("last time", "before", "what we had last year", "any other", "I expected", "in the pictures"))
    if draw.random() < 0.3:
        good = _pick(draw, PRAISE)
        as_good = {
            "positive": f"nothing I know is as {good} as {thing}",
            "negative": f"{thing} is not as {good} as {other}",
        }
        return Graded(as_good[side] + ".", side, 0.6)
    word = draw.choice(better[side])
    return Graded(f"{thing} is {word} than {other}.", side, 0.65 if " " in word else 0.55)


def _wish(draw: random.Random) -> Graded:
    thing, good = _pick(draw, THINGS), _pick(draw, PRAISE)
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
    side = _side(draw)
    (theirs, _), (own, strength) = _clause(draw, _other(side)), _clause(draw, side)
    form = draw.choice(
        (
            "{h} says that {a}. I don't agree: {b}.",
            "{h} told me that {a}. Not true, {b}.",
            "{h} insists {a}, which is nonsense; {b}.",
            "they advertise that {a}. In reality {b}.",
        )
    )
    return Graded(form.format(h=_pick(draw, PEOPLE), a=theirs, b=own), side, 0.9 * strength)


def _event(draw: random.Random) -> Graded:
    """Irony, and the same words meant as they are said: what happened decides."""
    side = _side(draw)
    news = _pick(draw, GOOD_NEWS if side == "positive" else BAD_NEWS)
    form = draw.choice(
        (
            "oh great, {e}.",
            "wow, {e}. Just what I needed.",
            "{e}. How wonderful.",
            "brilliant, {e}.",
            "{e}. Thanks so much!",
            "well done, everyone: {e}.",
            "{e}. I am so lucky.",
            "lovely. {e}.",
            "nice one, {e}.",
            "{e}.",
        )
    )
    return Graded(form.format(e=news), side, 0.7)


def _doubt(draw: random.Random) -> Graded:
    """Questions that are none."""
    side, thing = _side(draw), _pick(draw, THINGS)
    forms = {
        "positive": (
            f"who would not love {thing}?",
            f"how can anyone not like {thing}?",
            f"isn't {thing} just lovely?",
        ),
        "negative": (
            f"who on earth would pay for {thing}?",
            f"how is this {thing.removeprefix('the ')} supposed to help anyone?",
            f"is it too much to ask that {thing} is {_pick(draw, PRAISE)}?",
            f"why is {thing} always so {_pick(draw, BLAME)}?",
            f"do they even test {thing}?",
        ),
    }
    return Graded(draw.choice(forms[side]), side, 0.65)


def _cliche(draw: random.Random) -> Graded:
    side = _side(draw)
    phrase = _pick(draw, CLICHES[side])
    return Graded(
        draw.choice(("{t}: {c}.", "{c}!", "{c}.", "{t}? {c}.")).format(t=_pick(draw, THINGS), c=phrase), side, 0.75
    )


def _both(draw: random.Random) -> Graded:
    """As much praise as blame."""
    (good, _), (bad, _) = _clause(draw, "positive"), _clause(draw, "negative")
    pair = [good, bad]
    draw.shuffle(pair)
    return Graded("on the one hand {}, on the other {}.".format(*pair), "neutral", 0.3)


def _neutral(forms: tuple[str, ...]) -> Callable[[random.Random], Graded]:
    def made(draw: random.Random) -> Graded:
        thing, place, noun = _pick(draw, THINGS), _pick(draw, PLACES), _pick(draw, NOUNS)
        word, who = _pick(draw, draw.choice((PRAISE, BLAME))), _pick(draw, PEOPLE)
        words = {"t": thing, "p": place, "x": noun, "w": word, "d": _pick(draw, DAYS), "h": who}
        capitals = {name.upper(): value[0].upper() + value[1:] for name, value in words.items()}
        return Graded(draw.choice(forms).format(**words, **capitals), "neutral", 0.03)

    return made


_KINDS: dict[Callable[[random.Random], Graded], float] = {
    _opinion: 5,
    _contrast: 3,
    _comparison: 1,
    _wish: 0.7,
    _report: 1,
    _event: 1,
    _doubt: 0.7,
    _cliche: 0.5,
    _both: 0.7,
    _neutral(FACTS): 2,
    _neutral(ASKED): 1,
    _neutral(CONDITIONS): 0.7,
    _neutral(REPORTS): 0.7,
}
"""Kind of sentence -> its share."""


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
    loud = draw.choices(tuple(LOUD), (8, 2, 1))[0]
    if loud:
        text, strength = text.rstrip(".") + loud, strength + LOUD[loud]
    return Graded(text, made.polarity, min(1.0, strength))
