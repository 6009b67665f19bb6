"""Words that name who someone is, and texts in which they are exchanged for others of their kind.

The lists were written for Sentimo. They are short, hold words that can stand for each other in most sentences, and are
no judgement on how people are to be named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations


@dataclass(frozen=True)
class Dimension:
    """One respect in which people differ.

    Attributes:
        name: Its name.
        identities: Per identity its words; the k-th word of one is exchanged for the k-th of another. Where a word
            stands in several places, the first one counts.
        is_chinese: Whether the words are found anywhere in a text; others are whole words, of any case.
    """

    name: str
    identities: tuple[tuple[str, ...], ...]
    is_chinese: bool = False

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Finds any of its words, the longest first."""
        words = sorted({word for each in self.identities for word in each}, key=len, reverse=True)
        either = "|".join(map(re.escape, words))
        either = either.replace("他", "(?<![其吉])他")  # 其他 "other", 吉他 "guitar"
        return re.compile(either) if self.is_chinese else re.compile(rf"\b(?:{either})\b", re.IGNORECASE)


def _dimension(name: str, *identities: str, is_chinese: bool = False) -> Dimension:
    return Dimension(name, tuple(tuple(w.replace("_", " ") for w in each.split()) for each in identities), is_chinese)


# Words that name things as often as people (black, old, temple, China) stand here only beside one that names people.
DIMENSIONS: tuple[Dimension, ...] = (
    _dimension(
        "gender",
        "he his him himself man men boy boys male males father fathers dad son sons brother brothers husband "
        "husbands uncle nephew grandfather grandpa boyfriend gentleman gentlemen guy guys king prince actor waiter "
        "mr sir",
        "she her her herself woman women girl girls female females mother mothers mom daughter daughters sister "
        "sisters wife wives aunt niece grandmother grandma girlfriend lady ladies gal gals queen princess actress "
        "waitress ms madam",
    ),
    _dimension(
        "religion",
        "christian christians christianity",
        "muslim muslims islam",
        "jewish jews judaism",
        "hindu hindus hinduism",
        "buddhist buddhists buddhism",
    ),
    _dimension(
        "origin",
        "american americans",
        "chinese chinese",
        "mexican mexicans",
        "nigerian nigerians",
        "indian indians",
        "german germans",
        "russian russians",
        "japanese japanese",
    ),
    _dimension(
        "ethnicity",
        "white_people white_man white_men white_woman white_women white_guy white_girl",
        "black_people black_man black_men black_woman black_women black_guy black_girl",
        "asian_people asian_man asian_men asian_woman asian_women asian_guy asian_girl",
    ),
    _dimension(
        "orientation",
        "heterosexual straight_people straight_man straight_men straight_couple",
        "homosexual gay_people gay_man gay_men gay_couple",
    ),
    _dimension(
        "age",
        "young_people young_man young_men young_woman young_women teenager teenagers",
        "old_people old_man old_men old_woman old_women pensioner pensioners",
    ),
    _dimension(
        "性别",
        "他们 他 男人 男孩 男生 男性 男士 男友 男朋友 先生 爸爸 父亲 儿子 哥哥 弟弟 丈夫 老公 爷爷 叔叔 小伙子 男的",
        "她们 她 女人 女孩 女生 女性 女士 女友 女朋友 女士 妈妈 母亲 女儿 姐姐 妹妹 妻子 老婆 奶奶 阿姨 小姑娘 女的",
        is_chinese=True,
    ),
    _dimension("宗教", "基督徒 基督教", "穆斯林 伊斯兰教", "佛教徒 佛教", "道教徒 道教", is_chinese=True),
    _dimension("地域", "河南人", "上海人", "北京人", "广东人", "东北人", "四川人", "新疆人", is_chinese=True),
    _dimension("国籍", "中国人", "美国人", "日本人", "韩国人", "印度人", "俄罗斯人", is_chinese=True),
    _dimension("取向", "异性恋", "同性恋", is_chinese=True),
    _dimension("年龄", "年轻人 小伙子", "老年人 老头子", is_chinese=True),
)


def counterfactuals(text: str) -> list[str]:
    """Return the text with the words of one identity exchanged for those of another, each pair and each respect apart.

    A text that names nobody has none. Both directions are exchanged at once, so that "he told her" becomes "she told
    him". Case is kept.
    """
    found = dict.fromkeys(each for dimension in DIMENSIONS for each in _of(dimension, text))
    return [each for each in found if each != text]


def _of(dimension: Dimension, text: str) -> Iterator[str]:
    named = {match[0].lower() for match in dimension.pattern.finditer(text)}
    if not named:
        return
    present = [number for number, words in enumerate(dimension.identities) if named & set(words)]
    for one, other in combinations(range(len(dimension.identities)), 2):
        if one in present or other in present:
            yield _exchanged(dimension, text, one, other)


def _exchanged(dimension: Dimension, text: str, one: int, other: int) -> str:
    ours, theirs = dimension.identities[one], dimension.identities[other]
    table: dict[str, str] = {}
    for here, there in ((ours, theirs), (theirs, ours)):
        for word, other_word in zip(here, there, strict=True):
            table.setdefault(word, other_word)

    def exchange(match: re.Match[str]) -> str:
        word = match[0]
        lower = word.lower()
        new = table.get(lower, lower)
        if lower == "her" and new == "his" and not re.match(r"\s+\w", text[match.end() :]):
            new = "him"  # "told her." and not "her book"
        return new.upper() if word.isupper() and len(word) > 1 else new.capitalize() if word[0].isupper() else new

    return dimension.pattern.sub(exchange, text)
