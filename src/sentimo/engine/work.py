"""What a predictor has done since it was opened: the figures behind "texts per second"."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Work:
    """Counts that only grow. The work between two readings is their difference.

    Attributes:
        n_texts: Texts asked, those without an answer included.
        n_tokens: Tokens that the model read, special tokens and the overlap of windows included.
        n_slots: The same with the padding of the batches.
        n_duplicates: Texts answered with what an equal text was answered.
        n_rerun: Texts run again with the exact graph, because the fast one was not sure.
        n_cheap: Texts that the cheap model of a cascade answered.

    Example:
        >>> Work(n_texts=5) - Work(n_texts=3)
        Work(n_texts=2, n_tokens=0, n_slots=0, n_duplicates=0, n_rerun=0, n_cheap=0)
    """

    n_texts: int = 0
    n_tokens: int = 0
    n_slots: int = 0
    n_duplicates: int = 0
    n_rerun: int = 0
    n_cheap: int = 0

    @property
    def padding(self) -> float:
        """Share of the slots that hold no token, in [0, 1)."""
        return 1 - self.n_tokens / self.n_slots if self.n_slots else 0.0

    def __add__(self, other: Work) -> Work:
        return Work(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def __sub__(self, other: Work) -> Work:
        return Work(*(getattr(self, each.name) - getattr(other, each.name) for each in fields(self)))
