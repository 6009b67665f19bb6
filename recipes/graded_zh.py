"""Chinese sentences of graded strength, put together from our own words, and the strength of real texts by their marks.

No Chinese set with intensities can be had. So the built-in model learns intensity from two things made here: sentences
whose strength is known because an adverb of degree sets it (好 < 很好 < 非常好 < 好极了), and a weak label for real
texts, read off the same adverbs, strong words, repetition and exclamation marks.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from functools import partial

from graded import SIDES, SIGNS, Graded, Make, a_side, about, different, fitting, other_than, turned, with_clause
from graded_zh_words import (
    BEFORE,
    BEHIND,
    BLAME,
    CLICHES,
    DAYS,
    DOINGS,
    EVENT_FRAMES,
    FACTS,
    FELT,
    FELT_CLICHES,
    FIELDS,
    FRAMES,
    GOODS,
    JOYS,
    LOUD,
    LUCK,
    MILD_BLAME,
    MILD_PRAISE,
    MISHAPS,
    NEGATIONS,
    NUISANCES,
    OTHERS,
    PAST,
    PEOPLE,
    PLACES,
    PRAISE,
    RATED,
    RATINGS,
    SHOWS,
    SIGNED,
    SLANG,
    SLANGY,
    SOON,
    STRONG_BLAME,
    STRONG_PRAISE,
    THINGS,
)

_WORDS = fitting(FIELDS, PRAISE, BLAME, str.split)


def graded_sentences(n: int, seed: int) -> Iterator[Graded]:
    """Yield n different sentences, none of which stands in the suite of phenomena."""
    return different(n, seed, "zh", _KINDS, _dressed)


def _pick(draw: random.Random, words: str) -> str:
    return draw.choice(words.split())


def _word(draw: random.Random, side: str, thing: str) -> str:
    return draw.choice(_WORDS[thing][side])


def _clause(draw: random.Random, side: str, thing: str = "") -> tuple[str, float]:
    """Return a clause that takes a side, and its strength."""
    thing = thing or _pick(draw, THINGS)
    kind = draw.random()
    if kind < 0.12:
        return _feeling(draw, side, thing)
    if kind < 0.8:
        said, strength = _judgement(draw, side, thing)
        return thing + said, strength
    word = _word(draw, other_than(side), thing)  # denied
    forms = {
        "positive": (
            f"{thing}没有一点{word}的地方",
            f"谁说{thing}{word}了",
            f"{thing}从来没让我失望过",
            f"{thing}挑不出毛病",
            f"我没想到{thing}能这么好",
            f"{thing}半点不让人操心",
            f"没人会说{thing}不好",
            f"{thing}从没掉过链子",
            f"{thing}不{word}，真的不{word}",
            f"谁也不能说{thing}{word}",
        ),
        "negative": (
            f"{thing}根本谈不上{word}",
            f"{thing}哪里{word}了",
            f"{thing}离{word}还差得远",
            f"我不会说{thing}{word}",
            f"{thing}没什么可夸的",
            f"我没法推荐{thing}",
            f"{thing}没有一处是{word}的",
            f"从没觉得{thing}{word}过",
            f"{thing}算不上{word}",
            f"别指望{thing}能{word}",
            f"{thing}就没{word}过",
            f"没看出{thing}哪里{word}",
        ),
    }
    return draw.choice(forms[side]), 0.55


def _feeling(draw: random.Random, side: str, thing: str) -> tuple[str, float]:
    """Return a clause on what people feel about a thing, or do not, and its strength."""
    before = draw.choice(("很", "挺", "非常", "特别", "有点" if side == "negative" else "真的很"))
    felt, unfelt = _pick(draw, FELT[side]), _pick(draw, FELT[other_than(side)])
    forms = {
        f"{thing}让人{before}{felt}": BEFORE[before],
        f"{thing}让我{before}{felt}": BEFORE[before],
        f"{thing}一点也不让人{unfelt}": 0.55,
        f"{thing}没让我{unfelt}过": 0.5,
    }
    return draw.choice(tuple(forms.items()))


def _opinion(draw: random.Random) -> Graded:
    return with_clause(draw, _clause, FRAMES)


def _bare(draw: random.Random) -> Graded:
    """A judgement alone: what it is about is known."""
    side = a_side(draw)
    said, strength = _judgement(draw, side, _pick(draw, THINGS))
    return Graded(said + "。", side, strength)


def _contrast(draw: random.Random) -> Graded:
    """Two sides, of which the main or the last clause decides."""
    frames = (
        "{a}，但是{b}。",
        "{a}，不过{b}。",
        "虽然{a}，但{b}。",
        "尽管{a}，{b}。",
        "{a}，可{b}。",
        "{a}，然而{b}。",
        "{b}，虽说{a}。",
        "都说{a}，结果{b}。",
        "本以为{a}，没想到{b}。",
    )
    ends = {"positive": (*frames, "{a}，好在{b}。"), "negative": (*frames, "{a}，可惜{b}。")}
    return turned(draw, _clause, ends, 0.85)


def _comparison(draw: random.Random) -> Graded:
    side, thing, other = a_side(draw), _pick(draw, THINGS), _pick(draw, OTHERS)
    good, bad = _word(draw, "positive", thing), _word(draw, "negative", thing)
    forms = {
        "positive": (
            f"{thing}比{other}{good}",
            f"{thing}比{other}{good}多了",
            f"{thing}没有{other}那么{bad}",
            f"{other}{bad}，{thing}就不这样",
            f"跟{other}一比，{thing}简直是享受",
            f"{other}哪有{thing}{good}",
            f"{thing}甩{other}几条街",
            f"试过那么多，还是这里的{thing}最{good}",
            f"很少见到这么{good}的{thing}",
        ),
        "negative": (
            f"{thing}比{other}{bad}",
            f"{thing}比{other}{bad}多了",
            f"{thing}没有{other}{good}",
            f"{thing}不如{other}",
            f"{thing}比不上{other}",
            f"{other}{good}，{thing}就不行",
            f"{thing}跟{other}差远了",
            f"连{other}都没这么{bad}",
            f"{thing}越来越{bad}",
            f"早知道就选{other}了",
        ),
    }
    return Graded(draw.choice(forms[side]) + "。", side, 0.6)


def _wish(draw: random.Random) -> Graded:
    """What would be, which says what is."""
    side, thing = a_side(draw), _pick(draw, THINGS)
    good, bad = _word(draw, "positive", thing), _word(draw, "negative", thing)
    forms = {
        "positive": (
            f"就算{thing}再贵一倍我也愿意",
            f"要是每家的{thing}都这么{good}就好了",
            f"如果没有{thing}，这一周会难熬得多",
            f"只要{thing}还在，我就会再来",
            f"幸亏有{thing}，不然就惨了",
            f"就算{thing}再远我也会来",
            f"哪怕{thing}涨价，我照样买",
            f"要不是{thing}，我早就放弃了",
            f"假如可以重来，我还选{thing}",
            f"如果{thing}哪天没了，我会想念的",
            f"即使{_pick(draw, OTHERS)}打对折，我还是选{thing}",
            f"你要是来{_pick(draw, PLACES)}，一定要试试{thing}",
            f"只要有{thing}，再累也值",
            f"要是能天天有这么{good}的{thing}，我做梦都会笑醒",
        ),
        "negative": (
            f"要是{thing}{good}一点就好了",
            f"如果{thing}{good}，我早就回购了",
            f"{thing}本来可以更{good}的",
            f"就算{thing}白送我也不要",
            f"早知道{thing}这样，我就不来了",
            f"但凡{thing}{good}一点，也不至于这样",
            f"希望{thing}以后别再这么{bad}",
            f"如果能重来，我绝不选{thing}",
            f"哪怕{thing}倒贴钱我也不要",
            f"要不是没得选，谁会要{thing}",
            f"如果这都算{good}，那我无话可说",
            f"即使{thing}打一折，我也不买",
            f"假如{thing}当初{good}一点，就不会有这么多事",
            f"要是没有{thing}，我也不至于这么惨",
            f"如果{thing}还不改，我就去投诉",
            f"只要{thing}还是这样，我就不会再来",
            f"换作是你，你受得了这样的{thing}吗？",
            f"如果连{thing}都能叫{good}，那还有什么不{good}",
            f"除非你喜欢{_pick(draw, NUISANCES)}，不然别来",
        ),
    }
    return Graded(draw.choice(forms[side]) + "。", side, 0.55)


def _report(draw: random.Random) -> Graded:
    """What others say, and what the author thinks of it."""
    frames = (
        "{h}说{a}，我不同意，{b}。",
        "{h}非说{a}，其实{b}。",
        "广告里说{a}，实际上{b}。",
        "网上都讲“{a}”，我看是{b}。",
        "“{a}”？才不是，{b}。",
        "别听{h}说什么“{a}”，{b}。",
    )
    clause = partial(_clause, thing=_pick(draw, THINGS))  # the same one, or they would not disagree
    return turned(draw, clause, dict.fromkeys(SIDES, frames), 0.9, PEOPLE.split())


def _event(draw: random.Random) -> Graded:
    """Irony, and the same words meant as they are said: what happened decides."""
    happened = {
        side: own.split() if draw.random() < 0.5 else [_pick(draw, each) + _pick(draw, more[each]) for each in more]
        for side, own, more in (("positive", JOYS, LUCK), ("negative", NUISANCES, MISHAPS))
    }
    return about(draw, happened, EVENT_FRAMES, 0.65)


def _doubt(draw: random.Random) -> Graded:
    """Questions that are none."""
    side, thing = a_side(draw), _pick(draw, THINGS)
    good, bad = _word(draw, "positive", thing), _word(draw, "negative", thing)
    forms = {
        "positive": (f"这么{good}的{thing}谁不爱？", f"{thing}难道不{good}吗？", f"有谁会嫌{thing}{bad}呢？"),
        "negative": (
            f"{thing}怎么能这么{bad}？",
            f"{thing}{good}？开什么玩笑？",
            f"谁会为{thing}花这个钱啊？",
            f"你管这叫{good}？",
            f"{thing}就不能{good}一点吗？",
        ),
    }
    return Graded(draw.choice(forms[side]), side, 0.65)


def _cliche(draw: random.Random) -> Graded:
    side = a_side(draw)
    forms = {
        draw.choice(("{c}。", "{c}！", "{t}，{c}。", "说到{t}，{c}。")): CLICHES,
        draw.choice(("{t}让人{c}。", "{t}叫我{c}。")): FELT_CLICHES,
    }
    form, phrases = draw.choice(tuple(forms.items()))
    return Graded(form.format(t=_pick(draw, THINGS), c=_pick(draw, phrases[side])), side, 0.75)


def _slang(draw: random.Random) -> Graded:
    side = a_side(draw)
    form = draw.choice(SLANGY)
    return Graded(form.format(t=_pick(draw, THINGS), s=_pick(draw, SLANG[side])), side, 0.7)


def _rating(draw: random.Random) -> Graded:
    side = draw.choice((*SIDES, *SIDES, "neutral"))
    text = draw.choice(RATED).format(r=_pick(draw, RATINGS[side]), t=_pick(draw, THINGS))
    return Graded(text, side, 0.2 if side == "neutral" else 0.75)


def _sign(draw: random.Random) -> Graded:
    """Emoji and emoticons alone, or with words that take no side."""
    side = a_side(draw)
    words = {"t": THINGS, "p": PLACES, "d": DAYS, "h": PEOPLE}
    drawn = {name: _pick(draw, phrases) for name, phrases in words.items()}
    return Graded(draw.choice(SIGNED).format(s=_pick(draw, SIGNS[side]), **drawn), side, 0.6)


def _long(draw: random.Random) -> Graded:
    """A story without a side, and an opinion before, in or behind it."""
    side = a_side(draw)
    clause, strength = _clause(draw, side)
    against, _ = _clause(draw, other_than(side))
    story = "，".join(draw.sample(DOINGS.split(), draw.randint(3, 6)))
    form = draw.choice(
        (
            "{a}，折腾到最后，{c}。",
            "{a}，总之{c}。",
            "{c}。{a}。",
            "{a}，一开始觉得{x}，后来才发现{c}。",
            "{a}。说了这么多，其实就一句：{c}。",
            "{c}，这话是在{a}之后才敢说的。",
            "{x}，这是{a}的时候想的。现在看来，{c}。",
            "{a}。{c}。{x}，那只是小事。",
            "先说过程：{a}。再说结论：{c}。",
        )
    )
    return Graded(form.format(a=story, c=clause, x=against), side, 0.9 * strength)


def _both(draw: random.Random) -> Graded:
    """As much praise as blame."""
    pair = [_clause(draw, side)[0] for side in ("positive", "negative")]
    draw.shuffle(pair)
    return Graded("一方面{}，另一方面{}。".format(*pair), "neutral", 0.3)


def _fact(draw: random.Random) -> Graded:
    thing, form = _pick(draw, THINGS), draw.choice(FACTS)
    words = {"p": PLACES, "d": DAYS, "past": PAST, "soon": SOON, "h": PEOPLE, "g": GOODS.things, "show": SHOWS.things}
    parts = {name: _pick(draw, each) for name, each in words.items()}
    return Graded(form.format(t=thing, w=_word(draw, a_side(draw), thing), **parts), "neutral", 0.03)


def _dressed(draw: random.Random, made: Graded) -> Graded:
    """Return the sentence as people write: with or without a mark at its end, loud or not."""
    if made.polarity == "neutral":
        return Graded(made.text if draw.random() < 0.6 else made.text.rstrip("。"), made.polarity, made.intensity)
    mark = draw.choice(("", "。", "！", "！！！", "~", "…"))
    if made.text.endswith(("？", "！")):
        return made
    return Graded(made.text.rstrip("。") + mark, made.polarity, min(1.0, made.intensity + LOUD.get(mark, 0.0)))


def _judgement(draw: random.Random, side: str, thing: str) -> tuple[str, float]:
    """Return what is said of a thing, and its strength."""
    strong, mild = (STRONG_PRAISE, MILD_PRAISE) if side == "positive" else (STRONG_BLAME, MILD_BLAME)
    kind = draw.random()
    if kind < 0.12:
        return _pick(draw, strong), 0.92
    if kind < 0.22:
        return _pick(draw, mild), 0.28
    if kind < 0.37:
        negation = draw.choice(tuple(NEGATIONS))
        return negation + _word(draw, other_than(side), thing), NEGATIONS[negation] * 0.9
    word = _word(draw, side, thing)
    if kind < 0.5:
        behind = draw.choice([each for each in BEHIND if side == "negative" or each != "透了"])
        return word + behind, BEHIND[behind]
    said = [each for each in BEFORE if (each not in ("还", "还算") if side == "negative" else "有" not in each)]
    before = draw.choice(said)  # nobody says 有点好吃 or 还算离谱
    return before + word + ("的" if before.endswith("最") else ""), BEFORE[before]


_KINDS: dict[Make, float] = {
    _opinion: 6,
    _bare: 1.5,
    _contrast: 3,
    _comparison: 1.5,
    _wish: 1.2,
    _report: 1.2,
    _event: 1.2,
    _doubt: 0.8,
    _cliche: 1,
    _slang: 0.6,
    _rating: 0.5,
    _sign: 0.7,
    _long: 1.2,
    _both: 0.7,
    _fact: 4,
}
"""Kind of sentence -> its share."""


_STRONGEST = re.compile(
    "极其|极度|无比|超级|简直|极了|透了|死了|要命|不得了|到爆|"
    + "|".join((*STRONG_PRAISE.split(), *STRONG_BLAME.split()))
)
_STRONG = re.compile(
    "非常|特别|十分|太[^平阳原]|超[好爱赞差烂]|最[好差爱讨喜烂]|强烈|绝对|完全|实在|真心|坚决|竟然|居然"
)
_WEAK = re.compile("有点|有些|稍微|略|还行|还可以|一般|凑合|马马虎虎|还算|不太|不怎么|勉强|过得去")
_LOUD = re.compile(r"[!！]{2,}|[?？]{3,}|(.)\1{3,}|(\[[^\]]{1,4}\])\2+")


def intensity_by_marks(text: str) -> float:
    """Return a weak label of the strength of a text that takes a side, 0.2 to 1."""
    strongest, strong, weak, loud = (len(each.findall(text)) for each in (_STRONGEST, _STRONG, _WEAK, _LOUD))
    raised = 0.25 * min(2, strongest) + 0.13 * min(3, strong) + 0.1 * min(2, loud) + 0.03 * min(3, text.count("！"))
    return min(1.0, max(0.2, 0.5 + raised - 0.13 * min(2, weak)))
