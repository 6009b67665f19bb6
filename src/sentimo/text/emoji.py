"""Emoji in words, for models whose vocabulary has none. The words are the meaning in use, not the official names."""

from __future__ import annotations

from collections.abc import Mapping

_WORDS = """
happy | 开心 | 😀 😃 😄 😁 😊 ☺ 😇 😺 😸
laughing | 大笑 | 😆 😂 🤣 😹
smiling | 微笑 | 🙂
ironic | 反讽 | 🙃
winking | 调皮 | 😉 😛 😜 😝
crazy | 疯狂 | 🤪
love | 爱 | 🥰 😍 😻 ❤ ♥ 🧡 💛 💚 💙 💜 🖤 🤍 🤎 💕 💖 💗 💘 💞 💓 💝 💟 ❣
kiss | 亲亲 | 😘 😗 😚 😙 💋 😽
amazing | 太棒了 | 🤩
touched | 感动 | 🥲 🥹
delicious | 好吃 | 😋 🤤
hug | 拥抱 | 🤗
wondering | 思考 | 🤔 🧐
speechless | 无语 | 😐 😑 😶 🫥
smug | 得意 | 😏
annoyed | 不满 | 😒 🙄
awkward | 尴尬 | 😬
embarrassed | 害羞 | 😳 🙈 🫣 🤭
relieved | 松了口气 | 😅 😌
tired | 累 | 😪 😓 😩 😫
boring | 无聊 | 😴 🥱 💤
sick | 生病 | 😷 🤒 🤧
hurt | 受伤 | 🤕
disgusting | 恶心 | 🤢 🤮
hot | 热 | 🥵
freezing | 冷 | 🥶
shocked | 震惊 | 😵 🤯 😲 😦 🙀
surprised | 惊讶 | 😮 😯
celebrate | 庆祝 | 🥳 🎉 🎊 🥂 🍾
cool | 酷 | 😎
confused | 困惑 | 😕
worried | 担心 | 😟 😧 😰
scared | 害怕 | 😨
terrified | 恐惧 | 😱
sad | 难过 | 🙁 ☹ 😔 😥 🥺 😿
crying | 哭 | 😢 😭
upset | 难受 | 😖 😣
disappointed | 失望 | 😞
angry | 生气 | 😤 😠 😾 💢
furious | 愤怒 | 😡 🤬
evil | 坏 | 😈 👿 👹 👺
dead | 死 | 💀 ☠
crap | 垃圾 | 💩 🚮
ridiculous | 可笑 | 🤡
broken heart | 心碎 | 💔
perfect | 完美 | 💯
awesome | 厉害 | 🔥
wonderful | 美好 | ✨ 🌟 ⭐ 🌈
winner | 赢家 | 🏆 🥇 🏅 🎖
good | 好 | 👍 👌
bad | 差 | 👎
bravo | 鼓掌 | 👏
hurray | 欢呼 | 🙌
thanks | 谢谢 | 🙏
strong | 加油 | 💪
peace | 和平 | ✌ ☮
agreed | 同意 | 🤝
hopefully | 希望 | 🤞
stupid | 无奈 | 🤦
whatever | 无所谓 | 🤷
insult | 侮辱 | 🖕
beautiful | 美丽 | 🌹 🌸 🌺 🌷 💐
birthday | 生日 | 🎂
gift | 礼物 | 🎁
sunny | 晴朗 | ☀ 🌞
warning | 警告 | ⚠
wrong | 错 | ❌ ❎ 🚫
right | 对 | ✅ ☑ ✔
rising | 上涨 | 📈 🚀
falling | 下跌 | 📉
money | 钱 | 💰 💵 🤑
"""
_ROWS = [[part.strip() for part in line.split("|")] for line in _WORDS.strip().splitlines()]

EMOJI: Mapping[str, Mapping[str, str]] = {
    "en": {english: signs.replace(" ", "") for english, _, signs in _ROWS},
    "zh": {chinese: signs.replace(" ", "") for _, chinese, signs in _ROWS},
}
"""Language -> words -> the emoji, one character each, that mean them."""

MODIFIERS = "\ufe0f\u200d\U0001f3fb-\U0001f3ff"
"""Inside a character class: what only changes how an emoji looks. Presentation, joiner, skin tones."""
