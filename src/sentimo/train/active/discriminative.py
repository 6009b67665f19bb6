"""Texts that can be told from the labelled ones: what the labels do not represent yet."""

from __future__ import annotations

from random import Random

import numpy as np

from sentimo.train.active import Pool
from sentimo.train.active.uncertainty import at_random

_ROUNDS = 5  # the chosen ones of a round count as labelled in the next


def discriminative(pool: Pool, n: int, draw: Random) -> list[int]:
    """Return the rows that a classifier most surely takes for unlabelled ones.

    The classifier (logistic regression) learns labelled against unlabelled; the batch is chosen in parts, each of which
    counts as labelled for the next, so that its texts differ from each other.

    Source: Gissin & Shalev-Shwartz 2019, "Discriminative Active Learning", section 3.
    """
    from sklearn.linear_model import LogisticRegression

    if not pool.labelled:
        return at_random(pool, n, draw)
    vectors, labelled, left = pool.vectors(), list(pool.labelled), list(pool.unlabelled)
    chosen: list[int] = []
    while len(chosen) < n and left:
        if len(left) == 1:
            return [*chosen, left[0]]
        answers = np.array([0] * len(labelled) + [1] * len(left))
        classifier = LogisticRegression(class_weight="balanced", solver="liblinear").fit(
            vectors[labelled + left], answers
        )
        order = np.argsort(-classifier.decision_function(vectors[left]), kind="stable")
        part = [left[place] for place in order[: min(n - len(chosen), max(1, n // _ROUNDS))]]
        chosen += part
        labelled += part
        left = [row for row in left if row not in set(part)]
    return chosen
