"""Texts that the model is least sure of: by margin, by the best score, by entropy; and texts at random.

Source: Settles 2009, "Active Learning Literature Survey", section 3.1; margin: Scheffer et al. 2001.
"""

from __future__ import annotations

from random import Random

import numpy as np
from numpy.typing import NDArray

from sentimo.train.active import Floats, Pool


def margin(pool: Pool, n: int, draw: Random) -> list[int]:
    """Return the rows whose two best labels are nearest to each other; of several labels, the nearest to 1/2."""
    scores = pool.scores()
    if pool.several:
        return lowest(pool, np.abs(scores - 0.5).min(axis=1), n)
    best = np.sort(scores, axis=1)
    return lowest(pool, best[:, -1] - best[:, -2], n)


def least_confident(pool: Pool, n: int, draw: Random) -> list[int]:
    """Return the rows whose best label has the lowest score; of several labels, the least sure on the mean."""
    scores = pool.scores()
    sure = np.maximum(scores, 1 - scores).mean(axis=1) if pool.several else scores.max(axis=1)
    return lowest(pool, sure, n)


def entropy(pool: Pool, n: int, draw: Random) -> list[int]:
    """Return the rows whose scores have the highest entropy."""
    return lowest(pool, -entropy_of(pool.scores(), several=pool.several), n)


def at_random(pool: Pool, n: int, draw: Random) -> list[int]:
    """Return rows in random order: what the other strategies are measured against."""
    return draw.sample(list(pool.unlabelled), min(n, len(pool.unlabelled)))


def lowest(pool: Pool, values: NDArray[np.float64], n: int) -> list[int]:
    """Return the unlabelled rows with the lowest values, the lowest first; equal ones in the order of the file."""
    return [pool.unlabelled[place] for place in np.argsort(values, kind="stable")[:n]]


def entropy_of(scores: Floats, *, several: bool) -> NDArray[np.float64]:
    """Return the entropy of scores (..., n_labels), in nats; of several labels, the sum over them."""
    scores = scores.clip(1e-12, 1 - 1e-12)
    parts = -scores * np.log(scores)
    if several:
        parts = parts - (1 - scores) * np.log(1 - scores)
    found: NDArray[np.float64] = parts.sum(axis=-1)
    return found
