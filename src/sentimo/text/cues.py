"""Words that turn, strengthen, weaken or weigh a feeling, in English and Chinese. Written for Sentimo."""

from __future__ import annotations

from collections.abc import Mapping


def _words(line: str) -> tuple[str, ...]:
    return tuple(line.split())


NEGATIONS: Mapping[str, tuple[str, ...]] = {
    "en": _words(
        "not no never none nobody nothing neither nor nowhere hardly barely scarcely seldom rarely without lack lacks "
        "lacking cannot can't cant couldn't couldnt don't dont doesn't doesnt didn't didnt isn't isnt aren't arent "
        "wasn't wasnt weren't werent won't wont wouldn't wouldnt shouldn't shouldnt haven't havent hasn't hasnt "
        "hadn't hadnt mustn't needn't ain't aint"
    ),
    "zh": _words(
        "不 没 没有 无 非 别 勿 莫 未 未必 并非 并不 并没有 从不 从未 从来没有 毫不 毫无 绝不 决不 绝非 不是 不会 不能 "
        "不要 不可 不够 不怎么 不太 不再 不必 不用 难以 谈不上 算不上 称不上 缺乏 缺少 没什么"
    ),
}
"""Words that turn the feeling of what follows around."""

DEGREES: Mapping[str, Mapping[str, float]] = {
    "en": {
        **dict.fromkeys(_words("extremely incredibly insanely absolutely utterly totally completely most"), 2.0),
        **dict.fromkeys(_words("very really so too super highly deeply truly such especially particularly"), 1.5),
        **dict.fromkeys(_words("quite pretty rather more even"), 1.2),
        **dict.fromkeys(_words("fairly somewhat kinda relatively moderately partly"), 0.8),
        **dict.fromkeys(_words("slightly little bit barely mildly less"), 0.6),
    },
    "zh": {
        **dict.fromkeys(_words("极其 极度 极为 极 无比 绝对 完全 万分 十二分 最 最为 巨 爆 超级"), 2.0),
        **dict.fromkeys(_words("非常 十分 特别 格外 很 太 超 真 真的 好 好好 相当 分外 尤其 实在 深深 异常"), 1.5),
        **dict.fromkeys(_words("更 更加 越发 愈发 比较 较 挺 蛮 颇 颇为 还"), 1.2),
        **dict.fromkeys(_words("还算 勉强 多少 基本 大体"), 0.8),
        **dict.fromkeys(_words("有点 有点儿 有些 略 略微 稍 稍微 稍稍 些许 一点 一点儿"), 0.6),
    },
}
"""Words of degree, with the factor by which they change the strength of what follows."""

CONTRASTS: Mapping[str, tuple[str, ...]] = {
    "en": ("but", "however", "yet", "although", "though", "nevertheless", "nonetheless", "still", "despite", "except"),
    "zh": ("但", "但是", "可是", "不过", "然而", "却", "只是", "虽然", "尽管", "可惜", "偏偏", "反而", "除了"),
}
"""Words between two halves of a text that pull in different directions."""

LATER_COUNTS: Mapping[str, tuple[str, ...]] = {
    "en": ("but", "however", "yet", "nevertheless", "nonetheless"),
    "zh": ("但", "但是", "可是", "不过", "然而", "却", "可惜"),
}
"""Contrasts after which the later half is what the writer means."""
