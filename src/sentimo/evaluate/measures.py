"""The formulas: what a task's figures are, as functions of how often each row counts.

All but the rank figures depend on the rows through sums only, so a measure is one matrix product of the weights
(b, n_rows) with a table of columns (n_rows, m), then arithmetic on (b, m). A thousand resamples cost one product.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sentimo.evaluate.bootstrap import Floats, Measure
from sentimo.evaluate.calibration import bin_of

Ids = NDArray[np.int64]
Flags = NDArray[np.bool_]

N_ECE_BINS = 15


def single_measure(targets: Ids, scores: Floats, *, ordinal: bool) -> Measure:
    """Return the figures of a task with one label a row.

    Args:
        targets: (n_rows,), label ids.
        scores: (n_rows, n_labels), probabilities; the answer is the highest.
        ordinal: Add `mae` (in label steps) and `quadratic_kappa` (Cohen 1968, quadratic weights).

    The measure gives ``accuracy``, ``brier`` (sum over labels of (score - target)^2, mean over rows, in [0, 2];
    Brier 1950), ``ece`` (top label, 15 bins of equal width; Guo et al. 2017), ``mcc`` (multi-class; Gorodkin 2004)
    and all of `label_figures`.
    """
    n_labels = scores.shape[1]
    answers = scores.argmax(axis=1)
    truth, answered = np.eye(n_labels)[targets], np.eye(n_labels)[answers]
    right = answers == targets
    confidence = scores.max(axis=1)
    brier = ((scores - truth) ** 2).sum(axis=1)
    gaps = _calibration_gaps(confidence[:, None], right[:, None])
    steps = np.abs(answers - targets)
    table = np.column_stack([truth * answered, truth, answered, brier, gaps, steps, steps**2])
    ids = np.arange(n_labels)

    def measure(weights: Floats) -> dict[str, Floats]:
        sums, n = weights @ table, weights.sum(axis=1)
        hits, true, said = (sums[:, k * n_labels : (k + 1) * n_labels] for k in range(3))
        squares, absolute = sums[:, -1], sums[:, -2]
        gap_sums = sums[:, 3 * n_labels + 1 : -2]
        figures = {
            "accuracy": hits.sum(axis=1) / n,
            **label_figures(hits, true, said),
            "mcc": _mcc(hits.sum(axis=1), true, said, n),
            "ece": np.abs(gap_sums).sum(axis=1) / n,
            "brier": sums[:, 3 * n_labels] / n,
        }
        if ordinal:
            # Expected squared steps between independent draws from the two marginals, without the (k, k) table.
            expected = true @ ids**2 + said @ ids**2 - 2 * (true @ ids) * (said @ ids) / n
            figures["mae"] = absolute / n
            figures["quadratic_kappa"] = np.where(expected > 1e-9, 1 - squares / np.maximum(expected, 1e-9), 0.0)
        return figures

    return measure


def multi_measure(truth: Flags, scores: Floats, answered: Flags) -> Measure:
    """Return the figures of a task with any number of labels a row.

    Args:
        truth: (n_rows, n_labels), True where the row has the label.
        scores: (n_rows, n_labels), probabilities.
        answered: (n_rows, n_labels), True where the score reached the label's threshold.

    The measure gives ``subset_accuracy`` (all labels of the row right), ``brier`` ((score - target)^2, mean over rows
    and labels, in [0, 1]), ``ece`` (all row-label pairs pooled, 15 bins of equal width) and all of `label_figures`.
    """
    n_labels = scores.shape[1]
    exact = (truth == answered).all(axis=1)
    brier = ((scores - truth) ** 2).mean(axis=1)
    table = np.column_stack([truth & answered, truth, answered, exact, brier, _calibration_gaps(scores, truth)])

    def measure(weights: Floats) -> dict[str, Floats]:
        sums, n = weights @ table, weights.sum(axis=1)
        hits, true, said = (sums[:, k * n_labels : (k + 1) * n_labels] for k in range(3))
        return {
            "subset_accuracy": sums[:, 3 * n_labels] / n,
            **label_figures(hits, true, said),
            "ece": np.abs(sums[:, 3 * n_labels + 2 :]).sum(axis=1) / (n * n_labels),
            "brier": sums[:, 3 * n_labels + 1] / n,
        }

    return measure


def score_measure(targets: Floats, answers: Floats) -> Measure:
    """Return ``pearson`` (0 where a side is constant), ``mae`` and ``rmse`` of numbers (n_rows,) in their own unit."""
    x, y = targets - targets.mean(), answers - answers.mean()  # centred: no cancellation in the sums of squares
    error = answers - targets
    table = np.column_stack([x, y, x * x, y * y, x * y, np.abs(error), error**2])
    tiny = 1e-12 * (table[:, 2:4].mean(axis=0) + np.finfo(float).tiny)

    def measure(weights: Floats) -> dict[str, Floats]:
        means = weights @ table / weights.sum(axis=1, keepdims=True)
        mx, my, mxx, myy, mxy, mae, mse = means.T
        vx, vy = mxx - mx**2, myy - my**2
        varies = (vx > tiny[0]) & (vy > tiny[1])
        pearson = np.zeros(len(weights))
        np.divide(mxy - mx * my, np.sqrt(np.abs(vx * vy)), out=pearson, where=varies)
        return {"pearson": pearson.clip(-1, 1), "mae": mae, "rmse": np.sqrt(mse)}

    return measure


def label_figures(hits: Floats, true: Floats, said: Floats) -> dict[str, Floats]:
    """Return precision, recall and F1 per label and their means.

    A label that neither occurs nor is answered is left out of ``macro_f1``; one that does not occur is left out of
    ``macro_recall``. A mean over no labels is 0. ``weighted_f1`` weighs by how often the label occurs.

    Shape:
        hits (rows that have the label and were given it), true, said: (b, n_labels). Result: ``precision``,
        ``recall``, ``f1`` (b, n_labels) with NaN where undefined; ``macro_f1``, ``micro_f1``, ``weighted_f1``,
        ``macro_recall`` and its other name ``balanced_accuracy`` (b,).
    """
    f1 = _ratio(2 * hits, true + said)
    recall = _ratio(hits, true)
    macro_recall = _mean(recall)
    return {
        "precision": _ratio(hits, said),
        "recall": recall,
        "f1": f1,
        "macro_f1": _mean(f1),
        "micro_f1": np.nan_to_num(_ratio(2 * hits.sum(axis=1), (true + said).sum(axis=1))),
        "weighted_f1": np.nan_to_num(_ratio((np.nan_to_num(f1) * true).sum(axis=1), true.sum(axis=1))),
        "macro_recall": macro_recall,
        "balanced_accuracy": macro_recall,
    }


def _mcc(n_right: Floats, true: Floats, said: Floats, n: Floats) -> Floats:
    spread = n**2 - (true**2).sum(axis=1)
    found = _ratio(n_right * n - (true * said).sum(axis=1), np.sqrt(spread * (n**2 - (said**2).sum(axis=1))))
    # One label throughout the answers is no better than chance; throughout the truth there is nothing to correlate.
    return np.where(spread > 0, np.nan_to_num(found), np.nan)


def _calibration_gaps(confidence: Floats, right: Flags) -> Floats:
    """Return per row and bin the sum of confidence minus truth over the row's answers: (n_rows, N_ECE_BINS)."""
    bins = bin_of(confidence, N_ECE_BINS)
    gap = confidence - right
    return np.column_stack([(gap * (bins == k)).sum(axis=1) for k in range(N_ECE_BINS)])


def _ratio(part: Floats, whole: Floats) -> Floats:
    result = np.full(part.shape, np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result


def _mean(values: Floats) -> Floats:
    """Return the mean over the defined values of each line, 0 where there are none."""
    defined = np.isfinite(values)
    total = np.nan_to_num(values).sum(axis=1)
    mean: Floats = total / np.maximum(defined.sum(axis=1), 1)
    return mean
