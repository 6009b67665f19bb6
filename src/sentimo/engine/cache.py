"""Answers kept for texts that come again: "ok", "good", 好评."""

from __future__ import annotations

import sys
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentimo.core.predictions import WindowScores

_ENTRY, _WINDOW = 500, 700  # bytes: what Python takes for an entry, and for a window of a long text, about


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a predictor found out about a text.

    Attributes:
        scores: (n,) the scores of all tasks in a row.
        tokens: Tokens of the text.
        coverage: Share of them that was read.
        error: Why there is no answer, or None.
        windows: The places of a long text.
    """

    scores: NDArray[np.float32]
    tokens: int
    coverage: float
    error: str | None
    windows: tuple[WindowScores, ...]

    @property
    def n_bytes(self) -> int:
        """Memory it takes, about."""
        scores: Any = self.scores.nbytes * (1 + len(self.windows))
        return _ENTRY + int(scores) + _WINDOW * len(self.windows)


class ResultCache:
    """Keeps answers until they take too much memory; the one not asked for longest goes first.

    Args:
        most_bytes: Memory for the answers and their texts, about.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most, self.n_bytes = most_bytes, 0
        self._kept: OrderedDict[str, Remembered] = OrderedDict()
        self._lock = Lock()

    def get(self, text: str) -> Remembered | None:
        """Return what is known of a text, or None."""
        with self._lock:
            found = self._kept.get(text)
            if found is not None:
                self._kept.move_to_end(text)
            return found

    def put(self, text: str, answer: Remembered) -> None:
        """Keep an answer."""
        size = _size(text, answer)
        if size > self._most:
            return
        with self._lock:
            if (old := self._kept.pop(text, None)) is not None:  # two threads may have asked the same
                self.n_bytes -= _size(text, old)
            self._kept[text] = answer
            self.n_bytes += size
            while self.n_bytes > self._most:
                self.n_bytes -= _size(*self._kept.popitem(last=False))


def _size(text: str, answer: Remembered) -> int:
    return sys.getsizeof(text) + answer.n_bytes
