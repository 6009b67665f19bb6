"""Figures that depend on order only: AUROC and Spearman, with ties shared fairly, on weighted rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sentimo.evaluate.bootstrap import Floats, Measure


class RankedColumn:
    """One column of values, sorted once, to rank its rows in any resample.

    Rows with equal values form a group and share the mean of their places, as copies of one row do.
    """

    def __init__(self, values: Floats) -> None:
        _, self.group = np.unique(values, return_inverse=True)
        self._order = np.argsort(self.group, kind="stable")
        self._starts = np.flatnonzero(np.diff(self.group[self._order], prepend=-1))

    def ranks(self, weights: Floats) -> Floats:
        """Return the mean rank, from 1, of each row when row i counts `weights[i]` times.

        Shape:
            weights (n_rows, b): rows first, so that sorting moves whole lines of memory. Result (n_rows, b).
        """
        counts = np.add.reduceat(weights[self._order], self._starts, axis=0)
        ranks: Floats = np.cumsum(counts, axis=0) - (counts - 1) / 2
        return ranks[self.group]


def auroc_measure(positive: NDArray[np.bool_], scores: Floats) -> Measure:
    """Return the measure `auroc`, one column per label: the chance that a row with the label outscores one without.

    A tie counts half. Undefined (NaN) for a label that all or none of the drawn rows have.

    Args:
        positive: (n_rows, n_labels), True where the row has the label.
        scores: (n_rows, n_labels).

    Source: Hanley & McNeil 1982; computed as the Mann-Whitney U from mean ranks.
    """
    columns = [RankedColumn(scores[:, label]) for label in range(scores.shape[1])]

    def measure(weights: Floats) -> dict[str, Floats]:
        by_row = np.ascontiguousarray(weights.T)
        total = weights.sum(axis=1)
        areas = np.full((len(weights), len(columns)), np.nan)
        for label, column in enumerate(columns):
            has = positive[:, label]
            if has.all() or not has.any():
                continue
            drawn = by_row[has]
            n_positive = drawn.sum(axis=0)
            rank_sum = (drawn * column.ranks(by_row)[has]).sum(axis=0)
            wins = rank_sum - n_positive * (n_positive + 1) / 2
            pairs = n_positive * (total - n_positive)
            np.divide(wins, pairs, out=areas[:, label], where=pairs > 0)
        return {"auroc": areas}

    return measure


def spearman_measure(targets: Floats, answers: Floats) -> Measure:
    """Return the measure `spearman`: Pearson's r of the mean ranks of two columns (n_rows,). 0 where one is constant.

    Source: Spearman 1904.
    """
    first, second = RankedColumn(targets), RankedColumn(answers)

    def measure(weights: Floats) -> dict[str, Floats]:
        by_row = np.ascontiguousarray(weights.T)
        middle = (by_row.sum(axis=0) + 1) / 2  # the mean of mean ranks
        x, y = first.ranks(by_row) - middle, second.ranks(by_row) - middle
        spread = np.sqrt((by_row * x * x).sum(axis=0) * (by_row * y * y).sum(axis=0))
        rho = np.zeros(len(weights))
        np.divide((by_row * x * y).sum(axis=0), spread, out=rho, where=spread > 0)
        return {"spearman": rho}

    return measure
