"""Texts on which models that the labels allow disagree most, each being sure of itself."""

from __future__ import annotations

from random import Random

from sentimo.train.active import Pool
from sentimo.train.active.uncertainty import entropy_of, lowest

_SAMPLES = 20


def bald(pool: Pool, n: int, draw: Random) -> list[int]:
    """Return the rows with the most mutual information between label and model.

    That is the entropy of the mean scores less the mean entropy of the scores, over models drawn by dropout.

    Source: Houlsby et al. 2011, "Bayesian Active Learning for Classification and Preference Learning", eq. 2; dropout:
        Gal et al. 2017, "Deep Bayesian Active Learning with Image Data", section 4.
    """
    samples = pool.samples(_SAMPLES, draw.getrandbits(32))
    together = entropy_of(samples.mean(axis=0), several=pool.several)
    return lowest(pool, entropy_of(samples, several=pool.several).mean(axis=0) - together, n)
