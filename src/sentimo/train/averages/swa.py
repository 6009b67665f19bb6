"""Stochastic weight averaging: the plain mean of the weights in the later part of a run."""

from __future__ import annotations

from sentimo.train.averages.average import Average


class Swa(Average):
    """All weights from some point of the run on count the same.

    Args:
        start: Share of the run after which weights are taken up, from 0 to below 1.
        every: Steps between two that are.

    Source: Izmailov et al. 2018, "Averaging Weights Leads to Wider Optima and Better Generalization",
        arXiv:1803.05407, algorithm 1; there once an epoch at a constant learning rate, here along the schedule, since
        fine-tuning has few epochs.
    """

    def __init__(self, start: float = 0.5, every: int = 10) -> None:
        if not 0 <= start < 1:
            raise ValueError(f"start is {start}; expected a share from 0 to below 1")
        if every < 1:
            raise ValueError(f"every is {every}; expected 1 or more steps")
        super().__init__()
        self.start, self.every = start, every

    def share(self, step: int, taken: int) -> float | None:
        """Return one part of all that are taken up, this one among them."""
        past = step - int(self.start * self.n_steps)
        return 1 / (taken + 1) if past > 0 and (past - 1) % self.every == 0 else None
