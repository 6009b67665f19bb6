"""The units of work: a document, an example with targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Source = Literal["gold", "pseudo", "augmented"]
Target = int | float | tuple[int, ...]
"""What a task should answer: a label id (single, ordinal), label ids (multi) or a number (score)."""


@dataclass(frozen=True)
class Document:
    """One text with what is known about it: a file row, a post, a news item, an utterance."""

    text: str
    id: str | None = None
    language: str | None = None
    at: datetime | None = None
    channel: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Example:
    """A document with the wanted answer per task. A task that is absent is unknown, not negative.

    Attributes:
        document: The text.
        targets: Task -> wanted answer.
        weight: Factor of its loss.
        source: Where the answers come from.
        among: Task -> ids of the labels that its data set tells apart, where those are not all of the task's.
    """

    document: Document
    targets: Mapping[str, Target]
    weight: float = 1.0
    source: Source = "gold"
    among: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
