"""How sure an answer is, and from where on a fast model may be believed: fitted on held-out rows, used per text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentimo.core.manifest import TaskSpec
from sentimo.errors import InputError

Scores = NDArray[np.floating[Any]]


def margins(task: TaskSpec, scores: Scores) -> NDArray[np.float64]:
    """Return how far each row is from another answer.

    For a single-label or ordinal task the probability of the answer minus that of the runner-up, for a multi-label
    task the distance of the nearest label from its threshold. A small error of the scores turns only answers with a
    small margin. A score has no labels that could turn: its margin is infinite.

    Args:
        task: The task.
        scores: (n, n_labels), calibrated.

    Returns:
        (n,), from 0; NaN where there is no answer.
    """
    values = np.asarray(scores, dtype=np.float64)
    if task.space.kind == "score":
        return np.where(np.isnan(values[:, 0]), np.nan, np.inf)
    if task.space.kind == "multi":
        cuts = np.asarray(task.thresholds if task.thresholds is not None else 0.5)
        nearest: NDArray[np.float64] = np.abs(values - cuts).min(axis=1)
        return nearest
    if values.shape[1] < 2:
        return np.where(np.isnan(values[:, 0]), np.nan, np.inf)
    best = np.partition(values, -2, axis=1)[:, -2:]
    return np.asarray(best[:, 1] - best[:, 0])


def unsure(tasks: Sequence[TaskSpec], scores: Mapping[str, Scores], bounds: Mapping[str, float]) -> NDArray[np.bool_]:
    """Return (n,): whether the margin of any task is below its bound. Rows without an answer are not unsure."""
    n = len(next(iter(scores.values())))
    found = np.zeros(n, dtype=bool)
    for task in tasks:
        if bound := bounds.get(task.name, 0.0):
            found |= margins(task, scores[task.name]) < bound
    return found


@dataclass(frozen=True)
class Bound:
    """From which margin on the answers of a fast model are believed.

    Attributes:
        value: The margin; answers below it are asked of the exact model.
        asked: Share of the rows below it, in [0, 1].
        agreement: Share of all rows whose final answer is that of the exact model, in [0, 1].
    """

    value: float
    asked: float
    agreement: float


def fit_bound(
    task: TaskSpec, fast: Scores, exact: Scores, agreement: float = 0.999, *, confidence: float = 0.0
) -> Bound:
    """Find the smallest bound at which the final answers agree with the exact model.

    Fit it on rows that neither model was trained on. With n rows an agreement can be seen to within a few 1/n: for
    99.9 % take some thousands.

    Args:
        task: The task. Answers of a score cannot agree or not: its bound is 0.
        fast: (n, n_labels) calibrated scores of the fast model.
        exact: (n, n_labels) those of the exact model, for the same rows.
        agreement: Share of rows whose answers must be those of the exact model, in (0, 1].
        confidence: Probability with which rows to come agree as wanted too, in [0, 1); 0 looks at these rows only.

    Raises:
        InputError: there are no rows, or too few for this confidence, the shapes differ, or the agreement is not in
            (0, 1].
    """
    if not 0 < agreement <= 1:
        raise InputError(f"agreement is {agreement}; expected a share above 0, up to 1")
    fast, exact = np.asarray(fast), np.asarray(exact)
    if fast.shape != exact.shape:
        raise InputError(f"task {task.name!r}: scores of shapes {fast.shape} and {exact.shape}; expected the same rows")
    rows = ~(np.isnan(fast).any(axis=1) | np.isnan(exact).any(axis=1))
    fast, exact = fast[rows], exact[rows]
    if not len(fast):
        raise InputError(f"task {task.name!r}: no row has an answer of both models; a bound is fitted on answers")
    margin, turned = margins(task, fast), differ(task, fast, exact)
    allowed = _allowed(len(fast), 1 - agreement, confidence)
    if allowed < 0:
        needed = math.ceil(math.log(1 - confidence) / math.log(agreement))
        raise InputError(
            f"task {task.name!r}: {len(fast):,} rows cannot show {agreement:.2%} agreement; {needed:,} or more can"
        )
    wrong = np.sort(margin[turned])[::-1]
    value = 0.0 if len(wrong) <= allowed else float(np.nextafter(wrong[allowed], np.inf))
    below = margin < value
    return Bound(value, float(below.mean()), float(1 - (turned & ~below).mean()))


def _allowed(n: int, rate: float, confidence: float) -> int:
    """Return how many of n rows may turn, -1 where even none is too few rows to tell.

    The largest k with P(X <= k) <= 1 - confidence for X ~ Binomial(n, rate): were the true rate any higher, so few
    would be seen with less than that probability. Source: Clopper & Pearson 1934, one-sided.
    """
    if not confidence or rate <= 0:
        return int(rate * n + 1e-9)
    k = np.arange(n)
    # In logarithms: (1 - rate)**n is 0 in floating point from some thousands of rows on.
    steps = np.log((n - k) / (k + 1)) + math.log(rate) - math.log1p(-rate)  # from P(X = k) to P(X = k + 1)
    at_most = np.cumsum(np.exp(n * math.log1p(-rate) + np.concatenate([[0.0], np.cumsum(steps)])))
    return int(np.searchsorted(at_most, 1 - confidence, side="right")) - 1


def differ(task: TaskSpec, one: Scores, other: Scores) -> NDArray[np.bool_]:
    """Return (n,): whether two sets of scores (n, n_labels) answer a row differently; a score never does."""
    if task.space.kind == "score":
        return np.zeros(len(one), dtype=bool)
    if task.space.kind == "multi":
        cuts = np.asarray(task.thresholds if task.thresholds is not None else 0.5)
        return np.asarray(((one >= cuts) != (other >= cuts)).any(axis=1))
    return np.asarray(one.argmax(axis=1) != other.argmax(axis=1))
