"""Calibration: make scores mean what they say, and choose where to cut them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentimo.core.documents import Target
from sentimo.core.labels import LabelSpace
from sentimo.errors import InputError

Floats = NDArray[np.float64]

TEMPERATURE_RANGE = (0.05, 20.0)
THRESHOLD_RANGE = (0.05, 0.95)


@dataclass(frozen=True)
class ReliabilityBin:
    """The answers whose confidence lies in [low, high): how sure they were and how often they were right.

    Attributes:
        low: Lower edge, in [0, 1].
        high: Upper edge; the last bin holds it.
        n: Number of answers. With 0 the other two are 0.
        confidence: Mean confidence, in [0, 1].
        accuracy: Share that was right, in [0, 1].
    """

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary for JSON."""
        return dict(vars(self))


def fit_temperature(
    space: LabelSpace, logits: NDArray[Any], targets: Sequence[Target], *, spread: float = math.inf
) -> float:
    """Find the T for which ``softmax(logits / T)`` (multi: sigmoid) explains the targets best.

    The negative log-likelihood is convex in 1/T, so golden section on log T finds its one minimum. Order and argmax of
    the scores of a row do not change.

    Args:
        space: The task's labels. A score task has nothing to calibrate.
        logits: (n_rows, n_labels), finite, of rows that were not trained on.
        targets: One per row.
        spread: Standard deviation of a normal prior on log T. Without one, a few dozen rows that are all answered
            right make a model twenty times surer.

    Returns:
        T in [0.05, 20], 1.0 for a score task or no rows. Without a prior it is at an end of the range where the rows
        are all answered right (or the logits tell nothing).

    Raises:
        InputError: shapes do not fit, or a logit is not finite.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", arXiv:1706.04599, section 4.2.
    """
    if space.kind == "score" or not len(targets):
        return 1.0
    values = np.asarray(logits, dtype=np.float64)
    if values.shape != (len(targets), len(space)) or not np.isfinite(values).all():
        raise InputError(
            f"logits of shape {values.shape} cannot be calibrated on {len(targets)} targets of label space "
            f"{space.name!r}: ({len(targets)}, {len(space)}) finite numbers are needed"
        )
    loss = _sigmoid_loss(multi_hot(space, targets)) if space.kind == "multi" else _softmax_loss(targets)
    n_answers = len(targets) * (len(space) if space.kind == "multi" else 1)  # the loss is a mean over so many
    low, high = np.log(TEMPERATURE_RANGE)

    def surprise(log_t: float) -> float:
        return loss(values / np.exp(log_t)) + (log_t / spread) ** 2 / (2 * n_answers)

    return float(np.exp(_golden_section(surprise, low, high)))


def fit_thresholds(scores: NDArray[Any], targets: NDArray[Any], *, min_positives: int = 1) -> tuple[float, ...]:
    """Find per label the threshold in [0.05, 0.95] with the highest F1 for ``scores >= threshold``.

    Candidates are 0.5 and the middles between neighbouring scores (0 included), moved into the range. Of equal ones
    the nearest to 0.5 wins. A label that no row has keeps 0.5.

    Args:
        scores: (n_rows, n_labels), calibrated probabilities of rows that were not trained on.
        targets: (n_rows, n_labels), 1 or True where the row has the label.
        min_positives: Rows with a label from which it gets a threshold of its own. Labels with fewer share one, fitted
            on all of them together: alone, each would follow the noise of a few rows.

    Raises:
        InputError: the shapes differ.

    Source: Lipton et al. 2014, "Optimal Thresholding of Classifiers to Maximize F1 Measure", arXiv:1402.1892.
    """
    scores, has = np.asarray(scores, dtype=np.float64), np.asarray(targets).astype(bool)
    if scores.ndim != 2 or scores.shape != has.shape:
        raise InputError(f"thresholds need scores and targets of one shape; found {scores.shape} and {has.shape}")
    count = has.sum(axis=0)
    rare = (count > 0) & (count < min_positives)
    shared = _best_threshold(scores[:, rare].ravel(), has[:, rare].ravel())
    return tuple(
        shared if rare[label] else _best_threshold(scores[:, label], has[:, label]) for label in range(len(count))
    )


def reliability_bins(confidence: NDArray[Any], right: NDArray[Any], n_bins: int = 15) -> tuple[ReliabilityBin, ...]:
    """Group answers by confidence into bins of equal width over [0, 1].

    Args:
        confidence: Any shape, in [0, 1].
        right: The same shape, True where the answer was right.
        n_bins: Number of bins, empty ones included.
    """
    bins = bin_of(confidence, n_bins).ravel()
    n = np.bincount(bins, minlength=n_bins)
    of = np.maximum(n, 1)
    confident = np.bincount(bins, np.asarray(confidence, dtype=np.float64).ravel(), n_bins) / of
    accurate = np.bincount(bins, np.asarray(right, dtype=np.float64).ravel(), n_bins) / of
    return tuple(
        ReliabilityBin(k / n_bins, (k + 1) / n_bins, int(n[k]), float(confident[k]), float(accurate[k]))
        for k in range(n_bins)
    )


def bin_of(confidence: NDArray[Any], n_bins: int) -> NDArray[np.int64]:
    """Return the bin of each confidence in [0, 1]: bin k holds [k/n_bins, (k+1)/n_bins), the last one also 1."""
    bins: NDArray[np.int64] = (np.asarray(confidence) * n_bins).astype(np.int64).clip(0, n_bins - 1)
    return bins


def multi_hot(space: LabelSpace, targets: Sequence[Target]) -> NDArray[np.bool_]:
    """Return (n_rows, n_labels), True where the target holds the label's id."""
    hot = np.zeros((len(targets), len(space)), dtype=bool)
    rows = [row for row, target in enumerate(targets) for _ in as_ids(target)]
    hot[rows, [label for target in targets for label in as_ids(target)]] = True
    return hot


def as_ids(target: Target) -> tuple[int, ...]:
    """Return the label ids of a target; a single id is one."""
    return tuple(target) if isinstance(target, (tuple, list)) else (int(target),)


def _softmax_loss(targets: Sequence[Target]) -> Callable[[Floats], float]:
    ids = np.array([as_ids(target)[0] for target in targets])
    rows = np.arange(len(ids))

    def loss(scaled: Floats) -> float:
        shifted = scaled - scaled.max(axis=1, keepdims=True)
        return float(np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[rows, ids]))

    return loss


def _sigmoid_loss(hot: NDArray[np.bool_]) -> Callable[[Floats], float]:
    return lambda scaled: float(np.mean(np.logaddexp(0.0, scaled) - scaled * hot))


def _golden_section(function: Callable[[float], float], low: float, high: float, tolerance: float = 1e-4) -> float:
    ratio = (np.sqrt(5.0) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = function(left), function(right)
    while high - low > tolerance:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = function(right)
    return float((low + high) / 2)


def _best_threshold(scores: Floats, has: NDArray[np.bool_]) -> float:
    if not has.any():
        return 0.5
    values = np.append(0.0, np.unique(scores))
    candidates = np.unique(np.append((values[1:] + values[:-1]) / 2, 0.5).clip(*THRESHOLD_RANGE))
    said = len(scores) - np.searchsorted(np.sort(scores), candidates)
    hits = has.sum() - np.searchsorted(np.sort(scores[has]), candidates)
    f1 = 2 * hits / (said + has.sum())
    best = candidates[f1 >= f1.max() - 1e-12]
    return float(best[np.abs(best - 0.5).argmin()])
