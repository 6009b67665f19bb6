"""The next texts to label, and a simulation of labelling with answers that are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from random import Random
from typing import Any

from sentimo.core.documents import Target
from sentimo.core.labels import LabelSpace
from sentimo.errors import InputError, did_you_mean
from sentimo.evaluate.metrics import MAIN_FIGURE, score_task
from sentimo.train.active import STRATEGIES
from sentimo.train.active.pool import LabelPool, ngram_features
from sentimo.train.active.uncertainty import at_random


def choose(pool: LabelPool, strategy: str, n: int, seed: int) -> list[int]:
    """Return the rows to label next, the best first; at random as long as the labels tell nothing.

    Raises:
        InputError: no such strategy.
    """
    check_strategy(strategy)
    draw = Random(f"{seed} {len(pool.targets)}")  # the same after a resumption
    if not pool.can_learn:
        return at_random(pool, n, draw)
    module, name = STRATEGIES[strategy].split(":")
    function: Any = getattr(import_module(module), name)
    rows: list[int] = function(pool, n, draw)
    return rows


def check_strategy(strategy: str) -> None:
    """Raise InputError when there is no such strategy."""
    if strategy not in STRATEGIES:
        hint = did_you_mean(strategy, STRATEGIES)
        raise InputError(f"strategy {strategy!r} is not known ({', '.join(STRATEGIES)}).{hint}")


def simulate(
    texts: Sequence[str],
    targets: Sequence[Target],
    space: LabelSpace,
    *,
    test: Sequence[tuple[str, Target]],
    strategy: str,
    sizes: Sequence[int],
    seed: int,
    features: Callable[[Sequence[str]], Any] = ngram_features,
) -> list[float]:
    """Label texts in the order of a strategy, and return the main figure on the test rows at each size.

    Args:
        texts, targets: The pool, with the labels that are told when they are asked for.
        space: The labels.
        test: Text and label of rows that are never asked for.
        strategy: Name of a strategy.
        sizes: Numbers of labels at which the model is judged, rising; the first is drawn at random.
        seed: Of the draws.
        features: Texts -> what the model sees of them; see `LabelPool`.
    """
    everything = [*texts, *(text for text, _ in test)]
    held_out = range(len(texts), len(everything))
    pool = LabelPool(features(everything), space, {}, out=held_out)
    figures = []
    for size in sizes:
        for row in choose(pool, strategy, size - len(pool.targets), seed):
            pool.add(row, targets[row])
        scores = pool.scores_of(pool.vectors()[list(held_out)])
        report = score_task(space, [target for _, target in test], scores, None, n_bootstrap=0)
        figures.append(report.figures[MAIN_FIGURE[space.kind]].value)
    return figures
