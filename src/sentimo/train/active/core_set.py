"""Texts that lie farthest from all that are labelled."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

from sentimo.train.active import Floats, Pool


def core_set(pool: Pool, n: int, draw: Random) -> list[int]:
    """Return rows that cover the pool: each is the farthest from those labelled or chosen before (k-center, greedy).

    Source: Sener & Savarese 2018, "Active Learning for Convolutional Neural Networks: A Core-Set Approach", alg. 1.
    """
    vectors, rows = pool.vectors(), list(pool.unlabelled)
    here = vectors[rows]
    nearest = np.full(len(rows), -1.0)  # largest cosine with what is labelled or chosen
    for row in pool.labelled:
        nearest = np.maximum(nearest, _cosine(here, vectors[row]))
    chosen: list[int] = []
    for _ in range(min(n, len(rows))):
        place = int(nearest.argmin()) if chosen or pool.labelled else draw.randrange(len(rows))
        chosen.append(rows[place])
        nearest = np.maximum(nearest, _cosine(here, vectors[rows[place]]))
        nearest[place] = np.inf
    return chosen


def _cosine(vectors: Any, one: Any) -> Floats:
    return np.asarray((vectors @ one.T).todense()).ravel()
