"""Traces: which rules fired in a text, told in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fired:
    """A rule that fired.

    Attributes:
        rule: word, degree, negation, contrast, concession, question, condition, capitals, drawn out, exclamation;
            override (`sentimo.engine.overrides`).
        start, end: Its place in the text, as offsets in characters.
        word: What stands there.
        effect: Of a word its valence; of capitals, exclamations and overrides what they add; of others their factor.
        target: The word that it changes, empty where it is a whole clause.
        name: Name of a user's rule.
        told: What happened, in English and in Chinese, where the rule does not say it.
    """

    rule: str
    start: int
    end: int
    word: str
    effect: float
    target: str = ""
    name: str = ""
    told: tuple[str, str] | None = None

    @property
    def en(self) -> str:
        """What happened, in English."""
        return self.told[0] if self.told else _TOLD[self.rule][0].format(**self._parts)

    @property
    def zh(self) -> str:
        """What happened, in Chinese."""
        return self.told[1] if self.told else _TOLD[self.rule][1].format(**self._parts)

    @property
    def _parts(self) -> dict[str, Any]:
        leaning = ("positive", "褒义") if self.effect > 0 else ("negative", "贬义")
        return {"w": self.word, "t": self.target, "e": self.effect, "en": leaning[0], "zh": leaning[1]}

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        return {
            "rule": self.rule,
            **({"name": self.name} if self.name else {}),
            "start": self.start,
            "end": self.end,
            "word": self.word,
            "effect": round(self.effect, 4),
            "en": self.en,
            "zh": self.zh,
        }


_TOLD: Mapping[str, tuple[str, str]] = {
    "word": ("{w!r} is {en} ({e:+.2f})", "“{w}”是{zh}词（{e:+.2f}）"),
    "degree": ("{w!r} changes the strength of {t!r} (x {e:.2f})", "程度词“{w}”改变“{t}”的强度（×{e:.2f}）"),
    "negation": ("{w!r} turns {t!r} around (x {e:.2f})", "否定词“{w}”反转“{t}”（×{e:.2f}）"),
    "contrast": ("what follows {w!r} counts more than what precedes", "转折词“{w}”之后的内容比之前的更重要"),
    "concession": ("{w!r} concedes what follows it (x {e:.2f})", "“{w}”引出让步，其后的内容减弱（×{e:.2f}）"),
    "question": ("a question asserts little (x {e:.2f})", "疑问句的断言较弱（×{e:.2f}）"),
    "condition": ("{w!r} only supposes it (x {e:.2f})", "“{w}”只是假设（×{e:.2f}）"),
    "capitals": ("{t!r} stands in capitals ({e:+.2f})", "“{t}”全部大写（{e:+.2f}）"),
    "drawn out": ("{t!r} is drawn out (x {e:.2f})", "“{t}”拉长了字母（×{e:.2f}）"),
    "exclamation": ("exclamation marks strengthen it ({e:+.2f})", "感叹号加强语气（{e:+.2f}）"),
}
