"""Label spaces: which labels a task has, in which order, and how one space maps to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from sentimo.errors import InputError, UnknownLabelError, did_you_mean

Kind = Literal["single", "multi", "ordinal", "score"]
KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True)
class LabelSpace:
    """The ordered labels of one task. The id of a label is its position, from 0.

    Attributes:
        name: Name of the space, such as ``"polarity-3"``.
        labels: The labels in order. A score has exactly one: what it measures.
        kind: ``single`` (one label a text), ``multi`` (any number), ``ordinal`` (one of ordered labels, lowest
            first) or ``score`` (a number).
        polarity: For labels with a clear leaning: label -> negative, neutral or positive.
        names: Localised label names: language -> label -> name.
        range: For a score, its lowest and highest value. None for the other kinds.
    """

    name: str
    labels: tuple[str, ...]
    kind: Kind = "single"
    polarity: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not all(isinstance(word, str) for word in (self.name, *self.labels)):
            raise InputError(f"label space {self.name!r}: labels {self.labels}; expected words")
        if self.kind not in KINDS:
            raise InputError(f"label space {self.name!r}: kind {self.kind!r} is not one of {', '.join(KINDS)}")
        if len(set(self.labels)) != len(self.labels):
            twice = sorted({label for label in self.labels if self.labels.count(label) > 1})
            raise InputError(f"label space {self.name!r}: labels occur twice: {', '.join(twice)}")
        if self.kind == "score":
            if len(self.labels) != 1 or self.range is None or not self.range[0] < self.range[1]:
                raise InputError(
                    f"label space {self.name!r}: a score has one label and a range (low, high), low < high"
                )
        elif self.range is not None:
            raise InputError(f"label space {self.name!r}: a {self.kind} task has labels, not a range; only a score has")
        elif len(self.labels) < (1 if self.kind == "multi" else 2):
            raise InputError(f"label space {self.name!r}: {len(self.labels)} label(s); a {self.kind} task needs more")

    def __len__(self) -> int:
        return len(self.labels)

    def id_of(self, label: str, where: str = "") -> int:
        """Return the position of `label`; raise UnknownLabelError naming `where` and the nearest label."""
        try:
            return self.labels.index(label)
        except ValueError:
            raise UnknownLabelError(label, self.name, self.labels, where) from None

    def display(self, label: str, language: str = "en") -> str:
        """Return the name of `label` in `language`, or the label itself where none is known."""
        return self.names.get(language, {}).get(label, label)

    @property
    def neutral_id(self) -> int | None:
        """Position of the label that means "no feeling", or None."""
        for position, label in enumerate(self.labels):
            if label == "neutral" or self.polarity.get(label) == "neutral":
                return position
        return None

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        return {
            "name": self.name,
            "labels": list(self.labels),
            "kind": self.kind,
            "polarity": dict(self.polarity),
            "names": {language: dict(names) for language, names in self.names.items()},
            "range": list(self.range) if self.range else None,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LabelSpace:
        """Build a space from what `to_dict` gave."""
        bounds = data.get("range")
        return cls(
            name=data["name"],
            labels=tuple(data["labels"]),
            kind=data["kind"],
            polarity=data.get("polarity", {}),
            names=data.get("names", {}),
            range=(float(bounds[0]), float(bounds[1])) if bounds else None,
        )


def _emotions(name: str, kind: Kind, polarity: Mapping[str, str], zh: str) -> LabelSpace:
    labels = tuple(polarity)
    known = {label: leaning for label, leaning in polarity.items() if leaning}
    return LabelSpace(name, labels, kind, known, {"zh": dict(zip(labels, zh.split(), strict=True))})


_NEG, _NEU, _POS = "negative", "neutral", "positive"

POLARITY_3 = _emotions("polarity-3", "single", {_NEG: _NEG, _NEU: _NEU, _POS: _POS}, "负面 中性 正面")
POLARITY_2 = _emotions("polarity-2", "single", {_NEG: _NEG, _POS: _POS}, "负面 正面")
INTENSITY = LabelSpace("intensity", ("intensity",), "score", names={"zh": {"intensity": "强度"}}, range=(0.0, 1.0))
SENTIMENT_5 = _emotions(
    "sentiment-5",
    "ordinal",
    {"very negative": _NEG, _NEG: _NEG, _NEU: _NEU, _POS: _POS, "very positive": _POS},
    "非常负面 负面 中性 正面 非常正面",
)
EKMAN_7 = _emotions(  # Ekman 1992, six basic emotions, and neutral
    "ekman-7",
    "single",
    {"anger": _NEG, "disgust": _NEG, "fear": _NEG, "joy": _POS, "sadness": _NEG, "surprise": "", "neutral": _NEU},
    "愤怒 厌恶 恐惧 喜悦 悲伤 惊讶 中性",
)
EMOTION_6 = _emotions(  # Saravia et al. 2018 (CARER)
    "emotion-6",
    "single",
    {"sadness": _NEG, "joy": _POS, "love": _POS, "anger": _NEG, "fear": _NEG, "surprise": ""},
    "悲伤 喜悦 爱 愤怒 恐惧 惊讶",
)
SMP2020_6 = _emotions(  # SMP2020-EWECT
    "smp2020-6",
    "single",
    {"angry": _NEG, "fear": _NEG, "happy": _POS, "neutral": _NEU, "sad": _NEG, "surprise": ""},
    "愤怒 恐惧 高兴 中性 悲伤 惊讶",
)
NLPCC2013_8 = _emotions(  # NLPCC 2013 shared task 2
    "nlpcc2013-8",
    "single",
    {
        "anger": _NEG,
        "disgust": _NEG,
        "fear": _NEG,
        "happiness": _POS,
        "like": _POS,
        "none": _NEU,
        "sadness": _NEG,
        "surprise": "",
    },
    "愤怒 厌恶 恐惧 高兴 喜好 无 悲伤 惊讶",
)
GOEMOTIONS_28 = _emotions(  # Demszky et al. 2020
    "goemotions-28",
    "multi",
    {
        "admiration": _POS,
        "amusement": _POS,
        "anger": _NEG,
        "annoyance": _NEG,
        "approval": _POS,
        "caring": _POS,
        "confusion": "",
        "curiosity": "",
        "desire": _POS,
        "disappointment": _NEG,
        "disapproval": _NEG,
        "disgust": _NEG,
        "embarrassment": _NEG,
        "excitement": _POS,
        "fear": _NEG,
        "gratitude": _POS,
        "grief": _NEG,
        "joy": _POS,
        "love": _POS,
        "nervousness": _NEG,
        "optimism": _POS,
        "pride": _POS,
        "realization": "",
        "relief": _POS,
        "remorse": _NEG,
        "sadness": _NEG,
        "surprise": "",
        "neutral": _NEU,
    },
    "钦佩 逗乐 愤怒 恼火 赞同 关怀 困惑 好奇 渴望 失望 反对 厌恶 尴尬 兴奋 "
    "恐惧 感激 悲痛 喜悦 爱 紧张 乐观 自豪 领悟 释然 懊悔 悲伤 惊讶 中性",
)

SPACES: Mapping[str, LabelSpace] = {
    space.name: space
    for space in (
        POLARITY_3,
        POLARITY_2,
        INTENSITY,
        SENTIMENT_5,
        EKMAN_7,
        EMOTION_6,
        SMP2020_6,
        NLPCC2013_8,
        GOEMOTIONS_28,
    )
}

EMOTION_SPACES = frozenset({"ekman-7", "emotion-6", "smp2020-6", "nlpcc2013-8", "goemotions-28"})
"""Names of the spaces above whose labels are emotions."""


def chosen_space(given: str | Sequence[str] | None, task: str, kind: Kind | None = None) -> LabelSpace | None:
    """Return the label space that a user asks for.

    Args:
        given: Name of a known space, its labels in order, or None: the labels are to be seen from the file.
        task: Name of a space of listed labels.
        kind: Kind of task; by default that of the known space, or single.

    Raises:
        InputError: no such space, labels listed for a score, or emotions as an ordinal task: they have no order.
    """
    if given is None:
        return None
    if not isinstance(given, str):
        if kind == "score":
            raise InputError(f"task {task!r}: a score has no labels; leave the label space out or name a known one")
        return LabelSpace(task, tuple(given), kind or "single")
    if given not in SPACES:
        otherwise = " Labels of your own: two or more, with commas between."
        raise InputError(
            f"label space {given!r} is not known ({', '.join(SPACES)}).{did_you_mean(given, SPACES, otherwise)}"
        )
    if kind == "ordinal" and given in EMOTION_SPACES:
        raise InputError(f"task {task!r}: the labels of {given!r} have no order; choose another kind than ordinal")
    return replace(SPACES[given], kind=kind or SPACES[given].kind)


_GOEMOTIONS_TO_EKMAN = {  # the grouping of Demszky et al. 2020, appendix (ekman_mapping.json)
    "anger": "anger annoyance disapproval",
    "disgust": "disgust",
    "fear": "fear nervousness",
    "joy": "joy amusement approval excitement gratitude love optimism relief pride admiration desire caring",
    "sadness": "sadness disappointment embarrassment grief remorse",
    "surprise": "surprise realization confusion curiosity",
    "neutral": "neutral",
}
_SENTIMENT_5_TO_POLARITY = {_NEG: "very_negative negative", _NEU: _NEU, _POS: "positive very_positive"}


def _by_source(groups: Mapping[str, str]) -> dict[str, str]:
    return {old.replace("_", " "): new for new, olds in groups.items() for old in olds.split()}


MAPPINGS: Mapping[str, Mapping[str, str]] = {
    "goemotions-28 -> ekman-7": _by_source(_GOEMOTIONS_TO_EKMAN),
    "sentiment-5 -> polarity-3": _by_source(_SENTIMENT_5_TO_POLARITY),
    "smp2020-6 -> ekman-7": {
        "angry": "anger",
        "fear": "fear",
        "happy": "joy",
        "neutral": "neutral",
        "sad": "sadness",
        "surprise": "surprise",
    },
    "smp2020-6 -> polarity-3": {"angry": _NEG, "fear": _NEG, "happy": _POS, "neutral": _NEU, "sad": _NEG},
    "nlpcc2013-8 -> ekman-7": {
        "anger": "anger",
        "disgust": "disgust",
        "fear": "fear",
        "happiness": "joy",
        "like": "joy",
        "none": "neutral",
        "sadness": "sadness",
        "surprise": "surprise",
    },
    "nlpcc2013-8 -> polarity-3": {
        "anger": _NEG,
        "disgust": _NEG,
        "fear": _NEG,
        "happiness": _POS,
        "like": _POS,
        "none": _NEU,
        "sadness": _NEG,
    },
}
"""Documented mappings between spaces, old label -> new label. An old label that is absent (surprise has no polarity)
leaves its row out of the target task."""
