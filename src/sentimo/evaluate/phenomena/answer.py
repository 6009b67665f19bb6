"""An answer as the expectations of a suite see it, whatever label spaces the model has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

from sentimo.core.labels import EKMAN_7, MAPPINGS, POLARITY_3, LabelSpace
from sentimo.core.predictions import EMOTIONS, POLARITY, Choice, Prediction

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What a model says of one text.

    Attributes:
        polarity: negative, neutral or positive: the leaning of the label given. None without such a task.
        shares: Polarity -> its probability, of those that the model can give; labels of one leaning together.
        positivity: From -1 (surely negative) to 1 (surely positive). Of polarities P(positive) - P(negative); of
            ordered labels the expected place among them.
        intensity: See `Prediction.intensity`.
        emotion: The likeliest emotion as one of Ekman's six or neutral, or None where it has no counterpart.
        emotions: Those of Ekman's six that the model can give.
    """

    polarity: str | None
    shares: Mapping[str, float]
    positivity: float | None
    intensity: float | None
    emotion: str | None
    emotions: frozenset[str]

    @classmethod
    def of(cls, prediction: Prediction) -> Self:
        """Read a prediction: of the task "polarity" or "emotions", else of the first that can say as much."""
        polarity, leanings = _first(prediction, POLARITY, _leanings)
        emotion, basic = _first(prediction, EMOTIONS, _basic_emotions)
        shares = dict.fromkeys(leanings.values(), 0.0)
        if polarity is not None:
            for label, leaning in leanings.items():
                shares[leaning] += polarity.probabilities[label]
        likeliest = max(emotion.probabilities, key=emotion.probabilities.__getitem__) if emotion else ""
        return cls(
            polarity=leanings[polarity.label or ""] if polarity else None,
            shares=shares,
            positivity=_positivity(polarity, shares) if polarity else None,
            intensity=prediction.intensity,
            emotion=basic.get(likeliest),
            emotions=frozenset(basic.values()) - {"neutral"},
        )


def _first(prediction: Prediction, name: str, read: Callable[[LabelSpace], Labels]) -> tuple[Choice | None, Labels]:
    """Return the task called `name`, or else the first whose labels can be read, and how they are read."""
    tasks = sorted(prediction.tasks.items(), key=lambda item: item[0] != name)
    for _, choice in tasks:
        if isinstance(choice, Choice) and (labels := read(choice.space)):
            return choice, labels
    return None, {}


def _leanings(space: LabelSpace) -> Labels:
    """Return label -> polarity of a task that answers each text with one polarity, else nothing."""
    known = {**{label: label for label in POLARITY_3.labels}, **space.polarity}
    leanings = {label: known.get(label, "") for label in space.labels}
    is_polarity = space.kind in ("single", "ordinal") and "" not in leanings.values()
    return leanings if is_polarity and {"positive", "negative"} <= set(leanings.values()) else {}


def _basic_emotions(space: LabelSpace) -> Labels:
    """Return label -> emotion of Ekman's of a task of emotions, else nothing."""
    known = MAPPINGS.get(f"{space.name} -> {EKMAN_7.name}", {label: label for label in EKMAN_7.labels})
    found = {label: known[label] for label in space.labels if label in known}
    return found if len(set(found.values()) - {"neutral"}) > 1 else {}


def _positivity(choice: Choice, shares: Mapping[str, float]) -> float:
    if choice.space.kind == "ordinal":
        last = len(choice.space) - 1
        return sum(choice.probabilities[label] * (2 * n / last - 1) for n, label in enumerate(choice.space.labels))
    return shares["positive"] - shares["negative"]
