"""Long texts: overlapping windows, and one answer from many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentimo.core.labels import LabelSpace

Floats = NDArray[np.float32]

OVERLAP = 0.25
"""Share of a window that the next one reads again, so that a sentence at the seam is seen whole by one of them."""

_SHARPNESS = 4
"""Exponent of the feeling of a window in its weight. At 1, twenty windows of plain facts (feeling 0.1 each) outvote
one furious sentence; at 4 its weight is several hundred times theirs."""


def spans(n_tokens: int, size: int, *, most: int | None = None) -> Iterator[tuple[int, int, int]]:
    """Cut a row of tokens into overlapping windows of at most `size`.

    Args:
        n_tokens: Length of the row.
        size: Tokens in a window, >= 1.
        most: Most windows to make.

    Yields:
        (start, end, n_new): the window's place and how many of its tokens no earlier window held.
    """
    step = max(1, size - int(size * OVERLAP))
    seen = 0
    for number, start in enumerate(range(0, n_tokens, step)):
        if number == most or seen >= n_tokens:
            return
        end = min(start + size, n_tokens)
        yield start, end, end - seen
        seen = end


def aggregate(
    spaces: Mapping[str, LabelSpace], scores: Mapping[str, Floats], weights: Sequence[float]
) -> dict[str, Floats]:
    """Make one answer of the answers to the windows of a text.

    A window counts by its new tokens times the fourth power of its feeling, 1 - P(neutral) of the first task with a
    neutral label: what a text says with feeling is what it says. Without such a task, of its clearness: how far the
    first single-label or ordinal task is from answering all labels alike. Without that either only the tokens count.
    Labels of a multi-label task are taken from the window where they are clearest (the maximum).

    Args:
        spaces: Task -> label space.
        scores: Task -> calibrated scores (n_windows, n_labels).
        weights: (n_windows,) new tokens of each window.

    Returns:
        Task -> (n_labels,).
    """
    share = np.asarray(weights, dtype=np.float64) * np.maximum(1e-3, _feeling(spaces, scores)) ** _SHARPNESS
    share = share / share.sum()
    return {task: _combine(spaces[task], values, share) for task, values in scores.items()}


def _feeling(spaces: Mapping[str, LabelSpace], scores: Mapping[str, Floats]) -> Floats:
    """Return how much each window says, (n_windows,) in [0, 1], or (1,) where no task can tell."""
    choices = {task: space for task, space in spaces.items() if space.kind in ("single", "ordinal")}
    if not choices:
        return np.ones(1, np.float32)
    task = next((task for task, space in choices.items() if space.neutral_id is not None), next(iter(choices)))
    neutral, n_labels = choices[task].neutral_id, len(choices[task])
    if neutral is not None:
        return 1.0 - scores[task][:, neutral]
    clearness: Floats = (scores[task].max(axis=1) * n_labels - 1.0) / (n_labels - 1.0)
    return clearness


def _combine(space: LabelSpace, values: Floats, share: NDArray[Any]) -> Floats:
    combined = values.max(axis=0) if space.kind == "multi" else share @ values
    return np.asarray(combined, dtype=np.float32)
