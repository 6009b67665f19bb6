"""Active learning: which texts to label next. A new strategy is one file and one line here.

A strategy is a function ``(pool, n, draw) -> rows``: n different places among ``pool.unlabelled``, the best first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

STRATEGIES: Mapping[str, str] = {
    "margin": "sentimo.train.active.uncertainty:margin",
    "uncertainty": "sentimo.train.active.uncertainty:least_confident",
    "entropy": "sentimo.train.active.uncertainty:entropy",
    "bald": "sentimo.train.active.bald:bald",
    "core_set": "sentimo.train.active.core_set:core_set",
    "discriminative": "sentimo.train.active.discriminative:discriminative",
    "random": "sentimo.train.active.uncertainty:at_random",
}

Floats = NDArray[np.float64]


class Pool(Protocol):
    """Texts, some of them labelled, and a model of the labelled ones."""

    @property
    def labelled(self) -> Sequence[int]:
        """Rows that have a label."""
        ...

    @property
    def unlabelled(self) -> Sequence[int]:
        """Rows that may be asked for."""
        ...

    def scores(self) -> Floats:
        """Return (n_unlabelled, n_labels); rows add up to 1 unless several labels may hold."""
        ...

    def samples(self, n: int, seed: int) -> Floats:
        """Return (n, n_unlabelled, n_labels) scores of n models drawn from what the labels leave open."""
        ...

    def vectors(self) -> Any:
        """Return (n_rows, n_features) of all rows, a scipy CSR matrix of rows of length 1."""
        ...

    @property
    def several(self) -> bool:
        """Whether several labels may hold of one text."""
        ...
