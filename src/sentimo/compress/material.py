"""What a candidate may use besides the bundle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sentimo.core.documents import Example
from sentimo.errors import SentimoError

MOST_TRAIN = 20_000
"""Texts learnt from; a short epoch mends what rounding or a cut broke, more belongs to `sentimo train`."""


class NotPossible(SentimoError):
    """A candidate cannot be made from this bundle with what was given; the sentence says why."""


@dataclass(frozen=True)
class Material:
    """What a candidate may use. The rows it is judged by are never among it.

    Attributes:
        rows: Task -> labelled rows to calibrate, to measure importance and to fit bounds on.
        train: Texts to learn from, in the original's own answers; without any, nothing is trained.
        most_train: As many of them are drawn.
        corpus: Texts whose tokens a smaller vocabulary keeps; without any, it is not cut.
        max_drop: Points of the main figure that may be lost, for candidates that choose how far to go.
        seed: Of everything that is drawn.
        tell: Takes a sentence on what was done, for the report.
        step: Takes the steps of learning done, and their number.
    """

    rows: Mapping[str, Sequence[Example]]
    train: Sequence[str] = ()
    most_train: int = MOST_TRAIN
    corpus: Sequence[str] = ()
    max_drop: float = 0.5
    seed: int = 13
    tell: Callable[[str], None] = lambda sentence: None
    step: Callable[[int, int], None] = lambda done, steps: None

    @property
    def texts(self) -> list[str]:
        """The texts of the rows, each once."""
        return list(dict.fromkeys(each.document.text for rows in self.rows.values() for each in rows))
