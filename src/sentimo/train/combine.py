"""What an ensemble learns from labelled rows: the weights of its members, or a stack on top of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentimo.core.documents import Target
from sentimo.core.labels import LabelSpace
from sentimo.engine.calibration import calibrated
from sentimo.engine.ensemble import LEAST, Combination, stack_inputs
from sentimo.evaluate.calibration import multi_hot

PRIOR_ROWS = 5.0
"""Weights are drawn to equal ones as if each member had explained so many rows more."""

RIDGE = 10.0
"""Strength of the pull of a stack to the mean of the members' logits: of a normal prior of variance 1 / RIDGE."""

_MOST_STEPS, _TOLERANCE = 500, 1e-8

Floats = NDArray[np.float64]


def fit_combination(method: str, space: LabelSpace, scores: NDArray[Any], targets: Sequence[Target]) -> Combination:
    """Learn what a method learns; mean and vote learn nothing.

    Args:
        method: See `Combination`.
        space: The task's labels.
        scores: (n_members, n, n_labels) of the members, finite, of rows that none was trained on.
        targets: (n,) the truth.
    """
    if method == "weighted":
        fit = _square_weights if space.kind == "score" else _pool_weights
        return Combination("weighted", weights=tuple(fit(space, scores, targets).tolist()))
    if method == "stack":
        coef, bias = fit_stack(space, scores, targets)
        return Combination("stack", coef=tuple(map(tuple, coef.tolist())), bias=tuple(bias.tolist()))
    return Combination(method)  # type: ignore[arg-type]


def _pool_weights(space: LabelSpace, scores: NDArray[Any], targets: Sequence[Target]) -> Floats:
    """Return the weights (n_members,) on the simplex for which the weighted mean explains the truth best.

    The log loss of a mixture is convex in its weights, and the steps of expectation-maximisation reach its minimum:
    each weight becomes the share of the rows that its member explains. Multi-label: of the row-label pairs, which count
    1 / n_labels of a row each.

    Source: Dempster, Laird & Rubin 1977, section 4.3 (mixtures); the prior is Dirichlet (PRIOR_ROWS + 1).
    """
    hot = multi_hot(space, targets)
    if space.kind == "multi":
        right, share = np.where(hot, scores, 1 - scores).reshape(len(scores), -1), 1 / len(space)
    else:
        right, share = scores[:, hot], 1.0
    right = np.maximum(right, LEAST)
    weights = np.full(len(scores), 1 / len(scores))
    for _ in range(_MOST_STEPS):
        explained = weights[:, None] * right
        counts = share * (explained / explained.sum(axis=0)).sum(axis=1) + PRIOR_ROWS
        new = counts / counts.sum()
        done = np.abs(new - weights).max() < _TOLERANCE
        weights = new
        if done:
            break
    return np.asarray(weights, dtype=np.float64)


def _square_weights(space: LabelSpace, scores: NDArray[Any], targets: Sequence[Target]) -> Floats:
    """Return the weights (n_members,) on the simplex for which the weighted mean is nearest to the truth (squares).

    Projected gradient, with a pull to equal weights worth PRIOR_ROWS rows of the variance of the truth.
    """
    assert space.range is not None  # a score has one
    values, truth = np.asarray(scores, np.float64)[:, :, 0], np.asarray(targets, np.float64)
    n, pull = len(values), PRIOR_ROWS * max(float(truth.var()), LEAST)
    gram = values @ values.T + pull * np.eye(n)
    linear = values @ truth + pull / n
    step = 1 / np.linalg.eigvalsh(gram)[-1]
    weights = np.full(n, 1 / n)
    for _ in range(20 * _MOST_STEPS):
        new = on_simplex(weights - step * (gram @ weights - linear))
        done = np.abs(new - weights).max() < _TOLERANCE
        weights = new
        if done:
            break
    return weights


def on_simplex(values: Floats) -> Floats:
    """Return the nearest weights >= 0 that add up to 1, (n,).

    Source: Duchi et al. 2008, "Efficient Projections onto the l1-Ball", figure 1.
    """
    falling = np.sort(values)[::-1]
    excess = (np.cumsum(falling) - 1) / np.arange(1, len(values) + 1)
    return np.asarray(np.maximum(values - excess[np.flatnonzero(falling > excess)[-1]], 0.0))


def fit_stack(space: LabelSpace, scores: NDArray[Any], targets: Sequence[Target]) -> tuple[Floats, Floats]:
    """Return coef (n_members, n_labels) and bias (n_labels,) of a stack.

    They minimise the sum of the rows' losses (log loss; for a score squares, in units of the variance of the truth)
    plus ``RIDGE / 2`` times the squared distance of coef from 1 / n_members and of bias from 0. Newton steps, label by
    label, each halved until the loss falls.
    """
    inputs = stack_inputs(space, scores)
    n_members, n, n_labels = inputs.shape
    start = np.vstack([np.full((n_members, n_labels), 1 / n_members), np.zeros((1, n_labels))])
    design = np.concatenate([inputs, np.ones((1, n, n_labels))])
    if space.range is not None:
        low, high = space.range
        truth = (np.asarray(targets, np.float64) - low) / (high - low)
        strength = RIDGE * max(float(truth.var()), LEAST)
        columns = design[:, :, 0]
        gram = columns @ columns.T + strength * np.eye(n_members + 1)
        solved = np.linalg.solve(gram, columns @ truth + strength * start[:, 0])
        return solved[:-1, None], solved[-1:]
    hot = multi_hot(space, targets).astype(np.float64)
    solved = _newton(design, hot, start, _loss_of(space, hot), lambda values: calibrated(space, values))
    return solved[:-1], solved[-1]


def _newton(
    design: Floats, hot: Floats, start: Floats, loss: Callable[[Floats], float], scores_of: Callable[[Floats], Any]
) -> Floats:
    """Minimise over theta (n_members + 1, n_labels), where ``logits[n, l] = sum_k design[k, n, l] * theta[k, l]``."""

    def value(theta: Floats) -> float:
        return loss(np.einsum("knl,kl->nl", design, theta)) + RIDGE / 2 * float(((theta - start) ** 2).sum())

    theta, now = start, value(start)
    for _ in range(_MOST_STEPS):
        found = np.asarray(scores_of(np.einsum("knl,kl->nl", design, theta)), np.float64)
        slope = np.einsum("knl,nl->kl", design, found - hot) + RIDGE * (theta - start)
        bend = np.einsum("knl,jnl,nl->lkj", design, design, found * (1 - found)) + RIDGE * np.eye(len(design))
        step = np.linalg.solve(bend, slope.T[..., None])[..., 0].T
        size = 1.0
        while (then := value(theta - size * step)) > now - 1e-4 * size * float((slope * step).sum()) and size > 1e-6:
            size /= 2
        if not now - then > _TOLERANCE * (1 + abs(now)):
            break
        theta, now = theta - size * step, then
    return theta


def _loss_of(space: LabelSpace, hot: Floats) -> Callable[[Floats], float]:
    if space.kind == "multi":
        return lambda logits: float((np.logaddexp(0.0, logits) - logits * hot).sum())
    return lambda logits: float((np.logaddexp.reduce(logits, axis=1) - (logits * hot).sum(axis=1)).sum())
