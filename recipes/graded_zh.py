"""Chinese sentences of graded strength, put together from our own words, and the strength of real texts by their marks.

No Chinese set with intensities can be had. So the built-in model learns intensity from two things made here: sentences
whose strength is known because an adverb of degree sets it (好 < 很好 < 非常好 < 好极了), and a weak label for real
texts, read off the same adverbs, strong words, repetition and exclamation marks.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from graded import Graded, different

BEFORE = {  # adverb of degree -> strength of a plain word behind it
    "": 0.45,
    "有点": 0.25,
    "有点儿": 0.25,
    "有些": 0.25,
    "稍微有点": 0.2,
    "略微有点": 0.2,
    "多少有点": 0.25,
    "还算": 0.35,
    "还": 0.4,
    "比较": 0.45,
    "挺": 0.6,
    "蛮": 0.6,
    "很": 0.65,
    "真": 0.7,
    "真的": 0.65,
    "真的很": 0.75,
    "相当": 0.75,
    "十分": 0.8,
    "非常": 0.85,
    "特别": 0.85,
    "太": 0.85,
    "格外": 0.8,
    "超级": 0.9,
    "超": 0.85,
    "无比": 0.95,
    "极其": 0.95,
    "极度": 0.95,
    "简直太": 0.95,
    "绝对是最": 1.0,
}
BEHIND = {"极了": 0.95, "得不得了": 0.95, "得要命": 0.95, "到爆": 0.95, "死了": 0.9, "透了": 0.95}  # after the word
PRAISE = "好 好吃 好用 好看 舒服 干净 方便 漂亮 实用 热情 耐心 新鲜 划算 结实 流畅 清晰 贴心 有趣 专业 满意 喜欢 开心"
BLAME = "差 难吃 难用 难看 吵 脏 麻烦 丑 卡 冷淡 敷衍 贵 慢 模糊 无聊 失望 生气 难过 讨厌 糟糕 坑人 粗糙"
STRONG_PRAISE = "完美 惊艳 无可挑剔 棒极了 太赞了 爱死了 好到哭 堪称一绝 超出预期 五星好评 神作 绝了"
STRONG_BLAME = "垃圾 恶心 气死人 忍无可忍 一塌糊涂 崩溃 烂透了 糟糕透顶 简直是噩梦 绝望 骗子 再也不来了"
MILD_PRAISE = "还行 还可以 不错 过得去 凑合 算不上差"
MILD_BLAME = "一般 马马虎虎 不太理想 没什么特别 有待改进"
THINGS = (
    "房间 服务 早餐 前台 酒店 手机 屏幕 电池 快递 包装 客服 衣服 质量 味道 面条 火锅 电影 剧情 这本书 老师 课程 音乐 "
    "界面 软件 这家店 位置 空调 床 价格 态度 今天的会议 新同事 旅行 风景 洗衣机 耳机 鞋子 水果 牛奶 平板 游戏"
)
NEGATIONS = {"不太": 0.3, "不怎么": 0.3, "不是很": 0.3, "没那么": 0.3, "不": 0.5, "一点也不": 0.75, "一点都不": 0.75}
FRAMES = (
    "{s}",
    "{s}。",
    "我觉得{s}",
    "感觉{s}",
    "说实话，{s}。",
    "用了一周，{s}",
    "昨天去的，{s}。",
    "总的来说{s}",
    "朋友推荐的，{s}。",
    "第一次来，{s}",
    "{s}，大家可以参考。",
)
LOUD = {"！": 0.03, "！！！": 0.08, "": 0.0}
FACTS = (
    "{t}在{p}",
    "{t}是{d}买的。",
    "{t}{d}送到",
    "{t}分三种规格",
    "{p}离这里两公里",
    "会议{d}开始",
    "{d}我去了{p}",
    "{p}{d}开门",
    "请问{t}在哪里？",
    "{t}和上次是同一个型号",
    "订单{d}发货，{d}到{p}。",
    "{t}有两种颜色可选",
)
PLACES = "二楼 北京 车站旁边 上海 学校门口 广州 仓库 公司 机场 城南"
DAYS = "昨天 今天上午 星期三 去年 上个月 明天下午 八点 2019年 周末 前天"


def graded_sentences(n: int, seed: int) -> Iterator[Graded]:
    """Yield n different sentences, a fifth of them facts of no side."""
    draw = random.Random(seed)
    return different(n, lambda: _fact(draw) if draw.random() < 0.2 else _opinion(draw))


def _fact(draw: random.Random) -> Graded:
    frame = draw.choice(FACTS)
    return Graded(
        frame.format(t=draw.choice(THINGS.split()), p=draw.choice(PLACES.split()), d=draw.choice(DAYS.split())),
        "neutral",
        0.03,
    )


def _opinion(draw: random.Random) -> Graded:
    side = draw.choice(("positive", "negative"))
    said, side, strength = _judgement(draw, side)
    loud = draw.choice(tuple(LOUD))
    frame = draw.choice(FRAMES)
    text = frame.format(s=draw.choice(THINGS.split()) + said)
    if loud:
        text = text.rstrip("。") + loud
    return Graded(text, side, min(1.0, strength + LOUD[loud]))


def _judgement(draw: random.Random, side: str) -> tuple[str, str, float]:
    """Return what is said of a thing, its side and its strength."""
    plain, strong, mild = (
        (PRAISE, STRONG_PRAISE, MILD_PRAISE) if side == "positive" else (BLAME, STRONG_BLAME, MILD_BLAME)
    )
    kind = draw.random()
    if kind < 0.12:
        return draw.choice(strong.split()), side, 0.92
    if kind < 0.22:
        return draw.choice(mild.split()), side, 0.28
    word = draw.choice(plain.split())
    if kind < 0.37:
        negation = draw.choice(tuple(NEGATIONS))
        return negation + word, "negative" if side == "positive" else "positive", NEGATIONS[negation] * 0.9
    if kind < 0.5:
        behind = draw.choice(tuple(BEHIND))
        return word + behind, side, BEHIND[behind]
    before = draw.choice(tuple(BEFORE))
    return before + word, side, BEFORE[before]


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
