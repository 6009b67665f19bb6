"""Time several ways of answering texts in turn, and say by how much one is faster."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Self


@dataclass(frozen=True)
class Contender:
    """One way of answering texts.

    Attributes:
        name: What the table calls it.
        answer: Answers texts from strings to labels; what it returns is not looked at.
        texts: What it answers in one lap. A slow contender may get fewer texts than a fast one, of like lengths.
        n_tokens: Length of these texts in tokens, special tokens included, as far as it answers for them.
    """

    name: str
    answer: Callable[[Sequence[str]], object]
    texts: Sequence[str]
    n_tokens: int


@dataclass(frozen=True)
class Lap:
    """One run over the texts.

    Attributes:
        n_texts, n_tokens: What was answered.
        seconds: Wall clock.
        cpu_seconds: CPU time of the process, all threads.
    """

    n_texts: int
    n_tokens: int
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class Spread:
    """A figure over rounds: its median, and the lowest and highest round."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Sum up one value per round; at least one."""
        return cls(median(values), min(values), max(values))

    def to_dict(self) -> dict[str, float]:
        """Return a plain dictionary for JSON."""
        return asdict(self)


class Clock:
    """Wall clock and CPU time since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        """Return seconds and CPU seconds."""
        return time.perf_counter() - self._wall, time.process_time() - self._cpu


def lap(contender: Contender) -> Lap:
    """Let a contender answer its texts once."""
    clock = Clock()
    contender.answer(contender.texts)
    return Lap(len(contender.texts), contender.n_tokens, *clock.read())


def times_faster(ours: Sequence[Lap], theirs: Sequence[Lap]) -> Spread:
    """Return by what factor the first is faster, in tokens per second, round by round."""
    pairs = zip(ours, theirs, strict=False)  # Ctrl-C may leave one round half done
    return Spread.of([(a.n_tokens / a.seconds) / (b.n_tokens / b.seconds) for a, b in pairs])


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed (nearest rank).

    Args:
        values: At least one.
        share: In (0, 1]; 0.99 for the 99th percentile.
    """
    return sorted(values)[math.ceil(share * len(values)) - 1]


def one_by_one(
    contenders: Sequence[Contender], n_texts: int, seconds: float, on_text: Callable[[], None] = lambda: None
) -> dict[str, list[Lap]]:
    """Let every contender answer one text at a time, the same texts in turn.

    Args:
        contenders: Their `texts` are taken in turn; each is warm already.
        n_texts: Most texts each answers.
        seconds: When to stop, wall clock; every contender answers at least one text.
        on_text: Called after each text.
    """
    laps: dict[str, list[Lap]] = {each.name: [] for each in contenders}
    texts, clock = contenders[0].texts, Clock()
    for place in range(n_texts):
        for each in contenders:
            laps[each.name].append(lap(Contender(each.name, each.answer, [texts[place % len(texts)]], 0)))
        on_text()
        if clock.read()[0] > seconds:
            break
    return laps


def latency(laps: Sequence[Lap]) -> dict[str, Any]:
    """Return p50, p95 and p99 of single texts in milliseconds, wall clock and CPU time, and of how many texts."""
    named = {"wall_ms": [each.seconds for each in laps], "cpu_ms": [each.cpu_seconds for each in laps]}
    figures: dict[str, Any] = {
        name: {f"p{share:.0%}".rstrip("%"): 1000 * percentile(values, share) for share in (0.5, 0.95, 0.99)}
        for name, values in named.items()
    }
    return {**figures, "n_texts": len(laps)}


def spread_out(texts: Sequence[str], n: int) -> list[str]:
    """Return `n` of the texts that are short and long in the same proportion as all of them, in their order."""
    if n >= len(texts):
        return list(texts)
    by_length = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    step = len(texts) / n
    return [texts[place] for place in sorted(by_length[int((k + 0.5) * step)] for k in range(n))]
