"""A backend without weights: the whole way from text to answer, for tests (yours too)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentimo.engine.backends import Prepared, Window
from sentimo.engine.windows import spans


class FakeBackend:
    """Answers what a function says about the words it reads.

    Args:
        answer: Words of a window -> task -> logits (n_labels,).
        max_tokens: Words in a window.
        max_windows: Most windows of one text; None reads all.
    """

    streams = 1

    def __init__(
        self,
        answer: Callable[[Sequence[str]], dict[str, Sequence[float]]],
        max_tokens: int = 128,
        max_windows: int | None = None,
    ) -> None:
        self._answer, self._size, self._most = answer, max_tokens, max_windows

    def prepare(self, texts: Sequence[str]) -> list[Prepared]:
        """Return each text as windows of words."""
        return [self._prepared(text) for text in texts]

    def run(self, features: Sequence[Any]) -> dict[str, NDArray[np.float32]]:
        """Return task -> logits (len(features), n_labels)."""
        rows = [self._answer(words) for words in features]
        return {task: np.array([row[task] for row in rows], dtype=np.float32) for task in rows[0]}

    run_beside = run

    def _prepared(self, text: str) -> Prepared:
        words, places, at = text.split(), [], 0
        for word in words:
            at = text.index(word, at)
            places.append((at, at + len(word)))
            at += len(word)
        windows, end = [], 0
        for start, end, n_new in spans(len(words), self._size, most=self._most):
            windows.append(Window(places[start][0], places[end - 1][1], n_new, words[start:end], end - start))
        return Prepared(tuple(windows), len(words), end / len(words) if words else 1.0)
