"""From logits to calibrated scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentimo.core.labels import LabelSpace

_LEAST, _MOST = 1e-30, 1 - 6e-8  # what float32 tells from 0 and 1; keeps logarithms of probabilities finite


def calibrated(space: LabelSpace, logits: NDArray[Any], temperature: float = 1.0) -> NDArray[np.float32]:
    """Turn logits into scores.

    Args:
        space: The task's labels.
        logits: (n, n_labels).
        temperature: Divides the logits, > 0; no effect on a score.

    Returns:
        (n, n_labels): softmax (single, ordinal), sigmoid (multi), or ``low + (high - low) * sigmoid`` (score).
    """
    values = np.asarray(logits, dtype=np.float64)
    if space.range is not None:
        low, high = space.range
        return (low + (high - low) * _sigmoid(values)).astype(np.float32)
    values = values / temperature
    if space.kind == "multi":
        return _sigmoid(values).astype(np.float32)
    exponent = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(exponent / exponent.sum(axis=1, keepdims=True), dtype=np.float32)


def logits_of(space: LabelSpace, scores: NDArray[Any]) -> NDArray[np.float64]:
    """Return logits that `calibrated` turns into these scores, (n, n_labels): its inverse at temperature 1."""
    values = np.asarray(scores, dtype=np.float64)
    if space.range is not None:
        low, high = space.range
        values = (values - low) / (high - low)
    logits: NDArray[np.float64] = np.log(values.clip(_LEAST, 1))
    return logits if space.kind in ("single", "ordinal") else logits - np.log1p(-values.clip(0, _MOST))


def _sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return 0.5 * (1.0 + np.tanh(0.5 * values))  # stable on both sides
