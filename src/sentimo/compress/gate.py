"""Which of the measured candidates may be kept, and which of those is best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sentimo.compress.trial import Trial
from sentimo.errors import InputError

SLOWER_ALONE = 0.95
"""Least ratio for one text at a time: a bulk gain that makes single texts slower is refused. 5 % is timing noise."""

ALIKE = 0.95
"""Candidates at this share of the best throughput or more count as equally fast; the smallest of them is taken."""


@dataclass(frozen=True)
class Gate:
    """What a compressed model must keep to.

    Attributes:
        max_drop: Most points of a task's main figure that may be lost, >= 0.
        min_speedup: Least throughput as a multiple of the original's, > 0.
    """

    max_drop: float
    min_speedup: float

    def __post_init__(self) -> None:
        if not self.max_drop >= 0:
            raise InputError(f"max_drop is {self.max_drop}; expected points, 0 or more")
        if not self.min_speedup > 0:
            raise InputError(f"min_speedup is {self.min_speedup}; expected a multiple above 0, such as 1.5")

    def refusals(self, trial: Trial) -> list[str]:
        """Return why a candidate may not be kept; empty when it may."""
        found = []
        if trial.lost > self.max_drop:
            found.append(f"loses {trial.lost:.2f} points (at most {self.max_drop:g})")
        if trial.speed.bulk_ratio < self.min_speedup:
            found.append(f"is {trial.speed.bulk_ratio:.2f} times as fast (at least {self.min_speedup:g})")
        if trial.speed.single_ratio < min(SLOWER_ALONE, self.min_speedup):
            found.append(f"answers one text at {trial.speed.single_ratio:.2f} times the speed")
        return found

    def passes(self, trial: Trial) -> bool:
        """Return whether a candidate may be kept."""
        return not self.refusals(trial)

    def best(self, trials: Sequence[Trial]) -> Trial | None:
        """Return the fastest that passes, or the smallest of those about as fast; None when none passes."""
        passing = [each for each in trials if self.passes(each)]
        if not passing:
            return None
        fastest = max(each.speed.bulk_ratio for each in passing)
        alike = [each for each in passing if each.speed.bulk_ratio >= ALIKE * fastest]
        return min(alike, key=lambda each: each.megabytes)

    def nearest(self, trials: Sequence[Trial]) -> Trial | None:
        """Return the candidate that misses by least: excess points and missing speed-up, each a share of its bound."""

        def miss(trial: Trial) -> float:
            excess = max(0.0, trial.lost - self.max_drop) / max(self.max_drop, 0.5)
            return excess + max(0.0, 1 - trial.speed.bulk_ratio / self.min_speedup)

        return min(trials, key=miss, default=None)


def pareto(trials: Sequence[Trial]) -> set[str]:
    """Return the chains that no other beats: at least as good in points, throughput and size, better in one."""

    def better(a: Trial, b: Trial) -> bool:
        pairs = [(b.lost, a.lost), (a.speed.bulk_ratio, b.speed.bulk_ratio), (b.megabytes, a.megabytes)]
        return all(x >= y for x, y in pairs) and any(x > y for x, y in pairs)

    return {each.chain for each in trials if not any(better(other, each) for other in trials)}
