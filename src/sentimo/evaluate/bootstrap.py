"""Figures with 95% intervals: the bootstrap over rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Measure = Callable[[Floats], dict[str, Floats]]
"""Weights (b, n_rows), how often each row counts, to named values, each (b,) or (b, k). Undefined values are NaN."""

RANK_BOOTSTRAP = 200
"""Most resamples for figures that need sorting (AUROC, Spearman): each costs as much as five of the others."""

_CELLS = 4_000_000  # weights held at once: 32 MB, whatever the number of rows


@dataclass(frozen=True)
class Figure:
    """A measured value and its 95% interval.

    Attributes:
        value: The value on the rows as they are.
        low: Lower end of the interval, never above `value`. None when no interval was asked for.
        high: Upper end, never below `value`. None when no interval was asked for.
    """

    value: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.value:.4f}"
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"

    def to_dict(self) -> dict[str, float | None]:
        """Return value, low and high for JSON."""
        return {"value": self.value, "low": self.low, "high": self.high}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Figure:
        """Build a figure from what `to_dict` gave."""
        return cls(data["value"], data["low"], data["high"])


def resamples(n_rows: int, n_bootstrap: int, seed: int) -> Iterator[Floats]:
    """Draw `n_rows` rows with replacement, `n_bootstrap` times.

    Yields:
        Weights (b, n_rows): how often each row was drawn in each of b resamples. All blocks together hold
        `n_bootstrap` resamples; the memory of a block does not grow with `n_rows`.
    """
    generator = np.random.default_rng(seed)
    block = max(1, _CELLS // n_rows)
    for start in range(0, n_bootstrap, block):
        size = min(block, n_bootstrap - start)
        drawn = generator.integers(0, n_rows, (size, n_rows))
        drawn += np.arange(size)[:, None] * n_rows
        counts = np.bincount(drawn.ravel(), minlength=size * n_rows)
        yield counts.reshape(size, n_rows).astype(np.float64)


def bootstrap(measure: Measure, n_rows: int, n_bootstrap: int, seed: int) -> dict[str, Floats]:
    """Measure the rows as they are and in every resample.

    Returns:
        Per name (1 + n_bootstrap, ...): position 0 is the sample itself, the rest are the resamples.
    """
    parts = [measure(np.ones((1, n_rows)))]
    parts += [measure(weights) for weights in resamples(n_rows, n_bootstrap, seed)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def figure(values: Floats) -> Figure | None:
    """Turn one column of `bootstrap` into a figure with a 95% percentile interval.

    Resamples where the value is undefined (a rare label was not drawn) are left out of the interval. The interval is
    widened to hold the value: figures such as ECE, which noise can only raise, would otherwise lie outside their own.

    Returns:
        None when the value is undefined on the sample itself.

    Source: Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13 (percentile interval).
    """
    value = float(values[0])
    if not np.isfinite(value):
        return None
    drawn = values[1:][np.isfinite(values[1:])]
    if not len(drawn):
        return Figure(value)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Figure(value, min(value, float(low)), max(value, float(high)))
