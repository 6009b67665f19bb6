"""Texts of our own for a machine without a file: sentences written one by one, put together at random."""

from __future__ import annotations

import random
from collections.abc import Mapping

SENTENCES: Mapping[str, tuple[str, ...]] = {
    "en": (
        "I love it.",
        "ok",
        "Never again!",
        "Great value, would buy again.",
        "The screen went black after two days and support has not answered since.",
        "lol that was the best part 😂",
        "The parcel arrived on Tuesday.",
        "We waited an hour for a table, but the soup was worth every minute of it.",
        "So disappointed with the new update, nothing works any more.",
        "My sister gave me this for my birthday and I use it every morning.",
        "The meeting has been moved to Thursday at three.",
        "It does what it says on the box.",
        "Honestly, the staff were rude, the room smelled of smoke and the lift was out of order.",
        "Can't believe they won!!! What a night 🎉",
        "The plot is thin, yet the two leads carry the film with charm.",
        "I am scared of what tomorrow brings.",
        "Not bad at all, though I expected a little more for the price.",
        "They refunded me within a day without asking questions, which is rare these days.",
        "It rained all week, so we stayed in and read.",
        "The battery lasts two days with normal use, and charging takes about an hour.",
        "Why would anyone pay for this?",
        "I miss the old design; this one hides everything behind three menus.",
        "Thank you so much for your help, you saved my weekend!",
        "The second half drags, and I checked my watch more than once.",
        "He said that the shop opens at nine, but the door was still locked at ten.",
        "Delivery was quick, the packaging was careful, and the colour is exactly as shown.",
    ),
    "zh": (
        "很喜欢！",
        "还行吧",
        "再也不会来了。",
        "物流很快，包装也很用心，颜色和图片上一样。",
        "用了两天屏幕就黑了，客服一直不回复，太让人失望了。",
        "哈哈哈笑死我了😂",
        "包裹星期二到的。",
        "排了一个小时的队，不过汤的味道确实值得等。",
        "更新之后什么都打不开，真的很生气。",
        "这是妹妹送我的生日礼物，每天早上都在用。",
        "会议改到星期四下午三点。",
        "和介绍的一样，没有什么特别的。",
        "服务员态度很差，房间里有烟味，电梯也坏了，住得很不舒服。",
        "居然赢了！！今晚太激动了🎉",
        "故事比较单薄，但两位主演的表演很有感染力。",
        "我很担心明天会发生什么。",
        "总体不错，只是这个价格让我期待更多。",
        "一天之内就退了款，什么也没多问，现在这样的店家很少见了。",
        "下了一个星期的雨，我们就在家里看书。",
        "正常使用电池能撑两天，充满大概要一个小时。",
        "谁会花钱买这个？",
        "还是怀念以前的设计，现在什么都藏在菜单里，找半天找不到。",
        "太感谢您的帮助了，周末终于可以放心出门！",
        "后半段太拖沓，看得我一直想看手表。",
        "他说店里九点开门，结果十点了门还锁着。",
        "质量比想象中好，已经推荐给同事了。",
    ),
}
_SHORT, _LONGEST = 0.55, 12  # how likely a text ends after each sentence, and most sentences in one


def written_texts(language: str, n: int, seed: int = 13) -> list[str]:
    """Return `n` different texts of a language: half of them one sentence, a few of a dozen.

    Args:
        language: "en" or "zh".
        n: How many, up to a few hundred thousand.
        seed: Of the draws.
    """
    draw, gap = random.Random(seed), "" if language == "zh" else " "
    found: dict[str, None] = {}
    while len(found) < n:
        n_sentences = 1
        while n_sentences < _LONGEST and draw.random() > _SHORT:
            n_sentences += 1
        # The number makes a short text its own: equal ones could be answered from a cache.
        number = f" {draw.randrange(10_000)}" if n_sentences == 1 else ""
        found.setdefault(gap.join(draw.sample(SENTENCES[language], n_sentences)) + number)
    return list(found)
