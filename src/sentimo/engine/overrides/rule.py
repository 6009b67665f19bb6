"""One rule of the user, and the lexicon as a second opinion."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sentimo.core.labels import LabelSpace
from sentimo.core.predictions import POLARITY
from sentimo.text.lexicon import Lexicon
from sentimo.text.rules import Rules, is_negated

CERTAINTY = 0.95
"""Probability to which a label is raised that a rule decides for."""


@dataclass(frozen=True)
class Override:
    """One rule.

    Attributes:
        name: Shown where it fires.
        where: Where it stands, for errors.
        pattern: What it looks for.
        task: Its task; None: the first task that has its labels, "polarity" before the others.
        label: The label that it decides for, or None.
        shifts: Label -> what is added to its logit.
        certainty: Probability to which `label` is raised, in (0.5, 1).
        unless_negated: Whether it stays silent behind a negation.
    """

    name: str
    where: str
    pattern: re.Pattern[str]
    task: str | None = None
    label: str | None = None
    shifts: Mapping[str, float] = field(default_factory=dict)
    certainty: float = CERTAINTY
    unless_negated: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that it is about."""
        return (self.label,) if self.label is not None else tuple(self.shifts)

    def find(self, text: str) -> re.Match[str] | None:
        """Return its first match in a text, None where there is none."""
        matches = self.pattern.finditer(text)
        return next((each for each in matches if not (self.unless_negated and is_negated(text, each.start()))), None)

    def task_in(self, spaces: Mapping[str, LabelSpace]) -> str | None:
        """Return the task that it is about, None where there is none."""
        tasks = [self.task] if self.task else sorted(spaces, key=lambda task: task != POLARITY)
        fitting = (task for task in tasks if task in spaces and set(self.labels) <= set(spaces[task].labels))
        return next(fitting, None)


@dataclass(frozen=True)
class Prior:
    """The lexicon as a second opinion.

    Attributes:
        lexicon: Its words.
        weight: What its logits are multiplied by, > 0.
        task: The task, whose labels have a leaning.
    """

    lexicon: Lexicon
    weight: float = 1.0
    task: str = POLARITY

    @cached_property
    def rules(self) -> Rules:
        """What reads texts by it."""
        return Rules(self.lexicon)
