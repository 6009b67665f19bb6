"""Things stand around a text that say nothing of its feeling: who speaks, a heading, a number, a sender."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random

from sentimo.data.augment.words import WordAugmenter
from sentimo.text.scripts import HAN

_HAN = re.compile(f"[{HAN}]")

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "name": "Ada Ahmed Alice Amir Ben Carla Chen Chloe Daniel David Elena Emma Fatima Felix Hannah Ines Jack James "
        "Jonas Karen Kate Kofi Leila Liam Lucy Maria Mark Maya Mike Nina Noah Olga Omar Paul Peter Priya Rosa Sam "
        "Sara Tom Wei Yusuf Zoe",
        "role": "agent buyer caller client colleague customer Dad driver editor guest host manager me Mum neighbour "
        "nurse patient reader seller student teacher tenant user visitor",
        "heading": "Answer Body Comment Description Feedback Message Note Opinion Post Reply Response Review Subject "
        "Summary Text Title Topic Update",
        "topic": "books car city films food football garden home hotel laptop music news phone school shop software "
        "team travel weather work",
        "sender": "Android|iPhone|mobile|my phone|my tablet|the app|Outlook",
    },
    "zh": {
        "name": "阿杰 阿明 陈晨 大刘 丁一 高洁 韩雪 何老师 黄伟 李华 李四 刘洋 琳琳 马超 孙阿姨 "
        "唐宁 王芳 王五 吴迪 小陈 小李 小王 小张 徐工 杨阳 张三 赵敏 周周 朱哥",
        "role": "爸爸 编辑 店员 店主 顾客 管理员 患者 家长 经理 客服 客人 老板 老师 楼主 妈妈 "
        "买家 卖家 评论员 朋友 司机 同事 网友 我 学生 用户 游客 住客",
        "heading": "备注 标题 答 点评 反馈 回答 回复 简介 留言 内容 评价 评论 说明 帖子 问题描述 "
        "用户评论 正文 主题 追评",
        "topic": "电影 房子 工作 旅行 美食 球赛 手机 书 天气 校园 新闻 音乐 游戏 汽车 直播 装修",
        "sender": "安卓|电脑|平板|手机|网页|小程序|iPhone|App",
    },
}
"""Language -> what may stand in a frame; written for Sentimo. Words that lean to a side are none of them."""

_FRAMES: Mapping[str, tuple[str, ...]] = {
    "en": (
        *(
            "{name}: {text}",
            "{name}: {text}",
            "{role}: {text}",
            "<{name}> {text}",
            "{name} - {text}",
            "{letter}: {text}",
        ),
        *(
            "{heading}: {text}",
            "[{heading}] {text}",
            "{heading} {number}: {text}",
            "{number}. {text}",
            "({number}) {text}",
        ),
        *("@{name} {text}", "@{name} @{other} {text}", "RT @{name}: {text}", "#{topic} {text}", "{text} #{topic}"),
        *('"{text}"', "“{text}”", "> {text}", "- {text}", "{text} ({year})", "{text} #{number}", "[{time}] {text}"),
        *("{text} https://example.com/{number}", "{text} Sent from {sender}", "{time} {name}: {text}", "<p>{text}</p>"),
    ),
    "zh": (
        *("{name}：{text}", "{name}：{text}", "{name}: {text}", "{role}：{text}", "{role}：{text}", "{letter}：{text}"),
        *(
            "{heading}：{text}",
            "【{heading}】{text}",
            "{heading}{number}：{text}",
            "{number}. {text}",
            "{number}、{text}",
        ),
        *("（{number}）{text}", "第{number}条：{text}", "@{name} {text}", "回复@{name}：{text}", "//@{name}：{text}"),
        *("#{topic}# {text}", "#{topic}#{text}", "{text}#{topic}#", "“{text}”", '"{text}"', "「{text}」", "- {text}"),
        *("{text}（{year}年）", "[{time}] {text}", "{time} {name}：{text}", "{text}（来自{sender}）"),
        *("{text} https://example.com/{number}", "{text}——{name}", "<p>{text}</p>", "{text} {number}"),
    ),
}


class Surround(WordAugmenter):
    """Put a text between things that carry no feeling, as logs, forums, forms and mails do.

    A model that has only seen bare texts takes such things for signs of a kind of text, and its label with it.

    Source: Ribeiro et al. 2020, "Beyond Accuracy: Behavioral Testing of NLP Models with CheckList", section 2
    (invariance).
    """

    def change(self, text: str, draw: Random) -> str:
        """Return the text with something before, behind or around it."""
        if not text.strip():
            return text
        language = "zh" if _HAN.search(text) else "en"
        words = WORDS[language]
        return draw.choice(_FRAMES[language]).format(
            **{what: draw.choice(each.split("|" if "|" in each else None)) for what, each in words.items()},
            other=draw.choice(words["name"].split()),
            text=text,
            letter=draw.choice("ABCDEQ"),
            number=draw.choice((draw.randint(1, 9), draw.randint(1, 40), draw.randint(1, 99_999))),
            year=draw.randint(2009, 2025),
            time=f"{draw.randint(0, 23):02}:{draw.randint(0, 59):02}",
        )
