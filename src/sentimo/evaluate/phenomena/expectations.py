"""What can be expected of the answers to a case, and when they are right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import ClassVar, NamedTuple, Protocol

from sentimo.core.labels import EKMAN_7, POLARITY_3
from sentimo.errors import InputError, did_you_mean
from sentimo.evaluate.phenomena.answer import Answer

WITHIN = 0.2
"""How far the polarity probabilities of texts that should be answered alike may lie apart."""

MEASURES = ("positivity", "intensity")
POLARITIES = POLARITY_3.labels
EMOTIONS = tuple(label for label in EKMAN_7.labels if label != "neutral")


class Verdict(NamedTuple):
    """Whether a case is right, and what was found; None where the model cannot be asked that."""

    right: bool | None
    found: str


class Expectation(Protocol):
    """What is expected of the texts of one case."""

    several: ClassVar[bool]
    """Whether it is about several texts, in order; else about one."""

    def judge(self, answers: Sequence[Answer]) -> Verdict:
        """Compare answers with what is expected; each has no error."""
        ...


@dataclass(frozen=True)
class Polarity:
    """The text is answered with one of these polarities."""

    labels: tuple[str, ...]
    several: ClassVar[bool] = False

    def judge(self, answers: Sequence[Answer]) -> Verdict:
        """Right if the polarity given is one of `labels`; a model without any of them cannot be asked."""
        (answer,) = answers
        if answer.polarity is None or not answer.shares.keys() & set(self.labels):
            return Verdict(None, f"the model does not answer {' or '.join(self.labels)}")
        found = f"{answer.polarity} {answer.shares.get(answer.polarity, 0.0):.2f}"
        return Verdict(answer.polarity in self.labels, found)


@dataclass(frozen=True)
class Emotion:
    """The likeliest emotion of the text is one of these."""

    labels: tuple[str, ...]
    several: ClassVar[bool] = False

    def judge(self, answers: Sequence[Answer]) -> Verdict:
        """Right if the likeliest emotion is one of `labels`; a model without any of them cannot be asked."""
        (answer,) = answers
        if not set(self.labels) & answer.emotions:
            return Verdict(None, f"the model does not answer {' or '.join(self.labels)}")
        return Verdict(answer.emotion in self.labels, answer.emotion or "no emotion")


@dataclass(frozen=True)
class Rising:
    """Each text is more positive, or more intense, than the one before it."""

    measure: str
    several: ClassVar[bool] = True

    def judge(self, answers: Sequence[Answer]) -> Verdict:
        """Right if the measure rises at every step, however little."""
        values = [answer.positivity if self.measure == "positivity" else answer.intensity for answer in answers]
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            return Verdict(None, f"the model does not answer {self.measure}")
        return Verdict(all(low < high for low, high in pairwise(known)), ", ".join(f"{each:.3f}" for each in known))


@dataclass(frozen=True)
class Same:
    """All texts get the same polarity, with probabilities that lie at most `within` apart."""

    within: float = WITHIN
    several: ClassVar[bool] = True

    def judge(self, answers: Sequence[Answer]) -> Verdict:
        """Right if polarities are equal and no probability differs by more than `within` between any two texts."""
        if any(answer.polarity is None for answer in answers):
            return Verdict(None, "the model does not answer polarity")
        apart = max(
            abs(one.shares[label] - other.shares.get(label, 0.0))
            for one, other in combinations(answers, 2)
            for label in one.shares
        )
        labels = [str(answer.polarity) for answer in answers]
        return Verdict(len(set(labels)) == 1 and apart <= self.within, f"{', '.join(labels)}; {apart:.2f} apart")


def read_expectation(written: str) -> Expectation:
    """Read what stands in the column "expect" of a suite.

    Args:
        written: ``positive``, ``negative|neutral``, ``emotion: anger``, ``emotion: surprise|joy``,
            ``rising: positivity``, ``rising: intensity``, ``same``, or ``same: 0.1``.

    Raises:
        InputError: it is none of these.
    """
    head, colon, rest = (part.strip() for part in written.partition(":"))
    if head == "emotion" and colon:
        return Emotion(_alternatives(rest, EMOTIONS, "emotion"))
    if head == "rising" and colon:
        if rest not in MEASURES:
            hint = did_you_mean(rest, MEASURES)
            raise InputError(f"{rest!r} cannot rise; expected one of {', '.join(MEASURES)}.{hint}")
        return Rising(rest)
    if head == "same":
        return Same(_distance(rest)) if colon else Same()
    if colon:
        raise InputError(f"{written!r} is not known. Before a colon stands emotion, rising or same.")
    return Polarity(_alternatives(head, POLARITIES, "polarity"))


def _alternatives(written: str, known: Sequence[str], what: str) -> tuple[str, ...]:
    labels = tuple(label.strip() for label in written.split("|"))
    for label in labels:
        if label not in known:
            others = " Or write emotion:, rising: or same." if what == "polarity" else ""
            hint = did_you_mean(label, known, others)
            raise InputError(f"{label!r} is no {what}; expected some of {', '.join(known)} with | between.{hint}")
    return labels


def _distance(written: str) -> float:
    try:
        within = float(written)
    except ValueError:
        within = -1.0
    if not 0 <= within <= 1:
        raise InputError(f"same: {written!r} is no distance of probabilities; expected a number from 0 to 1")
    return within
