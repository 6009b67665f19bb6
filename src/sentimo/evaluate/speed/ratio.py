"""How many times as fast as another model one answers, on this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sentimo.engine.predictor import Predicts
from sentimo.evaluate.speed.rounds import Clock

ROUNDS = 7
_BULK_TEXTS, _SINGLE_TEXTS = 256, 32


@dataclass(frozen=True)
class Speed:
    """Time on this machine, against the original in the same rounds.

    Attributes:
        single_ms: Median time of one text, milliseconds.
        texts_per_s: Median throughput of many texts.
        bulk_ratio: How many times faster many texts are answered: median over the rounds, the lower of wall-clock and
            CPU time.
        single_ratio: The same for one text at a time.
    """

    single_ms: float
    texts_per_s: float
    bulk_ratio: float
    single_ratio: float


def measure_speed(original: Predicts, candidate: Predicts, texts: Sequence[str], *, rounds: int = ROUNDS) -> Speed:
    """Time both models in turn on the same texts.

    In every round each answers up to 256 texts at once and 32 one by one, so that whatever else the machine does hits
    both. A ratio is taken within a round, and the lower of two clocks counts: wall-clock time may flatter on a busy
    machine, CPU time where work is spread badly over the cores.

    Args:
        original, candidate: The models.
        texts: The texts.
        rounds: Rounds after one to warm up.
    """
    bulk, single = list(texts[:_BULK_TEXTS]), list(texts[:_SINGLE_TEXTS])

    def one_by_one(model: Predicts) -> None:
        for text in single:
            model.predict([text])

    ratios: dict[str, list[tuple[float, float]]] = {"bulk": [], "single": []}
    own: dict[str, list[float]] = {"bulk": [], "single": []}
    for number in range(rounds + 1):
        for name, work in (("bulk", lambda model: model.predict(bulk)), ("single", one_by_one)):
            before, after = (_timed(work, model) for model in (original, candidate))
            if number:  # the first round opens pages and pools
                ratios[name].append((before[0] / after[0], before[1] / after[1]))
                own[name].append(after[0])
    lower = {name: float(min(np.median(each, axis=0))) for name, each in ratios.items()}
    return Speed(
        single_ms=1000 * float(np.median(own["single"])) / len(single),
        texts_per_s=len(bulk) / float(np.median(own["bulk"])),
        bulk_ratio=lower["bulk"],
        single_ratio=lower["single"],
    )


def _timed(work: Callable[[Predicts], object], model: Predicts) -> tuple[float, float]:
    """Return wall-clock and CPU seconds."""
    clock = Clock()
    work(model)
    wall, cpu = clock.read()
    return wall, max(1e-9, cpu)
