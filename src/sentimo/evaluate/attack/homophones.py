"""Chinese characters that sound alike: what an input method offers beside the right one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

_MOST = 3  # ways to write one character that are tried

# Written for Sentimo: frequent characters of one syllable, whatever its tone, as typed without tones.
_GROUPS = """
的得地 在再载 做作坐座 他她它 是事时使试市视示式师 有又友由右油游 不步部布补 很狠恨 好号毫豪 我握窝 你尼泥 们门闷 这着者
那拿哪 一以已意义易 了乐 吗妈马骂 吧把八爸 没每美妹 到道倒岛 会回灰挥惠 要药摇 去取区趣 来赖莱 看砍刊 想像向象相香
心新信欣辛 喜西希洗系细息习 欢换环还 高搞告 兴性行星型醒 开凯慨 爱哎碍 生声升省胜 气起其期奇器 难男南 过国果 上伤商尚
下夏吓 太台态泰 差查茶察 累类泪雷 怕爬帕 害还海孩 哭苦酷 笑小校消效 就久酒旧 服负福付复 无物误务屋武 只值知之直质支
量亮两凉 价家加假 个各格歌 钱前千签 满慢漫 元员远愿原 真珍针震 吃迟持 和喝合河 手收受首守 机几级急极记季 点店电典
房方放防 间见件建简健 经静精惊境净 关管观馆 动东懂冬 天甜田填 面免棉 里力利理离丽 话花化画滑 水谁睡 人任忍认 大打达答
中重种终 长常场唱厂 明名命鸣 因音引印 些写谢鞋 可客课刻 带代待袋 感干敢赶 觉绝决 莫末默 怒努奴 被杯悲背 痛同通统 快块
现先险显鲜 早糟造 够狗购构 为位味未围 变便边编 坏怀 应影赢硬 用永勇 进近今金紧 发法 非飞费肥 出处初除 对队 张涨章掌
却确缺 半办班般 包报保饱 表标 参餐残惨 才菜材财 成程城称 传穿船 次此词 但单担 等灯 第底低 段短断 多朵 饭反烦翻 分份粉
风封丰 该改 工公功共 故古顾 光广 贵规归 红洪 后厚候 湖护呼 或活火货 将讲降 叫教较交 结接节姐解 句据剧具 空恐 老劳
连脸练 另领零 路录 目木 年念 品拼 评平瓶 普铺 请情清轻 如入 少烧 什身深神 四死思 虽随岁 完晚玩万 往忘网望 问文温 学雪
言严演眼 样养 也业夜 于与遇语 越月约 正整争 主住助 自子字 总宗 讨套 厌艳 赞暂 棒傍 烂蓝 垃拉 圾机 推退 荐见 失师 望忘
"""


def _table() -> dict[str, str]:
    table: dict[str, str] = {}
    for group in _GROUPS.split():
        for character in group:
            others = group.replace(character, "")
            table[character] = "".join(dict.fromkeys(table.get(character, "") + others))
    return table


HOMOPHONES = _table()
"""Character -> those that sound like it."""


def homophones(parts: Sequence[str], place: int, dice: Random) -> Iterator[dict[int, str]]:
    """Yield the text with a Chinese character written as others of its sound, three at most."""
    alike = HOMOPHONES.get(parts[place], "")
    for other in dice.sample(alike, min(_MOST, len(alike))):
        yield {place: other}
